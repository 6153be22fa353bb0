/**
 * What the cost of a sign-in depends on, and what is_live() costs a request. To be run by hand:
 *
 *   npx tsx bench/scale.ts [--users 1000,10000,100000] [--ended 0,100,1000,10000] [--seconds 4]
 */
import {parseArgs} from 'node:util';
import Table from 'cli-table3';
import type {AuthUser} from '../test/helpers/auth.js';
import {contestant, load, populate, type Work} from './load.js';
import {installOurs, median, startServer, type BenchServer} from './server.js';

const SESSIONS = 3;
/** Every sign-in evicts, which is what takes most. */
const LIMIT = {enabled: true, max_sessions: SESSIONS};
const RUNS = 5;

const {values: options} = parseArgs({
  options: {
    users: {type: 'string', default: '1000,10000,100000'},
    ended: {type: 'string', default: '0,100,1000,10000'},
    seconds: {type: 'string', default: '4'},
  },
});
const list = (text: string): number[] => text.split(',').map(Number);
const seconds = Number(options.seconds);

const server = await startServer();
try {
  console.log(`${await server.facts()}\n`);
  await byUsers(list(options.users));
  await byEndedSessions(list(options.ended));
  await isLive();
} finally {
  await server.stop();
}

/** Runs the load some times. Returns the medians of sign-ins per second and CPU time of server and client, in microseconds a sign-in. */
async function measure(database: string, users: AuthUser[]): Promise<[rate: string, cpu: string]> {
  const entered = await contestant(server, database, users);
  await load(entered, 500);
  await server.checkpoint();
  const works: Work[] = [];
  for (let n = 0; n < RUNS; n += 1) works.push(await load(entered, (seconds * 1000) / RUNS));
  await Promise.all(entered.clients.map(async (client) => client.end()));
  return [
    median(works.map(({signIns, time}) => (signIns / time) * 1000)).toFixed(0),
    median(works.map(({signIns, cpu}) => (cpu / signIns) * 1000)).toFixed(0),
  ];
}

function newTable(first: string): Table.Table {
  return new Table({
    head: [first, 'without: sign-ins/s', 'CPU µs each', 'every one evicts: sign-ins/s', 'CPU µs each'],
    colAligns: ['right', 'right', 'right', 'right', 'right'],
    style: {head: [], border: []},
  });
}

async function byUsers(counts: number[]): Promise<void> {
  const table = newTable('users');
  for (const count of counts) {
    const users = await populate(server, 'base', count, SESSIONS);
    await server.clone('ours', 'base');
    await installOurs(server, 'ours', LIMIT);
    // Few enough to be signed in alike whatever their number, and spread over all.
    const sample = Array.from({length: 1000}, (_, n) => users[Math.floor((n * users.length) / 1000)]!);
    table.push([count, ...(await measure('base', sample)), ...(await measure('ours', sample))]);
    await server.drop('ours');
    await server.drop('base');
  }
  console.log(table.toString());
}

async function byEndedSessions(counts: number[]): Promise<void> {
  const table = newTable('ended sessions a user');
  for (const count of counts) {
    const users = await populate(server, 'base', 40, SESSIONS);
    await addEnded(server, 'base', count);
    await server.clone('ours', 'base');
    await installOurs(server, 'ours', LIMIT);
    table.push([count, ...(await measure('base', users)), ...(await measure('ours', users))]);
    await server.drop('ours');
    await server.drop('base');
  }
  console.log(table.toString());
}

/** Gives every user sessions that are past their deadline. */
async function addEnded(on: BenchServer, database: string, count: number): Promise<void> {
  const admin = await on.connect(database, 'supabase_admin');
  await admin.query(
    `insert into auth.sessions (id, user_id, created_at, updated_at, aal, not_after)
     select gen_random_uuid(), u.id, now() - n * interval '1 minute', now(), 'aal1', now() - interval '1 day'
     from generate_series(1, $1::int) n, auth.users u`,
    [count],
  );
  await admin.query('vacuum full analyze');
  await admin.end();
}

/** Calls is_live() over and over with the claims of a live session, as a policy does, beside a function that only returns true. */
async function isLive(): Promise<void> {
  const CALLS = 50_000;
  const [user] = await populate(server, 'live', 1000, SESSIONS);
  await installOurs(server, 'live', LIMIT);
  const client = await server.connect('live');
  await client.query(
    `create function public.nothing() returns boolean language plpgsql stable as $$begin return true; end$$;
     select set_config('request.jwt.claims', json_build_object('sub', s.user_id, 'session_id', s.id, 'role', 'authenticated')::text, false)
     from auth.sessions s where s.user_id = '${user?.userId ?? ''}' limit 1`,
  );
  const time = async (call: string): Promise<string> => {
    const times: number[] = [];
    for (let n = 0; n < RUNS; n += 1) {
      // In a filter of an aggregate, because a condition that is the same for all rows is asked once.
      const {rows} = await client.query<{calls: number; time: number}>(
        `with run as materialized (select clock_timestamp() as start)
         select calls, 1000 * extract(epoch from clock_timestamp() - start)::float8 as time
         from run, lateral (
           select count(*) filter (where ${call})::int as calls from generate_series(1, ${CALLS} + 0 * extract(epoch from start)::int)
         ) c
         where calls > 0`,
      );
      if (rows[0]?.calls !== CALLS) throw new Error(`${call} is not true`);
      times.push((rows[0].time / CALLS) * 1000);
    }
    return median(times).toFixed(1);
  };
  const nothing = await time('public.nothing()');
  console.log(
    `is_live(): ${await time('supasession.is_live()')} µs a call, has_access(): ${await time('supasession.has_access()')} µs; ` +
      `a function that does nothing: ${nothing} µs`,
  );
}
