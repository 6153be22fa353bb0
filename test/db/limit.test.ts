/** Who may stay: the limit at sign-in and at refresh, by strategy and eviction order. */
import type {Client} from 'pg';
import {
  createSessions,
  createUser,
  liveSessions,
  mfaEnroll,
  mfaVerify,
  refreshV1,
  refreshV2,
  run,
  signInAnonymous,
  signInPassword,
  signUp,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure} from '../helpers/install.js';

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
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

const strategies = ['dequeue', 'reject'] as const;
const orders = ['oldest', 'least_recently_used'] as const;
const algorithms = {v1: refreshV1, v2: refreshV2};

/** Sessions of the user, one minute apart, oldest first; `usedMinutesAgo` sets the last refresh of each (null: never). */
async function sessions(count: number, usedMinutesAgo: (number | null)[] = []): Promise<AuthSession[]> {
  const made = await createSessions(postgres, [user.userId], count);
  for (const [n, minutes] of usedMinutesAgo.entries()) {
    await postgres.query(
      "update auth.sessions set refreshed_at = (now() - $2 * interval '1 minute') at time zone 'UTC' where id = $1",
      [made[n]?.sessionId, minutes],
    );
  }
  return made;
}

async function isLive({sessionId}: AuthSession): Promise<boolean> {
  return (await liveSessions(postgres, user.userId)).includes(sessionId);
}

async function live(among: AuthSession[]): Promise<number[]> {
  const ids = await liveSessions(postgres, user.userId);
  return among.flatMap(({sessionId}, n) => (ids.includes(sessionId) ? [n] : []));
}

describe('while limits are off', () => {
  it('ends and refuses nothing, at sign-in and at refresh', async () => {
    await configure(postgres, {enabled: false, max_sessions: 1, strategy: 'reject'});
    const before = await sessions(3);
    await run(auth, signInPassword(user.email));
    for (const session of before) await run(auth, refreshV2(session));
    expect(await liveSessions(postgres, user.userId)).toHaveLength(4);
  });
});

describe('dequeue', () => {
  it('lets sign-ins in below the limit and ends nothing', async () => {
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'dequeue'});
    const made = [];
    for (let n = 0; n < 3; n += 1) made.push(await run(auth, signInPassword(user.email)));
    expect(await live(made)).toEqual([0, 1, 2]);
  });

  it('ends the oldest session to make room, with its refresh tokens and claims', async () => {
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'dequeue'});
    const made = [];
    for (let n = 0; n < 4; n += 1) made.push(await run(auth, signInPassword(user.email)));
    expect(await live(made)).toEqual([2, 3]);
    const {rows} = await postgres.query(
      `select (select count(*)::int from auth.refresh_tokens where user_id = $1) as tokens,
         (select count(*)::int from auth.mfa_amr_claims c join auth.sessions s on s.id = c.session_id where s.user_id = $2) as claims`,
      [user.userId, user.userId],
    );
    expect(rows).toEqual([{tokens: 2, claims: 2}]);
  });

  it('ends all sessions above the limit, whatever the user had before', async () => {
    const before = await sessions(7);
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'dequeue'});
    const session = await run(auth, signInPassword(user.email));
    expect(await live([...before, session])).toEqual([5, 6, 7]);
  });

  it('leaves other users alone', async () => {
    const other = await createUser(postgres);
    const theirs = await createSessions(postgres, [other.userId], 3);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    await run(auth, signInPassword(user.email));
    expect(await liveSessions(postgres, other.userId)).toEqual(theirs.map(({sessionId}) => sessionId));
  });

  it('gives back what it ended when the sign-in fails later on', async () => {
    const before = await sessions(1);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    await expect(run(auth, signInPassword(user.email, {hook: 'public.missing'}))).rejects.toMatchObject({
      statement: 'hook',
    });
    expect(await live(before)).toEqual([0]);
  });

  it('applies to sign-ups and anonymous users, whose first session is in anyway', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    for (const flow of [signUp(`new-${user.email}`), signInAnonymous()]) {
      const session = await run(auth, flow);
      expect(await liveSessions(postgres, session.userId)).toEqual([session.sessionId]);
    }
  });
});

describe('reject', () => {
  it('refuses the sign-in at the limit and leaves every session as it was', async () => {
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'reject'});
    const made = [await run(auth, signInPassword(user.email)), await run(auth, signInPassword(user.email))];
    for (let n = 0; n < 2; n += 1)
      await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: 'PT403'});
    expect(await liveSessions(postgres, user.userId)).toEqual(made.map(({sessionId}) => sessionId));
  });

  it('lets the next one in once a session has gone or its deadline has passed', async () => {
    const [first, second] = await sessions(2);
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'reject'});
    await postgres.query('delete from auth.sessions where id = $1', [first?.sessionId]);
    await run(auth, signInPassword(user.email));
    await postgres.query('update auth.sessions set not_after = now() where id = $1', [second?.sessionId]);
    await run(auth, signInPassword(user.email));
    await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: 'PT403'});
  });

  it('ends nothing of a user who is above the limit already, and lets that user not in', async () => {
    const before = await sessions(4);
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'reject'});
    await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: 'PT403'});
    expect(await live(before)).toEqual([0, 1, 2, 3]);
  });
});

describe.each(strategies)('under %s', (strategy) => {
  it.each(orders)('a session in pending_ends takes no place, though it is the newest (%s)', async (eviction_order) => {
    const before = await sessions(2);
    await postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
      before[1]?.sessionId,
      user.userId,
    ]);
    await configure(postgres, {enabled: true, max_sessions: 2, strategy, eviction_order});
    const next = await run(auth, signInPassword(user.email));
    expect(await live([...before, next])).toEqual([0, 1, 2]);
    // At a refresh neither: it ends, and the other one goes on.
    await configure(postgres, {enabled: true, max_sessions: 2, strategy, eviction_order});
    for (const session of [...before, next]) await run(auth, refreshV2(session));
    expect(await live([...before, next])).toEqual([0, 2]);
  });

  it('a session of a user whose access is revoked ends at its refresh', async () => {
    const [session] = await sessions(1);
    await postgres.query('insert into supasession.revoked (user_id) values ($1)', [user.userId]);
    await configure(postgres, {enabled: true, max_sessions: 2, strategy});
    if (session) await run(auth, refreshV2(session));
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
  });
});

describe('eviction order', () => {
  // Signed in 4, 3, 2, 1 minutes ago; the first was used last, the third never.
  const used = [0.1, 2.5, null, 0.5];

  it('oldest goes by sign-in, whenever a session was used', async () => {
    const before = await sessions(4, used);
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'dequeue', eviction_order: 'oldest'});
    await run(auth, signInPassword(user.email));
    expect(await live(before)).toEqual([2, 3]);
  });

  it('least_recently_used goes by the last refresh, or the sign-in where there was none', async () => {
    const before = await sessions(4, used);
    await configure(postgres, {
      enabled: true,
      max_sessions: 4,
      strategy: 'dequeue',
      eviction_order: 'least_recently_used',
    });
    await run(auth, signInPassword(user.email));
    expect(await live(before)).toEqual([0, 2, 3]);
    await postgres.query('update supasession.config set max_sessions = 3');
    await run(auth, signInPassword(user.email));
    expect(await live(before)).toEqual([0]);
  });

  it.each(['Etc/GMT+12', 'Pacific/Kiritimati'])(
    'least_recently_used reads refreshed_at as UTC in time zone %s',
    async (zone) => {
      // Never used and one minute old, against used now: read as local time, the used one would be 12 hours off.
      const before = await sessions(2, [0]);
      await postgres.query(
        "update auth.sessions set refreshed_at = now() at time zone 'UTC' - interval '90 seconds' where id = $1",
        [before[0]?.sessionId],
      );
      await configure(postgres, {
        enabled: true,
        max_sessions: 2,
        strategy: 'dequeue',
        eviction_order: 'least_recently_used',
      });
      await auth.query(`set time zone '${zone}'`);
      const next = await run(auth, signInPassword(user.email));
      expect(await live(before)).toEqual([1]);
      await postgres.query("update auth.sessions set refreshed_at = now() at time zone 'UTC' where id = $1", [
        before[1]?.sessionId,
      ]);
      await run(auth, signInPassword(user.email));
      expect(await live([...before, next])).toEqual([1]);
      await auth.query('reset time zone');
    },
  );

  it.each(orders)('%s breaks ties by id: the lowest goes first', async (eviction_order) => {
    // Over and over: ids come by chance, and a wrong order is right now and then.
    for (let round = 0; round < 8; round += 1) {
      await configure(postgres, {enabled: false});
      user = await createUser(postgres);
      const before = await sessions(4);
      await postgres.query(
        "update auth.sessions set created_at = '2026-01-01', refreshed_at = case when $2 then timestamp '2026-01-02' end where user_id = $1",
        [user.userId, eviction_order === 'least_recently_used'],
      );
      const byId = before.map(({sessionId}) => sessionId).sort();
      await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'dequeue', eviction_order});
      const next = await run(auth, signInPassword(user.email));
      expect((await liveSessions(postgres, user.userId)).sort()).toEqual([...byId.slice(2), next.sessionId].sort());
    }
  });

  it.each(orders)('%s ends a session without created_at first', async (eviction_order) => {
    const before = await sessions(3);
    await postgres.query('update auth.sessions set created_at = null where id = $1', [before[2]?.sessionId]);
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'dequeue', eviction_order});
    await run(auth, signInPassword(user.email));
    expect(await live(before)).toEqual([0, 1]);
  });

  it('least_recently_used keeps a session without created_at that was used last', async () => {
    const before = await sessions(3, [null, null, 0]);
    await postgres.query('update auth.sessions set created_at = null where id = $1', [before[2]?.sessionId]);
    await configure(postgres, {
      enabled: true,
      max_sessions: 2,
      strategy: 'dequeue',
      eviction_order: 'least_recently_used',
    });
    await run(auth, signInPassword(user.email));
    expect(await live(before)).toEqual([2]);
  });

  it('oldest ends sessions without created_at by id', async () => {
    const before = await sessions(4);
    await postgres.query('update auth.sessions set created_at = null where user_id = $1', [user.userId]);
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'dequeue'});
    const next = await run(auth, signInPassword(user.email));
    const byId = before.map(({sessionId}) => sessionId).sort();
    expect((await liveSessions(postgres, user.userId)).sort()).toEqual([...byId.slice(2), next.sessionId].sort());
  });
});

describe.each(Object.entries(algorithms))('refresh by algorithm %s', (_, refresh) => {
  const cases = strategies.flatMap((strategy) => orders.map((eviction_order) => ({strategy, eviction_order})));
  const rounds = {
    'oldest first': [0, 1, 2, 3],
    'newest first': [3, 2, 1, 0],
    mixed: [2, 0, 3, 1],
  };

  describe.each(cases)('limit lowered from 4 to 1 under $strategy, $eviction_order', ({strategy, eviction_order}) => {
    it.each(Object.entries(rounds))('leaves one session after one round, %s', async (__, round) => {
      await configure(postgres, {enabled: true, max_sessions: 4, strategy, eviction_order});
      const made: AuthSession[] = [];
      for (let n = 0; n < 4; n += 1) made.push(await run(auth, signInPassword(user.email)));
      await postgres.query('update supasession.config set max_sessions = 1');
      const refreshed = new Map<number, AuthSession>();
      for (const n of round) {
        const session = made[n];
        if (session) refreshed.set(n, await run(auth, refresh(session)));
      }
      expect(await live(made)).toEqual([3]);
      for (const [n, session] of refreshed) {
        if (n === 3) await run(auth, refresh(session));
        else await expect(run(auth, refresh(session))).rejects.toMatchObject({code: 'session_expired', status: 400});
      }
    });
  });

  it('least_recently_used keeps the session used last, not the newest', async () => {
    const made = await sessions(4, [0.1, 2.5, null, 0.5]);
    await configure(postgres, {
      enabled: true,
      max_sessions: 1,
      strategy: 'dequeue',
      eviction_order: 'least_recently_used',
    });
    for (const session of [...made].reverse()) await run(auth, refresh(session));
    expect(await live(made)).toEqual([0]);
  });

  it('breaks ties by id, as a sign-in does', async () => {
    const made = await sessions(3);
    await postgres.query("update auth.sessions set created_at = '2026-01-01' where user_id = $1", [user.userId]);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    for (const session of made) await run(auth, refresh(session));
    expect(await liveSessions(postgres, user.userId)).toEqual([
      made
        .map(({sessionId}) => sessionId)
        .sort()
        .at(-1),
    ]);
  });

  it.each(strategies.flatMap((strategy) => orders.map((eviction_order) => ({strategy, eviction_order}))))(
    'ends a session without created_at first: $strategy, $eviction_order',
    async ({strategy, eviction_order}) => {
      const made = await sessions(3);
      await postgres.query('update auth.sessions set created_at = null where id = $1', [made[2]?.sessionId]);
      await configure(postgres, {enabled: true, max_sessions: 2, strategy, eviction_order, reject_ignores_idle: null});
      for (const session of [...made].reverse()) await run(auth, refresh(session));
      expect(await live(made)).toEqual([0, 1]);
    },
  );

  it('ends nothing within the limit', async () => {
    const made = await sessions(3);
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'reject'});
    for (const session of made) await run(auth, refresh(session));
    expect(await live(made)).toEqual([0, 1, 2]);
  });

  it('ends nothing without a row of settings', async () => {
    const made = await sessions(3);
    await postgres.query('delete from supasession.config');
    for (const session of made) await run(auth, refresh(session));
    expect(await live(made)).toEqual([0, 1, 2]);
  });

  it('ends a session at once: it is no longer live when the refresh has committed', async () => {
    const [first, second] = await sessions(2);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    if (!first || !second) throw new Error('two sessions expected');
    await run(auth, refresh(first));
    expect([await isLive(first), await isLive(second)]).toEqual([false, true]);
  });

  it('does not count sessions that have ended', async () => {
    const made = await sessions(3);
    await postgres.query("update auth.sessions set not_after = now() - interval '1 second' where id = any ($1)", [
      made.slice(1).map(({sessionId}) => sessionId),
    ]);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    if (made[0]) await run(auth, refresh(made[0]));
    expect(await live(made)).toEqual([0]);
  });

  it('leaves a deadline in the future as it was', async () => {
    const [session] = await sessions(1);
    const deadline = new Date('2040-01-01T00:00:00Z');
    await postgres.query('update auth.sessions set not_after = $2 where id = $1', [session?.sessionId, deadline]);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    if (session) await run(auth, refresh(session));
    const {rows} = await postgres.query('select not_after from auth.sessions where id = $1', [session?.sessionId]);
    expect(rows).toEqual([{not_after: deadline}]);
  });
});

describe('an ended session', () => {
  it('stays ended, at the same moment, when a refresh of it is still under way', async () => {
    const [session] = await sessions(1);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    const moment = new Date('2026-01-01T00:00:00Z');
    await postgres.query('update auth.sessions set not_after = $2 where id = $1', [session?.sessionId, moment]);
    // Auth looks at not_after before it locks the session; this is the statement that it sends after.
    await auth.query("update sessions set refreshed_at = now() at time zone 'UTC', updated_at = now() where id = $1", [
      session?.sessionId,
    ]);
    const {rows} = await postgres.query('select not_after from auth.sessions where id = $1', [session?.sessionId]);
    expect(rows).toEqual([{not_after: moment}]);
  });

  it('does not come back when the limit is raised or switched off', async () => {
    const made = await sessions(2);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    for (const session of made) await run(auth, refreshV2(session));
    for (const settings of [{enabled: true, max_sessions: 5}, {enabled: false}]) {
      await configure(postgres, settings);
      for (const {sessionId} of made)
        await auth.query("update sessions set refreshed_at = now() at time zone 'UTC' where id = $1", [sessionId]);
      expect(await live(made)).toEqual([1]);
    }
  });
});

describe('a second factor', () => {
  it.each(strategies)('is verified by a user at the limit under %s, and that session goes on', async (strategy) => {
    await configure(postgres, {enabled: true, max_sessions: 2, strategy});
    const [first, second] = [await run(auth, signInPassword(user.email)), await run(auth, signInPassword(user.email))];
    const factor = await run(auth, mfaEnroll(first));
    const verified = await run(auth, mfaVerify(first, factor));
    // Auth itself ends the sessions without it.
    expect(await live([first, second])).toEqual([0]);
    await run(auth, refreshV1(verified));
    expect(await live([first, second])).toEqual([0]);
  });
});

describe('a user far over the limit', () => {
  const far = {enabled: true, max_sessions: 3} as const;

  async function rest(): Promise<number> {
    return (await liveSessions(postgres, user.userId)).length;
  }

  /** Reads of auth.sessions by one statement, by index or not; the statement is taken back. */
  async function reads(statement: string, values: unknown[]): Promise<number> {
    const read = async (): Promise<number> => {
      const {rows} = await postgres.query<{read: number}>(
        `select (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_xact_user_tables
         where relid = 'auth.sessions'::regclass`,
      );
      return rows[0]?.read ?? NaN;
    };
    await postgres.query('begin');
    try {
      const before = await read();
      await postgres.query(statement, values);
      return (await read()) - before;
    } finally {
      await postgres.query('rollback');
    }
  }

  it.each([
    ['dequeue, oldest', {...far, strategy: 'dequeue'}],
    ['dequeue, least_recently_used', {...far, strategy: 'dequeue', eviction_order: 'least_recently_used'}],
    ['reject, all idle', {...far, strategy: 'reject', reject_ignores_idle: '1 second'}],
  ] as const)('loses exactly the 100 oldest by one sign-in, and gets in: %s', async (_, settings) => {
    const before = await sessions(300);
    await configure(postgres, settings);
    const made = [await run(auth, signInPassword(user.email))];
    expect(await live(before)).toEqual(Array.from({length: 200}, (__, n) => n + 100));
    expect(await live(made)).toEqual([0]);
    const {rows} = await postgres.query(
      "select count(*)::int as events from supasession.events where user_id = $1 and kind = 'evicted' and caused_by = $2",
      [user.userId, made[0]?.sessionId],
    );
    expect(rows).toEqual([{events: 100}]);
    made.push(await run(auth, signInPassword(user.email)));
    expect(await rest()).toBe(102);
    made.push(await run(auth, signInPassword(user.email)));
    expect(await rest()).toBe(3);
    expect(await live(made)).toEqual([0, 1, 2]);
  });

  it('loses the 100 that go first also where one of them has no created_at', async () => {
    const before = await sessions(300);
    await postgres.query('update auth.sessions set created_at = null where id = $1', [before[299]?.sessionId]);
    await configure(postgres, far);
    await run(auth, signInPassword(user.email));
    expect(await live(before)).toEqual(Array.from({length: 200}, (_, n) => n + 99));
  });

  it.each([1, 2] as const)('keeps the newest by their refreshes, and loses the others (algorithm %i)', async (n) => {
    const made = (await sessions(300)).map((each) => (n === 1 ? each : {...each, refreshToken: null}));
    await configure(postgres, far);
    for (const at of [299, 298, 297, 296, 0, 150]) {
      const session = made[at];
      if (session) await run(auth, n === 1 ? refreshV1(session) : refreshV2(session));
    }
    const left = await live(made);
    expect([299, 298, 297, 296, 0, 150].map((at) => left.includes(at))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(left).toHaveLength(297);
  });

  it('is drained by enforce() at once', async () => {
    await postgres.query('delete from auth.sessions');
    const before = await sessions(300);
    await configure(postgres, far);
    const {rows} = await postgres.query('select evicted from supasession.enforce()');
    expect(rows).toEqual([{evicted: 297}]);
    expect(await live(before)).toEqual([297, 298, 299]);
  });

  it('can sign in within two seconds with 20,000 sessions, and neither that nor a refresh reads them all', async () => {
    const made = await sessions(20_000);
    const [oldest, newest] = [made[0], made.at(-1)];
    await postgres.query('analyze auth.sessions');
    await configure(postgres, far);
    const touch = "update auth.sessions set refreshed_at = now() at time zone 'UTC' where id = $1";
    // The row itself, and the sessions up to the limit.
    expect(await reads(touch, [newest?.sessionId])).toBeLessThan(20);
    expect(await reads(touch, [oldest?.sessionId])).toBeLessThan(20);
    const insert =
      "insert into auth.sessions (id, user_id, created_at, updated_at, aal) values (gen_random_uuid(), $1, now(), now(), 'aal1')";
    // 100 of them are found, locked and deleted.
    expect(await reads(insert, [user.userId])).toBeLessThan(600);

    await auth.query("set statement_timeout = '2s'");
    try {
      const next = await run(auth, signInPassword(user.email));
      expect(await rest()).toBe(19_901);
      expect(await live([next])).toEqual([0]);
      await postgres.query("update supasession.config set eviction_order = 'least_recently_used'");
      await run(auth, signInPassword(user.email));
      expect(await rest()).toBe(19_802);
    } finally {
      await auth.query('reset statement_timeout');
    }
  });
});
