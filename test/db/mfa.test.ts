/** Second factors: pending sessions, their pool and deadline, and the limit when a session rises. */
import type {Client} from 'pg';
import {
  createFactor,
  createSessions,
  createUser,
  liveSessions,
  mfaChallenge,
  mfaEnroll,
  mfaUnenroll,
  mfaVerify,
  refresh,
  refreshV1,
  refreshV2,
  run,
  signInPassword,
  signOut,
  Steps,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, type Settings} from '../helpers/install.js';
import {backendPid, untilSleeping} from '../helpers/wait.js';

const HOOK = 'supasession.access_token_hook';
const MINUTE = 60;

let database: TestDatabase;
let postgres: Client;
let observer: Client;
let auths: Client[];
let auth: Client;
let user: AuthUser;
let factor: string;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  observer = await database.connect('postgres');
  auths = await Promise.all([1, 2].map(async () => database.connect('supabase_auth_admin')));
  auth = connection(0);
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await postgres.query('delete from supasession.rules');
  user = await createUser(postgres);
  factor = await createFactor(postgres, user.userId);
});

afterAll(async () => database.drop());

const strategies = ['dequeue', 'reject'] as const;
const algorithms = [1, 2] as const;

function connection(n: number): Client {
  const client = auths[n];
  if (!client) throw new Error(`there is no connection ${n}`);
  return client;
}

/** A sign-in by password alone, which leaves the session pending. */
async function pending(algorithm: 1 | 2 = 1): Promise<AuthSession> {
  return run(auth, signInPassword(user.email, {algorithm}));
}

/** A sign-in by password and second factor. */
async function full(algorithm: 1 | 2 = 1): Promise<AuthSession> {
  return run(auth, mfaVerify(await pending(algorithm), factor));
}

/** Sessions at aal2, oldest first, whatever the limit. */
async function fullSessions(count: number): Promise<AuthSession[]> {
  const made = await createSessions(postgres, [user.userId], count);
  await postgres.query("update auth.sessions set aal = 'aal2', factor_id = $2 where user_id = $1", [
    user.userId,
    factor,
  ]);
  return made;
}

async function live(): Promise<string[]> {
  return liveSessions(postgres, user.userId);
}

function ids(...sessions: AuthSession[]): string[] {
  return sessions.map(({sessionId}) => sessionId);
}

/** What a session's row says: its level, and its deadline in seconds since its sign-in, where ours counts as the second in which it is (null: none). */
async function session({sessionId}: AuthSession): Promise<{aal: string; deadline: number | null}> {
  const {rows} = await postgres.query<{aal: string; deadline: number | null}>(
    "select aal::text, extract(epoch from date_trunc('second', not_after) - date_trunc('second', created_at))::float8 as deadline from auth.sessions where id = $1",
    [sessionId],
  );
  const [row] = rows;
  if (!row) throw new Error('the session is gone');
  return row;
}

describe.each(strategies)('pending sessions (aal1, of a user with a verified factor) under %s', (strategy) => {
  it('neither end nor are refused because of sessions at aal2', async () => {
    const before = await fullSessions(2);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy});
    const stolen = await pending();
    expect(await live()).toEqual(ids(...before, stolen));
  });

  it('have a pool of their own of the same size: one more ends the oldest pending one, and never a session at aal2', async () => {
    const before = await fullSessions(2);
    await configure(postgres, {enabled: true, max_sessions: 2, strategy});
    const made = [await pending(), await pending(), await pending(), await pending()];
    expect(await live()).toEqual(ids(...before, ...made.slice(2)));
  });

  it('are brought back to that pool by their refreshes when the limit is lowered, and sessions at aal2 are not', async () => {
    const [before] = await fullSessions(1);
    await configure(postgres, {enabled: true, max_sessions: 3, strategy});
    const made = [await pending(2), await pending(2), await pending(2)];
    await configure(postgres, {enabled: true, max_sessions: 1, strategy});
    if (before) await run(auth, refresh(before));
    for (const each of made) await run(auth, refreshV2(each));
    expect(await live()).toEqual([before?.sessionId, made[2]?.sessionId]);
  });

  it('do not stand in the way of a session that rises', async () => {
    await configure(postgres, {enabled: true, max_sessions: 2, strategy});
    await pending();
    const second = await pending();
    await run(auth, mfaVerify(second, factor));
    // The other pending one is ended by Auth itself.
    expect(await live()).toEqual(ids(second));
  });

  it('are ended where they are too many, and the one that comes in passes: also one that is being refreshed', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy});
    const first = await pending(2);
    const refreshing = new Steps(auth, refreshV2(first));
    await refreshing.through('lock sessions');
    const second = await run(connection(1), signInPassword(user.email));
    expect((await postgres.query('select session_id from supasession.pending_ends')).rows).toEqual([
      {session_id: first.sessionId},
    ]);
    await refreshing.finish();
    expect(await live()).toEqual(ids(second));
    expect((await postgres.query('select from supasession.pending_ends')).rowCount).toBe(0);
  });

  it('include those without a level, which Auth once made', async () => {
    const before = await fullSessions(1);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy});
    const first = await pending();
    await postgres.query('update auth.sessions set aal = null where id = $1', [first.sessionId]);
    await run(auth, refresh(first));
    expect(await live()).toEqual(ids(...before, first));
    const second = await pending();
    expect(await live()).toEqual(ids(...before, second));
  });

  it('include one that comes in without a level', async () => {
    const before = await fullSessions(1);
    const [other] = await createSessions(postgres, [user.userId], 1);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy});
    await auth.query('insert into sessions (id, user_id, created_at, updated_at) values ($1, $2, now(), now())', [
      factor, // any UUID
      user.userId,
    ]);
    expect(other).toBeDefined();
    expect(await live()).toEqual([...ids(...before), factor]);
  });
});

describe('the deadline of a pending session', () => {
  const quarter = {enabled: true, max_sessions: 3, low_aal_timeout: '15 minutes'} as const;

  it('is none by default', async () => {
    await configure(postgres, {enabled: true, max_sessions: 3});
    const one = await pending();
    expect(await session(one)).toEqual({aal: 'aal1', deadline: null});
    await run(auth, refreshV1(one));
    await postgres.query('select supasession.enforce(100000)');
    expect(await session(one)).toEqual({aal: 'aal1', deadline: null});
  });

  it('is low_aal_timeout after its sign-in, stays there at refreshes, and is taken off at aal2', async () => {
    await configure(postgres, quarter);
    const one = await pending();
    expect(await session(one)).toEqual({aal: 'aal1', deadline: 15 * MINUTE});
    const refreshed = await run(auth, refreshV1(one));
    expect((await session(one)).deadline).toBe(15 * MINUTE);
    await run(auth, mfaVerify(refreshed, factor));
    expect(await session(one)).toEqual({aal: 'aal2', deadline: null});
  });

  it('is taken off also where low_aal_timeout was changed meanwhile', async () => {
    await configure(postgres, quarter);
    const one = await pending();
    await postgres.query("update supasession.config set low_aal_timeout = '30 minutes'");
    await run(auth, mfaVerify(one, factor));
    expect((await session(one)).deadline).toBeNull();
  });

  it('gives way to the timebox at aal2, and to it already before where that is sooner', async () => {
    await configure(postgres, {...quarter, timebox: '1 hour'});
    const one = await pending();
    expect((await session(one)).deadline).toBe(15 * MINUTE);
    await run(auth, mfaVerify(one, factor));
    expect((await session(one)).deadline).toBe(60 * MINUTE);

    await configure(postgres, {...quarter, timebox: '5 minutes'});
    expect((await session(await pending())).deadline).toBe(5 * MINUTE);
  });

  it.each([
    {given: '5 minutes', pendingFor: 5, after: 5},
    {given: '1 hour', pendingFor: 15, after: 60},
  ])(
    'is never above one of $given that came with the sign-in, neither pending nor at aal2',
    async ({given, pendingFor, after}) => {
      await configure(postgres, {...quarter, timebox: '2 hours'});
      // As Auth does for SAML: the deadline comes with the row.
      const {rows} = await auth.query<{id: string}>(
        `insert into sessions (id, user_id, created_at, updated_at, aal, not_after)
       select gen_random_uuid(), $1, at, at, 'aal1', at + $2::interval from (select clock_timestamp() as at) t returning id`,
        [user.userId, given],
      );
      const one: AuthSession = {sessionId: rows[0]?.id ?? '', userId: user.userId, refreshToken: null};
      expect((await session(one)).deadline).toBe(pendingFor * MINUTE);
      await run(auth, mfaVerify(one, factor));
      expect(await session(one)).toEqual({aal: 'aal2', deadline: after * MINUTE});
    },
  );

  it('is none with low_aal_timeout null, and none for users without a factor', async () => {
    await configure(postgres, {...quarter, low_aal_timeout: null});
    expect((await session(await pending())).deadline).toBeNull();
    await configure(postgres, quarter);
    user = await createUser(postgres);
    const one = await pending();
    expect((await session(one)).deadline).toBeNull();
    factor = await run(auth, mfaEnroll(one));
    expect((await session(await pending())).deadline).toBeNull();
    await run(auth, mfaVerify(one, factor));
    expect(await session(one)).toEqual({aal: 'aal2', deadline: null});
  });

  it('ends at its refresh a session that has been pending for longer, with an event', async () => {
    const [one] = await createSessions(postgres, [user.userId], 20);
    if (!one) throw new Error('no session');
    await configure(postgres, {...quarter, max_sessions: 30});
    await run(auth, refresh(one));
    expect(await live()).not.toContain(one.sessionId);
    const {rows} = await postgres.query('select kind, reason from supasession.events where session_id = $1', [
      one.sessionId,
    ]);
    expect(rows).toEqual([{kind: 'expired', reason: 'second factor missing'}]);
  });
});

describe.each(algorithms)(
  'a session that rises to aal2 when the user is at the limit, refresh token algorithm %i',
  (algorithm) => {
    it('ends the oldest at aal2 under dequeue, and Auth ends those below after it', async () => {
      const [first, second] = await fullSessions(2);
      await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'dequeue'});
      await pending(algorithm);
      const next = await full(algorithm);
      expect(first).toBeDefined();
      expect(await live()).toEqual([second?.sessionId, next.sessionId]);
      const {rows} = await postgres.query(
        'select kind, session_id, caused_by from supasession.events where user_id = $1',
        [user.userId],
      );
      expect(rows).toEqual([{kind: 'evicted', session_id: first?.sessionId, caused_by: next.sessionId}]);
    });

    it.each([
      {name: 'by PT403 without the hook', hook: undefined, failure: {sqlstate: 'PT403', statement: 'update sessions'}},
      {name: 'by 403 through the hook', hook: HOOK, failure: {status: 403, message: 'Session limit of 1 reached'}},
    ])('is refused under reject, $name; its challenge works once there is room', async ({hook, failure}) => {
      const [first] = await fullSessions(1);
      if (!first) throw new Error('no session');
      await configure(postgres, {
        ...{enabled: true, max_sessions: 1, strategy: 'reject'},
        ...{low_aal_timeout: '15 minutes', reject_in_hook: hook !== undefined},
      });
      const options = hook === undefined ? {} : {hook};
      const other = await pending(algorithm);
      const challengeId = await run(auth, mfaChallenge(other, factor));

      await expect(run(auth, mfaVerify(other, factor, {...options, challengeId}))).rejects.toMatchObject(failure);
      // Pending as before, with its deadline; and nothing of the attempt is left.
      expect(await live()).toEqual(ids(first, other));
      expect(await session(other)).toEqual({aal: 'aal1', deadline: 15 * MINUTE});
      const left = await postgres.query('select from supasession.pending_rejections');
      expect(left.rowCount).toBe(0);

      await run(auth, signOut(first));
      await run(auth, mfaVerify(other, factor, {...options, challengeId}));
      expect(await live()).toEqual(ids(other));
      expect((await session(other)).aal).toBe('aal2');
    });

    it('is refused at commit where the refusal is left to a hook that is not wired', async () => {
      await fullSessions(1);
      await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject', reject_in_hook: true});
      const other = await pending(algorithm);
      await expect(run(auth, mfaVerify(other, factor))).rejects.toMatchObject({sqlstate: 'PT403', statement: 'commit'});
      expect((await session(other)).aal).toBe('aal1');
    });

    it('is let through while limits are off', async () => {
      const before = await fullSessions(2);
      await configure(postgres, {enabled: false, max_sessions: 1, strategy: 'reject'});
      const next = await full(algorithm);
      expect(await live()).toEqual(ids(...before, next));
    });
  },
);

describe.each(strategies)('a session that rises under %s', (strategy) => {
  it('is counted though it had no level, which Auth once made so', async () => {
    const [first] = await fullSessions(1);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy});
    const other = await pending();
    await postgres.query('update auth.sessions set aal = null where id = $1', [other.sessionId]);
    const rising = run(auth, mfaVerify(other, factor));
    if (strategy === 'reject') {
      await expect(rising).rejects.toMatchObject({sqlstate: 'PT403'});
      expect(await live()).toEqual([first?.sessionId, other.sessionId]);
    } else {
      await rising;
      expect(await live()).toEqual([other.sessionId]);
    }
  });

  it('of a user whose rule says unlimited ends nobody and is not refused', async () => {
    const before = await fullSessions(2);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy});
    await postgres.query('insert into supasession.rules (name, user_id, unlimited) values ($1::text, $1::uuid, true)', [
      user.userId,
    ]);
    const next = await full();
    expect(await live()).toEqual(ids(...before, next));
  });

  it('of a user whose rule has a higher limit is held to that one', async () => {
    const before = await fullSessions(2);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy});
    await postgres.query('insert into supasession.rules (name, user_id, max_sessions) values ($1::text, $1::uuid, 3)', [
      user.userId,
    ]);
    const next = await full();
    expect(await live()).toEqual(ids(...before, next));
    const another = full();
    if (strategy === 'reject') await expect(another).rejects.toMatchObject({sqlstate: 'PT403'});
    else
      expect([await another, await live()]).toMatchObject([
        {},
        [before[1]?.sessionId, next.sessionId, expect.any(String)],
      ]);
  });

  it('from aal2 to a higher level is the same session, and ends nobody', async () => {
    const before = await fullSessions(2);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy});
    await auth.query("update sessions set aal = 'aal3' where id = $1", [before[0]?.sessionId]);
    expect(await live()).toEqual(ids(...before));
  });

  it('ends if it is past a deadline that was set since, and ends nobody else', async () => {
    const [other, older] = await fullSessions(2);
    await postgres.query(
      "update auth.sessions set aal = 'aal1', created_at = now() - interval '2 hours' where id = $1",
      [older?.sessionId],
    );
    await configure(postgres, {enabled: true, max_sessions: 1, strategy, timebox: '1 hour'});
    if (older) await run(auth, mfaVerify(older, factor));
    expect(await live()).toEqual([other?.sessionId]);
  });

  it('ends at once if that was decided elsewhere: it stands in pending_ends', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy});
    const one = await pending();
    await postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
      one.sessionId,
      user.userId,
    ]);
    await run(auth, mfaVerify(one, factor));
    expect(await live()).toEqual([]);
  });
});

describe('a session that rises while somebody holds the user', () => {
  /** An older pending session by algorithm 2, whose verification does not write the user; and a newer one at aal2. */
  async function prepare(): Promise<[AuthSession, AuthSession]> {
    const [older, newer] = await createSessions(postgres, [user.userId], 2);
    if (!older || !newer) throw new Error('two sessions expected');
    await postgres.query("update auth.sessions set aal = 'aal2' where id = $1", [newer.sessionId]);
    await postgres.query('delete from auth.refresh_tokens where session_id = $1', [older.sessionId]);
    return [{...older, refreshToken: null}, newer];
  }

  async function whileHeld<T>(work: () => Promise<T>): Promise<T> {
    await observer.query('begin');
    await observer.query('select from auth.users where id = $1 for no key update', [user.userId]);
    try {
      return await work();
    } finally {
      await observer.query('rollback');
    }
  }

  it('passes under dequeue, and its next refresh compares it with the others', async () => {
    const [older, newer] = await prepare();
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    await whileHeld(async () => run(auth, mfaVerify(older, factor)));
    expect(await session(older)).toMatchObject({aal: 'aal2'});
    expect(await live()).toEqual(ids(older, newer));
    await run(auth, refresh(older));
    expect(await live()).toEqual(ids(newer));
  });

  it.each([
    ['the limit is not reached', 2, {}],
    ['it is', 1, {}],
    ['it is, and a hook would answer', 1, {reject_in_hook: true}],
  ])(
    'fails under reject (55P03), where %s: nobody gets in by a lock; and works once it is gone',
    async (_, n, more) => {
      const [older, newer] = await prepare();
      await configure(postgres, {enabled: true, max_sessions: n, strategy: 'reject', ...more});
      const challengeId = await run(auth, mfaChallenge(older, factor));
      await whileHeld(async () =>
        expect(run(auth, mfaVerify(older, factor, {challengeId}))).rejects.toMatchObject({
          sqlstate: '55P03',
          statement: 'update sessions',
        }),
      );
      expect(await session(older)).toMatchObject({aal: 'aal1'});
      await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'reject', ...more});
      await run(auth, mfaVerify(older, factor, {challengeId}));
      expect(await live()).toEqual(ids(older, newer));
    },
  );

  it.each([
    ['has no limit', {enabled: true, max_sessions: 1, strategy: 'reject'}, true],
    ['is only observed', {enabled: true, max_sessions: 1, strategy: 'reject', mode: 'observe'}, false],
    ['has limits off', {enabled: false, max_sessions: 1, strategy: 'reject'}, false],
  ] as const)('passes where the user %s', async (_, settings, unlimited) => {
    const [older, newer] = await prepare();
    await configure(postgres, settings);
    if (unlimited) {
      await postgres.query(
        'insert into supasession.rules (name, user_id, unlimited) values ($1::text, $1::uuid, true)',
        [user.userId],
      );
    }
    await whileHeld(async () => run(auth, mfaVerify(older, factor)));
    expect(await live()).toEqual(ids(older, newer));
  });

  it('is handled as soon as the user is free again', async () => {
    const [older] = await prepare();
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    await observer.query('begin');
    await observer.query('select from auth.users where id = $1 for no key update', [user.userId]);
    const verifying = run(auth, mfaVerify(older, factor));
    await untilSleeping(postgres, await backendPid(auth)).finally(async () => observer.query('rollback'));
    await verifying;
    expect(await live()).toEqual(ids(older));
  });
});

it('a session past its deadline that rises all the same stays ended', async () => {
  await configure(postgres, {enabled: true, max_sessions: 2});
  const one = await pending();
  await postgres.query("update auth.sessions set not_after = now() - interval '1 minute' where id = $1", [
    one.sessionId,
  ]);
  await run(auth, mfaVerify(one, factor));
  expect(await live()).toEqual([]);
});

describe.each(strategies)('when the factor is removed, under %s', (strategy) => {
  it.each(algorithms)(
    'nothing is refused or ended, and the next refreshes (algorithm %i) bring the user back',
    async (algorithm) => {
      const settings: Settings = {enabled: true, max_sessions: 2, strategy};
      await configure(postgres, settings);
      const first = await full(algorithm);
      const second = await full(algorithm);
      const others = [await pending(algorithm), await pending(algorithm)];
      await run(auth, mfaUnenroll(second, factor));
      const all = [first, second, ...others];
      expect(await live()).toEqual(ids(...all));
      for (const each of all) await run(auth, refresh(each));
      expect(await live()).toEqual(ids(...others));
      // No longer pending, so the deadline as such is gone.
      for (const each of others) expect((await session(each)).deadline).toBeNull();
    },
  );
});
