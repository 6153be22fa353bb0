/** Users with sessions, and sign-ins in the statements that Auth sends. */
import {readFileSync} from 'node:fs';
import type {Client} from 'pg';
import {createSessions, createUsers, signInPassword, type Flow} from '../test/helpers/auth.js';
import {backendPid} from '../test/helpers/wait.js';
import {TEMPLATE, type BenchServer} from './server.js';

/** Sessions are made by so many at a time. */
const BATCH = 50_000;
/** So many of the users sign in, spread over all. */
const SAMPLE = 10_000;

/** How many users there are, and what each one has. */
export interface Population {
  users: number;
  /** Live sessions, one minute apart. */
  live: number;
  /** Older sessions that have ended and are still in the table. */
  ended: number;
}

/** Makes a database with users, to copy others from. Returns the addresses of those that sign in. */
export async function populate(
  server: BenchServer,
  database: string,
  {users, live, ended}: Population,
): Promise<string[]> {
  await server.clone(database, TEMPLATE);
  const client = await server.connect(database);
  const every = Math.ceil(users / SAMPLE);
  const batch = Math.ceil(BATCH / (live + ended));
  const emails: string[] = [];
  for (let made = 0; made < users; made += batch) {
    const added = await createUsers(client, Math.min(batch, users - made));
    const ids = added.map(({userId}) => userId);
    await createSessions(client, ids, live + ended);
    emails.push(...added.filter((_, n) => (made + n) % every === 0).map(({email}) => email));
  }
  // The metadata that Auth writes, and that rules are compared with.
  await client.query(`update auth.users set raw_app_meta_data = '{"provider": "email", "providers": ["email"]}'`);
  await client.query(
    `update auth.sessions s set not_after = now() - interval '1 minute'
     from (select id, row_number() over (partition by user_id order by created_at desc) as n from auth.sessions) r
     where r.id = s.id and r.n > $1`,
    [live],
  );
  await client.end();
  const admin = await server.connect(database, 'supabase_admin');
  await admin.query('vacuum full analyze');
  await admin.end();
  return emails;
}

/** One connection of Auth to a database, and who signs in there. */
export interface Contestant {
  client: Client;
  /** Its server process. */
  pid: number;
  emails: string[];
  /** The custom access token hook that Auth is configured with. */
  hook: string | undefined;
  signIns: number;
}

/** Connects as Auth. */
export async function contestant(
  server: BenchServer,
  database: string,
  emails: string[],
  hook?: string,
): Promise<Contestant> {
  const client = await server.connect(database, 'supabase_auth_admin');
  return {client, pid: await backendPid(client), emails, hook, signIns: 0};
}

const names = new Map<string, string>();

/** Sends a flow with named statements, as Auth's driver does: the server parses and plans each one once. */
async function send(client: Client, flow: Flow<unknown>): Promise<void> {
  let state = flow.next([]);
  while (state.done !== true) {
    const {sql, values} = state.value;
    let rows: Record<string, unknown>[];
    if (values === undefined) {
      ({rows} = await client.query<Record<string, unknown>>(sql));
    } else {
      let name = names.get(sql);
      if (name === undefined) names.set(sql, (name = `s${names.size}`));
      ({rows} = await client.query<Record<string, unknown>>({name, text: sql, values}));
    }
    state = flow.next(rows);
  }
}

/** CPU time of a process so far, in microseconds; NaN if the system does not tell (only Linux does). */
function cpuTime(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;
  } catch {
    return NaN;
  }
}

/** Signs so many users in, one after the other. Returns the CPU time of the server process for it, in microseconds. */
export async function signIn(entrant: Contestant, count: number): Promise<number> {
  const {client, pid, emails, hook} = entrant;
  const before = cpuTime(pid);
  for (let n = 0; n < count; n += 1) {
    // Every contestant takes the same users in the same order; a step of a prime number scatters them.
    const email = emails[(entrant.signIns * 7919) % emails.length];
    if (email === undefined) throw new Error('there are no users');
    await send(client, signInPassword(email, hook === undefined ? {} : {hook}));
    entrant.signIns += 1;
  }
  return cpuTime(pid) - before;
}

/** The time spent in functions of supasession in this database so far, in microseconds. */
export async function functionTime({client}: Contestant): Promise<number> {
  // A server process hands its counts over once a second, or when it is told to.
  await client.query('select pg_stat_force_next_flush()');
  const {rows} = await client.query<{time: number}>(
    `select 1000 * coalesce(sum(self_time), 0)::float8 as time
     from pg_stat_user_functions where schemaname = 'supasession'`,
  );
  return rows[0]!.time;
}
