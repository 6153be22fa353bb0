/** revoke_access() and restore_access(): how each way in refuses a user whose access is revoked, and that nothing slips through. */
import type {Client} from 'pg';
import {
  AuthError,
  createSessions,
  createUser,
  generateMagicLink,
  liveSessions,
  refresh,
  refreshV1,
  refreshV2,
  run,
  signInPassword,
  verifyMagicLink,
  type AuthSession,
  type AuthUser,
  type Flow,
} from '../helpers/auth.js';
import {ask, claimsOf} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure} from '../helpers/install.js';
import {interrupt, outcome, type Interruption} from '../helpers/interrupt.js';
import {sample} from '../helpers/thorough.js';

const HOOK = 'supasession.access_token_hook';

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

async function oneSession(): Promise<AuthSession> {
  const [session] = await createSessions(postgres, [user.userId], 1);
  if (!session) throw new Error('no session was made');
  return session;
}

async function revokeAccess(reason: string | null = null): Promise<number> {
  const {rows} = await postgres.query<{ended: number}>('select supasession.revoke_access($1, $2) as ended', [
    user.userId,
    reason,
  ]);
  return rows[0]?.ended ?? -1;
}

async function restoreAccess(): Promise<boolean> {
  const {rows} = await postgres.query<{restored: boolean}>('select supasession.restore_access($1) as restored', [
    user.userId,
  ]);
  return rows[0]?.restored === true;
}

async function appMetadata(): Promise<Record<string, unknown> | null> {
  const {rows} = await postgres.query<{data: Record<string, unknown> | null}>(
    'select raw_app_meta_data as data from auth.users where id = $1',
    [user.userId],
  );
  return rows[0]?.data ?? null;
}

async function hasAccess(session: AuthSession): Promise<boolean> {
  const rows = await ask<{access: boolean}>(
    api,
    {claims: claimsOf(session), readOnly: true},
    'select supasession.has_access() as access',
  );
  return rows[0]?.access === true;
}

describe('revoke_access()', () => {
  it('ends all sessions, sets the flag beside what is there, and tells why', async () => {
    await postgres.query(`update auth.users set raw_app_meta_data = '{"plan": "pro"}' where id = $1`, [user.userId]);
    const session = await oneSession();
    await oneSession();
    expect(await revokeAccess('chargeback')).toBe(2);
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
    expect(await hasAccess(session)).toBe(false);
    expect(await appMetadata()).toEqual({plan: 'pro', access_revoked: true, revoked_at: expect.any(String)});
    const {rows} = await postgres.query(
      'select reason, at <= now() as past from supasession.revoked where user_id = $1',
      [user.userId],
    );
    expect(rows).toEqual([{reason: 'chargeback', past: true}]);
    const events = await postgres.query<{kind: string; reason: string}>(
      'select kind, reason from supasession.events where user_id = $1 order by id',
      [user.userId],
    );
    expect(events.rows).toEqual([
      {kind: 'revoked', reason: 'chargeback'},
      {kind: 'revoked', reason: 'chargeback'},
      {kind: 'access_revoked', reason: 'chargeback'},
    ]);
  });

  it('may be said twice, and the last reason counts', async () => {
    await revokeAccess('first');
    expect(await revokeAccess('second')).toBe(0);
    const {rows} = await postgres.query('select reason from supasession.revoked where user_id = $1', [user.userId]);
    expect(rows).toEqual([{reason: 'second'}]);
  });

  it('says that there is no such user', async () => {
    for (const id of ['00000000-0000-4000-8000-00000000000a', null])
      await expect(postgres.query('select supasession.revoke_access($1)', [id])).rejects.toMatchObject({code: 'P0002'});
  });

  it('concerns that user alone', async () => {
    const other = await createUser(postgres);
    const [session] = (await createSessions(postgres, [other.userId], 1)) as [AuthSession];
    await revokeAccess();
    expect(await hasAccess(session)).toBe(true);
    await run(auth, refreshV1(session));
    await run(auth, signInPassword(other.email));
    expect(await liveSessions(postgres, other.userId)).toHaveLength(2);
  });
});

describe('restore_access()', () => {
  it('takes the row and the flag away, and lets the user sign in again', async () => {
    await postgres.query(`update auth.users set raw_app_meta_data = '{"plan": "pro"}' where id = $1`, [user.userId]);
    const ended = await oneSession();
    await revokeAccess();
    expect(await restoreAccess()).toBe(true);
    expect(await appMetadata()).toEqual({plan: 'pro'});
    expect(await hasAccess(ended)).toBe(false);
    const session = await run(auth, signInPassword(user.email));
    expect(await hasAccess(session)).toBe(true);
    const {rows} = await postgres.query(
      'select kind from supasession.events where user_id = $1 order by id desc limit 1',
      [user.userId],
    );
    expect(rows).toEqual([{kind: 'access_restored'}]);
  });

  it('says no for a user whose access was not revoked, and changes nothing', async () => {
    await postgres.query(`update auth.users set raw_app_meta_data = '{"access_revoked": "mine"}' where id = $1`, [
      user.userId,
    ]);
    expect(await restoreAccess()).toBe(false);
    expect(await appMetadata()).toEqual({access_revoked: 'mine'});
    expect((await postgres.query('select supasession.restore_access(null) as restored')).rows).toEqual([
      {restored: false},
    ]);
  });
});

describe('app_metadata that Auth does not write', () => {
  const revoked = {access_revoked: true, revoked_at: expect.any(String) as string};

  it.each([
    ['missing', null, revoked, {}],
    ['null', 'null', revoked, {}],
    ['an empty object', '{}', revoked, {}],
    ['an array', '[{"plan": "pro"}]', [{plan: 'pro'}], [{plan: 'pro'}]],
    ['an empty array', '[]', [], []],
    ['a string', '"plan"', 'plan', 'plan'],
    ['a number', '7', 7, 7],
    ['true', 'true', true, true],
  ])('is %s: access is revoked and restored, and no object is made of it', async (_, value, during, after) => {
    await postgres.query("insert into supasession.rules (name, app_metadata, max_sessions) values ('pro', $1, 1)", [
      {plan: 'pro'},
    ]);
    await configure(postgres, {enabled: true, max_sessions: 2});
    try {
      const set = async (): Promise<unknown> =>
        postgres.query('update auth.users set raw_app_meta_data = $2 where id = $1', [user.userId, value]);
      await set();
      await run(auth, signInPassword(user.email));
      await run(auth, refresh(await run(auth, signInPassword(user.email))));
      expect(await revokeAccess('abuse')).toBe(2);
      expect(await appMetadata()).toEqual(during);
      expect(await outcome(run(auth, signInPassword(user.email)))).toMatchObject({sqlstate: 'PT403'});
      expect(await restoreAccess()).toBe(true);
      expect(await appMetadata()).toEqual(after);
      expect(await hasAccess(await run(auth, signInPassword(user.email)))).toBe(true);
      // As it is when Auth has written over the flag meanwhile.
      await revokeAccess();
      await set();
      expect(await restoreAccess()).toBe(true);
      expect(await appMetadata()).toEqual(value === null ? null : JSON.parse(value));
    } finally {
      await postgres.query('delete from supasession.rules');
    }
  });
});

const settings = [
  ['limits off', {enabled: false}],
  ['limits on', {enabled: true, max_sessions: 3}],
  ['observe mode', {enabled: true, max_sessions: 3, mode: 'observe'}],
] as const;

describe.each(settings)('a user whose access is revoked, with %s', (_, config) => {
  const ways: [string, () => Promise<Flow<AuthSession>>][] = [
    ['password', async () => signInPassword(user.email)],
    ['password, algorithm 2', async () => signInPassword(user.email, {algorithm: 2})],
    ['magic link', async () => verifyMagicLink(await run(auth, generateMagicLink(user.email)))],
  ];

  beforeEach(async () => configure(postgres, config));

  it.each(ways)('is refused at a sign-in by %s', async (__, flow) => {
    await revokeAccess();
    expect(await outcome(run(auth, await flow()))).toMatchObject({
      ...{sqlstate: 'PT403', statement: 'insert sessions', message: `Access of user ${user.userId} is revoked`},
    });
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
  });

  it('is refused with 403 and a message if the hook is configured, and at commit if it is not', async () => {
    await configure(postgres, {...config, reject_in_hook: true});
    await revokeAccess();
    expect(await outcome(run(auth, signInPassword(user.email, {hook: HOOK})))).toMatchObject({
      ...{status: 403, message: 'Access revoked', sqlstate: undefined},
    });
    expect(await outcome(run(auth, signInPassword(user.email)))).toMatchObject({
      sqlstate: 'PT403',
      statement: 'commit',
    });
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
    expect((await postgres.query('select from supasession.pending_rejections')).rowCount).toBe(0);
  });

  it('is ended at a refresh, where a session has come back some other way', async () => {
    for (const flow of [refreshV1, refreshV2]) {
      const session = await oneSession();
      await postgres.query('insert into supasession.revoked (user_id) values ($1)', [user.userId]);
      await run(auth, flow(session));
      expect(await liveSessions(postgres, user.userId)).toEqual([]);
      expect(await outcome(run(auth, flow(session)))).toBeInstanceOf(AuthError);
      await restoreAccess();
      // What has ended stays ended.
      expect(await liveSessions(postgres, user.userId)).toEqual([]);
    }
  });

  it('stays out when Auth loses the flag', async () => {
    await revokeAccess();
    await auth.query(`update users set raw_app_meta_data = '{"provider": "email"}' where id = $1`, [user.userId]);
    expect(await outcome(run(auth, signInPassword(user.email)))).toMatchObject({sqlstate: 'PT403'});
    expect(await restoreAccess()).toBe(true);
    expect(await appMetadata()).toEqual({provider: 'email'});
  });

  it('is not kept out by the flag alone', async () => {
    await auth.query(`update users set raw_app_meta_data = '{"access_revoked": true}' where id = $1`, [user.userId]);
    const session = await run(auth, signInPassword(user.email));
    expect(await hasAccess(session)).toBe(true);
  });
});

it('a user whose access is revoked stays out if there is no row of settings', async () => {
  await postgres.query('delete from supasession.config');
  await revokeAccess();
  expect(await outcome(run(auth, signInPassword(user.email)))).toMatchObject({sqlstate: 'PT403'});
  expect(await restoreAccess()).toBe(true);
  await run(auth, signInPassword(user.email));
});

const raced = sample(settings, ([name]) => name === 'limits on');

describe.each(raced)('revoke_access() in the middle of a request, with %s', (_, config) => {
  const inForce = config.enabled && !('mode' in config);

  /** What came of the request has no access, and ends: with limits on, where the user's row is locked, at once. */
  async function expectOut({before, result}: Interruption<AuthSession>): Promise<void> {
    if (inForce) expect([before, await liveSessions(postgres, user.userId)]).toEqual([before, []]);
    if (!(result instanceof AuthError)) {
      expect([before, await hasAccess(result)]).toEqual([before, false]);
      await outcome(run(auth, refresh(result)));
    }
    expect([before, await liveSessions(postgres, user.userId)]).toEqual([before, []]);
  }

  beforeEach(async () => configure(postgres, config));

  const flows: [string, () => Promise<Flow<AuthSession>>][] = [
    ['refresh v1', async () => refreshV1(await oneSession())],
    ['refresh v2', async () => refreshV2(await oneSession())],
    ['sign-in by password', async () => signInPassword(user.email)],
    ['sign-in by password, algorithm 2', async () => signInPassword(user.email, {algorithm: 2})],
    ['sign-in by magic link', async () => verifyMagicLink(await run(auth, generateMagicLink(user.email)))],
  ];

  it.each(flows)(
    'of a %s, at each of its statements: no access from then on, no survivor, and nobody is killed',
    async (__, flow) => {
      for (let count = 0; ; count++) {
        user = await createUser(postgres);
        await oneSession();
        const seen = await interrupt({auth, other: postgres, observer}, await flow(), count, revokeAccess);
        if (!seen) break;
        await expectOut(seen);
        expect(await outcome(run(auth, signInPassword(user.email)))).toMatchObject({sqlstate: 'PT403'});
      }
      expect((await postgres.query('select from supasession.pending_ends')).rowCount).toBe(0);
    },
  );

  it.each([
    ['password', async () => signInPassword(user.email, {hook: HOOK})],
    ['magic link', async () => verifyMagicLink(await run(auth, generateMagicLink(user.email)), {hook: HOOK})],
  ] as [string, () => Promise<Flow<AuthSession>>][])(
    'of a sign-in by %s with the hook configured, at each of its statements: no survivor and no note left',
    async (__, flow) => {
      await configure(postgres, {...config, reject_in_hook: true});
      for (let count = 0; ; count++) {
        user = await createUser(postgres);
        const seen = await interrupt({auth, other: postgres, observer}, await flow(), count, revokeAccess);
        if (!seen) break;
        if (seen.result instanceof AuthError)
          expect(seen.result).toMatchObject({status: 403, message: 'Access revoked', sqlstate: undefined});
        await expectOut(seen);
      }
      expect((await postgres.query('select from supasession.pending_rejections')).rowCount).toBe(0);
    },
  );
});

it.each(['anon', 'authenticated'])('%s may neither revoke nor restore access', async (role) => {
  for (const sql of [
    `select supasession.revoke_access('${user.userId}')`,
    `select supasession.restore_access('${user.userId}')`,
    `insert into supasession.revoked (user_id) values ('${user.userId}')`,
    'delete from supasession.revoked',
  ])
    await expect(ask(api, {role}, sql)).rejects.toMatchObject({code: '42501'});
});

it('service_role revokes access by the functions only, so that no sessions are forgotten', async () => {
  const request = {role: 'service_role'};
  await ask(api, request, 'select supasession.revoke_access($1, $2)', [user.userId, 'abuse']);
  expect(await ask(api, request, 'select reason from supasession.revoked where user_id = $1', [user.userId])).toEqual([
    {reason: 'abuse'},
  ]);
  await ask(api, request, 'select supasession.restore_access($1)', [user.userId]);
  await expect(ask(api, request, 'delete from supasession.revoked')).rejects.toMatchObject({code: '42501'});
});
