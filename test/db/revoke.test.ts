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
import {ask} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install} from '../helpers/install.js';
import {interrupt, outcome} from '../helpers/interrupt.js';
import {backendPid, untilBlocked, untilSleeping} from '../helpers/wait.js';

let database: TestDatabase;
let postgres: Client;
let observer: Client;
let auth: Client;
let api: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase();
  [postgres, observer, auth, api] = (await Promise.all(
    ['postgres', 'postgres', 'supabase_auth_admin', 'authenticator'].map(async (role) => database.connect(role)),
  )) as [Client, Client, Client, Client];
  await install(postgres);
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

async function condemned(): Promise<string[]> {
  const {rows} = await postgres.query<{session_id: string}>('select session_id from supasession.condemned');
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
    expect(await condemned()).toEqual([]);
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
    `select supasession._end_user_sessions('${user.userId}', '{}', 'revoked', null)`,
    `select supasession._end_sessions('{${session.sessionId}}')`,
    `select supasession._condemn('{${session.sessionId}}', null)`,
    `insert into supasession.condemned (session_id) values ('${session.sessionId}')`,
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
  ['with everything off', {enabled: false, block_revoked: false}],
] as const;

describe.each(settings)('%s', (_, config) => {
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
        // What was condemned after the refresh had asked ends with the next one, and is no longer noted then.
        const after = await outcome(run(auth, refresh(next)));
        // With everything off no row is locked, and the session may have to come back once.
        if (!('block_revoked' in config)) expect([seen.before, after]).toEqual([seen.before, expect.any(AuthError)]);
        expect([seen.before, await liveSessions(postgres, user.userId)]).toEqual([seen.before, []]);
      }
      expect(await condemned()).toEqual([]);
    });
  });
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
    expect(await condemned()).toEqual([]);
  });

  it('lets a refresh v2 pass that cannot wait for it, and the next one ends', async () => {
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
    expect(await condemned()).toEqual([session.sessionId]);
    await run(auth, refreshV2(session));
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
    expect(await condemned()).toEqual([]);
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

it('a session whose refresh fails after it was condemned ends at its next refresh', async () => {
  const session = await oneSession();
  const refreshing = new Steps(auth, refreshV2(session));
  await refreshing.before('select users');
  while (refreshing.next !== 'commit' && refreshing.next !== 'update sessions') await refreshing.step();
  await call('supasession.revoke_session($1)', [session.sessionId]);
  await auth.query('rollback');
  expect(await condemned()).toEqual([session.sessionId]);
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
