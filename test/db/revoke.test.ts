/** revoke_session() and revoke_user_sessions(), beside refreshes and sign-ins at each of their statements. */
import type {Client} from 'pg';
import {
  AuthError,
  createSessions,
  createUser,
  generateMagicLink,
  liveSessions,
  refreshV1,
  refreshV2,
  run,
  signInPassword,
  Steps,
  verifyMagicLink,
  type AuthSession,
  type AuthUser,
  type Flow,
} from '../helpers/auth.js';
import {ask, claimsOf} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure} from '../helpers/install.js';
import {interrupt, outcome} from '../helpers/interrupt.js';
import {sample} from '../helpers/thorough.js';
import {backendPid, untilBlocked, untilSleeping} from '../helpers/wait.js';

let database: TestDatabase;
let postgres: Client;
let observer: Client;
let auth: Client;
let api: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  [postgres, observer, auth, api] = (await Promise.all(
    ['postgres', 'postgres', 'supabase_auth_admin', 'authenticator'].map(async (role) => database.connect(role)),
  )) as [Client, Client, Client, Client];
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

async function sessions(count: number, userId = user.userId): Promise<AuthSession[]> {
  return createSessions(postgres, [userId], count);
}

async function oneSession(userId = user.userId): Promise<AuthSession> {
  const [session] = await sessions(1, userId);
  if (!session) throw new Error('no session was made');
  return session;
}

async function call<T>(sql: string, values: unknown[], client = postgres): Promise<T> {
  const {rows} = await client.query<{answer: T}>(`select ${sql} as answer`, values);
  return (rows[0] as {answer: T}).answer;
}

const ids = (list: AuthSession[]): string[] => list.map(({sessionId}) => sessionId);

/** The sessions of the user that were in use when they were to be ended. */
async function pending(): Promise<string[]> {
  const {rows} = await postgres.query<{session_id: string}>(
    'select session_id from supasession.pending_ends where user_id = $1',
    [user.userId],
  );
  return rows.map(({session_id}) => session_id);
}

describe('revoke_session()', () => {
  it('ends that session, with its refresh token, and no other', async () => {
    const [first, second] = (await sessions(2)) as [AuthSession, AuthSession];
    const others = await sessions(2, (await createUser(postgres)).userId);
    expect(await call('supasession.revoke_session($1)', [first.sessionId])).toBe(true);
    expect(await liveSessions(postgres, user.userId)).toEqual([second.sessionId]);
    expect(await liveSessions(postgres, others[0]?.userId ?? '')).toEqual(ids(others));
    expect(await outcome(run(auth, refreshV1(first)))).toMatchObject({code: 'refresh_token_not_found'});
    await run(auth, refreshV1(second));
    expect(await pending()).toEqual([]);
  });

  it('says no for one that is not there, or is null', async () => {
    expect(await call('supasession.revoke_session(gen_random_uuid())', [])).toBe(false);
    expect(await call('supasession.revoke_session(null)', [])).toBe(false);
  });

  it('writes what it did into the history', async () => {
    const session = await oneSession();
    await call('supasession.revoke_session($1)', [session.sessionId]);
    const {rows} = await postgres.query(
      'select kind, session_id, caused_by from supasession.events where user_id = $1',
      [user.userId],
    );
    expect(rows).toEqual([{kind: 'revoked', session_id: session.sessionId, caused_by: 'postgres'}]);
  });
});

describe('revoke_user_sessions()', () => {
  it('ends all sessions of the user and nobody else’s', async () => {
    await sessions(3);
    const others = await sessions(2, (await createUser(postgres)).userId);
    expect(await call('supasession.revoke_user_sessions($1)', [user.userId])).toBe(3);
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
    expect(await liveSessions(postgres, others[0]?.userId ?? '')).toEqual(ids(others));
    expect(await call('supasession.revoke_user_sessions($1)', [user.userId])).toBe(0);
    expect(await call('supasession.revoke_user_sessions(null)', [])).toBe(0);
  });

  it('keeps those that are named, also beside a null and one of somebody else', async () => {
    const made = ids(await sessions(4));
    const foreign = await oneSession((await createUser(postgres)).userId);
    const keep = [made[1], null, foreign.sessionId, made[3]];
    expect(await call('supasession.revoke_user_sessions($1, $2)', [user.userId, keep])).toBe(2);
    expect(await liveSessions(postgres, user.userId)).toEqual([made[1], made[3]]);
  });

  it.each([[[null]], [[]], [null]])('ends all where none is named: %j', async (keep) => {
    await sessions(2);
    expect(await call('supasession.revoke_user_sessions($1, $2)', [user.userId, keep])).toBe(2);
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
  });
});

it.each(['anon', 'authenticated'])('%s may call none of them', async (role) => {
  const session = await oneSession();
  for (const sql of [
    `select supasession.revoke_session('${session.sessionId}')`,
    `select supasession.revoke_user_sessions('${user.userId}')`,
    `insert into supasession.pending_ends (session_id, user_id) values ('${session.sessionId}', '${user.userId}')`,
  ])
    await expect(ask(api, {role}, sql)).rejects.toMatchObject({code: '42501'});
  expect(await liveSessions(postgres, user.userId)).toEqual([session.sessionId]);
});

it('service_role may call them through the Data API', async () => {
  const made = await sessions(2);
  const request = {role: 'service_role'};
  await ask(api, request, 'select supasession.revoke_session($1)', [made[0]?.sessionId]);
  await ask(api, request, 'select supasession.revoke_user_sessions($1)', [user.userId]);
  expect(await liveSessions(postgres, user.userId)).toEqual([]);
});

const refreshes = [
  ['refresh v1', refreshV1],
  ['refresh v2', refreshV2],
] as const;
const settings = [
  ['with limits off', {enabled: false}],
  ['with limits on', {enabled: true, max_sessions: 3}],
  ['in observe mode', {enabled: true, max_sessions: 3, mode: 'observe'}],
] as const;

const raced = sample(settings, ([name]) => name === 'with limits on');

describe.each(raced)('%s', (_, config) => {
  beforeEach(async () => configure(postgres, config));

  describe.each(refreshes)('a %s in flight, at each of its statements', (__, refresh) => {
    it.each([
      ['revoke_session', 'supasession.revoke_session($1)'],
      ['revoke_user_sessions', 'supasession.revoke_user_sessions((select user_id from auth.sessions where id = $1))'],
    ])('leaves no survivor of %s(), and nobody is killed', async (___, sql) => {
      for (let count = 0; ; count++) {
        const session = await oneSession();
        const seen = await interrupt({auth, other: postgres, observer}, refresh(session), count, async () =>
          call(sql, [session.sessionId]),
        );
        if (!seen) break;
        const next = seen.result instanceof AuthError ? session : seen.result;
        const after = await outcome(run(auth, refresh(next)));
        // Otherwise no row is locked: what was revoked after the refresh had asked ends with the next one.
        if (config.enabled && !('mode' in config))
          expect([seen.before, after]).toEqual([seen.before, expect.any(AuthError)]);
        expect([seen.before, await liveSessions(postgres, user.userId)]).toEqual([seen.before, []]);
      }
      expect(await pending()).toEqual([]);
    });
  });
});

describe.each(settings)('a session that is revoked while it is being refreshed, %s', (_, config) => {
  /** What it and another session of its user are told about it, as its requests would be. */
  async function told(session: AuthSession, other: AuthSession): Promise<unknown> {
    const [own] = await ask<object>(
      api,
      {claims: claimsOf(session), readOnly: true},
      `select supasession.has_access() as access, supasession.is_live() as live, supasession.session_age() is not null as age,
         (select count(*)::int from supasession.my_sessions()) as listed`,
    );
    const list = await ask<{id: string}>(api, {claims: claimsOf(other)}, 'select id from supasession.my_sessions()');
    return {...own, seen: list.map(({id}) => id)};
  }

  beforeEach(async () => configure(postgres, config));

  it.each(refreshes)(
    'has ended for all who ask from that moment on, and ends at that refresh (%s)',
    async (__, refresh) => {
      const [session, other] = (await sessions(2)) as [AuthSession, AuthSession];
      expect(await told(session, other)).toEqual({
        ...{access: true, live: true, age: true, listed: 2},
        seen: ids([other, session]),
      });
      const refreshing = new Steps(auth, refresh(session));
      await refreshing.through('lock sessions');
      expect(await call('supasession.revoke_session($1)', [session.sessionId])).toBe(true);
      expect(await pending()).toEqual([session.sessionId]);
      expect(await told(session, other)).toEqual({
        ...{access: false, live: false, age: false, listed: 0},
        seen: [other.sessionId],
      });
      expect(await call('supasession.revoke_session($1)', [session.sessionId])).toBe(false);
      const {rows: history} = await postgres.query('select kind from supasession.events where session_id = $1', [
        session.sessionId,
      ]);
      expect(history).toEqual([{kind: 'revoked'}]);
      const next = await refreshing.finish();
      expect(await liveSessions(postgres, user.userId)).toEqual([other.sessionId]);
      expect(await pending()).toEqual([]);
      expect(await outcome(run(auth, refresh(next)))).toMatchObject({code: 'session_expired'});
    },
  );
});

it('with limits off, a session that is revoked after its refresh has asked (v2) has no access, and ends at the next one', async () => {
  const session = await oneSession();
  const refreshing = new Steps(auth, refreshV2(session));
  await refreshing.before('commit');
  expect(await call('supasession.revoke_session($1)', [session.sessionId])).toBe(true);
  await refreshing.finish();
  expect(await liveSessions(postgres, user.userId)).toEqual([session.sessionId]);
  const access = await ask(api, {claims: claimsOf(session)}, 'select supasession.has_access() as access');
  expect(access).toEqual([{access: false}]);
  await run(auth, refreshV2(session));
  expect(await liveSessions(postgres, user.userId)).toEqual([]);
  expect(await pending()).toEqual([]);
});

describe('20,000 sessions of one user', () => {
  const COUNT = 20_000;
  let superuser: Client;

  beforeEach(async () => {
    superuser = await database.connect('supabase_admin');
    await superuser.query("set session_replication_role = replica; set track_functions = 'all'");
    await superuser.query(
      `insert into auth.sessions (id, user_id, created_at, aal)
       select gen_random_uuid(), $1, now() - n * interval '1 second', 'aal1' from generate_series(1, $2) n`,
      [user.userId, COUNT],
    );
    await superuser.query("set session_replication_role = origin; set statement_timeout = '5s'");
  });

  afterEach(async () => superuser.end());

  it.each([
    ['revoke_user_sessions', 'supasession.revoke_user_sessions($1)'],
    ['revoke_access', "supasession.revoke_access($1, 'fraud')"],
  ])(
    'all end in one call of %s(), each with its entry in the history, and none is gone through by itself',
    async (_, sql) => {
      const {rows} = await observer.query<{id: string}>('select id from auth.sessions where user_id = $1 limit 1', [
        user.userId,
      ]);
      const inUse = rows[0]?.id;
      await auth.query('begin');
      await auth.query('select from sessions where id = $1 for update', [inUse]);
      try {
        await superuser.query('begin');
        expect(await call(sql, [user.userId], superuser)).toBe(COUNT);
        const {rows: often} = await superuser.query(
          "select funcname, calls from pg_stat_xact_user_functions where schemaname = 'supasession' and calls > 5",
        );
        expect(often).toEqual([]);
        await superuser.query('commit');
      } finally {
        await auth.query('rollback');
      }
      expect(await liveSessions(postgres, user.userId)).toEqual([inUse]);
      expect(await pending()).toEqual([inUse]);
      const {rows: history} = await observer.query(
        `select count(*)::int as entries, count(distinct session_id)::int as sessions from supasession.events
       where user_id = $1 and kind = 'revoked'`,
        [user.userId],
      );
      expect(history).toEqual([{entries: COUNT, sessions: COUNT}]);
    },
  );
});

describe.each([1, 2] as const)(
  'a sign-in in flight, refresh token algorithm %i, at each of its statements',
  (algorithm) => {
    const flows: [string, () => Promise<Flow<AuthSession>>][] = [
      ['password', async () => signInPassword(user.email, {algorithm})],
      ['magic link', async () => verifyMagicLink(await run(auth, generateMagicLink(user.email)), {algorithm})],
    ];

    it.each(flows)('by %s: all sessions that were there before it took its turn end', async (_, flow) => {
      let ended = 0;
      for (let count = 0; ; count++) {
        const before = await sessions(2);
        const seen = await interrupt({auth, other: postgres, observer}, await flow(), count, async () =>
          call('supasession.revoke_user_sessions($1)', [user.userId]),
        );
        if (!seen) {
          await call('supasession.revoke_user_sessions($1)', [user.userId]);
          break;
        }
        if (seen.result instanceof AuthError) throw seen.result;
        const live = await liveSessions(postgres, user.userId);
        expect([seen.before, live.filter((id) => ids(before).includes(id))]).toEqual([seen.before, []]);
        if (live.length === 0) ended += 1;
        await call('supasession.revoke_user_sessions($1)', [user.userId]);
      }
      // Those that held the user's row already were waited for, and ended.
      expect(ended).toBeGreaterThan(3);
    });
  },
);

describe('a revocation that is not over yet', () => {
  it('makes a refresh v1 wait, which then ends', async () => {
    const session = await oneSession();
    const pid = await backendPid(auth);
    const refreshing = new Steps(auth, refreshV1(session));
    await refreshing.before('update users');
    await postgres.query('begin');
    await call('supasession.revoke_session($1)', [session.sessionId]);
    const finished = refreshing.finish();
    await untilBlocked(observer, pid);
    await postgres.query('commit');
    await finished;
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
    expect(await pending()).toEqual([]);
  });

  it('lets a refresh v2 pass that cannot wait for it, and the next one ends', async () => {
    await configure(postgres, {enabled: true, max_sessions: 3});
    const session = await oneSession();
    const pid = await backendPid(auth);
    const refreshing = new Steps(auth, refreshV2(session));
    await refreshing.before('update sessions');
    await postgres.query('begin');
    await call('supasession.revoke_session($1)', [session.sessionId]);
    const finished = refreshing.finish();
    await untilSleeping(observer, pid);
    await finished;
    await postgres.query('commit');
    expect(await pending()).toEqual([session.sessionId]);
    await run(auth, refreshV2(session));
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
    expect(await pending()).toEqual([]);
    expect(await outcome(run(auth, refreshV2(session)))).toMatchObject({code: 'session_expired'});
  });

  it('that is rolled back ends nothing', async () => {
    const session = await oneSession();
    await postgres.query('begin');
    await call('supasession.revoke_session($1)', [session.sessionId]);
    await postgres.query('rollback');
    await run(auth, refreshV2(session));
    expect(await liveSessions(postgres, user.userId)).toEqual([session.sessionId]);
  });
});

it('a session whose refresh fails after it was revoked ends at its next refresh', async () => {
  const session = await oneSession();
  const refreshing = new Steps(auth, refreshV2(session));
  await refreshing.before('select users');
  while (refreshing.next !== 'commit' && refreshing.next !== 'update sessions') await refreshing.step();
  await call('supasession.revoke_session($1)', [session.sessionId]);
  await auth.query('rollback');
  expect(await pending()).toEqual([session.sessionId]);
  await run(auth, refreshV2(session));
  expect(await liveSessions(postgres, user.userId)).toEqual([]);
});

it('two revocations of one user at once both come to an end', async () => {
  await sessions(3);
  const other = await database.connect('postgres');
  await postgres.query('begin');
  expect(await call('supasession.revoke_user_sessions($1)', [user.userId])).toBe(3);
  const pid = await backendPid(other);
  const second = call<number>('supasession.revoke_user_sessions($1)', [user.userId], other);
  await untilBlocked(observer, pid);
  await postgres.query('commit');
  expect(await second).toBe(0);
});
