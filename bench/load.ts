/** Sign-ins as fast as they go, on several connections, in the statements that Auth sends. */
import {readFileSync} from 'node:fs';
import type {Client} from 'pg';
import {
  createSessions,
  createUsers,
  signInPassword,
  type AuthSession,
  type AuthUser,
  type Flow,
} from '../test/helpers/auth.js';
import {backendPid} from '../test/helpers/wait.js';
import {TEMPLATE, type BenchServer} from './server.js';

/** Connections that sign in at the same time. */
export const CONNECTIONS = 4;

/** Users and sessions are made by so many at a time. */
const BATCH = 20_000;

/** Makes a database with users, each with so many sessions, that others are copied from. Returns the users. */
export async function populate(
  server: BenchServer,
  database: string,
  users: number,
  perUser: number,
): Promise<AuthUser[]> {
  await server.clone(database, TEMPLATE);
  const client = await server.connect(database);
  const made: AuthUser[] = [];
  while (made.length < users) {
    const batch = await createUsers(client, Math.min(BATCH, users - made.length));
    await createSessions(
      client,
      batch.map(({userId}) => userId),
      perUser,
    );
    for (const user of batch) made.push(user);
  }
  // What Auth writes there, and what rules are compared with.
  await client.query(`update auth.users set raw_app_meta_data = '{"provider": "email", "providers": ["email"]}'`);
  await client.end();
  const admin = await server.connect(database, 'supabase_admin');
  await admin.query('vacuum full analyze');
  await admin.end();
  return made;
}

/** Numbers from 0 to below `bound`, the same at every run (a linear congruential generator). */
export function sequence(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

const names = new Map<string, string>();

/** Sends a flow with named statements, as Auth's driver does: the server parses and plans each one once. */
async function send<T>(client: Client, flow: Flow<T>): Promise<T> {
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
  return state.value;
}

/** A database under load. */
export interface Contestant {
  name: string;
  clients: Client[];
  /** The server processes of the clients. */
  pids: number[];
  users: AuthUser[];
  /** Custom access token hook that Auth is configured with. */
  hook?: string | undefined;
  random: (bound: number) => number;
}

/** Opens Auth's connections to a database. Every contestant signs the same users in, in the same order. */
export async function contestant(
  server: BenchServer,
  database: string,
  users: AuthUser[],
  hook?: string,
): Promise<Contestant> {
  const clients: Client[] = [];
  for (let n = 0; n < CONNECTIONS; n += 1) clients.push(await server.connect(database, 'supabase_auth_admin'));
  const pids = await Promise.all(clients.map(backendPid));
  return {name: database, clients, pids, users, hook, random: sequence(1)};
}

/** What somebody has done; times in milliseconds. */
export interface Work {
  signIns: number;
  time: number;
  /** Of the server processes and of this one together; NaN where the system does not tell (elsewhere than on Linux). */
  cpu: number;
}

/** CPU time that this process and the server processes have used so far, in milliseconds. */
function cpuTime(pids: number[]): number {
  const {user, system} = process.cpuUsage();
  try {
    const used = pids.map((pid) => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6);
    return used.reduce((sum, time) => sum + time, (user + system) / 1e3);
  } catch {
    return NaN;
  }
}

/** Signs users in for so many milliseconds on all connections at once. */
export async function load({clients, pids, users, hook, random}: Contestant, milliseconds: number): Promise<Work> {
  const cpu = cpuTime(pids);
  const start = performance.now();
  const end = start + milliseconds;
  let signIns = 0;
  const options = hook === undefined ? {} : {hook};
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < end) {
        const user = users[random(users.length)];
        if (!user) throw new Error('there are no users');
        await send<AuthSession>(client, signInPassword(user.email, options));
        signIns += 1;
      }
    }),
  );
  return {signIns, time: performance.now() - start, cpu: cpuTime(pids) - cpu};
}

/** Runs two contestants by turns in short slices, so that whatever else the machine does meets both. Returns what each has done. */
export async function pair(one: Contestant, other: Contestant, milliseconds: number): Promise<[Work, Work]> {
  const SLICES = 8;
  const sums: [Work, Work] = [
    {signIns: 0, time: 0, cpu: 0},
    {signIns: 0, time: 0, cpu: 0},
  ];
  for (let slice = 0; slice < SLICES; slice += 1) {
    // ABBA: neither always goes first.
    for (const turn of slice % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const {signIns, time, cpu} = await load(turn === 0 ? one : other, milliseconds / SLICES);
      sums[turn].signIns += signIns;
      sums[turn].time += time;
      sums[turn].cpu += cpu;
    }
  }
  return sums;
}
