/** The limit under concurrent requests, in the statement and lock order of Supabase Auth. test/slow asks for more of them. */
import type {Client} from 'pg';
import {
  AuthError,
  createSessions,
  createUser,
  deleteUser,
  generateMagicLink,
  liveSessions,
  mfaEnroll,
  mfaVerify,
  refresh,
  refreshV1,
  refreshV2,
  run,
  signInPassword,
  signOut,
  Steps,
  updatePassword,
  verifyMagicLink,
  type AuthSession,
  type AuthUser,
  type Flow,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure} from '../helpers/install.js';
import {THOROUGH} from '../helpers/thorough.js';
import {backendPid, isBlocked, until, untilBlocked, untilBlockedFor, untilSleeping} from '../helpers/wait.js';

const WORKERS = 16;

let database: TestDatabase;
let postgres: Client;
/** Watches from outside every transaction. */
let observer: Client;
/** Counts sessions without a pause, beside the observer. */
let counter: Client;
let auths: Client[];
let pids: number[];
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  observer = await database.connect('postgres');
  counter = await database.connect('postgres');
  auths = await Promise.all(Array.from({length: 20}, async () => database.connect('supabase_auth_admin')));
  pids = await Promise.all(auths.map(backendPid));
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

const strategies = ['dequeue', 'reject'] as const;
const algorithms = [1, 2] as const;

/** Connection `n` of Auth's pool. */
function auth(n: number): Client {
  const client = auths[n];
  if (!client) throw new Error(`there is no connection ${n}`);
  return client;
}

function pid(n: number): number {
  return pids[n] ?? 0;
}

/** The result of a request, or the error of Auth that it failed with; anything else is thrown. */
async function outcome<T>(request: Promise<T>): Promise<T | AuthError> {
  return request.catch((error: unknown) => {
    if (error instanceof AuthError) return error;
    throw error;
  });
}

function failures(outcomes: unknown[]): AuthError[] {
  return outcomes.filter((result) => result instanceof AuthError);
}

async function oneSession(userId = user.userId): Promise<AuthSession> {
  const [session] = await createSessions(postgres, [userId], 1);
  if (!session) throw new Error('no session was made');
  return session;
}

/** Runs `work`, counting the user's live sessions all the while. Returns the highest count of any sample, and how many there were. */
async function watching(userIds: string[], work: () => Promise<void>): Promise<{highest: number; samples: number}> {
  let [highest, samples, over] = [0, 0, false];
  const watch = async (): Promise<void> => {
    while (!over) {
      const {rows} = await counter.query<{most: number}>(
        `select coalesce(max(live), 0)::int as most from (
           select count(*) as live from auth.sessions
           where user_id = any ($1) and (not_after is null or not_after > clock_timestamp()) group by user_id) as counts`,
        [userIds],
      );
      highest = Math.max(highest, rows[0]?.most ?? 0);
      samples += 1;
    }
  };
  const watched = watch();
  try {
    await work();
  } finally {
    over = true;
    await watched;
  }
  return {highest, samples};
}

/** Starts one request on each connection, all held up until every one of them waits, then lets them go together. */
async function atOnce<T>(flows: Flow<T>[]): Promise<(T | AuthError)[]> {
  await postgres.query('begin');
  await postgres.query('select from auth.users where id = $1 for update', [user.userId]);
  const requests = flows.map(async (flow, n) => outcome(run(auth(n), flow)));
  await untilBlocked(observer, ...pids.slice(0, flows.length));
  await postgres.query('commit');
  return Promise.all(requests);
}

/** The names of a flow's statements on the way to its end, from a trial run. */
async function statements(flow: Flow<unknown>): Promise<string[]> {
  const trial = new Steps(auth(0), flow);
  const names: string[] = [];
  for (let name = trial.next; name !== undefined; name = trial.next) {
    names.push(name);
    await trial.step();
  }
  return names;
}

/** The sessions of the user that are noted to end at their refresh. */
async function pendingEnds(): Promise<string[]> {
  const {rows} = await observer.query<{session_id: string}>(
    'select session_id from supasession.pending_ends where user_id = $1',
    [user.userId],
  );
  return rows.map(({session_id}) => session_id);
}

describe.each(algorithms)('sign-ins at once for one user, refresh token algorithm %i', (algorithm) => {
  describe.each([
    {count: 2, max_sessions: 1},
    {count: 20, max_sessions: 3},
  ])('$count of them with a limit of $max_sessions', ({count, max_sessions}) => {
    it('never exceed the limit under reject', async () => {
      await configure(postgres, {enabled: true, max_sessions, strategy: 'reject'});
      let results: unknown[] = [];
      const {highest, samples} = await watching([user.userId], async () => {
        results = await atOnce(Array.from({length: count}, () => signInPassword(user.email, {algorithm})));
      });
      expect(samples).toBeGreaterThan(0);
      expect(highest).toBeLessThanOrEqual(max_sessions);
      expect(failures(results).map(({sqlstate}) => sqlstate)).toEqual(Array(count - max_sessions).fill('PT403'));
      expect(await liveSessions(postgres, user.userId)).toHaveLength(max_sessions);
    });

    it('settle at the limit under dequeue, and none is refused', async () => {
      await configure(postgres, {enabled: true, max_sessions, strategy: 'dequeue'});
      let results: unknown[] = [];
      const {highest} = await watching([user.userId], async () => {
        results = await atOnce(Array.from({length: count}, () => signInPassword(user.email, {algorithm})));
      });
      expect(failures(results)).toEqual([]);
      expect(highest).toBeLessThanOrEqual(max_sessions);
      expect(await liveSessions(postgres, user.userId)).toHaveLength(max_sessions);
    });
  });
});

describe('16 workers on two users', () => {
  const OPERATIONS = THOROUGH ? 640 : 160;
  const LIMIT = 3;
  /** What Auth answers in the ordinary course of things when requests of one user overlap. */
  const ORDINARY = [
    'session_expired',
    'refresh_token_not_found',
    'refresh_token_already_used',
    'session_not_found',
    'otp_expired',
  ];

  interface Account extends AuthUser {
    sessions: AuthSession[];
    link: string | undefined;
  }

  /** Numbers from 0 to below `bound`, the same at every run (a linear congruential generator). */
  function sequence(seed: number): (bound: number) => number {
    let state = seed;
    return (bound) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * bound);
    };
  }

  const newSession = async (client: Client, account: Account, flow: Flow<AuthSession>): Promise<void> => {
    account.sessions.push(await run(client, flow));
  };

  const operations = {
    signIn: async (client: Client, account: Account, algorithm: 1 | 2) =>
      newSession(client, account, signInPassword(account.email, {algorithm})),
    magicLink: async (client: Client, account: Account, algorithm: 1 | 2) => {
      account.link ??= await run(client, generateMagicLink(account.email));
      const {link} = account;
      account.link = undefined;
      await newSession(client, account, verifyMagicLink(link, {algorithm}));
    },
    refresh: async (client: Client, account: Account) => {
      const session = account.sessions.shift();
      if (session) await newSession(client, account, refresh(session));
    },
    updatePassword: async (client: Client, account: Account) => {
      const session = account.sessions.at(-1);
      if (session) await run(client, updatePassword(session));
    },
    signOut: async (client: Client, account: Account) => {
      const session = account.sessions.shift();
      if (session) await run(client, signOut(session));
    },
  };
  type Operation = keyof typeof operations;
  // As in life, most requests are refreshes and sign-ins.
  const usual: Operation[] = [
    'signIn',
    'signIn',
    'signIn',
    'magicLink',
    'refresh',
    'refresh',
    'refresh',
    'refresh',
    'signOut',
  ];

  /** Runs the mix and returns what failed in other ways than ORDINARY or a refusal, and the highest count of live sessions seen. */
  async function load(
    mix: Operation[],
    algorithm: 1 | 2,
  ): Promise<{unusual: AuthError[]; done: number; highest: number}> {
    const accounts: Account[] = [];
    for (let n = 0; n < 2; n += 1) accounts.push({...(await createUser(postgres)), sessions: [], link: undefined});
    const random = sequence(algorithm);
    const unusual: AuthError[] = [];
    let [started, done] = [0, 0];
    const worker = async (client: Client): Promise<void> => {
      while (started < OPERATIONS) {
        started += 1;
        const account = accounts[random(2)];
        const operation = mix[random(mix.length)];
        if (!account || !operation) throw new Error('nothing to do');
        const result = await outcome(operations[operation](client, account, algorithm));
        if (!(result instanceof AuthError)) done += 1;
        else if (result.sqlstate !== 'PT403' && !ORDINARY.includes(result.code)) unusual.push(result);
      }
    };
    const {highest} = await watching(
      accounts.map(({userId}) => userId),
      async () => {
        await Promise.all(auths.slice(0, WORKERS).map(worker));
      },
    );
    // One more refresh of what is left ends what had to be skipped while a refresh was in flight.
    for (const {userId, sessions} of accounts) {
      for (const session of sessions) await outcome(run(auth(0), refresh(session)));
      expect((await liveSessions(postgres, userId)).length).toBeLessThanOrEqual(LIMIT);
    }
    return {unusual, done, highest};
  }

  describe.each(strategies)('under %s', (strategy) => {
    beforeEach(async () => configure(postgres, {enabled: true, max_sessions: LIMIT, strategy}));

    it('sign in, follow magic links, refresh by algorithm 1 and sign out without a deadlock', async () => {
      const {unusual, done, highest} = await load(usual, 1);
      expect(unusual).toEqual([]);
      expect(done).toBeGreaterThan(OPERATIONS / 10);
      if (strategy === 'reject') expect(highest).toBeLessThanOrEqual(LIMIT);
    });

    it('do that by algorithm 2, and change passwords, without a deadlock', async () => {
      const {unusual, done, highest} = await load([...usual, 'updatePassword'], 2);
      expect(unusual).toEqual([]);
      expect(done).toBeGreaterThan(OPERATIONS / 10);
      if (strategy === 'reject') expect(highest).toBeLessThanOrEqual(LIMIT);
    });
  });
});

describe('a session that is being refreshed when a sign-in wants its place', () => {
  const flows = {v1: refreshV1, v2: refreshV2};

  it.each(Object.entries(flows))('is skipped without waiting and ended by its own refresh (%s)', async (_, flow) => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    const session = await oneSession();
    const refreshing = new Steps(auth(0), flow(session));
    await refreshing.through('lock sessions');

    // Finishes although the victim is locked: nothing here waits.
    const next = await run(auth(1), signInPassword(user.email));
    expect(await liveSessions(observer, user.userId)).toEqual([session.sessionId, next.sessionId]);
    expect(await pendingEnds()).toEqual([session.sessionId]);

    const refreshed = await refreshing.finish();
    expect(await liveSessions(observer, user.userId)).toEqual([next.sessionId]);
    expect(await pendingEnds()).toEqual([]);
    await expect(run(auth(0), flow(refreshed))).rejects.toMatchObject({code: 'session_expired'});
    const {rows} = await observer.query(
      'select kind, session_id, caused_by from supasession.events where user_id = $1',
      [user.userId],
    );
    expect(rows).toEqual([{kind: 'evicted', session_id: session.sessionId, caused_by: next.sessionId}]);
  });

  it.each(Object.entries(flows))('no longer counts: the next sign-in ends another one (%s)', async (_, flow) => {
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'dequeue'});
    const [first, second] = await createSessions(observer, [user.userId], 2);
    if (!first || !second) throw new Error('two sessions expected');
    const refreshing = new Steps(auth(0), flow(first));
    await refreshing.through('lock sessions');
    const third = await run(auth(1), signInPassword(user.email));
    const fourth = await run(auth(1), signInPassword(user.email));
    expect(await pendingEnds()).toEqual([first.sessionId]);
    expect(await liveSessions(observer, user.userId)).toEqual([first, third, fourth].map(({sessionId}) => sessionId));
    await refreshing.finish();
    expect(await liveSessions(observer, user.userId)).toEqual([third, fourth].map(({sessionId}) => sessionId));
  });

  it('leaves its place to the next one under reject too, once it is noted', async () => {
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'dequeue'});
    const [first] = await createSessions(observer, [user.userId], 2);
    if (!first) throw new Error('a session expected');
    const refreshing = new Steps(auth(0), refreshV2(first));
    await refreshing.through('lock sessions');
    await run(auth(1), signInPassword(user.email));
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'reject'});
    // Two count. With the noted one it would be three.
    await run(auth(1), signInPassword(user.email));
    await expect(run(auth(1), signInPassword(user.email))).rejects.toMatchObject({sqlstate: 'PT403'});
    await refreshing.finish();
    expect(await liveSessions(observer, user.userId)).toHaveLength(3);
  });

  it.each(Object.entries(flows))('at any statement of its refresh: one is left at rest (%s)', async (_, flow) => {
    const points = await statements(flow(await oneSession()));
    expect(points).toContain('update sessions');
    for (let stop = 1; stop < points.length; stop += 1) {
      await postgres.query('delete from auth.sessions where user_id = $1', [user.userId]);
      const session = await oneSession();
      await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
      const refreshing = new Steps(auth(0), flow(session));
      for (let n = 0; n < stop; n += 1) await refreshing.step();
      let finished = false;
      const signingIn = outcome(run(auth(1), signInPassword(user.email))).finally(() => (finished = true));
      await until('the sign-in is done or waits', async () => finished || isBlocked(observer, pid(1)));
      const results = [await outcome(refreshing.finish()), await signingIn];
      // Before it locks its session, the refresh finds it gone.
      const failed = failures(results).filter(({code}) => code !== 'refresh_token_not_found' && code !== 'conflict');
      expect({stop: points[stop - 1], failed}).toEqual({stop: points[stop - 1], failed: []});
      const [next] = results.slice(1) as AuthSession[];
      expect({stop: points[stop - 1], live: await liveSessions(observer, user.userId)}).toEqual({
        stop: points[stop - 1],
        live: [next?.sessionId],
      });
      await configure(postgres, {enabled: false});
    }
  });

  it('is ended by its own refresh even if the sign-in commits only while that waits for the user', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    const session = await oneSession();
    const refreshing = new Steps(auth(0), refreshV2(session));
    await refreshing.before('update sessions');
    await refreshing.step();
    await refreshing.before('update sessions');
    const signingIn = new Steps(auth(1), signInPassword(user.email));
    await signingIn.through('insert sessions');

    const done = refreshing.finish();
    await untilSleeping(observer, pid(0));
    const next = await signingIn.finish();
    await done;
    expect(await liveSessions(observer, user.userId)).toEqual([next.sessionId]);
  });

  it('is refused its place under reject: it still counts, and goes on', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    const session = await oneSession();
    const refreshing = new Steps(auth(0), refreshV2(session));
    await refreshing.through('lock sessions');
    await expect(run(auth(1), signInPassword(user.email))).rejects.toMatchObject({sqlstate: 'PT403'});
    await refreshing.finish();
    expect(await liveSessions(observer, user.userId)).toEqual([session.sessionId]);
  });
});

describe('a session that verifies a second factor when a sign-in wants its place', () => {
  interface Case {
    algorithm: 1 | 2;
    stop: string;
  }
  // Auth writes the user for its tokens of algorithm 1 only; we lock the user when the session rises.
  const holding: Case[] = [
    {algorithm: 1, stop: 'update users'},
    {algorithm: 1, stop: 'update sessions'},
    {algorithm: 2, stop: 'update sessions'},
  ];

  it.each(holding)(
    'after "$stop" (algorithm $algorithm): the sign-in comes after it and both succeed',
    async (given) => {
      const {algorithm, stop} = given;
      await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
      const session = await run(auth(0), signInPassword(user.email, {algorithm}));
      const factor = await run(auth(0), mfaEnroll(session));
      const verifying = new Steps(auth(0), mfaVerify(session, factor));
      await verifying.through(stop);
      const signingIn = run(auth(1), signInPassword(user.email, {algorithm}));
      await untilBlocked(observer, pid(1));
      await verifying.finish();
      const next = await signingIn;
      // The new one is pending, and makes room among its like only.
      expect(await liveSessions(observer, user.userId)).toEqual([session.sessionId, next.sessionId]);
    },
  );

  const before: Case[] = ['insert mfa_amr_claims', 'lock sessions'].flatMap((stop) =>
    algorithms.map((algorithm): Case => ({algorithm, stop})),
  );

  it.each(before)(
    'after "$stop" (algorithm $algorithm): the sign-in takes its place without waiting, and it ends as it rises',
    async ({algorithm, stop}) => {
      await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
      const session = await run(auth(0), signInPassword(user.email, {algorithm}));
      const factor = await run(auth(0), mfaEnroll(session));
      const verifying = new Steps(auth(0), mfaVerify(session, factor));
      await verifying.through(stop);
      const next = await run(auth(1), signInPassword(user.email, {algorithm}));
      expect(await pendingEnds()).toEqual([session.sessionId]);
      await verifying.finish();
      // Auth itself ends all others of the user with a second factor.
      expect(await liveSessions(observer, user.userId)).not.toContain(session.sessionId);
      expect(next.sessionId).toBeDefined();
      expect(await pendingEnds()).toEqual([]);
    },
  );

  it.each(algorithms)(
    'before that (algorithm %i): the sign-in takes its place, and the verification fails',
    async (algorithm) => {
      await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
      const session = await run(auth(0), signInPassword(user.email, {algorithm}));
      const factor = await run(auth(0), mfaEnroll(session));
      const verifying = new Steps(auth(0), mfaVerify(session, factor));
      await verifying.before('insert mfa_amr_claims');
      const next = await run(auth(1), signInPassword(user.email, {algorithm}));
      // The session has gone: Auth's claim breaks the foreign key, and nothing of the verification is left.
      expect(await outcome(verifying.finish())).toMatchObject({sqlstate: '23503', statement: 'insert mfa_amr_claims'});
      expect(await liveSessions(observer, user.userId)).toEqual([next.sessionId]);
      const {rows} = await observer.query('select status from auth.mfa_factors where id = $1', [factor]);
      expect(rows).toEqual([{status: 'unverified'}]);
    },
  );
});

describe('a refresh that finds the user locked', () => {
  it('passes after half a second with the session left alone, and the next refresh ends it', async () => {
    const sessions = await createSessions(postgres, [user.userId], 2);
    const [first] = sessions;
    if (!first) throw new Error('no session was made');
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    await postgres.query('begin');
    await postgres.query('select from auth.users where id = $1 for no key update', [user.userId]);
    const start = performance.now();
    await run(auth(0), refreshV2(first));
    const waited = performance.now() - start;
    await postgres.query('commit');
    // 500 ms; the clock of the timer that ends the wait may run a little ahead of ours.
    expect(waited).toBeGreaterThan(450);
    expect(await liveSessions(observer, user.userId)).toEqual(sessions.map(({sessionId}) => sessionId));

    await run(auth(0), refreshV2(first));
    expect(await liveSessions(observer, user.userId)).toEqual(sessions.slice(1).map(({sessionId}) => sessionId));
  });

  it("is in nobody's way meanwhile: a password change and a sign-in that wait all along are not killed as a deadlock", async () => {
    const [session, other] = await createSessions(postgres, [user.userId], 2);
    if (!session || !other) throw new Error('two sessions expected');
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'dequeue'});
    const refreshing = new Steps(auth(0), refreshV2(session));
    await refreshing.through('lock sessions');
    // Holds the user and waits for the session; then the sign-in heads the queue for the user.
    const changing = run(auth(1), updatePassword(other));
    await untilBlocked(observer, pid(1));
    const signingIn = run(auth(2), signInPassword(user.email));
    // Postgres looks for a deadlock once, a second (deadlock_timeout) after a wait began: the refresh must be waiting then.
    await untilBlockedFor(observer, pid(2), 700);
    const [, , next] = await Promise.all([refreshing.finish(), changing, signingIn]);
    expect(await liveSessions(observer, user.userId)).toEqual([other.sessionId, next.sessionId]);
  });

  it('leaves the lock_timeout of its transaction as it was', async () => {
    const session = await oneSession();
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    const refreshing = new Steps(auth(0), refreshV2(session));
    await refreshing.before('commit');
    const {rows} = await auth(0).query('show lock_timeout');
    expect(rows).toEqual([{lock_timeout: '0'}]);
    await refreshing.finish();
  });

  it('gets past a password change that waits for its session', async () => {
    const [session, other] = await createSessions(postgres, [user.userId], 2);
    if (!session || !other) throw new Error('two sessions expected');
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'dequeue'});
    const refreshing = new Steps(auth(0), refreshV2(session));
    await refreshing.through('lock sessions');
    const changing = run(auth(1), updatePassword(other));
    await untilBlocked(observer, pid(1));
    await refreshing.finish();
    await changing;
    expect(await liveSessions(observer, user.userId)).toEqual([other.sessionId]);
  });
});

describe.each(['repeatable read', 'serializable'])('with %s as the default of Auth', (isolation) => {
  beforeAll(async () => {
    for (const client of auths) await client.query(`set default_transaction_isolation = '${isolation}'`);
  });
  afterAll(async () => {
    for (const client of auths) await client.query('reset default_transaction_isolation');
  });

  const LIMIT = 3;
  /** What a sign-in sends to the table, by itself. */
  function* bareInsert(): Flow<undefined> {
    yield {
      name: 'insert sessions',
      sql: `insert into sessions (id, user_id, created_at, updated_at, aal)
            values (gen_random_uuid(), $1, clock_timestamp(), clock_timestamp(), 'aal1')`,
      values: [user.userId],
    };
    return undefined;
  }
  const ways: [string, () => Flow<unknown>][] = [
    ['bare inserts', bareInsert],
    ['sign-ins by password', () => signInPassword(user.email)],
  ];

  describe.each(strategies)('under %s', (strategy) => {
    it.each(ways)(
      'of 16 %s at once none gets past the limit, and who failed by 40001 may try again',
      async (_, flow) => {
        await configure(postgres, {enabled: true, max_sessions: LIMIT, strategy});
        let again = 0;
        const {highest} = await watching([user.userId], async () => {
          const first = await atOnce(Array.from({length: WORKERS}, flow));
          await Promise.all(
            first.map(async (result, n) => {
              let last: unknown = result;
              while (last instanceof AuthError && last.sqlstate === '40001') {
                again += 1;
                last = await outcome(run(auth(n), flow()));
              }
              const state = last instanceof AuthError ? last.sqlstate : 'done';
              expect(strategy === 'reject' ? ['done', 'PT403'] : ['done']).toContain(state);
            }),
          );
        });
        expect(highest).toBeLessThanOrEqual(LIMIT);
        expect(await liveSessions(observer, user.userId)).toHaveLength(LIMIT);
        // Else this would have shown nothing.
        expect(again).toBeGreaterThan(0);
      },
    );
  });

  it('refreshes beside sign-ins end what is over the limit, and who failed by 40001 may try again', async () => {
    const made = await createSessions(postgres, [user.userId], LIMIT);
    await configure(postgres, {enabled: true, max_sessions: LIMIT, strategy: 'dequeue'});
    const flows = (n: number): Flow<unknown> => {
      const session = made[n];
      return session ? refreshV2(session) : signInPassword(user.email);
    };
    await Promise.all(
      Array.from({length: 2 * LIMIT}, async (_, n) => {
        let last: unknown;
        do last = await outcome(run(auth(n), flows(n)));
        while (last instanceof AuthError && last.sqlstate === '40001');
        if (last instanceof AuthError) expect(last.sqlstate).toBeUndefined();
      }),
    );
    for (const {sessionId} of made)
      await outcome(run(auth(0), refreshV2({sessionId, userId: user.userId, refreshToken: null})));
    expect(await liveSessions(observer, user.userId)).toHaveLength(LIMIT);
  });
});

it.each(strategies)(
  'a sign-in that waits for the user while access is revoked is refused, under %s',
  async (strategy) => {
    await configure(postgres, {enabled: true, max_sessions: 3, strategy});
    await postgres.query('begin');
    await postgres.query('select supasession.revoke_access($1)', [user.userId]);
    const signingIn = outcome(run(auth(0), signInPassword(user.email)));
    await untilBlocked(observer, pid(0));
    await postgres.query('commit');
    expect(await signingIn).toMatchObject({sqlstate: 'PT403'});
    expect(await liveSessions(observer, user.userId)).toEqual([]);
  },
);

it('Auth alone, with limits off, deadlocks on a refresh by algorithm 1 and a password change: why the load leaves that pair out', async () => {
  const [session, other] = await createSessions(postgres, [user.userId], 2);
  if (!session || !other) throw new Error('two sessions expected');
  const refreshing = new Steps(auth(0), refreshV1(session));
  await refreshing.through('lock sessions');
  const changing = outcome(run(auth(1), updatePassword(other)));
  await untilBlocked(observer, pid(1));
  const results = [await outcome(refreshing.finish()), await changing];
  expect(failures(results).map(({sqlstate}) => sqlstate)).toEqual(['40P01']);
});

it('a sign-in whose user is deleted meanwhile fails by the foreign key and leaves nothing', async () => {
  await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
  const deleting = new Steps(auth(0), deleteUser(user.userId));
  await deleting.before('commit');
  const signingIn = outcome(run(auth(1), signInPassword(user.email)));
  await untilBlocked(observer, pid(1));
  await deleting.finish();
  expect(await signingIn).toMatchObject({sqlstate: '23503'});
});

describe('a sign-in by magic link beside one by password, stopped at every statement', () => {
  const sides = ['magic link', 'password'] as const;
  const cases = strategies.flatMap((strategy) => sides.map((first) => ({strategy, first})));

  it.each(cases)('$first first, under $strategy: no deadlock, and one session is left', async ({strategy, first}) => {
    await configure(postgres, {enabled: false});
    const link = async (): Promise<Flow<AuthSession>> =>
      verifyMagicLink(await run(auth(0), generateMagicLink(user.email)));
    const flow = {
      'magic link': link,
      password: async () => Promise.resolve(signInPassword(user.email)),
    };
    const second = first === 'password' ? 'magic link' : 'password';
    const points = await statements(await flow[first]());
    expect(points).toContain('insert sessions');
    for (let stop = 1; stop < points.length; stop += 1) {
      await postgres.query('delete from auth.sessions where user_id = $1', [user.userId]);
      await configure(postgres, {enabled: true, max_sessions: 1, strategy});
      const [ahead, behind] = [await flow[first](), await flow[second]()];
      const stopped = new Steps(auth(0), ahead);
      for (let n = 0; n < stop; n += 1) await stopped.step();

      // The other one runs until it is done or waits for the stopped one.
      let finished = false;
      const other = outcome(run(auth(1), behind)).finally(() => (finished = true));
      await until('the other sign-in is done or waits', async () => finished || isBlocked(observer, pid(1)));
      const results = [await outcome(stopped.finish()), await other];

      const failed = failures(results).map(({sqlstate}) => sqlstate);
      expect({stop: points[stop - 1], failed}).toEqual({
        stop: points[stop - 1],
        failed: strategy === 'reject' ? ['PT403'] : [],
      });
      expect(await liveSessions(observer, user.userId)).toHaveLength(1);
    }
  });
});
