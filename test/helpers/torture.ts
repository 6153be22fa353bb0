/** Many requests of every kind at once on few users, the same choices for the same seed, and what came of them. */
import {readFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {DatabaseError, type Client} from 'pg';
import {
  AuthError,
  createUser,
  deleteUser,
  generateMagicLink,
  mfaEnroll,
  mfaUnenroll,
  mfaVerify,
  refresh,
  run,
  signInAnonymous,
  signInPassword,
  signOut,
  signUp,
  updatePassword,
  verifyMagicLink,
  type AuthSession,
  type AuthUser,
  type Flow,
} from './auth.js';
import type {TestDatabase} from './database.js';
import type {Settings} from './install.js';
import {generator} from './random.js';
import {backendPid, until} from './wait.js';

/** Connections of Auth's pool, and those of the project (its own SQL, the commands); 16 together. */
const AUTH_WORKERS = 13;
const PROJECT_WORKERS = 3;
const USERS = 3;
/** A request that takes longer hangs, in milliseconds; Auth itself gives up after 10 s. */
const HANGS_AFTER = 20_000;
/** Postgres looks for a deadlock after so many milliseconds (usually 1000): the sooner, the more of them in a run. */
const DEADLOCK_TIMEOUT = 100;

/** What Auth answers in the ordinary course of things when requests of one user overlap. */
const ORDINARY = [
  'session_expired',
  'session_not_found',
  'refresh_token_not_found',
  'refresh_token_already_used',
  'otp_expired',
  'user_not_found',
  'invalid_credentials',
  'mfa_challenge_expired',
  // A factor that another request has verified takes those with it that were not.
  'mfa_factor_not_found',
];

/** A stretch of a run under one strategy, at whose end everything is brought to rest and looked at. */
export interface Phase {
  settings: Settings & {max_sessions: number; strategy: 'reject' | 'dequeue'};
  /** Whether settings and rules change meanwhile; they are put back before the rest. */
  changes?: boolean;
  hook?: string;
}

export interface Report {
  /** Requests that were answered as asked, by kind. */
  done: Record<string, number>;
  /** Requests refused by us. */
  refused: number;
  /** Sessions ended to make room, and those noted to end at their refresh, by whatever request. */
  evicted: number;
  deferred: number;
  /** Verifications that we gave up because their user was locked for too long. */
  gaveUp: number;
  /** Requests killed as a deadlock, by anybody's fault. */
  deadlocks: number;
  /** What the server log says of those deadlocks in which a statement or function of ours has a part. */
  ours: string[];
  /** Deadlocks of others in whose queue one of ours stood. */
  bystanders: number;
  /** Failures that have no place in such a run, also requests that hung. */
  unusual: string[];
  /** Samples taken under reject, and those that saw more live sessions than the limit. */
  samples: number;
  over: string[];
  /** Users that were over their limit at rest. */
  restless: string[];
}

interface Account extends AuthUser {
  sessions: AuthSession[];
  /** Sessions by algorithm 1 as they were before a refresh: their token is used up. */
  used: AuthSession[];
  link: string | undefined;
  /** Factors that have been enrolled, verified or not. */
  factors: string[];
}

/**
 * Live sessions of each user, those that wait for a second factor apart. Written by itself: it must not agree with us by construction.
 * Under way, sessions that are noted to end count as ended; at rest there are none.
 */
const counts = (under: 'way' | 'rest'): string => `
  select user_id, pending, count(*)::int as live
  from (
    select s.user_id, coalesce(s.aal, 'aal1') = 'aal1' and exists (
      select from auth.mfa_factors f where f.user_id = s.user_id and f.status = 'verified'
    ) as pending
    from auth.sessions s
    where (s.not_after is null or s.not_after > clock_timestamp())
      ${under === 'way' ? 'and s.id not in (select session_id from supasession.pending_ends)' : ''}
  ) as each_session
  group by user_id, pending`;

interface Count {
  user_id: string;
  pending: boolean;
  live: number;
}

/**
 * Runs the phases, `seconds` in all, on a database with our SQL (`installed`), or on one without, for comparison: there the
 * requests that are ours do nothing.
 */
export async function torture(options: {
  database: TestDatabase;
  installed: boolean;
  phases: Phase[];
  seed: number;
  seconds: number;
}): Promise<Report> {
  const {database, installed, phases, seed, seconds} = options;
  const admin = await database.connect('supabase_admin');
  await admin.query(`alter database ${database.name} set deadlock_timeout = ${DEADLOCK_TIMEOUT}`);
  const logStart = (await serverLog(admin)).length;
  const connect = async (role: string): Promise<Client> => {
    const client = await database.connect(role);
    await client.query(`set statement_timeout = ${HANGS_AFTER}`);
    return client;
  };
  const auths = await Promise.all(Array.from({length: AUTH_WORKERS}, async () => connect('supabase_auth_admin')));
  const projects = await Promise.all(Array.from({length: PROJECT_WORKERS}, async () => connect('postgres')));
  const observer = await connect('postgres');
  const pids = await Promise.all([...auths, ...projects].map(backendPid));

  const report: Report = {
    ...{
      done: {},
      refused: 0,
      evicted: 0,
      deferred: 0,
      gaveUp: 0,
      deadlocks: 0,
      ours: [],
      bystanders: 0,
      unusual: [],
      samples: 0,
      over: [],
      restless: [],
    },
  };
  const random = generator(seed);
  const accounts: Account[] = [];
  for (let n = 0; n < USERS; n += 1) accounts.push(account(await createUser(observer)));

  for (const [n, phase] of phases.entries()) {
    const {settings, changes = false, hook} = phase;
    if (installed) await setUp(observer, settings);
    // Only what was refused since the strategy holds can be counted on: the phase starts from rest.
    if (installed) await settle(auths[0]!, observer);
    const end = Date.now() + (seconds / phases.length) * 1000;
    let over = false;
    const watch = async (): Promise<void> => {
      while (!over && installed && settings.strategy === 'reject') {
        report.samples += 1;
        const {rows} = await observer.query<Count>(counts('way'));
        for (const {user_id, pending, live} of rows) {
          if (!pending && live > settings.max_sessions) report.over.push(`phase ${n}: user ${user_id} has ${live}`);
        }
      }
    };
    const work = async (worker: Worker): Promise<void> => {
      while (Date.now() < end) await request(worker, report);
    };
    const shared = {accounts, installed, phase: {...phase, changes}, hook: installed ? hook : undefined};
    const watching = watch();
    await Promise.all([
      ...auths.map(async (client) =>
        work({...shared, client, random: generator(random() * 2 ** 32), kinds: AUTH_KINDS}),
      ),
      ...projects.map(async (client) =>
        work({...shared, client, random: generator(random() * 2 ** 32), kinds: PROJECT_KINDS}),
      ),
    ]);
    over = true;
    await watching;

    if (installed) {
      await setUp(observer, settings);
      await settle(auths[0]!, observer);
      const {rows} = await observer.query<Count>(counts('rest'));
      for (const {user_id, pending, live} of rows) {
        if (live > settings.max_sessions)
          report.restless.push(`phase ${n}: user ${user_id} has ${live}${pending ? ' pending' : ''}`);
      }
    }
  }

  if (installed) Object.assign(report, await ends(observer));

  const named = deadlocksOf((await serverLog(admin)).slice(logStart), pids).filter(isOurs);
  report.ours = named.filter(hasPart);
  report.bystanders = named.length - report.ours.length;
  return report;
}

/** How many sessions were evicted and deferred in all. What is deferred leaves no row: Postgres has counted those that were. */
async function ends(observer: Client): Promise<Pick<Report, 'evicted' | 'deferred'>> {
  const count = async (sql: string): Promise<number> => (await observer.query<{n: number}>(sql)).rows[0]?.n ?? 0;
  const deferred = async (): Promise<number> =>
    count("select n_tup_ins::int as n from pg_stat_user_tables where relid = 'supasession.pending_ends'::regclass");
  // A connection reports its counts ten seconds after its last request at the latest.
  await until('somebody has reported a deferred end', async () => (await deferred()) > 0, 15_000).catch(
    () => undefined,
  );
  return {
    evicted: await count("select count(*)::int as n from supasession.events where kind = 'evicted'"),
    deferred: await deferred(),
  };
}

/** The settings of a phase, without rules and with nobody's access revoked. */
async function setUp(client: Client, settings: Settings): Promise<void> {
  const names = Object.keys(settings);
  await client.query(
    `update supasession.config set ${names.map((name, i) => `${name} = $${i + 1}`).join(', ')} where true`,
    Object.values(settings),
  );
  await client.query('delete from supasession.rules');
  await client.query('select supasession.restore_access(user_id) from supasession.revoked');
}

/** Refreshes every live session once. What was skipped because it was in use, and what is over a lowered limit, ends by that. */
async function settle(auth: Client, observer: Client): Promise<void> {
  const {rows} = await observer.query<{id: string; user_id: string; token: string | null}>(
    `select s.id, s.user_id, t.token
     from auth.sessions s
     left join lateral (
       select token from auth.refresh_tokens where session_id = s.id and not revoked order by id desc limit 1
     ) t on true
     where s.not_after is null or s.not_after > clock_timestamp()
     order by s.created_at`,
  );
  for (const {id, user_id, token} of rows) {
    await run(auth, refresh({sessionId: id, userId: user_id, refreshToken: token})).catch((error: unknown) => {
      if (!(error instanceof AuthError && ORDINARY.includes(error.code))) throw error;
    });
  }
}

function account(user: AuthUser): Account {
  return {...user, sessions: [], used: [], link: undefined, factors: []};
}

interface Worker {
  client: Client;
  random: () => number;
  kinds: Record<string, [weight: number, kind: Kind]>;
  accounts: Account[];
  installed: boolean;
  phase: Phase;
  hook: string | undefined;
}

interface Chance {
  worker: Worker;
  client: Client;
  account: Account;
  /** One of some things, by chance. */
  pick: <T>(from: readonly T[]) => T | undefined;
  /** Sends a request to Auth; its session, where it has one, belongs to the account. */
  send: (flow: Flow<AuthSession>) => Promise<void>;
}

/** A kind of request. False: there was nothing to do. */
type Kind = (chance: Chance) => Promise<unknown>;

/** Takes a session out of the account, so that nobody else uses its token in an ordinary way. */
function take({account: {sessions}, pick}: Chance): AuthSession | undefined {
  const session = pick(sessions);
  if (session) sessions.splice(sessions.indexOf(session), 1);
  return session;
}

/** Another user takes the place of this one. */
function replace({account: old, worker: {accounts}}: Chance, user: AuthUser, session: AuthSession): void {
  const place = accounts.indexOf(old);
  if (place >= 0) accounts[place] = {...account(user), sessions: [session]};
}

const tokens = ({worker, pick}: Chance): {algorithm: 1 | 2; hook?: string} => ({
  algorithm: pick([1, 2] as const) ?? 1,
  ...(worker.hook === undefined ? {} : {hook: worker.hook}),
});

const withHook = ({worker: {hook}}: Chance): {hook?: string} => (hook === undefined ? {} : {hook});

/** As in life, most requests are refreshes and sign-ins. */
const AUTH_KINDS: Record<string, [number, Kind]> = {
  password: [12, async (c) => c.send(signInPassword(c.account.email, tokens(c)))],
  'magic link': [
    5,
    async (c) => {
      c.account.link ??= await run(c.client, generateMagicLink(c.account.email));
      const {link} = c.account;
      c.account.link = undefined;
      await c.send(verifyMagicLink(link, tokens(c)));
    },
  ],
  'sign-up': [
    1,
    async (c) => {
      const email = `${Math.floor(c.worker.random() * 2 ** 48)}@example.com`;
      const session = await run(c.client, signUp(email, tokens(c)));
      replace(c, {userId: session.userId, email}, session);
    },
  ],
  anonymous: [1, async (c) => run(c.client, signInAnonymous(tokens(c)))],
  refresh: [
    16,
    async (c) => {
      const session = take(c);
      if (!session) return false;
      if (session.refreshToken !== null) c.account.used = [session, ...c.account.used].slice(0, 5);
      return c.send(refresh(session, withHook(c)));
    },
  ],
  // Two requests with one token, as when two tabs wake up together.
  'refresh twice': [
    2,
    async (c) => {
      const session = c.pick(c.account.sessions);
      return session ? run(c.client, refresh(session, withHook(c))) : false;
    },
  ],
  reuse: [
    2,
    async (c) => {
      const session = c.pick(c.account.used);
      return session ? run(c.client, refresh(session, withHook(c))) : false;
    },
  ],
  'new password': [
    1,
    async (c) => {
      const session = c.pick(c.account.sessions);
      return session ? run(c.client, updatePassword(session)) : false;
    },
  ],
  'sign-out': [
    3,
    async (c) => {
      const session = take(c);
      const scope = c.pick(['local', 'local', 'local', 'others', 'global'] as const);
      return session && scope ? run(c.client, signOut(session, scope)) : false;
    },
  ],
  // Mostly one factor; now and then one user verifies two at once.
  'second factor': [
    3,
    async (c) => {
      const session = take(c);
      if (!session) return false;
      let factor = c.worker.random() < 0.8 ? c.pick(c.account.factors) : undefined;
      if (factor === undefined) {
        factor = await run(c.client, mfaEnroll(session));
        c.account.factors.push(factor);
      }
      return c.send(mfaVerify(session, factor, withHook(c)));
    },
  ],
  // With the factor gone its sessions fall back to aal1, and the limit is made good by their refreshes: not under reject.
  'factor removed': [
    1,
    async (c) => {
      const session = c.pick(c.account.sessions);
      const [factor] = c.account.factors;
      if (!session || factor === undefined || c.worker.phase.settings.strategy === 'reject') return false;
      c.account.factors.shift();
      return run(c.client, mfaUnenroll(session, factor));
    },
  ],
  'user deleted': [
    1,
    async (c) => {
      const email = `${Math.floor(c.worker.random() * 2 ** 48)}@example.com`;
      // The next user first, so that the others go on signing in to the one that goes.
      const session = await run(c.client, signUp(email, tokens(c)));
      await run(c.client, deleteUser(c.account.userId));
      replace(c, {userId: session.userId, email}, session);
      return true;
    },
  ],
};

/** A request that is ours; it does nothing where we are not installed. */
const ours =
  (sql: string, values: (chance: Chance) => unknown[] | undefined): Kind =>
  async (chance) => {
    const given = values(chance);
    return chance.worker.installed && given ? chance.client.query(sql, given) : false;
  };

const changeable = ({worker}: Chance, values: unknown[]): unknown[] | undefined =>
  worker.phase.changes === true ? values : undefined;

const PROJECT_KINDS: Record<string, [number, Kind]> = {
  'revoke_user_sessions()': [2, ours('select supasession.revoke_user_sessions($1)', (c) => [c.account.userId])],
  'revoke_session()': [
    2,
    ours('select supasession.revoke_session($1)', (c) => {
      const session = c.pick(c.account.sessions);
      return session && [session.sessionId];
    }),
  ],
  'revoke_access()': [
    1,
    async (c) => {
      if (!c.worker.installed) return false;
      await c.client.query('select supasession.revoke_access($1)', [c.account.userId]);
      return c.client.query('select supasession.restore_access($1)', [c.account.userId]);
    },
  ],
  'enforce()': [4, ours('select * from supasession.enforce()', () => [])],
  'prune()': [1, ours("select supasession.prune('1 hour')", () => [])],
  'password by SQL': [
    1,
    async (c) =>
      c.client.query('update auth.users set encrypted_password = $2 where id = $1', [
        c.account.userId,
        String(c.worker.random()),
      ]),
  ],
  settings: [
    2,
    ours('update supasession.config set max_sessions = $1, eviction_order = $2 where true', (c) =>
      changeable(c, [c.pick([1, 2, 3, 4]), c.pick(['oldest', 'least_recently_used'])]),
    ),
  ],
  'rule made': [
    1,
    ours(
      `insert into supasession.rules (name, user_id, max_sessions) values ($1::text, $1::uuid, $2)
       on conflict (name) do update set max_sessions = excluded.max_sessions`,
      (c) => changeable(c, [c.account.userId, c.pick([1, 2, 5])]),
    ),
  ],
  'rule dropped': [
    1,
    ours('delete from supasession.rules where user_id = $1', (c) => changeable(c, [c.account.userId])),
  ],
  // Otherwise a project does nothing most of the time.
  idle: [10, async (c) => c.client.query('select pg_sleep(0.01)')],
};

/** Makes one request and books what came of it. */
async function request(worker: Worker, report: Report): Promise<void> {
  const {client, random, kinds, accounts} = worker;
  const entries = Object.entries(kinds);
  let place = random() * entries.reduce((sum, [, [weight]]) => sum + weight, 0);
  const [name, [, kind]] = entries.find(([, [weight]]) => (place -= weight) < 0) ?? entries[0]!;
  const chosen = accounts[Math.floor(random() * accounts.length)]!;
  const chance: Chance = {
    worker,
    client,
    account: chosen,
    pick: (from) => from[Math.floor(random() * from.length)],
    send: async (flow) => void chosen.sessions.push(await run(client, flow)),
  };
  try {
    if ((await kind(chance)) !== false) report.done[name] = (report.done[name] ?? 0) + 1;
  } catch (error) {
    book(name, error, report);
  }
}

function book(name: string, error: unknown, report: Report): void {
  const database = error instanceof AuthError ? error.cause : error;
  if (database instanceof DatabaseError) {
    if (database.code === '40P01') {
      report.deadlocks += 1;
      return;
    }
    if (name === 'second factor' && database.code === '55P03') {
      report.gaveUp += 1;
      return;
    }
    if (database.code === 'PT403') {
      report.refused += 1;
      return;
    }
    // The user or the session went meanwhile (23503, P0002); two links or factors at once for one user (23505).
    if (['23503', '23505', 'P0002'].includes(database.code ?? '')) return;
  } else if (error instanceof AuthError) {
    if (error.status === 403 && /^(Session limit|Access revoked)/.test(error.message)) report.refused += 1;
    else if (!ORDINARY.includes(error.code)) report.unusual.push(`${name}: ${error.code}: ${error.message}`);
    return;
  }
  const where = database instanceof DatabaseError ? `${String(database.code)} ${database.where ?? ''}` : '';
  report.unusual.push(`${name}: ${String(error)} ${where}`);
}

const isOurs = (text: string): boolean => text.includes('supasession');

/** What the server has logged so far. Statements that take part in a deadlock stand nowhere else. */
async function serverLog(admin: Client): Promise<string> {
  const {rows} = await admin.query<{folder: string}>("select current_setting('data_directory') as folder");
  return readFile(join(dirname(rows[0]!.folder), 'server.log'), 'utf8');
}

/** The entries of the log that tell of a deadlock and come from one of these server processes. */
function deadlocksOf(log: string, pids: number[]): string[] {
  // An entry begins with its time; ERROR, DETAIL and CONTEXT of one error follow each other.
  const entries = log.split(/^(?=\d{4}-\d\d-\d\d [\d:.]+ \S+ \[\d+\] (?:ERROR|LOG|FATAL|WARNING))/m);
  return entries.filter((entry) => {
    const pid = Number(/\[(\d+)\]/.exec(entry)?.[1]);
    return entry.includes('deadlock detected') && pids.includes(pid);
  });
}

/**
 * Whether one of ours is what others in the deadlock wait for. Who only heads the queue for a row has nothing but a lock on the tuple:
 * without it, those behind would wait for the same holder and be just as dead (Auth alone has such deadlocks: a refresh by
 * algorithm 1 with a new password or a second factor).
 */
function hasPart(entry: string): boolean {
  const victim = /\[(\d+)\]/.exec(entry)?.[1];
  const named = [...entry.matchAll(/^.*?Process (\d+): (?:(?!^.*?Process \d+: |^\d{4}-)[^])*/gm)]
    .filter(([text]) => isOurs(text))
    .map(([, pid]) => pid);
  if (isOurs(entry.slice(entry.indexOf('CONTEXT:'))) && entry.includes('CONTEXT:')) named.push(victim);
  const waits = [...entry.matchAll(/Process \d+ waits for \w+ on (\w+) .*?; blocked by process (\d+)/g)];
  return waits.some(([, object, holder]) => object !== 'tuple' && named.includes(holder));
}
