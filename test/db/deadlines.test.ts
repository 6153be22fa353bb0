/** Deadlines: when a session gets one, what moves it, and whose it is. */
import type {Client} from 'pg';
import {
  createFactor,
  createUser,
  exchangeCode,
  generateMagicLink,
  liveSessions,
  mfaVerify,
  refreshV1,
  refreshV2,
  requestPkceLink,
  run,
  signInAnonymous,
  signInPassword,
  signUp,
  verifyMagicLink,
  verifyPkceLink,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {passTime} from '../helpers/clock.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, type Settings} from '../helpers/install.js';
import {generator} from '../helpers/random.js';

let database: TestDatabase;
let postgres: Client;
let superuser: Client;
let auth: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  superuser = await database.connect('supabase_admin');
  auth = await database.connect('supabase_auth_admin');
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await postgres.query('delete from supasession.rules');
  await postgres.query('delete from supasession.foreign_deadlines');
  await postgres.query('delete from auth.sessions');
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

const algorithms = {v1: refreshV1, v2: refreshV2};
const HOUR = 3600;
const plenty = {enabled: true, max_sessions: 100} as const;

/** Changes these settings and leaves the others. */
async function change(settings: Settings): Promise<void> {
  const names = Object.keys(settings);
  await postgres.query(
    `update supasession.config set ${names.map((name, i) => `${name} = $${i + 1}`).join(', ')}`,
    Object.values(settings),
  );
}

/** Seconds until the deadline, negative when it has passed; null without one. */
async function left({sessionId}: AuthSession): Promise<number | null> {
  const {rows} = await postgres.query<{left: number | null}>(
    'select extract(epoch from not_after - clock_timestamp())::float8 as left from auth.sessions where id = $1',
    [sessionId],
  );
  const [row] = rows;
  if (!row) throw new Error('the session is gone');
  return row.left;
}

/** Expects a deadline in so many seconds; the mark of ours may add a third of one, and a slow machine be half a minute late. */
async function expectLeft(session: AuthSession, seconds: number): Promise<void> {
  const actual = await left(session);
  expect(actual).not.toBeNull();
  expect(actual).toBeLessThanOrEqual(seconds + 0.3);
  expect(actual).toBeGreaterThan(seconds - 30);
}

async function isLive({sessionId, userId}: AuthSession): Promise<boolean> {
  return (await liveSessions(postgres, userId)).includes(sessionId);
}

async function setNotAfter({sessionId}: AuthSession, interval: string): Promise<void> {
  await postgres.query('update auth.sessions set not_after = now() + $2::interval where id = $1', [
    sessionId,
    interval,
  ]);
}

async function enforce(): Promise<{expired: number; deadlines: number}> {
  const {rows} = await postgres.query<{expired: number; deadlines: number}>(
    'select * from supasession.enforce(100000)',
  );
  return {expired: rows[0]?.expired ?? NaN, deadlines: rows[0]?.deadlines ?? NaN};
}

async function events(): Promise<{kind: string; session_id: string; reason: string}[]> {
  const {rows} = await postgres.query<{kind: string; session_id: string; reason: string}>(
    'select kind, session_id, reason from supasession.events where user_id = $1 order by id',
    [user.userId],
  );
  return rows;
}

const expired = {code: 'session_expired', status: 400};

describe('at sign-in', () => {
  it('there is none unless it is set, also with the limit on', async () => {
    await configure(postgres, plenty);
    expect(await left(await run(auth, signInPassword(user.email)))).toBeNull();
  });

  it('there is none while limits are off, whatever is set', async () => {
    await configure(postgres, {enabled: false, timebox: '1 hour', inactivity_timeout: '1 hour'});
    expect(await left(await run(auth, signInPassword(user.email)))).toBeNull();
  });

  it('timebox counts from the sign-in, to the second, and bears our mark', async () => {
    await configure(postgres, {...plenty, timebox: '7 days'});
    const session = await run(auth, signInPassword(user.email));
    const {rows} = await postgres.query(
      `select not_after = date_trunc('second', created_at + interval '7 days') + interval '271828 microseconds' as exact
       from auth.sessions where id = $1`,
      [session.sessionId],
    );
    expect(rows).toEqual([{exact: true}]);
  });

  it('inactivity_timeout counts from now', async () => {
    await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
    await expectLeft(await run(auth, signInPassword(user.email)), 2 * HOUR);
  });

  it.each([
    {timebox: '3 hours', inactivity_timeout: '2 hours', hours: 2},
    {timebox: '1 hour', inactivity_timeout: '2 hours', hours: 1},
  ])('the earlier of both holds: timebox $timebox, inactivity_timeout $inactivity_timeout', async (given) => {
    const {hours, ...settings} = given;
    await configure(postgres, {...plenty, ...settings});
    await expectLeft(await run(auth, signInPassword(user.email)), hours * HOUR);
  });

  describe.each([1, 2] as const)('refresh token algorithm %i', (algorithm) => {
    const ways: Record<string, () => Promise<AuthSession>> = {
      password: () => run(auth, signInPassword(user.email, {algorithm})),
      'sign-up': () => run(auth, signUp(`new-${user.email}`, {algorithm})),
      anonymous: () => run(auth, signInAnonymous({algorithm})),
      'magic link': async () => run(auth, verifyMagicLink(await run(auth, generateMagicLink(user.email)), {algorithm})),
      'recovery with PKCE': async () => {
        const hash = await run(auth, requestPkceLink(user.email, 'recovery'));
        return run(auth, exchangeCode(await run(auth, verifyPkceLink(hash, 'recovery')), {algorithm}));
      },
    };
    it.each(Object.entries(ways))('is given to every way to sign in: %s', async (_, signIn) => {
      await configure(postgres, {...plenty, timebox: '1 hour'});
      await expectLeft(await signIn(), HOUR);
    });
  });

  it('a rule can give another one, or none', async () => {
    await configure(postgres, {...plenty, timebox: '1 hour'});
    await postgres.query("insert into supasession.rules (name, user_id, timebox) values ('longer', $1, '5 hours')", [
      user.userId,
    ]);
    await expectLeft(await run(auth, signInPassword(user.email)), 5 * HOUR);
    await postgres.query("update supasession.rules set timebox = null, no_deadline = true where name = 'longer'");
    expect(await left(await run(auth, signInPassword(user.email)))).toBeNull();
  });

  it('one that has passed makes room: the session no longer counts', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject', timebox: '1 hour'});
    await run(auth, signInPassword(user.email));
    await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: 'PT403'});
    await passTime(superuser, '61 minutes');
    await run(auth, signInPassword(user.email));
  });
});

describe.each(Object.entries(algorithms))('a refresh by algorithm %s', (name, refresh) => {
  const algorithm = name === 'v1' ? 1 : 2;
  const signIn = (): Promise<AuthSession> => run(auth, signInPassword(user.email, {algorithm}));

  it('moves the inactivity deadline on, and the session lives as long as it is used', async () => {
    await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
    let session = await signIn();
    for (let n = 0; n < 4; n += 1) {
      await passTime(superuser, '90 minutes');
      await expectLeft(session, HOUR / 2);
      session = await run(auth, refresh(session));
      await expectLeft(session, 2 * HOUR);
    }
    await passTime(superuser, '121 minutes');
    await expect(run(auth, refresh(session))).rejects.toMatchObject(expired);
  });

  it('leaves the timebox where it is, which ends the session however much it is used', async () => {
    await configure(postgres, {...plenty, timebox: '3 hours', inactivity_timeout: '2 hours'});
    let session = await signIn();
    await passTime(superuser, '90 minutes');
    session = await run(auth, refresh(session));
    await expectLeft(session, 1.5 * HOUR);
    await passTime(superuser, '80 minutes');
    session = await run(auth, refresh(session));
    await expectLeft(session, HOUR / 6);
    await passTime(superuser, '11 minutes');
    await expect(run(auth, refresh(session))).rejects.toMatchObject(expired);
  });

  it('gives one to a session that is older than the setting', async () => {
    const session = await signIn();
    await passTime(superuser, '10 minutes');
    await configure(postgres, {...plenty, timebox: '1 hour'});
    await expectLeft(await run(auth, refresh(session)), 50 * 60);
  });

  it.each([
    {settings: {timebox: '1 hour'}, reason: 'timebox'},
    {settings: {inactivity_timeout: '1 hour'}, reason: 'inactivity'},
  ])('ends a session that is over a tightened $reason, and the next one is refused', async ({settings, reason}) => {
    await configure(postgres, {...plenty, timebox: '5 hours', inactivity_timeout: '5 hours'});
    const session = await signIn();
    await passTime(superuser, '2 hours');
    await change(settings);
    // This one gets its token: Auth had looked before.
    const refreshed = await run(auth, refresh(session));
    expect(await isLive(session)).toBe(false);
    await expect(run(auth, refresh(refreshed))).rejects.toMatchObject(expired);
    expect(await events()).toEqual([{kind: 'expired', session_id: session.sessionId, reason}]);
  });

  it('brings a deadline nearer that was tightened and has not passed', async () => {
    await configure(postgres, {...plenty, timebox: '5 hours'});
    const session = await signIn();
    await change({timebox: '2 hours'});
    await expectLeft(await run(auth, refresh(session)), 2 * HOUR);
  });

  it('moves it out, or takes it off, when the settings are loosened', async () => {
    await configure(postgres, {...plenty, timebox: '2 hours'});
    let session = await signIn();
    await change({timebox: '9 hours'});
    session = await run(auth, refresh(session));
    await expectLeft(session, 9 * HOUR);
    await change({timebox: null});
    session = await run(auth, refresh(session));
    expect(await left(session)).toBeNull();
  });

  it.each([
    ['loosened', {timebox: '9 days', inactivity_timeout: '9 days'}],
    ['taken off', {timebox: null, inactivity_timeout: null}],
    ['switched off with the limit', {enabled: false}],
    ['only observed', {mode: 'observe'}],
  ] as const)('never revives an ended session when deadlines are %s', async (_, settings) => {
    await configure(postgres, {...plenty, timebox: '2 hours', inactivity_timeout: '2 hours'});
    const session = await signIn();
    await passTime(superuser, '3 hours');
    await change(settings);
    await expect(run(auth, refresh(session))).rejects.toMatchObject(expired);
    // Auth looks before it locks the session; this is what it sends after, when the deadline passes in between.
    await auth.query("update sessions set refreshed_at = now() at time zone 'UTC' where id = $1", [session.sessionId]);
    await enforce();
    expect(await left(session)).toBeLessThan(-30 * 60);
  });

  it.each([
    ['switching limits off', {enabled: false}],
    ['observe mode', {mode: 'observe'}],
  ] as const)('takes our deadline back after %s', async (_, settings) => {
    await configure(postgres, {...plenty, timebox: '2 hours', inactivity_timeout: '1 hour'});
    let session = await signIn();
    session = await run(auth, refresh(session));
    expect(await left(session)).not.toBeNull();
    await change(settings);
    session = await run(auth, refresh(session));
    expect(await left(session)).toBeNull();
  });

  it('takes our deadline back where the row of settings is gone', async () => {
    await configure(postgres, {...plenty, timebox: '2 hours'});
    const session = await signIn();
    await postgres.query('delete from supasession.config');
    await run(auth, refresh(session));
    expect(await left(session)).toBeNull();
  });

  it('by a rule with no_deadline takes ours back', async () => {
    await configure(postgres, {...plenty, timebox: '2 hours'});
    const session = await signIn();
    await postgres.query("insert into supasession.rules (name, user_id, no_deadline) values ('free', $1, true)", [
      user.userId,
    ]);
    await run(auth, refresh(session));
    expect(await left(session)).toBeNull();
  });

  it('observes: ends nothing, gives no deadline, and notes once what would have expired', async () => {
    await configure(postgres, {...plenty, mode: 'observe', timebox: '1 hour', inactivity_timeout: '1 hour'});
    let session = await signIn();
    expect(await left(session)).toBeNull();
    await passTime(superuser, '2 hours');
    for (let n = 0; n < 3; n += 1) session = await run(auth, refresh(session));
    expect(await left(session)).toBeNull();
    expect(await events()).toEqual([{kind: 'would_expire', session_id: session.sessionId, reason: 'inactivity'}]);
  });

  it('works on where the user cannot be locked in time: only the deadline is moved', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, inactivity_timeout: '2 hours'});
    const session = await signIn();
    await passTime(superuser, '1 hour');
    const holder = await database.connect('postgres');
    await holder.query('begin');
    await holder.query('select from auth.users where id = $1 for no key update', [user.userId]);
    try {
      // Algorithm 1 updates the user itself and would wait; this is the statement both send in the end.
      await auth.query("update sessions set refreshed_at = now() at time zone 'UTC' where id = $1", [
        session.sessionId,
      ]);
    } finally {
      await holder.query('rollback');
      await holder.end();
    }
    await expectLeft(session, 2 * HOUR);
  });
});

describe('enforce()', () => {
  it('ends what a tightened setting is over, and brings the other deadlines nearer', async () => {
    await configure(postgres, {...plenty, timebox: '5 hours'});
    const old = await run(auth, signInPassword(user.email));
    await passTime(superuser, '2 hours');
    const young = await run(auth, signInPassword(user.email));
    await change({timebox: '1 hour'});
    expect(await enforce()).toMatchObject({expired: 1, deadlines: 1});
    expect(await isLive(old)).toBe(false);
    await expectLeft(young, HOUR);
    expect(await events()).toEqual([{kind: 'expired', session_id: old.sessionId, reason: 'timebox, by enforce()'}]);
    await expect(run(auth, refreshV1(old))).rejects.toMatchObject(expired);
    // A second run finds nothing left to do.
    expect(await enforce()).toEqual({expired: 0, deadlines: 0});
  });

  it('counts inactivity from the last use, not from now', async () => {
    const session = await run(auth, signInPassword(user.email));
    await run(auth, refreshV2(session));
    await passTime(superuser, '90 minutes');
    await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
    await enforce();
    await expectLeft(session, HOUR / 2);
  });

  it('gives deadlines that are ours: refreshes move them on, and take them off with the setting', async () => {
    let session = await run(auth, signInPassword(user.email));
    await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
    await enforce();
    await passTime(superuser, '1 hour');
    session = await run(auth, refreshV1(session));
    await expectLeft(session, 2 * HOUR);
    await change({inactivity_timeout: null});
    session = await run(auth, refreshV1(session));
    expect(await left(session)).toBeNull();
  });

  it('moves no deadline out: that is left to refreshes', async () => {
    await configure(postgres, {...plenty, timebox: '1 hour'});
    const session = await run(auth, signInPassword(user.email));
    await change({timebox: '9 hours'});
    expect(await enforce()).toMatchObject({expired: 0, deadlines: 0});
    await expectLeft(session, HOUR);
  });

  it.each([
    ['while limits are off', {enabled: false}],
    ['in observe mode', {mode: 'observe'}],
  ] as const)('changes nothing %s', async (_, settings) => {
    const session = await run(auth, signInPassword(user.email));
    await passTime(superuser, '2 hours');
    await configure(postgres, {...plenty, timebox: '1 hour', ...settings});
    await enforce();
    expect(await left(session)).toBeNull();
  });
});

describe('a deadline that the project set itself', () => {
  it.each(Object.entries(algorithms))(
    'while we gave none is kept by refreshes (%s), whatever is set later',
    async (_, refresh) => {
      let session = await run(auth, signInPassword(user.email));
      await setNotAfter(session, '3 hours');
      const rounds: Settings[] = [
        {enabled: false},
        {...plenty},
        {...plenty, timebox: '9 hours', inactivity_timeout: '9 hours'},
        {...plenty, mode: 'observe'},
        {...plenty, timebox: null},
        {enabled: false},
      ];
      for (const settings of rounds) {
        await configure(postgres, settings);
        await enforce();
        session = await run(auth, refresh(session));
        await expectLeft(session, 3 * HOUR);
      }
    },
  );

  it('is kept where the first deadlines come before the first refresh', async () => {
    const session = await run(auth, signInPassword(user.email));
    await setNotAfter(session, '3 hours');
    await configure(postgres, {...plenty, timebox: '9 hours'});
    await run(auth, refreshV2(session));
    await expectLeft(session, 3 * HOUR);
  });

  it('does not keep ours from being earlier, nor from coming back to it', async () => {
    const session = await run(auth, signInPassword(user.email));
    await setNotAfter(session, '3 hours');
    await configure(postgres, {...plenty, inactivity_timeout: '1 hour'});
    await enforce();
    await expectLeft(session, HOUR);
    await run(auth, refreshV2(session));
    await expectLeft(session, HOUR);
    await change({inactivity_timeout: null});
    await run(auth, refreshV2(session));
    await expectLeft(session, 3 * HOUR);
  });
});

describe("a deadline of ours is never taken for somebody else's", () => {
  it.each(['5 minutes', '40 minutes', null])(
    'where low_aal_timeout has been changed to %p before the second factor came',
    async (low_aal_timeout) => {
      await configure(postgres, {...plenty, low_aal_timeout: '15 minutes'});
      const factor = await createFactor(postgres, user.userId);
      let session = await run(auth, signInPassword(user.email));
      await expectLeft(session, HOUR / 4);
      await change({low_aal_timeout});
      session = await run(auth, mfaVerify(session, factor));
      expect(await left(session)).toBeNull();
    },
  );

  it.each([
    ['with limits off', {enabled: false}],
    ['in observe mode', {mode: 'observe'}],
  ] as const)('%s, when the second factor comes: a refresh would come too late', async (_, settings) => {
    await configure(postgres, {...plenty, low_aal_timeout: '15 minutes'});
    const factor = await createFactor(postgres, user.userId);
    let session = await run(auth, signInPassword(user.email));
    await expectLeft(session, HOUR / 4);
    await change(settings);
    session = await run(auth, mfaVerify(session, factor));
    expect(await left(session)).toBeNull();
  });

  it('after any sequence of settings, refreshes, enforce() and a second factor: without settings it is gone', async () => {
    const random = generator(4);
    for (let round = 0; round < 15; round += 1) {
      await configure(postgres, {enabled: false});
      user = await createUser(postgres);
      const factor = random() < 0.5 ? await createFactor(postgres, user.userId) : null;
      let session = await run(auth, signInPassword(user.email, {algorithm: random() < 0.5 ? 1 : 2}));
      let risen = factor === null;
      for (let n = 0; n < 8; n += 1) {
        await configure(postgres, randomSettings(random));
        if (random() < 0.3) await enforce();
        if (!risen && factor !== null && random() < 0.3) {
          session = await run(auth, mfaVerify(session, factor));
          risen = true;
        }
        if (random() < 0.7)
          session = await run(auth, session.refreshToken === null ? refreshV2(session) : refreshV1(session));
      }
      expect(await isLive(session)).toBe(true);
      await configure(postgres, {enabled: false});
      session = await run(auth, session.refreshToken === null ? refreshV2(session) : refreshV1(session));
      expect(await left(session)).toBeNull();
    }
  });
});

describe("somebody else's deadline", () => {
  const notAfter = new Date(Date.now() + 3 * HOUR * 1000);
  const sources: [string, () => Promise<AuthSession>][] = [
    ['that came with the sign-in, as by SAML', async () => run(auth, signInPassword(user.email, {notAfter}))],
    [
      'that an operator set',
      async () => {
        const session = await run(auth, signInPassword(user.email));
        await postgres.query('update auth.sessions set not_after = $2 where id = $1', [session.sessionId, notAfter]);
        return session;
      },
    ],
    [
      'that is older than the installation',
      async () => {
        const session = await run(auth, signInPassword(user.email));
        await superuser.query('set session_replication_role = replica');
        await superuser.query('update auth.sessions set not_after = $2 where id = $1', [session.sessionId, notAfter]);
        await superuser.query('reset session_replication_role');
        return session;
      },
    ],
  ];
  const states: [string, Settings][] = [
    ['with limits off', {enabled: false, inactivity_timeout: '1 hour'}],
    ['with a limit and no deadlines', plenty],
    ['in observe mode', {...plenty, mode: 'observe', inactivity_timeout: '1 hour'}],
    ['while ours are later', {...plenty, timebox: '9 hours', inactivity_timeout: '9 hours'}],
  ];
  const actions: [string, (session: AuthSession) => Promise<unknown>][] = [
    ['a refresh by algorithm 1', async (session) => run(auth, refreshV1(session))],
    ['a refresh by algorithm 2', async (session) => run(auth, refreshV2(session))],
    ['enforce()', enforce],
    ['a second factor', async (session) => run(auth, mfaVerify(session, await createFactor(postgres, user.userId)))],
  ];

  async function row({sessionId}: AuthSession): Promise<{not_after: Date | null; ours: boolean; kept: Date | null}> {
    const {rows} = await postgres.query<{not_after: Date | null; ours: boolean; kept: Date | null}>(
      `select s.not_after, s.not_after - date_trunc('second', s.not_after) = interval '271828 microseconds' as ours,
         f.not_after as kept
       from auth.sessions s left join supasession.foreign_deadlines f on f.session_id = s.id where s.id = $1`,
      [sessionId],
    );
    if (!rows[0]) throw new Error('the session is gone');
    return rows[0];
  }

  describe.each(sources)('%s', (_, signIn) => {
    describe.each(states)('%s', (__, settings) => {
      it.each(actions)('is neither moved nor taken away by %s', async (___, act) => {
        const session = await signIn();
        await configure(postgres, settings);
        await act(session);
        expect(await row(session)).toEqual({not_after: notAfter, ours: false, kept: null});
      });
    });

    it.each(actions)(
      'gives way to an earlier one of ours by %s, and comes back when limits go off',
      async (__, act) => {
        const session = await signIn();
        await configure(postgres, {...plenty, timebox: '1 hour'});
        await act(session);
        await expectLeft(session, HOUR);
        expect(await row(session)).toMatchObject({ours: true, kept: notAfter});
        await change({timebox: '9 hours'});
        await run(auth, refreshV2(session));
        expect(await row(session)).toMatchObject({not_after: notAfter});
        await change({timebox: '2 hours'});
        await enforce();
        await expectLeft(session, 2 * HOUR);
        await change({enabled: false});
        await run(auth, refreshV2(session));
        expect(await row(session)).toMatchObject({not_after: notAfter, ours: false});
      },
    );
  });

  it('that is earlier than the one that gave way is the one that comes back', async () => {
    const session = await run(auth, signInPassword(user.email));
    await setNotAfter(session, '8 hours');
    await configure(postgres, {...plenty, timebox: '2 hours'});
    await run(auth, refreshV2(session));
    await setNotAfter(session, '3 hours');
    await change({timebox: '1 hour'});
    await run(auth, refreshV2(session));
    await expectLeft(session, HOUR);
    await change({enabled: false});
    await run(auth, refreshV2(session));
    await expectLeft(session, 3 * HOUR);
  });

  it('of a sign-in that is over before it begins ends nobody, and takes no place', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    const first = await run(auth, signInPassword(user.email));
    await run(auth, signInPassword(user.email, {notAfter: new Date(Date.now() - 1000)}));
    expect(await liveSessions(postgres, user.userId)).toEqual([first.sessionId]);
  });
});

describe('a deadline that we gave', () => {
  /** Gives the session a deadline in each way there is. */
  const ways: [string, () => Promise<AuthSession>][] = [
    ['at a sign-in', async () => run(auth, signInPassword(user.email))],
    [
      'at a refresh',
      async () => {
        await change({enabled: false});
        const session = await run(auth, signInPassword(user.email));
        await change({enabled: true});
        return run(auth, refreshV1(session));
      },
    ],
    [
      'by enforce()',
      async () => {
        await change({enabled: false});
        const session = await run(auth, signInPassword(user.email));
        await change({enabled: true});
        await enforce();
        return session;
      },
    ],
    [
      'with a second factor',
      async () => {
        await change({enabled: false});
        const session = await run(auth, signInPassword(user.email));
        await change({enabled: true});
        return run(auth, mfaVerify(session, await createFactor(postgres, user.userId)));
      },
    ],
  ];

  it.each(ways)('%s is known by its mark alone: without limits it goes, though nothing is noted', async (_, give) => {
    await configure(postgres, {...plenty, timebox: '3 hours', inactivity_timeout: '2 hours'});
    const session = await give();
    await expectLeft(session, 2 * HOUR);
    await postgres.query('delete from supasession.foreign_deadlines');
    await change({enabled: false});
    await run(auth, refreshV2(session));
    expect(await left(session)).toBeNull();
  });
});

describe.each(['Etc/GMT+12', 'Asia/Tokyo'])('in time zone %s, refreshed_at is read as UTC', (zone) => {
  beforeEach(async () => {
    for (const client of [postgres, auth]) await client.query(`set time zone '${zone}'`);
  });
  afterEach(async () => {
    for (const client of [postgres, auth]) await client.query('reset time zone');
  });

  /** A session that was refreshed so long ago, with limits off. */
  async function usedAgo(interval: string): Promise<AuthSession> {
    const session = await run(auth, signInPassword(user.email));
    const refreshed = await run(auth, refreshV1(session));
    await passTime(superuser, interval);
    return refreshed;
  }

  it('by a refresh: inactive for less than the timeout goes on, for more ends', async () => {
    const longer = await usedAgo('90 minutes'); // 190 in the end
    const recently = await usedAgo('100 minutes');
    await configure(postgres, {...plenty, inactivity_timeout: '3 hours'});
    await run(auth, refreshV1(longer));
    await run(auth, refreshV2(recently));
    expect([await isLive(longer), await isLive(recently)]).toEqual([false, true]);
    await expectLeft(recently, 3 * HOUR);
  });

  it('by enforce()', async () => {
    const [longer, recently] = [await usedAgo('90 minutes'), await usedAgo('100 minutes')];
    await configure(postgres, {...plenty, inactivity_timeout: '3 hours'});
    expect(await enforce()).toEqual({expired: 1, deadlines: 1});
    expect([await isLive(longer), await isLive(recently)]).toEqual([false, true]);
    await expectLeft(recently, HOUR + 20 * 60);
  });
});

describe('the settings', () => {
  const bad = ['0', '-1 second', '10 years 1 day', '11 years'];
  const columns = ['timebox', 'inactivity_timeout'];
  const cases = ['config', 'rules'].flatMap((table) =>
    columns.flatMap((column) => bad.map((value) => ({table, column, value}))),
  );

  it.each(cases)('refuse $column = $value in $table', async ({table, column, value}) => {
    const statement =
      table === 'config'
        ? `update supasession.config set ${column} = $1`
        : `insert into supasession.rules (name, app_metadata, ${column}) values ('plan', '{"plan": "pro"}', $1)`;
    await expect(postgres.query(statement, [value])).rejects.toMatchObject({
      code: '23514',
      constraint: `${table}_${column}_check`,
    });
  });

  it('take ten years, one second, and nothing at all', async () => {
    for (const column of columns) {
      for (const value of ['10 years', '1 second', null]) {
        await postgres.query(`update supasession.config set ${column} = $1`, [value]);
        const {rows} = await postgres.query(
          `select ${column} is not distinct from $1::interval as taken from supasession.config`,
          [value],
        );
        expect([column, value, rows]).toEqual([column, value, [{taken: true}]]);
      }
    }
  });
});

function randomSettings(random: () => number): Settings {
  const one = <T>(...values: T[]): T => values[Math.floor(random() * values.length)] as T;
  return {
    enabled: random() < 0.8,
    max_sessions: 100,
    mode: one('enforce', 'enforce', 'observe'),
    timebox: one(null, '1 hour', '9 hours'),
    inactivity_timeout: one(null, '2 hours', '7 hours'),
    low_aal_timeout: one(null, '15 minutes', '30 minutes'),
  };
}
