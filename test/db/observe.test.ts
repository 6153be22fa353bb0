/** mode = observe: nothing is ended, refused or given a deadline, and what would have been is in the history. */
import type {Client} from 'pg';
import {
  createFactor,
  createSessions,
  createUser,
  liveSessions,
  mfaVerify,
  refresh,
  run,
  signInPassword,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, type Settings} from '../helpers/install.js';

let database: TestDatabase;
let postgres: Client;
let auth: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  auth = await database.connect('supabase_auth_admin');
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await postgres.query('delete from supasession.rules');
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

const observe: Settings = {enabled: true, mode: 'observe', max_sessions: 1};

async function signIn(algorithm: 1 | 2 = 1): Promise<AuthSession> {
  return run(auth, signInPassword(user.email, {algorithm}));
}

async function events(): Promise<Record<string, unknown>[]> {
  const {rows} = await postgres.query<Record<string, unknown>>(
    'select kind, session_id, reason, caused_by from supasession.events where user_id = $1 order by id',
    [user.userId],
  );
  return rows;
}

async function deadlines(): Promise<unknown[]> {
  const {rows} = await postgres.query<{not_after: unknown}>(
    'select not_after from auth.sessions where user_id = $1 and not_after is not null',
    [user.userId],
  );
  return rows;
}

async function live(): Promise<string[]> {
  return liveSessions(postgres, user.userId);
}

describe.each([1, 2] as const)('refresh token algorithm %i', (algorithm) => {
  it('dequeue: a sign-in over the limit ends nothing, and is in the history as would_evict', async () => {
    await configure(postgres, {...observe, strategy: 'dequeue'});
    const made = [await signIn(algorithm), await signIn(algorithm)];
    expect(await live()).toEqual(made.map(({sessionId}) => sessionId));
    expect(await events()).toEqual([
      {kind: 'would_evict', session_id: made[1]?.sessionId, reason: 'limit of 1', caused_by: null},
    ]);
  });

  it('reject: nothing is refused, with or without the hook, and it is in the history as would_refuse', async () => {
    await configure(postgres, {...observe, strategy: 'reject', reject_in_hook: true});
    const made = [await signIn(algorithm)];
    made.push(await run(auth, signInPassword(user.email, {algorithm, hook: 'supasession.access_token_hook'})));
    expect(await live()).toEqual(made.map(({sessionId}) => sessionId));
    expect(await events()).toEqual([
      {kind: 'would_refuse', session_id: made[1]?.sessionId, reason: 'limit of 1', caused_by: null},
    ]);
  });

  it('no session gets a deadline, neither at sign-in nor at refresh; one of ours is taken off, one of Auth stays', async () => {
    await configure(postgres, {enabled: true, max_sessions: 9, timebox: '1 day', inactivity_timeout: '1 hour'});
    const before = await signIn(algorithm);
    await configure(postgres, {...observe, max_sessions: 9, timebox: '1 day', inactivity_timeout: '1 hour'});
    await signIn(algorithm);
    expect(await deadlines()).toHaveLength(1);
    await run(auth, refresh(before));
    expect(await deadlines()).toEqual([]);

    await auth.query(
      "insert into sessions (id, user_id, created_at, updated_at, aal, not_after) values (gen_random_uuid(), $1, now(), now(), 'aal1', now() + interval '5 hours')",
      [user.userId],
    );
    expect(await deadlines()).toHaveLength(1);
  });

  it('a refresh that finds its session over the limit, or past a deadline, lets it go on: would_evict, would_expire', async () => {
    const [over] = await createSessions(postgres, [user.userId], 2);
    if (!over) throw new Error('no session');
    const session = algorithm === 1 ? over : {...over, refreshToken: null};
    await configure(postgres, observe);
    const refreshed = await run(auth, refresh(session));
    await configure(postgres, {...observe, timebox: '1 minute'});
    await run(auth, refresh(refreshed));
    expect(await live()).toHaveLength(2);
    expect(await deadlines()).toEqual([]);
    expect(await events()).toEqual([
      {kind: 'would_evict', session_id: over.sessionId, reason: 'limit of 1, at refresh', caused_by: null},
      {kind: 'would_expire', session_id: over.sessionId, reason: 'timebox', caused_by: null},
    ]);
  });

  it.each([
    {strategy: 'dequeue', kind: 'would_evict'},
    {strategy: 'reject', kind: 'would_refuse'},
  ] as const)('a session that rises to aal2 ends nothing and is not refused: $kind', async ({strategy, kind}) => {
    const factor = await createFactor(postgres, user.userId);
    await createSessions(postgres, [user.userId], 1);
    await postgres.query("update auth.sessions set aal = 'aal2' where user_id = $1", [user.userId]);
    await configure(postgres, {...observe, strategy});
    const session = await signIn(algorithm);
    expect(await deadlines()).toEqual([]);
    await run(auth, mfaVerify(session, factor));
    expect(await live()).toHaveLength(2);
    expect(await events()).toEqual([{kind, session_id: session.sessionId, reason: 'limit of 1', caused_by: null}]);
  });
});

it('each kind is written once per user and hour', async () => {
  await configure(postgres, {...observe, strategy: 'dequeue', timebox: '1 minute'});
  await signIn();
  await signIn();
  await signIn();
  const kinds = async (): Promise<unknown[]> => (await events()).map(({kind}) => kind);
  expect(await kinds()).toEqual(['would_evict']);
  await configure(postgres, {...observe, strategy: 'reject'});
  await signIn();
  expect(await kinds()).toEqual(['would_evict', 'would_refuse']);
  await configure(postgres, {...observe, strategy: 'dequeue'});
  await postgres.query("update supasession.events set at = at - interval '61 minutes' where kind = 'would_evict'");
  await signIn();
  await signIn();
  expect(await kinds()).toEqual(['would_evict', 'would_refuse', 'would_evict']);

  const first = user;
  user = await createUser(postgres);
  await signIn();
  await signIn();
  expect(await kinds()).toEqual(['would_evict']);
  user = first;
  expect(await kinds()).toHaveLength(3);
});

it('the rule that would have done it is named', async () => {
  await configure(postgres, {...observe, max_sessions: 9});
  await postgres.query('insert into supasession.rules (name, user_id, max_sessions) values ($1, $2, 2)', [
    'two',
    user.userId,
  ]);
  for (let n = 0; n < 3; n += 1) await signIn();
  expect(await events()).toMatchObject([{kind: 'would_evict', reason: 'limit of 2', caused_by: 'two'}]);
});

it('with record_events off nothing is written either', async () => {
  await configure(postgres, {...observe, record_events: false});
  await signIn();
  await signIn();
  expect(await live()).toHaveLength(2);
  expect(await events()).toEqual([]);
});

it('enforce() changes nothing', async () => {
  await createSessions(postgres, [user.userId], 3);
  await configure(postgres, {...observe, timebox: '2 minutes'});
  const {rows} = await postgres.query('select * from supasession.enforce()');
  expect(rows).toEqual([{users: 0, evicted: 0, expired: 0, deadlines: 0, skipped: 0, last_user: null}]);
  expect(await live()).toHaveLength(3);
  expect(await deadlines()).toEqual([]);
  await configure(postgres, {...observe, mode: 'enforce', timebox: '2 minutes'});
  await postgres.query('select supasession.enforce()');
  expect(await live()).toHaveLength(1);
});

it('what somebody ends on purpose ends all the same: a revoked session, and a user without access', async () => {
  await configure(postgres, observe);
  const session = await signIn();
  await postgres.query('select supasession.revoke_session($1)', [session.sessionId]);
  expect(await live()).toEqual([]);
  await postgres.query('select supasession.revoke_access($1)', [user.userId]);
  await expect(signIn()).rejects.toMatchObject({sqlstate: 'PT403'});
});

it('a session in pending_ends does not count, and ends at its refresh', async () => {
  const [noted] = await createSessions(postgres, [user.userId], 1);
  if (!noted) throw new Error('no session');
  await postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
    noted.sessionId,
    user.userId,
  ]);
  await configure(postgres, observe);
  const next = await signIn();
  expect(await events()).toEqual([]);
  await run(auth, refresh(noted));
  expect(await live()).toEqual([next.sessionId]);
});

describe('nobody waits for a user', () => {
  // What keeps a second sign-in waiting. FOR UPDATE would also meet the foreign key of every session.
  const LOCK = 'select from auth.users where id = $1 for no key update nowait';
  const requests: [string, (sessionId: string) => [string, unknown[]]][] = [
    [
      'a sign-in',
      () => [
        "insert into sessions (id, user_id, created_at, updated_at, aal) values (gen_random_uuid(), $1, now(), now(), 'aal1')",
        [user.userId],
      ],
    ],
    [
      'a refresh',
      (id) => ["update sessions set refreshed_at = clock_timestamp() at time zone 'UTC' where id = $1", [id]],
    ],
    ['a session that rises to aal2', (id) => ["update sessions set aal = 'aal2' where id = $1", [id]]],
  ];
  const modes: [string, Settings, boolean][] = [
    ['with limits off', {enabled: false, timebox: '1 day'}, false],
    ['in observe mode', {...observe, timebox: '1 day'}, false],
    ['unlike with limits on', {enabled: true, max_sessions: 1, timebox: '1 day'}, true],
  ];

  it.each(
    modes.flatMap(([mode, settings, locks]) => requests.map(([what, made]) => ({mode, settings, locks, what, made}))),
  )('during $what $mode', async ({settings, locks, made}) => {
    const [first] = await createSessions(postgres, [user.userId], 2);
    await createFactor(postgres, user.userId);
    await configure(postgres, settings);
    await auth.query('begin');
    try {
      await auth.query(...made(first?.sessionId ?? ''));
      const locking = postgres.query(LOCK, [user.userId]);
      if (locks) await expect(locking).rejects.toMatchObject({code: '55P03'});
      else await expect(locking).resolves.toMatchObject({rowCount: 1});
    } finally {
      await auth.query('rollback');
    }
  });

  it('and nobody is kept waiting by who holds the user: a sign-in and a refresh go past', async () => {
    const [first] = await createSessions(postgres, [user.userId], 2);
    await configure(postgres, observe);
    await postgres.query('begin');
    await postgres.query(LOCK, [user.userId]);
    try {
      await auth.query("set statement_timeout = '400ms'");
      for (const [, made] of requests) await auth.query(...made(first?.sessionId ?? ''));
    } finally {
      await postgres.query('rollback');
      await auth.query('reset statement_timeout');
    }
    expect(await live()).toHaveLength(3);
  });
});
