/**
 * What supasession costs a sign-in, beside 0.1.2: the time in its functions, and the CPU time of the server process.
 * README.md says why so, and has the figures.
 *
 *   npm run bench -- [--users 1000] [--only 3|ended|1000|200000]... [--rounds 5] [--sign-ins 300]
 *                    [--baseline <file.sql>] [--json]
 */
import {readFile} from 'node:fs/promises';
import {parseArgs} from 'node:util';
import {contestant, functionTime, populate, signIn, type Contestant, type Population} from './load.js';
import type {Settings} from '../test/helpers/install.js';
import {installOurs, median, startServer} from './server.js';

/** Sign-ins of one variant before the next has its turn; of users with very many sessions a tenth is enough. */
const SLICE = 20;
/** A limit that nobody reaches. */
const FAR = 1_000_000;
/** What we want at most, in relation to the reference. */
const AIM = {limit: 2.0, evict: 1.7, everything: 1.4};

const EVERYTHING: Settings = {
  enabled: true,
  max_sessions: FAR,
  strategy: 'reject',
  eviction_order: 'least_recently_used',
  timebox: '30 days',
  inactivity_timeout: '7 days',
  low_aal_timeout: '15 minutes',
  reject_in_hook: true,
  oauth_clients: 'separate',
  record_device_changes: true,
};
/** The last one matches. */
const RULES = `
  insert into supasession.rules (name, app_metadata, max_sessions)
  select 'plan ' || n, jsonb_build_object('plan', n), 1 from generate_series(1, 4) n;
  insert into supasession.rules (name, priority, app_metadata, max_sessions)
  values ('by e-mail', 200, '{"provider": "email"}', ${FAR});`;

interface Variant {
  name: string;
  title: string;
  prepare?: (database: string) => Promise<void>;
  hook?: string;
  /** The variant to compare with, and the ratio to it that we want at most. */
  reference?: string;
  aim?: number;
}

interface Part {
  name: string;
  title: string;
  population: Population;
  variants: Variant[];
}

interface Result {
  part: string;
  variant: string;
  title: string;
  /** Microseconds a sign-in. */
  functions: {median: number; lowest: number; highest: number};
  /** The same of the server process; null if it is not known. */
  cpu: number | null;
  reference: string | null;
  ratio: number | null;
  aim: number | null;
}

const {values: options} = parseArgs({
  options: {
    users: {type: 'string', default: '1000'},
    only: {type: 'string', multiple: true, default: []},
    rounds: {type: 'string', default: '5'},
    'sign-ins': {type: 'string', default: '300'},
    baseline: {type: 'string'},
    json: {type: 'boolean', default: false},
  },
});
const rounds = Number(options.rounds);
const slices = Math.ceil(Number(options['sign-ins']) / SLICE);
const script = options.baseline ?? new URL('../test/fixtures/supasession-0.1.2.sql', import.meta.url);
const baseline = await readFile(script, 'utf8');
const server = await startServer();

async function installOld(database: string, limit: number): Promise<void> {
  const client = await server.connect(database);
  // Scripts of extensions have a line for psql.
  await client.query(baseline.replaceAll(/^\\echo.*$/gm, ''));
  await client.query('select supasession.set_config(true, $1)', [limit]);
  await client.end();
}

function oldAndNew(name: 'limit' | 'evict', limit: number): Variant[] {
  const title = name === 'limit' ? 'limit not reached' : 'every sign-in evicts';
  return [
    {name: `old-${name}`, title: `0.1.2, ${title}`, prepare: async (database) => installOld(database, limit)},
    {
      name,
      title,
      prepare: async (database) => installOurs(server, database, {enabled: true, max_sessions: limit}),
      reference: `old-${name}`,
      aim: AIM[name],
    },
  ];
}

function parts(users: number): Part[] {
  const people = users.toLocaleString('en-US');
  return [
    {
      name: '3',
      title: `${people} users with 3 sessions`,
      population: {users, live: 3, ended: 0},
      variants: [
        {name: 'none', title: 'not installed'},
        {
          name: 'off',
          title: 'limits off',
          prepare: async (database) => installOurs(server, database, {enabled: false}),
        },
        ...oldAndNew('limit', FAR),
        ...oldAndNew('evict', 3),
        {
          name: 'everything',
          title: 'everything on',
          prepare: async (database) => installOurs(server, database, EVERYTHING, RULES),
          reference: 'limit',
          aim: AIM.everything,
        },
        {
          name: 'hook',
          title: 'everything on, and the hook',
          prepare: async (database) => installOurs(server, database, EVERYTHING, RULES),
          hook: 'supasession.access_token_hook',
          reference: 'limit',
        },
      ],
    },
    {
      name: 'ended',
      title: '20 users with 3 sessions and 1,000 ended ones',
      population: {users: 20, live: 3, ended: 1000},
      variants: oldAndNew('evict', 3),
    },
    {
      name: '1000',
      title: '20 users with 1,000 sessions',
      population: {users: 20, live: 1000, ended: 0},
      variants: [...oldAndNew('limit', FAR), ...oldAndNew('evict', 1000)],
    },
    {
      name: '200000',
      title: '1 user with 200,000 sessions',
      population: {users: 1, live: 200_000, ended: 0},
      variants: [
        ...oldAndNew('limit', FAR),
        ...oldAndNew('evict', 200_000),
        {
          name: 'drain',
          title: 'limit of 3, every sign-in ends 100',
          prepare: async (database) => installOurs(server, database, {enabled: true, max_sessions: 3}),
        },
      ],
    },
  ];
}

/** Runs the variants of a part by turns. */
async function measure({name: part, population, variants}: Part): Promise<Result[]> {
  const emails = await populate(server, 'base', population);
  const size = population.live > 10_000 ? SLICE / 10 : SLICE;
  const entrants: {variant: Variant; entrant: Contestant; counted: number; functions: number[]; cpu: number[]}[] = [];
  for (const variant of variants) {
    await server.clone(variant.name, 'base');
    await variant.prepare?.(variant.name);
    const entrant = await contestant(server, variant.name, emails, variant.hook);
    await signIn(entrant, 3 * size);
    entrants.push({variant, entrant, counted: await functionTime(entrant), functions: [], cpu: []});
  }
  for (let round = 0; round < rounds; round += 1) {
    const cpu = new Map<string, number>();
    for (let slice = 0; slice < slices; slice += 1) {
      // Forth and back, so that none always comes after the same one.
      for (const {variant, entrant} of slice % 2 === 0 ? entrants : entrants.toReversed())
        cpu.set(variant.name, (cpu.get(variant.name) ?? 0) + (await signIn(entrant, size)));
    }
    for (const each of entrants) {
      const counted = await functionTime(each.entrant);
      each.functions.push((counted - each.counted) / (slices * size));
      each.counted = counted;
      each.cpu.push(cpu.get(each.variant.name)! / (slices * size));
    }
  }
  for (const {name} of [...variants, {name: 'base'}]) await server.drop(name);

  const medians = new Map(entrants.map(({variant, functions}) => [variant.name, median(functions)]));
  return entrants.map(({variant: {name, title, reference = null, aim = null}, functions, cpu}) => ({
    part,
    variant: name,
    title,
    functions: {median: median(functions), lowest: Math.min(...functions), highest: Math.max(...functions)},
    cpu: Number.isNaN(median(cpu)) ? null : median(cpu),
    reference,
    ratio: reference === null ? null : median(functions) / medians.get(reference)!,
    aim,
  }));
}

/** The rows of a part, in Markdown. */
function rows(title: string, results: Result[]): string {
  const cells = results.map(({title: variant, functions: {median: middle, lowest, highest}, cpu, ratio, aim}) => [
    variant,
    ...[middle, lowest, highest, cpu].map((time) => time?.toFixed(0) ?? ''),
    ratio?.toFixed(2) ?? '',
    aim?.toFixed(1) ?? '',
  ]);
  return [[`**${title}**`, ...Array<string>(6).fill('')], ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

try {
  // A setting of the role, so that it holds for Auth's connections from their start.
  const admin = await server.connect('template1', 'supabase_admin');
  await admin.query("alter role supabase_auth_admin set track_functions = 'all'");
  const all = parts(Number(options.users));
  const chosen = options.only.length === 0 ? all : all.filter(({name}) => options.only.includes(name));
  if (chosen.length === 0) throw new Error(`--only takes ${all.map(({name}) => name).join(', ')}`);
  const facts = await server.facts();
  const results: Result[] = [];
  if (!options.json)
    console.log(
      `${facts}; ${rounds} rounds of ${slices * SLICE} sign-ins\n\n` +
        '| | µs in functions | lowest | highest | CPU µs of the server | ratio | aim |\n' +
        '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    );
  for (const part of chosen) {
    results.push(...(await measure(part)));
    if (!options.json)
      console.log(
        rows(
          part.title,
          results.filter((result) => result.part === part.name),
        ),
      );
  }
  if (options.json) console.log(JSON.stringify({facts, rounds, signIns: slices * SLICE, results}, null, 2));
} finally {
  await server.stop();
}
