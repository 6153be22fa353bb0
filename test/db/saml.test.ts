/** Sessions by SAML: the deadline that the identity provider gave is a ceiling for ever, and PKCE makes two sessions of one sign-in. */
import type {Client} from 'pg';
import {
  createFactor,
  createSamlUser,
  createUser,
  exchangeCode,
  liveSessions,
  mfaVerify,
  refresh,
  refreshV1,
  refreshV2,
  run,
  samlAcs,
  signInPassword,
  startSamlPkce,
  Steps,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {passTime} from '../helpers/clock.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install, type Settings} from '../helpers/install.js';
import {generator} from '../helpers/random.js';

let database: TestDatabase;
let postgres: Client;
let superuser: Client;
let auth: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
  superuser = await database.connect('supabase_admin');
  auth = await database.connect('supabase_auth_admin');
  await install(postgres);
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await postgres.query('delete from supasession.ceilings');
  await postgres.query('delete from auth.sessions');
  await postgres.query('delete from auth.flow_state');
  await postgres.query('update supasession.wiring set deadlines_since = null');
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

async function ceilings(...sessions: AuthSession[]): Promise<(Date | number | undefined)[]> {
  const {rows} = await postgres.query<{session_id: string; not_after: Date | number}>(
    'select session_id, not_after from supasession.ceilings',
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
  const states: [string, () => Promise<unknown>][] = [
    ['with limits on', () => configure(postgres, plenty)],
    ['while limits are off', () => configure(postgres, {enabled: false})],
    ['while everything is off', () => configure(postgres, {enabled: false, block_revoked: false})],
    ['in observe mode', () => configure(postgres, {...plenty, mode: 'observe'})],
    ['without a row of settings', () => postgres.query('delete from supasession.config')],
  ];

  it.each(states)('is kept as a ceiling %s', async (_, prepare) => {
    await prepare();
    const notAfter = inHours(3);
    const session = await run(auth, samlAcs(user, {notAfter}));
    expect(await ceilings(session)).toEqual([notAfter]);
    expect(await deadline(session)).toEqual(notAfter);
  });

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
      {enabled: false, block_revoked: false},
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
      await postgres.query('update supasession.wiring set deadlines_since = null');
      user = await createSamlUser(postgres);
      const factor = random() < 0.5 ? await createFactor(postgres, user.userId) : null;
      const notAfter = inHours(6);
      const algorithm = one(1, 2);
      const ways = [
        () => run(auth, samlAcs(user, {notAfter, algorithm})),
        () => restored('sso/saml', notAfter),
        async () => {
          // With limits off Auth gives the second session no deadline at all.
          await configure(postgres, {...plenty, low_aal_timeout});
          return (await samlPkce(notAfter, algorithm))[1];
        },
      ];
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
      expect(await ceilings(session)).toEqual([Infinity]);
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
  ])('by SAML keeps the deadline that it has as its ceiling, %s', async (_, touch) => {
    const notAfter = inHours(3);
    // Deadlines have been given here for long, and the claim alone tells that this one is not ours.
    await configure(postgres, {...plenty, timebox: '9 hours'});
    await passTime(superuser, '1 day');
    const session = await restored('sso/saml', notAfter);
    await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
    await touch(session);
    await expectLeft(session, 2 * HOUR);
    expect(await ceilings(session)).toEqual([notAfter]);
    await configure(postgres, {...plenty, inactivity_timeout: '9 hours'});
    await run(auth, refreshV2(session));
    expect(await deadline(session)).toEqual(notAfter);
  });

  it.each([
    ['at its refresh', async (session: AuthSession) => run(auth, refreshV2(session))],
    ['by enforce()', async () => postgres.query('select supasession.enforce(100000)')],
  ])('by SAML without a deadline gets ours %s, and keeps none of them as a ceiling', async (_, touch) => {
    const session = await restored('sso/saml', null);
    await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
    await touch(session);
    await passTime(superuser, '90 minutes');
    await run(auth, refreshV2(session));
    await expectLeft(session, 2 * HOUR);
    await configure(postgres, {enabled: false});
    await run(auth, refreshV2(session));
    expect(await deadline(session)).toBeNull();
  });

  it('by password, with a deadline of ours in it, goes on with ours where our history was restored too', async () => {
    await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
    await passTime(superuser, '1 day');
    const session = await restored('password', inHours(1));
    await run(auth, refreshV2(session));
    await expectLeft(session, 2 * HOUR);
  });

  it('by password, where we have given no deadlines, keeps the one it has', async () => {
    const notAfter = inHours(1);
    const session = await restored('password', notAfter);
    await configure(postgres, {...plenty, inactivity_timeout: '2 hours'});
    await run(auth, refreshV2(session));
    expect(await deadline(session)).toEqual(notAfter);
  });
});

describe('prune()', () => {
  it('takes away the ceilings that have passed and those of sessions that are gone, and no others', async () => {
    const past = await run(auth, samlAcs(user, {notAfter: inHours(1)}));
    const later = await run(auth, samlAcs(user, {notAfter: inHours(3)}));
    const none = await run(auth, samlAcs(user));
    const gone = await run(auth, samlAcs(user, {notAfter: inHours(3)}));
    await auth.query('delete from sessions where id = $1', [gone.sessionId]);
    await passTime(superuser, '2 hours');
    await postgres.query("select supasession.prune('30 days')");
    expect((await ceilings(past, later, none, gone)).map((ceiling) => ceiling !== undefined)).toEqual([
      false,
      true,
      true,
      false,
    ]);
    // The session whose ceiling has passed stays ended all the same.
    await configure(postgres, {...plenty, timebox: '90 days'});
    await auth.query("update sessions set refreshed_at = now() at time zone 'UTC' where id = $1", [past.sessionId]);
    expect(await live([past, later, none])).toEqual([1, 2]);
  });

  it('works in batches', async () => {
    for (let n = 0; n < 3; n += 1) await run(auth, samlAcs(user, {notAfter: inHours(1)}));
    await passTime(superuser, '2 hours');
    const left = async (): Promise<unknown> =>
      (await postgres.query('select count(*)::int as left from supasession.ceilings')).rows[0];
    await postgres.query("select supasession.prune('30 days', 2)");
    expect(await left()).toEqual({left: 1});
    await postgres.query("select supasession.prune('30 days', 2)");
    expect(await left()).toEqual({left: 0});
  });

  it('leaves the ceiling of a sign-in that is still under way', async () => {
    const steps = new Steps(auth, samlAcs(user, {notAfter: inHours(3)}));
    await steps.before('commit');
    await postgres.query("select supasession.prune('30 days')");
    const session = await steps.finish();
    expect((await ceilings(session))[0]).toBeInstanceOf(Date);
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

    it.each([
      ['gave a deadline', 3],
      ['gave none', undefined],
    ])('lets the user in where the provider %s', async (_, hours) => {
      await configure(postgres, {enabled: true, max_sessions: 1, strategy, timebox: '9 hours'});
      const [, session] = await samlPkce(hours === undefined ? undefined : inHours(hours));
      await expectLeft(session, (hours ?? 9) * HOUR);
    });

    it('takes the place of the session at the ACS also for a pending user', async () => {
      await createFactor(postgres, user.userId);
      await configure(postgres, {enabled: true, max_sessions: 1, strategy});
      const made = await samlPkce(inHours(3));
      expect(await live(made)).toEqual([1]);
      await expectLeft(made[1], HOUR / 4);
    });
  });

  it('under reject is refused at the ACS while another session is there, and the flow is as before', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    const first = await run(auth, samlAcs(user));
    const code = await run(auth, startSamlPkce());
    await expect(run(auth, samlAcs(user, {code, notAfter: inHours(3)}))).rejects.toMatchObject({sqlstate: 'PT403'});
    await auth.query('delete from sessions where id = $1', [first.sessionId]);
    await run(auth, samlAcs(user, {code, notAfter: inHours(3)}));
    await expectLeft(await run(auth, exchangeCode(code)), 3 * HOUR);
  });

  it('under dequeue ends the oldest once, at the ACS', async () => {
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'dequeue'});
    const made = [await run(auth, samlAcs(user)), await run(auth, samlAcs(user))];
    made.push(...(await samlPkce(inHours(3))));
    expect(await live(made)).toEqual([1, 3]);
  });

  it('hands the ceiling on for ever', async () => {
    const notAfter = inHours(3);
    await configure(postgres, {...plenty, timebox: '9 hours'});
    let [, session] = await samlPkce(notAfter);
    expect(await ceilings(session)).toEqual([notAfter]);
    for (const settings of [{enabled: false}, {...plenty}, {...plenty, inactivity_timeout: '9 hours'}]) {
      await configure(postgres, settings);
      session = await run(auth, refresh(session));
      expect(await deadline(session)).toEqual(notAfter);
    }
  });

  it('hands on the ceiling, not the deadline that enforce() has brought nearer', async () => {
    const notAfter = inHours(3);
    await configure(postgres, {...plenty, timebox: '1 hour'});
    const code = await run(auth, startSamlPkce());
    await run(auth, samlAcs(user, {code, notAfter}));
    await postgres.query('select supasession.enforce(100000)');
    await configure(postgres, {...plenty});
    const session = await run(auth, exchangeCode(code));
    expect(await deadline(session)).toEqual(notAfter);
  });

  it('hands the ceiling on also while somebody holds the row of the session at the ACS', async () => {
    const notAfter = inHours(3);
    await configure(postgres, plenty);
    const code = await run(auth, startSamlPkce());
    const unheld = await run(auth, samlAcs(user, {code, notAfter}));
    const holder = await database.connect('postgres');
    await holder.query('begin');
    await holder.query('select from auth.sessions where id = $1 for update', [unheld.sessionId]);
    const session = await run(auth, exchangeCode(code));
    await holder.query('rollback');
    await holder.end();
    await run(auth, refresh(session));
    expect(await deadline(session)).toEqual(notAfter);
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
    await expectLeft(await run(auth, exchangeCode(code)), 3 * HOUR);
  });

  describe('replaces no session that somebody holds', () => {
    beforeEach(async () => configure(postgres, plenty));

    it('signed in before the flow began, or refreshed', async () => {
      const before = await run(auth, samlAcs(user));
      const code = await run(auth, startSamlPkce());
      const used = await run(auth, samlAcs(user));
      await run(auth, refresh(used));
      const unheld = await run(auth, samlAcs(user, {code}));
      const session = await run(auth, exchangeCode(code));
      expect(await live([before, used, unheld, session])).toEqual([0, 1, 3]);
    });

    it('signed in without a code between the start of the flow and the answer', async () => {
      const code = await run(auth, startSamlPkce());
      const held = await run(auth, samlAcs(user));
      const unheld = await run(auth, samlAcs(user, {code}));
      const session = await run(auth, exchangeCode(code));
      expect(await live([held, unheld, session])).toEqual([0, 2]);
    });

    it('signed in without a code between the answer and the exchange', async () => {
      const code = await run(auth, startSamlPkce());
      const unheld = await run(auth, samlAcs(user, {code}));
      const held = await run(auth, samlAcs(user));
      const session = await run(auth, exchangeCode(code));
      expect(await live([held, unheld, session])).toEqual([0, 2]);
    });

    it('while a flow that was never finished lies about', async () => {
      const abandoned = await run(auth, startSamlPkce());
      const nobodys = await run(auth, samlAcs(user, {code: abandoned}));
      const held = [await run(auth, samlAcs(user)), await run(auth, samlAcs(user))];
      const [unheld, session] = await samlPkce();
      held.push(session, await run(auth, samlAcs(user)), (await samlPkce())[1]);
      expect(await live([nobodys, unheld, ...held])).toEqual([0, 2, 3, 4, 5, 6]);
    });

    it('by password', async () => {
      const ordinary = await createUser(postgres);
      const code = await run(auth, startSamlPkce());
      await postgres.query('update auth.flow_state set user_id = $1 where auth_code = $2', [ordinary.userId, code]);
      const sessions = [
        await run(auth, signInPassword(ordinary.email)),
        await run(auth, signInPassword(ordinary.email)),
      ];
      expect(await liveSessions(postgres, ordinary.userId)).toEqual(sessions.map(({sessionId}) => sessionId));
    });

    it('of another user', async () => {
      const code = await run(auth, startSamlPkce());
      const unheld = await run(auth, samlAcs(user, {code}));
      const other = await createSamlUser(postgres);
      const theirs = await run(auth, samlAcs(other));
      await run(auth, exchangeCode(code));
      expect(await live([unheld])).toEqual([]);
      expect(await liveSessions(postgres, other.userId)).toEqual([theirs.sessionId]);
    });
  });
});
