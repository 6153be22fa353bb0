/**
 * How long an operator waits where there are many sessions: the commands from start to end, and the queries in them. The limit is 5, and one user in a
 * hundred is over it. Then after a tenth of the sessions has been refreshed (until the next vacuum, pages that were written tell an index nothing), and
 * in the worst case: a limit of 1, over which everybody is who has two; then with ten rules.
 *
 *   npm run bench:operate -- [--sessions 1000000] [--runs 5]
 */
import {execFile} from 'node:child_process';
import {parseArgs, promisify} from 'node:util';
import Table from 'cli-table3';
import {readHistory} from '../src/features/sessions/history.js';
import {readStatus} from '../src/features/status/status.js';
import {resolveTarget} from '../src/database/target.js';
import {connect, type Connection} from '../src/database/connection.js';
import {countSessions, listSessions} from '../src/features/sessions/queries.js';
import {EXIT} from '../src/errors.js';
import {commands} from '../src/index.js';
import {PROGRAM} from '../test/helpers/environment.js';
import {installOurs, median, startServer, TEMPLATE, type BenchServer} from './server.js';

const DATABASE = 'operate';
const LIMIT = 5;
/** Sessions of a user on average, as `populate` makes them. */
const PER_USER = 3.04;
/** Of the last thirty days. */
const EVENTS = 100_000;
/** What node prints at its end: the most memory it took, in MB. */
const PEAK = `data:text/javascript,${encodeURIComponent(
  "process.on('exit', () => process.stderr.write('peak ' + Math.round(process.resourceUsage().maxRSS / 1024) + String.fromCharCode(10)))",
)}`;

/** In the list that is read as a whole. */
const STREAMED = 200_000;
/** For status and lists as they are, in milliseconds. */
const AIM = 1000;

const {values: options} = parseArgs({
  options: {sessions: {type: 'string', default: '1000000'}, runs: {type: 'string', default: '5'}},
});
const [sessions, runs] = [Number(options.sessions), Number(options.runs)];

const server = await startServer();
try {
  console.log(await server.facts());
  await populate(server);
  await installOurs(server, DATABASE, {enabled: true, max_sessions: LIMIT});
  const client = await server.connect(DATABASE);
  await client.query(
    `insert into supasession.events (at, kind, user_id, session_id, reason)
     select now() - random() * interval '30 days', 'evicted', user_id, id, 'limit of ${LIMIT}'
     from auth.sessions limit ${EVENTS}`,
  );
  await client.query('analyze supasession.events');
  const {rows} = await client.query<{sessions: string; users: string}>(
    'select count(*) as sessions, count(distinct user_id) as users from auth.sessions',
  );
  const [{sessions: made, users} = {sessions: '', users: ''}] = rows;
  console.log(`${Number(made).toLocaleString('en-US')} sessions of ${Number(users).toLocaleString('en-US')} users\n`);

  await streamTable(server);
  const connection = await open(server);
  await commandsTable(server, `limit of ${LIMIT}, one user in a hundred over it`, AIM);
  await queriesTable(connection, 'the same, query by query');
  const admin = await server.connect(DATABASE, 'supabase_admin');
  await admin.query('set session_replication_role = replica');
  await admin.query(`update auth.sessions set refreshed_at = now() at time zone 'UTC' where random() < 0.1`);
  await commandsTable(server, 'after a tenth of the sessions has been refreshed', AIM);
  await admin.query('vacuum analyze auth.sessions');
  await client.query('update supasession.config set max_sessions = 1 where true');
  await commandsTable(server, 'worst case: limit of 1, everybody over it who has two sessions');
  await queriesTable(connection, 'the same, query by query');
  await client.query(
    `insert into supasession.rules (name, app_metadata, max_sessions)
     select 'plan ' || n, jsonb_build_object('plan', n), n from generate_series(1, 9) n
     union all select 'by e-mail', '{"provider": "email"}', 2`,
  );
  await commandsTable(server, 'the same with ten rules');
  await connection.close();
} finally {
  await server.stop();
}

/** Users with one to five sessions each, and every hundredth with six to eight; of the sessions one in a hundred has ended. Nothing of ours. */
async function populate(on: BenchServer): Promise<void> {
  await on.clone(DATABASE, TEMPLATE);
  const admin = await on.connect(DATABASE, 'supabase_admin');
  // Foreign keys are right without being checked.
  await admin.query('set session_replication_role = replica');
  await admin.query(
    `insert into auth.users (instance_id, id, aud, role, email, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
     select '00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated', 'user' || n || '@example.com',
       '{"provider": "email", "providers": ["email"]}', '{}', now(), now()
     from generate_series(1, $1::int) n`,
    [Math.round(sessions / PER_USER)],
  );
  await admin.query(
    `insert into auth.sessions (id, user_id, created_at, updated_at, refreshed_at, aal, user_agent, ip, not_after)
     select gen_random_uuid(), id, at, at, case when random() < 0.8 then (at + (now() - at) * random()) at time zone 'UTC' end, 'aal1',
       'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36', '192.0.2.1',
       case when random() < 0.01 then at end
     from (
       select u.id, now() - random() * interval '60 days' as at
       from (select id, row_number() over () as n from auth.users) u
       cross join generate_series(1, case when n % 100 = 0 then 6 + (n / 100 % 3) else 1 + n % 5 end)
     ) made
     order by at`,
  );
  await admin.query('vacuum analyze');
  await admin.end();
}

async function open(on: BenchServer): Promise<Connection> {
  const target = await resolveTarget(
    {dbUrl: on.url(DATABASE)},
    {
      env: {},
      localPort: async () => 0,
      link: async () => undefined,
      passfile: async () => null,
      loginRole: async () => null,
      askPassword: async () => null,
    },
  );
  return connect(target);
}

/** The list as a stream, beside the plainest program that reads the same columns at once and prints them as JSON. */
async function streamTable(on: BenchServer): Promise<void> {
  const plain = `const {default: pg} = await import('pg');
    const client = new pg.Client(${JSON.stringify(on.url(DATABASE))});
    await client.connect();
    const {rows} = await client.query('select s.id, s.user_id, u.email, u.phone, s.created_at, s.refreshed_at, s.user_agent, s.ip, s.aal, s.not_after, s.oauth_client_id from auth.sessions s join auth.users u on u.id = s.user_id order by s.refreshed_at desc limit ${STREAMED}');
    process.stdout.write(JSON.stringify(rows));
    await client.end();`;
  const list = ['sessions:list', '--limit', String(STREAMED), '--json', '--db-url', on.url(DATABASE)];
  const table = newTable(`${STREAMED.toLocaleString('en-US')} sessions as JSON`, 'ms', 'MB', 'ratio of ms', 'aim');
  const measured: number[] = [];
  for (const [name, args] of [
    ['a plain query and JSON.stringify', ['--input-type=module', '--eval', plain]],
    ['sessions list --json', [PROGRAM, ...list]],
  ] as const) {
    const peaks: number[] = [];
    const took = await time(async () => {
      const {stderr} = await promisify(execFile)(process.execPath, ['--import', PEAK, ...args], {maxBuffer: 2 ** 30});
      peaks.push(Number(/peak (\d+)/.exec(stderr)?.[1]));
    });
    measured.push(took);
    const ours = measured.length === 2;
    const ratio = ours ? (took / measured[0]!).toFixed(2) : '';
    table.push([name, took.toFixed(0), median(peaks).toFixed(0), ratio, ours ? '< 5000 ms, 150 MB' : '']);
  }
  console.log(`${table.toString()}\n`);
}

/** Calls something some times. Returns the median in milliseconds. */
async function time(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < runs; n += 1) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return median(times);
}

function newTable(title: string, ...columns: string[]): Table.Table {
  return new Table({
    head: [title, ...columns],
    colAligns: ['left', ...columns.map(() => 'right' as const)],
    style: {head: [], border: []},
  });
}

/** The built program, from start to end. */
async function commandsTable(on: BenchServer, title: string, aim?: number): Promise<void> {
  const table = newTable(title, 'ms', ...(aim === undefined ? [] : ['aim']));
  for (const args of [
    ['status'],
    ['status', '--check'],
    ['sessions:list'],
    ['sessions:list', '--over-limit'],
    ['sessions:list', '--idle', '30d'],
    ['history'],
  ]) {
    if (!(args[0]! in commands)) continue;
    const took = await time(async () =>
      promisify(execFile)(process.execPath, [PROGRAM, ...args, '--json', '--db-url', on.url(DATABASE)]).catch(
        (error: unknown) => {
          if (!(error instanceof Error && 'code' in error && error.code === EXIT.found)) throw error;
        },
      ),
    );
    const checks = args.includes('--check');
    table.push([args.join(' '), took.toFixed(0), ...(aim === undefined ? [] : [checks ? '' : `< ${aim}`])]);
  }
  console.log(`${table.toString()}\n`);
}

/** What the commands ask, in this process. */
async function queriesTable(connection: Connection, title: string): Promise<void> {
  const table = newTable(title, 'ms');
  const split = async (name: string, work: (timed: Connection) => Promise<unknown>): Promise<void> => {
    const queries = new Map<string, number[]>();
    const total = await time(async () =>
      work({
        ...connection,
        query: async (text, values) => {
          const start = performance.now();
          const result = await connection.query<never>(text, values);
          const times = queries.get(text) ?? [];
          queries.set(text, [...times, performance.now() - start]);
          return result;
        },
      }),
    );
    table.push([name, total.toFixed(0)]);
    for (const [text, times] of queries) {
      const words = text.replaceAll(/\s+/g, ' ').trim();
      table.push([`  ${words.length > 70 ? `${words.slice(0, 69)}…` : words}`, median(times).toFixed(1)]);
    }
  };
  await split('status', async (timed) => readStatus(timed, {configured: {hook: null, schemas: null}, counting: false}));
  await split('listSessions(), 50', async (timed) => listSessions(timed, {}, {limit: 50}));
  await split('countSessions()', async (timed) => countSessions(timed));
  await split('listSessions() over the limit, 50', async (timed) =>
    listSessions(timed, {overLimit: true}, {limit: 50}),
  );
  await split('history', async (timed) => readHistory(timed, {limit: 50}));
  console.log(`${table.toString()}\n`);
}
