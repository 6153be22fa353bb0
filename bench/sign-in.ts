/**
 * What sign-ins cost with supasession, next to none: sign-ins per second by password, in Auth's own statements, on four
 * connections, 20,000 users with three sessions each. Each variant runs by turns with its baseline; see CONTRIBUTING.md.
 *
 *   npm run bench -- [--pairs 5] [--seconds 4] [--users 20000] [--only <variant>]... [--against <file.sql>]... [--no-fsync]
 *
 * Commits wait for the disk, as on a real server; with --no-fsync they do not, and what is compared is the work alone.
 */
import {readFile} from 'node:fs/promises';
import {basename} from 'node:path';
import {parseArgs} from 'node:util';
import Table from 'cli-table3';
import type {Settings} from '../test/helpers/install.js';
import {contestant, load, pair, populate, CONNECTIONS, type Contestant, type Work} from './load.js';
import {installOurs, median, startServer} from './server.js';

const SESSIONS = 3;
/** Above what any user comes to in a run, so that nothing is evicted where that is not what is measured. */
const FAR_LIMIT = 1000;

interface Variant {
  name: string;
  title: string;
  /** The ratio to its baseline that we want at least. */
  aim?: number;
  /** What goes into a copy of the database; null: nothing. */
  prepare: ((database: string) => Promise<void>) | null;
  /** The hook that Auth is configured with; it needs two more statements around it, so the baseline has one too. */
  hook?: string;
  baseline: 'none' | 'none-hook';
}

/** A hook of the project's own, as the one of the baseline and as the one that ours calls. */
const PROJECT_HOOK = `
  create function public.project_hook(event jsonb) returns jsonb language plpgsql as $$
  begin
    return jsonb_build_object('claims', event -> 'claims');
  end $$;
  grant execute on function public.project_hook(jsonb) to supabase_auth_admin;
  grant usage on schema public to supabase_auth_admin;`;

const RULES = `
  insert into supasession.rules (name, app_metadata, max_sessions) values ('pro', '{"plan": "pro"}', ${FAR_LIMIT});
  insert into supasession.rules (name, app_metadata, unlimited) values ('staff', '{"role": "staff"}', true);
  insert into supasession.rules (name, user_id, max_sessions) values ('one user', gen_random_uuid(), 1);
  insert into supasession.rules (name, oauth_client_id, max_sessions) values ('one client', gen_random_uuid(), 1);
  analyze supasession.rules;`;

const EVERYTHING: Settings = {
  enabled: true,
  max_sessions: FAR_LIMIT,
  strategy: 'reject',
  eviction_order: 'least_recently_used',
  timebox: '30 days',
  inactivity_timeout: '7 days',
  reject_in_hook: true,
  recovery_makes_room: true,
  oauth_clients: 'separate',
  end_on_password_change: true,
  end_on_ban: true,
  end_on_delete: true,
  on_device_change: 'record',
};

const {values: options} = parseArgs({
  options: {
    pairs: {type: 'string', default: '5'},
    seconds: {type: 'string', default: '4'},
    users: {type: 'string', default: '20000'},
    only: {type: 'string', multiple: true, default: []},
    against: {type: 'string', multiple: true, default: []},
    'no-fsync': {type: 'boolean', default: false},
  },
});
const [pairs, seconds, users] = [Number(options.pairs), Number(options.seconds), Number(options.users)];

const server = await startServer({durable: !options['no-fsync']});
try {
  console.log(await server.facts());
  console.log(
    `${users} users with ${SESSIONS} sessions each, ${CONNECTIONS} connections, ${pairs} pairs of ${seconds} s by turns\n`,
  );
  const population = await populate(server, 'base', users, SESSIONS);

  const projectHook = async (database: string): Promise<void> => {
    const client = await server.connect(database);
    await client.query(PROJECT_HOOK);
    await client.end();
  };
  const variants: Variant[] = [
    {name: 'none', title: 'no supasession', prepare: null, baseline: 'none'},
    {
      name: 'none-hook',
      title: "no supasession, with a hook of the project's own",
      prepare: projectHook,
      hook: 'public.project_hook',
      baseline: 'none-hook',
    },
    {
      name: 'off',
      title: 'installed, limits off',
      prepare: async (database) => installOurs(server, database, {enabled: false}),
      baseline: 'none',
    },
    {
      name: 'limit',
      title: 'the limit',
      aim: 0.95,
      prepare: async (database) => installOurs(server, database, {enabled: true, max_sessions: FAR_LIMIT}),
      baseline: 'none',
    },
    {
      name: 'everything',
      title: 'everything on',
      aim: 0.9,
      prepare: async (database) => installOurs(server, database, EVERYTHING, RULES),
      baseline: 'none',
    },
    {
      name: 'everything-hook',
      title: "everything on, and the hook that calls the project's own",
      aim: 0.9,
      prepare: async (database) => {
        await projectHook(database);
        await installOurs(
          server,
          database,
          EVERYTHING,
          `${RULES} update supasession.wiring set next_hook_schema = 'public', next_hook_function = 'project_hook';`,
        );
      },
      hook: 'supasession.access_token_hook',
      baseline: 'none-hook',
    },
    {
      name: 'evict',
      title: 'every sign-in evicts',
      aim: 0.85,
      prepare: async (database) => installOurs(server, database, {enabled: true, max_sessions: SESSIONS}),
      baseline: 'none',
    },
    ...options.against.map((file): Variant => {
      const title = basename(file);
      return {
        name: title,
        title,
        prepare: async (database) => {
          const client = await server.connect(database);
          await client.query(await readFile(file, 'utf8'));
          await client.end();
        },
        baseline: 'none',
      };
    }),
  ];

  const names = variants.map(({name}) => name);
  const enter = async (name: string): Promise<Contestant> => {
    const variant = variants.find((other) => other.name === name);
    if (!variant) throw new Error(`there is no variant ${name}; there are ${names.join(', ')}`);
    await server.clone(name, 'base');
    await variant.prepare?.(name);
    const entered = await contestant(server, name, population, variant.hook);
    await load(entered, 500);
    return entered;
  };
  const leave = async ({name, clients}: Contestant): Promise<void> => {
    await Promise.all(clients.map(async (client) => client.end()));
    await server.drop(name);
  };

  const chosen = variants.filter(
    ({name, baseline}) =>
      name !== baseline && (options.only.length === 0 || options.only.includes(name) || options.against.includes(name)),
  );
  const table = new Table({
    head: ['', 'sign-ins/s', 'of baseline', 'ratio', 'lowest', 'highest', 'by CPU', 'aim'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: {head: [], border: []},
  });
  const rate = ({signIns, time}: Work): number => (signIns / time) * 1000;
  const cost = ({signIns, cpu}: Work): number => cpu / signIns;
  for (const variant of chosen) {
    // A new copy for each: one that has been worked on has room in its pages, and is faster for it.
    const baseline = await enter(variant.baseline);
    const measured = await enter(variant.name);
    const results: [Work, Work][] = [];
    for (let n = 0; n < pairs; n += 1) {
      await server.checkpoint();
      results.push(await pair(baseline, measured, seconds * 1000));
    }
    const ratios = results.map(([none, ours]) => rate(ours) / rate(none));
    const byCpu = median(results.map(([none, ours]) => cost(none) / cost(ours)));
    table.push([
      variant.title,
      Math.round(median(results.map(([, ours]) => rate(ours)))),
      Math.round(median(results.map(([none]) => rate(none)))),
      median(ratios).toFixed(3),
      Math.min(...ratios).toFixed(3),
      Math.max(...ratios).toFixed(3),
      Number.isNaN(byCpu) ? '' : byCpu.toFixed(3),
      variant.aim?.toFixed(2) ?? '',
    ]);
    console.log(`${variant.name}: ${ratios.map((ratio) => ratio.toFixed(3)).join(' ')}`);
    await leave(baseline);
    await leave(measured);
  }
  console.log(`\n${table.toString()}`);
  console.log(
    'ratio: medians of sign-ins per second, pair by pair. by CPU: the same from the CPU time of server and client, which',
  );
  console.log('other work on the machine disturbs less.');
} finally {
  await server.stop();
}
