/** Sessions by SAML: the deadline of the identity provider is never exceeded, and PKCE makes two sessions of one sign-in. */
import type {Client} from 'pg';
import {
  createFactor,
  createSamlUser,
  exchangeCode,
  liveSessions,
  mfaVerify,
  refresh,
  refreshV1,
  refreshV2,
  run,
  samlAcs,
  startSamlPkce,
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
  await postgres.query('delete from supasession.foreign_deadlines');
  await postgres.query('delete from auth.sessions');
  await postgres.query('delete from auth.flow_state');
  user = await createSamlUser(postgres);
});

afterAll(async () => database.drop());

const HOUR = 3600;
const plenty = {enabled: true, max_sessions: 100} as const;
const strategies = ['dequeue', 'reject'] as const;
const algorithms = [1, 2] as const;

const inHours = (hours: number): Date => new Date(Date.now() + hours * HOUR * 1000);

async function deadline({sessionId}: AuthSession): Promise<Date | null> {
  const {rows} = await postgres.query<{not_after: Date | null}>('select not_after from auth.sessions where id = $1', [
    sessionId,
  ]);
  if (!rows[0]) throw new Error('the session is gone');
  return rows[0].not_after;
}

async function expectLeft(session: AuthSession, seconds: number): Promise<void> {
  const at = await deadline(session);
  if (!at) throw new Error('no deadline');
  const left = (at.getTime() - Date.now()) / 1000;
  expect(left).toBeLessThanOrEqual(seconds + 1);
  expect(left).toBeGreaterThan(seconds - 30);
}

/** The deadlines that gave way to ours. */
async function kept(...sessions: AuthSession[]): Promise<(Date | undefined)[]> {
  const {rows} = await postgres.query<{session_id: string; not_after: Date}>(
    'select session_id, not_after from supasession.foreign_deadlines',
  );
  return sessions.map(({sessionId}) => rows.find((row) => row.session_id === sessionId)?.not_after);
}

async function live(among: AuthSession[]): Promise<number[]> {
  const ids = await liveSessions(postgres, user.userId);
  return among.flatMap(({sessionId}, n) => (ids.includes(sessionId) ? [n] : []));
}

/** A whole sign-in by SAML with PKCE: the session at the ACS, which nobody holds, and the one that the app gets. */
async function samlPkce(notAfter?: Date, algorithm: 1 | 2 = 1): Promise<[AuthSession, AuthSession]> {
  const code = await run(auth, startSamlPkce());
  const unheld = await run(auth, samlAcs(user, {code, algorithm, ...(notAfter && {notAfter})}));
  return [unheld, await run(auth, exchangeCode(code, {algorithm}))];
}

/** What a restore leaves, or what is older than us: the session is there, and our triggers have never seen it. */
async function restored(method: string, notAfter: Date | null): Promise<AuthSession> {
  await superuser.query('begin');
  await superuser.query('set local session_replication_role = replica');
  const {rows} = await superuser.query<{id: string}>(
    `insert into auth.sessions (id, user_id, created_at, updated_at, aal, not_after, refresh_token_counter, user_agent)
     values (gen_random_uuid(), $1, now(), now(), 'aal1', $2, 0, 'node') returning id`,
    [user.userId, notAfter],
  );
  const sessionId = rows[0]?.id ?? '';
  await superuser.query(
    `insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
     values (gen_random_uuid(), $1, now(), now(), $2)`,
    [sessionId, method],
  );
  await superuser.query('commit');
  return {sessionId, userId: user.userId, refreshToken: null};
}

describe('the deadline that the identity provider gave', () => {
  it.each([
    {timebox: '1 hour', hours: 1},
    {timebox: '9 hours', hours: 3},
  ])('is not exceeded at the sign-in: timebox $timebox', async ({timebox, hours}) => {
    await configure(postgres, {...plenty, timebox});
    await expectLeft(await run(auth, samlAcs(user, {notAfter: inHours(3)})), hours * HOUR);
  });

  it('in the past lets the session in, which is over, and ends nobody', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    const first = await run(auth, samlAcs(user));
    const second = await run(auth, samlAcs(user, {notAfter: inHours(-1)}));
    expect(await live([first, second])).toEqual([0]);
  });

  it.each(algorithms)('outlives being off and on again, and refreshes by algorithm %i', async (algorithm) => {
    const notAfter = inHours(3);
    let session = await run(auth, samlAcs(user, {notAfter, algorithm}));
    const rounds: Settings[] = [
      {enabled: false},
      {...plenty, timebox: '9 hours', inactivity_timeout: '9 hours'},
      {...plenty, mode: 'observe'},
      {...plenty, inactivity_timeout: '1 hour'},
      {enabled: false},
      {...plenty},
    ];
    for (const settings of rounds) {
      await configure(postgres, settings);
      session = await run(auth, refresh(session));
      if (settings.inactivity_timeout === '1 hour') await expectLeft(session, HOUR);
      else expect(await deadline(session)).toEqual(notAfter);
    }
  });

  it('holds after any sequence of settings, refreshes, time, enforce() and a second factor', async () => {
    const random = generator(7);
    const one = <T>(...values: T[]): T => values[Math.floor(random() * values.length)] as T;
    for (let round = 0; round < 20; round += 1) {
      // Nothing here expires by itself within the time that passes below.
      const low_aal_timeout = '8 hours';
      await configure(postgres, {...plenty, enabled: random() < 0.5, low_aal_timeout});
      user = await createSamlUser(postgres);
      const factor = random() < 0.5 ? await createFactor(postgres, user.userId) : null;
      const notAfter = inHours(6);
      const algorithm = one(1, 2);
      const ways = [() => run(auth, samlAcs(user, {notAfter, algorithm})), () => restored('sso/saml', notAfter)];
      let current = await one(...ways)();
      let risen = factor === null;
      let passed = 0;
      for (let n = 0; n < 8; n += 1) {
        await configure(postgres, {
          enabled: random() < 0.7,
          max_sessions: 100,
          mode: one('enforce', 'enforce', 'observe'),
          timebox: one(null, '3 hours', '9 hours'),
          inactivity_timeout: one(null, '3 hours', '7 hours'),
          low_aal_timeout: one(null, low_aal_timeout),
        });
        if (random() < 0.3) await postgres.query('select supasession.enforce(100000)');
        if (random() < 0.2) {
          await passTime(superuser, '20 minutes');
          passed += 1;
        }
        if (!risen && factor !== null && random() < 0.3) {
          current = await run(auth, mfaVerify(current, factor));
          risen = true;
        }
        if (random() < 0.6) current = await run(auth, refresh(current));
        const at = await deadline(current);
        expect(at).not.toBeNull();
        expect(at?.getTime()).toBeLessThanOrEqual(notAfter.getTime() - passed * 20 * 60_000 + 1);
      }
    }
  });

  it('ends the session, whatever has been set', async () => {
    await configure(postgres, {...plenty, timebox: '9 hours', inactivity_timeout: '9 hours'});
    const session = await run(auth, samlAcs(user, {notAfter: inHours(3)}));
    await passTime(superuser, '2 hours');
    const refreshed = await run(auth, refreshV1(session));
    await passTime(superuser, '61 minutes');
    await expect(run(auth, refreshV1(refreshed))).rejects.toMatchObject({code: 'session_expired'});
  });
});

describe('a session by SAML to which the provider gave no deadline', () => {
  it.each(algorithms)(
    'has ours, that refreshes by algorithm %i move and take off like any other',
    async (algorithm) => {
      await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
      let session = await run(auth, samlAcs(user, {algorithm}));
      expect(await kept(session)).toEqual([undefined]);
      for (let n = 0; n < 2; n += 1) {
        await passTime(superuser, '90 minutes');
        session = await run(auth, refresh(session));
        await expectLeft(session, 2 * HOUR);
      }
      await configure(postgres, {enabled: false});
      session = await run(auth, refresh(session));
      expect(await deadline(session)).toBeNull();
    },
  );
});

describe('a session that is older than us, or restored', () => {
  it.each([
    ['at its refresh', async (session: AuthSession) => run(auth, refreshV2(session))],
    ['by enforce()', async () => postgres.query('select supasession.enforce(100000)')],
  ])('keeps the deadline that it has, %s, and gets it back', async (_, touch) => {
    const notAfter = inHours(3);
    const session = await restored('sso/saml', notAfter);
    await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
    await touch(session);
    await expectLeft(session, 2 * HOUR);
    expect(await kept(session)).toEqual([notAfter]);
    await configure(postgres, {...plenty, inactivity_timeout: '9 hours'});
    await run(auth, refreshV2(session));
    expect(await deadline(session)).toEqual(notAfter);
  });

  it('goes on with a deadline of ours that was restored with it, by its mark', async () => {
    await configure(postgres, {...plenty, inactivity_timeout: '1 hour'});
    const session = await run(auth, samlAcs(user, {algorithm: 2}));
    await superuser.query('begin; set local session_replication_role = replica');
    await superuser.query('create temp table dump on commit drop as select * from auth.sessions');
    await superuser.query('delete from auth.sessions; insert into auth.sessions select * from dump');
    await superuser.query('commit');
    await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
    await run(auth, refreshV2(session));
    await expectLeft(session, 2 * HOUR);
    await configure(postgres, {enabled: false});
    await run(auth, refreshV2(session));
    expect(await deadline(session)).toBeNull();
  });
});

describe('prune()', () => {
  /** A session by SAML whose deadline has given way to ours. */
  async function gaveWay(hours: number): Promise<AuthSession> {
    const session = await run(auth, samlAcs(user, {notAfter: inHours(hours)}));
    expect(await kept(session)).toEqual([expect.any(Date)]);
    return session;
  }

  it('forgets the deadlines of sessions that are gone, in batches, and no others', async () => {
    await configure(postgres, {...plenty, timebox: '30 minutes'});
    const [stays, ...gone] = [await gaveWay(3), await gaveWay(3), await gaveWay(3), await gaveWay(3)];
    await auth.query('delete from sessions where id = any ($1)', [gone.map(({sessionId}) => sessionId)]);
    const left = async (): Promise<number | null> =>
      (await postgres.query('select from supasession.foreign_deadlines')).rowCount;
    await postgres.query("select supasession.prune('30 days', 2)");
    expect(await left()).toBe(2);
    await postgres.query("select supasession.prune('30 days', 2)");
    expect(await left()).toBe(1);
    expect(await kept(stays)).toEqual([expect.any(Date)]);
  });
});

describe('SAML with PKCE', () => {
  describe.each(strategies)('under %s with a limit of 1', (strategy) => {
    it.each(algorithms)(
      'lets the user in, refresh token algorithm %i: the app holds the session left',
      async (algorithm) => {
        await configure(postgres, {enabled: true, max_sessions: 1, strategy});
        const made = await samlPkce(inHours(3), algorithm);
        expect(await live(made)).toEqual([1]);
        await run(auth, refresh(made[1]));
        expect(await live(made)).toEqual([1]);
      },
    );

    it('takes the place of the session at the ACS also for a pending user', async () => {
      await createFactor(postgres, user.userId);
      await configure(postgres, {enabled: true, max_sessions: 1, strategy, low_aal_timeout: '15 minutes'});
      const made = await samlPkce(inHours(3));
      expect(await live(made)).toEqual([1]);
      await expectLeft(made[1], HOUR / 4);
    });

    it("records no eviction: it was nobody's device", async () => {
      await configure(postgres, {enabled: true, max_sessions: 1, strategy});
      await samlPkce();
      const {rows} = await postgres.query('select kind from supasession.events where user_id = $1', [user.userId]);
      expect(rows).toEqual([]);
    });
  });

  it('under reject is refused at the ACS while another session is there, and the flow is as before', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    const first = await run(auth, samlAcs(user));
    const code = await run(auth, startSamlPkce());
    await expect(run(auth, samlAcs(user, {code, notAfter: inHours(3)}))).rejects.toMatchObject({sqlstate: 'PT403'});
    await auth.query('delete from sessions where id = $1', [first.sessionId]);
    const unheld = await run(auth, samlAcs(user, {code, notAfter: inHours(3)}));
    const session = await run(auth, exchangeCode(code));
    expect(await live([unheld, session])).toEqual([1]);
  });

  it.each(['oldest', 'least_recently_used'] as const)(
    'under dequeue ends one other device, and not a second one: %s',
    async (eviction_order) => {
      await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'dequeue', eviction_order});
      const made = [await run(auth, samlAcs(user)), await run(auth, samlAcs(user))];
      made.push(...(await samlPkce(inHours(3))));
      expect(await live(made)).toEqual([1, 3]);
    },
  );

  it('below the limit is left as Auth does it: two sessions, until room is needed', async () => {
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'reject'});
    const made = await samlPkce();
    expect(await live(made)).toEqual([0, 1]);
  });

  it.each([
    ['while limits are off', {enabled: false}],
    ['in observe mode', {...plenty, mode: 'observe'}],
  ] as const)('is left as Auth does it %s: two sessions', async (_, settings) => {
    await configure(postgres, settings);
    const made = await samlPkce(inHours(3));
    expect(await live(made)).toEqual([0, 1]);
  });

  it('with the exchange rolled back leaves the session at the ACS, and the code is good', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    const code = await run(auth, startSamlPkce());
    const unheld = await run(auth, samlAcs(user, {code, notAfter: inHours(3)}));
    await expect(run(auth, exchangeCode(code, {hook: 'public.missing'}))).rejects.toMatchObject({statement: 'hook'});
    expect(await live([unheld])).toEqual([0]);
    const session = await run(auth, exchangeCode(code));
    expect(await live([unheld, session])).toEqual([1]);
  });

  describe.each(strategies)('ends no session that somebody holds, under %s', (strategy) => {
    const limit = async (max_sessions: number): Promise<void> =>
      configure(postgres, {enabled: true, max_sessions, strategy});

    it('signed in before the flow began, or refreshed', async () => {
      await limit(3);
      const before = await run(auth, samlAcs(user));
      const code = await run(auth, startSamlPkce());
      const used = await run(auth, samlAcs(user));
      await run(auth, refresh(used));
      const unheld = await run(auth, samlAcs(user, {code}));
      const session = await run(auth, exchangeCode(code));
      expect(await live([before, used, unheld, session])).toEqual([0, 1, 3]);
    });

    it('signed in without a code between the start of the flow and the answer', async () => {
      await limit(2);
      const code = await run(auth, startSamlPkce());
      const held = await run(auth, samlAcs(user));
      const unheld = await run(auth, samlAcs(user, {code}));
      const session = await run(auth, exchangeCode(code));
      expect(await live([held, unheld, session])).toEqual([0, 2]);
    });

    it('signed in without a code between the answer and the exchange', async () => {
      await limit(2);
      const code = await run(auth, startSamlPkce());
      const unheld = await run(auth, samlAcs(user, {code}));
      const held = await run(auth, samlAcs(user));
      const session = await run(auth, exchangeCode(code));
      expect(await live([held, unheld, session])).toEqual([0, 2]);
    });

    it('of another user', async () => {
      await limit(1);
      const code = await run(auth, startSamlPkce());
      const unheld = await run(auth, samlAcs(user, {code}));
      const other = await createSamlUser(postgres);
      const theirs = await run(auth, samlAcs(other));
      const session = await run(auth, exchangeCode(code));
      expect(await live([unheld, session])).toEqual([1]);
      expect(await liveSessions(postgres, other.userId)).toEqual([theirs.sessionId]);
    });
  });

  describe('that was never finished', () => {
    async function abandon(): Promise<AuthSession> {
      return run(auth, samlAcs(user, {code: await run(auth, startSamlPkce())}));
    }

    it('makes room by its session, which nobody holds, before any other', async () => {
      const held = await run(auth, samlAcs(user));
      const nobodys = await abandon();
      await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'dequeue'});
      const next = await run(auth, samlAcs(user));
      expect(await live([held, nobodys, next])).toEqual([0, 2]);
    });

    it('makes room once: after that reject refuses, and ends nobody', async () => {
      await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
      const nobodys = await abandon();
      const held = await run(auth, samlAcs(user));
      expect(await live([nobodys, held])).toEqual([1]);
      await expect(run(auth, samlAcs(user))).rejects.toMatchObject({sqlstate: 'PT403'});
      await expect(abandon()).rejects.toMatchObject({sqlstate: 'PT403'});
      expect(await live([held])).toEqual([0]);
    });

    it('lets reject refuse where all others are held, though it comes after them', async () => {
      await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'reject'});
      const nobodys = await abandon();
      await auth.query('delete from sessions where id = $1', [nobodys.sessionId]);
      const held = [await run(auth, samlAcs(user)), await run(auth, samlAcs(user))];
      await expect(run(auth, samlAcs(user))).rejects.toMatchObject({sqlstate: 'PT403'});
      expect(await live(held)).toEqual([0, 1]);
    });
  });
});
