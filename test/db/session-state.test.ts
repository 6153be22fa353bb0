/** session_state() and why_ended(): what an app learns about the end of a session, asked as PostgREST asks. */
import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import {
  createFactor,
  createSessions,
  createUser,
  mfaVerify,
  refresh,
  run,
  signInPassword,
  signOut,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {ask, claimsOf, type Request} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure} from '../helpers/install.js';

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';
const GUARD = 'supasession.check_request';
const DAY = 86_400_000;

interface Why {
  reason: string | null;
  cause: string | null;
}
interface State extends Why {
  live: boolean;
  ends_at: Date | null;
  ends_by: string | null;
}

const NOTHING: Why = {reason: null, cause: null};
const LIVE: State = {live: true, ends_at: null, ends_by: null, ...NOTHING};
const DEAD: State = {...LIVE, live: false};

let database: TestDatabase;
let postgres: Client;
let admin: Client;
let auth: Client;
let api: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  [postgres, admin, auth, api] = (await Promise.all(
    ['postgres', 'supabase_admin', 'supabase_auth_admin', 'authenticator'].map(async (role) => database.connect(role)),
  )) as [Client, Client, Client, Client];
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await postgres.query('delete from supasession.rules');
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

/** Read only: a question extends nothing. */
async function state(session: AuthSession, request: Request = {}): Promise<State> {
  const rows = await ask<State>(
    api,
    {claims: claimsOf(session), readOnly: true, ...request},
    'select * from supasession.session_state()',
  );
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

async function why(sessionId: string | null, request: Request = {role: 'anon'}): Promise<Why> {
  const rows = await ask<Why>(api, {readOnly: true, ...request}, 'select * from supasession.why_ended($1)', [
    sessionId,
  ]);
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

/** What both say of a session that has ended: to its own token, to anon, and to somebody else who is signed in. */
async function ended(session: AuthSession): Promise<Why> {
  const {live, reason, cause} = await state(session);
  expect(live).toBe(false);
  const stranger = {claims: {role: 'authenticated', sub: randomUUID(), session_id: randomUUID()}};
  for (const request of [{role: 'anon'}, {claims: claimsOf(session)}, stranger])
    expect(await why(session.sessionId, request)).toEqual({reason, cause});
  return {reason, cause};
}

async function signIn(options: Parameters<typeof signInPassword>[1] = {}): Promise<AuthSession> {
  return run(auth, signInPassword(user.email, options));
}

async function rule(columns: string, ...values: unknown[]): Promise<void> {
  await postgres.query(
    `insert into supasession.rules (name, ${columns}) values ('rule', ${values.map((_, n) => `$${n + 1}`).join(', ')})`,
    values,
  );
}

/** Changes rows as a restore does: no trigger sees it. */
async function behindTriggers(sql: string, ...values: unknown[]): Promise<void> {
  await admin.query("begin; set local session_replication_role = 'replica'");
  await admin.query(sql, values);
  await admin.query('commit');
}

/** Lets so much time pass for a session that nobody uses. */
async function pass({sessionId}: AuthSession, span: string): Promise<void> {
  await behindTriggers(
    `update auth.sessions set created_at = created_at - $2::interval, refreshed_at = refreshed_at - $2::interval,
       not_after = not_after - $2::interval where id = $1`,
    sessionId,
    span,
  );
}

async function deadlineOf({sessionId}: AuthSession): Promise<Date | null> {
  const {rows} = await postgres.query<{not_after: Date | null}>('select not_after from auth.sessions where id = $1', [
    sessionId,
  ]);
  return rows[0]!.not_after;
}

/** Does something while a request holds the session, so that it can only be noted. */
async function whileInUse({sessionId}: AuthSession, act: () => Promise<unknown>): Promise<void> {
  await admin.query('begin');
  await admin.query('select from auth.sessions where id = $1 for update', [sessionId]);
  await act();
  await admin.query('rollback');
  const {rowCount} = await postgres.query('select from supasession.pending_ends where session_id = $1', [sessionId]);
  expect(rowCount).toBe(1);
}

async function ending({sessionId}: AuthSession): Promise<unknown[]> {
  const {rows} = await postgres.query<{kind: string; details: unknown}>(
    'select kind, details from supasession.events where session_id = $1 order by id',
    [sessionId],
  );
  return rows;
}

describe('a live session', () => {
  it('says so, and that it has no deadline; nobody else learns that', async () => {
    const session = await signIn();
    expect(await state(session)).toEqual(LIVE);
    expect(await why(session.sessionId)).toEqual(NOTHING);
    expect(await why(session.sessionId, {claims: claimsOf(session)})).toEqual(NOTHING);
  });

  it('is no other one if the history says that it has ended, as after a restore', async () => {
    const session = await signIn();
    await postgres.query("insert into supasession.events (kind, session_id) values ('evicted', $1)", [
      session.sessionId,
    ]);
    expect(await state(session)).toEqual(LIVE);
    expect(await why(session.sessionId)).toEqual(NOTHING);
  });

  it('is neither changed nor extended by the question', async () => {
    await configure(postgres, {enabled: true, inactivity_timeout: '1 hour'});
    const session = await signIn();
    const row = async () =>
      (await postgres.query('select xmin, s.* from auth.sessions s where id = $1', [session.sessionId]))
        .rows as unknown;
    const before = await row();
    await state(session, {readOnly: false});
    await why(session.sessionId, {role: 'anon', readOnly: false});
    expect(await row()).toEqual(before);
  });
});

describe('evicted', () => {
  it('at a sign-in: with the device that took the place', async () => {
    await configure(postgres, {enabled: true});
    const first = await signIn();
    await signIn({userAgent: IPHONE});
    expect(await ended(first)).toEqual({reason: 'evicted', cause: 'Safari on iPhone'});
    expect(await ending(first)).toEqual([{kind: 'evicted', details: {device: 'Safari on iPhone'}}]);
  });

  it('by a rule, under every order and strategy that ends sessions', async () => {
    await configure(postgres, {enabled: true, max_sessions: 9, eviction_order: 'least_recently_used'});
    await rule('user_id, max_sessions', user.userId, 1);
    const [first, second] = [await signIn(), await signIn({userAgent: 'curl/8.5.0'})];
    expect(await ended(first)).toEqual({reason: 'evicted', cause: 'curl'});
    await configure(postgres, {enabled: true, strategy: 'reject', reject_ignores_idle: '1 hour'});
    await pass(second, '2 hours');
    await signIn({userAgent: IPHONE});
    expect(await ended(second)).toEqual({reason: 'evicted', cause: 'Safari on iPhone'});
  });

  it.each([null, ''])('by a device that says nothing of itself (%j): without it', async (userAgent) => {
    await configure(postgres, {enabled: true});
    const first = await signIn();
    await signIn({userAgent});
    expect(await ended(first)).toEqual({reason: 'evicted', cause: null});
    expect(await ending(first)).toEqual([{kind: 'evicted', details: null}]);
  });

  it('at a second factor', async () => {
    const factor = await createFactor(postgres, user.userId);
    const [first] = await createSessions(postgres, [user.userId], 1);
    await postgres.query("update auth.sessions set aal = 'aal2' where id = $1", [first!.sessionId]);
    await configure(postgres, {enabled: true});
    const second = await signIn({userAgent: IPHONE});
    expect(await state(first!)).toEqual(LIVE);
    await run(auth, mfaVerify(second, factor));
    expect(await ended(first!)).toEqual({reason: 'evicted', cause: 'Safari on iPhone'});
  });

  it('while it was in use: with the device, before and after its refresh', async () => {
    await configure(postgres, {enabled: true});
    const first = await signIn();
    await whileInUse(first, async () => signIn({userAgent: IPHONE}));
    expect(await ended(first)).toEqual({reason: 'evicted', cause: 'Safari on iPhone'});
    await run(auth, refresh(first));
    expect(await ended(first)).toEqual({reason: 'evicted', cause: 'Safari on iPhone'});
  });

  it('at its refresh or by enforce(): by no device', async () => {
    const [first, second] = await createSessions(postgres, [user.userId], 3);
    await configure(postgres, {enabled: true});
    await run(auth, refresh(first!));
    expect(await ended(first!)).toEqual({reason: 'evicted', cause: null});
    await postgres.query('select from supasession.enforce()');
    expect(await ended(second!)).toEqual({reason: 'evicted', cause: null});
  });

  it('says so after the user was deleted, too', async () => {
    await configure(postgres, {enabled: true});
    const first = await signIn();
    await signIn({userAgent: IPHONE});
    await postgres.query('delete from auth.users where id = $1', [user.userId]);
    expect(await ended(first)).toEqual({reason: 'evicted', cause: 'Safari on iPhone'});
  });
});

describe('revoked', () => {
  it('by an operator: without who did it, or why', async () => {
    const [first, second] = await createSessions(postgres, [user.userId], 3);
    await postgres.query('select supasession.revoke_session($1)', [first!.sessionId]);
    expect(await ended(first!)).toEqual({reason: 'revoked', cause: null});
    await postgres.query('select supasession.revoke_user_sessions($1)', [user.userId]);
    expect(await ended(second!)).toEqual({reason: 'revoked', cause: null});
  });

  it('by the user: with the device that did it', async () => {
    const [first, second] = [await signIn(), await signIn()];
    const own = await signIn({userAgent: IPHONE});
    const request = {claims: claimsOf(own)};
    await ask(api, request, 'select supasession.revoke_my_session($1)', [first.sessionId]);
    await whileInUse(second, async () => ask(api, request, 'select supasession.revoke_my_other_sessions()'));
    for (const session of [first, second])
      expect(await ended(session)).toEqual({reason: 'revoked', cause: 'Safari on iPhone'});
    await ask(api, request, 'select supasession.revoke_my_session($1)', [own.sessionId]);
    expect(await ended(own)).toEqual({reason: 'revoked', cause: 'Safari on iPhone'});
  });

  it("by a function of the project for somebody else: not with that one's device", async () => {
    const session = await signIn();
    const [boss] = await createSessions(postgres, [(await createUser(postgres)).userId], 1);
    await postgres.query(`create or replace function public.sign_out_user(id uuid) returns void language sql
      security definer set search_path = '' as 'select supasession.revoke_user_sessions(id)'`);
    await ask(api, {claims: claimsOf(boss!)}, 'select public.sign_out_user($1)', [user.userId]);
    expect(await ended(session)).toEqual({reason: 'revoked', cause: null});
  });
});

describe('access_revoked', () => {
  const typed = 'Mallory <mallory@example.com> left';

  it('once access was revoked, without what the operator typed', async () => {
    const [first, second] = await createSessions(postgres, [user.userId], 2);
    await whileInUse(first!, async () =>
      postgres.query('select supasession.revoke_access($1, $2)', [user.userId, typed]),
    );
    for (const session of [first!, second!])
      expect(await ended(session)).toEqual({reason: 'access_revoked', cause: null});
    expect(JSON.stringify([await state(first!), await why(first!.sessionId)])).not.toMatch(/allory/);
  });

  it('is revoked after access was restored', async () => {
    const session = await signIn();
    await postgres.query('select supasession.revoke_access($1, $2)', [user.userId, typed]);
    await postgres.query('select supasession.restore_access($1)', [user.userId]);
    expect(await ended(session)).toEqual({reason: 'revoked', cause: null});
  });

  it('is not what ended a session before', async () => {
    await configure(postgres, {enabled: true, max_sessions: 2});
    const [first, second] = [await signIn(), await signIn()];
    const third = await signIn({userAgent: IPHONE});
    await postgres.query('select supasession.revoke_session($1)', [second.sessionId]);
    await postgres.query('select supasession.revoke_access($1, $2)', [user.userId, typed]);
    expect(await ended(first)).toEqual({reason: 'evicted', cause: 'Safari on iPhone'});
    expect(await ended(second)).toEqual({reason: 'revoked', cause: null});
    expect(await ended(third)).toEqual({reason: 'access_revoked', cause: null});
  });

  it('for a session that is still there, of a user who is revoked or banned', async () => {
    const session = await signIn();
    await postgres.query('insert into supasession.revoked (user_id, reason) values ($1, $2)', [user.userId, typed]);
    expect(await ended(session)).toEqual({reason: 'access_revoked', cause: null});
    await postgres.query('delete from supasession.revoked where user_id = $1', [user.userId]);
    await postgres.query("update auth.users set banned_until = now() + interval '1 day' where id = $1", [user.userId]);
    expect(await ended(session)).toEqual({reason: 'access_revoked', cause: null});
    await postgres.query('update auth.users set banned_until = now() where id = $1', [user.userId]);
    expect(await state(session)).toEqual(LIVE);
    expect(await why(session.sessionId)).toEqual(NOTHING);
  });

  it('is nothing that a deleted user is told', async () => {
    const session = await signIn();
    await postgres.query('update auth.users set deleted_at = now() where id = $1', [user.userId]);
    expect(await ended(session)).toEqual(NOTHING);
  });
});

/** Settings, what else happens, and the limit that ends the session. */
const DEADLINES: [name: string, settings: Record<string, string>, limit: string][] = [
  ['timebox', {timebox: '8 hours'}, 'timebox'],
  ['inactivity timeout', {inactivity_timeout: '1 hour'}, 'inactivity'],
  ['deadline without the second factor', {low_aal_timeout: '15 minutes'}, 'mfa'],
  [
    'earliest of all: timebox',
    {timebox: '10 minutes', inactivity_timeout: '1 hour', low_aal_timeout: '1 day'},
    'timebox',
  ],
  [
    'earliest of all: inactivity',
    {timebox: '1 day', inactivity_timeout: '10 minutes', low_aal_timeout: '1 hour'},
    'inactivity',
  ],
  ['earliest of all: factor', {timebox: '1 day', inactivity_timeout: '1 hour', low_aal_timeout: '10 minutes'}, 'mfa'],
];
const REASONS: Record<string, string> = {timebox: 'timebox', inactivity: 'inactivity', mfa: 'mfa_required'};

describe('a deadline', () => {
  it.each(DEADLINES)('%s: is told before, and is the reason after, without a history', async (_, settings, limit) => {
    await configure(postgres, {enabled: true, max_sessions: 9, ...settings});
    await createFactor(postgres, user.userId);
    const session = await signIn();
    expect(await state(session)).toEqual({...LIVE, ends_at: await deadlineOf(session), ends_by: limit});
    expect(await why(session.sessionId)).toEqual(NOTHING);
    await pass(session, '2 days');
    expect(await state(session)).toMatchObject({live: false, ends_at: await deadlineOf(session), ends_by: limit});
    expect(await ended(session)).toEqual({reason: REASONS[limit], cause: null});
    expect(await ending(session)).toEqual([]);
  });

  it.each(DEADLINES)('%s: is the reason in the history, by refresh and by enforce()', async (_, settings, limit) => {
    await configure(postgres, {enabled: false});
    await createFactor(postgres, user.userId);
    const sessions = await createSessions(postgres, [user.userId], 2);
    for (const session of sessions) await pass(session, '2 days');
    await configure(postgres, {enabled: true, max_sessions: 9, ...settings});
    await run(auth, refresh(sessions[0]!));
    await postgres.query('select from supasession.enforce()');
    // Some limits are passed together here: inactivity goes first, then the timebox.
    const first = ['inactivity_timeout', 'timebox', 'low_aal_timeout'].find((name) => name in settings);
    const wanted = {inactivity_timeout: 'inactivity', timebox: 'timebox', low_aal_timeout: limit}[first!];
    for (const session of sessions) {
      expect(await ending(session)).toEqual([{kind: 'expired', details: null}]);
      expect(await ended(session)).toEqual({reason: REASONS[wanted!], cause: null});
      await postgres.query('delete from auth.sessions where id = $1', [session.sessionId]);
      expect(await ended(session)).toEqual({reason: REASONS[wanted!], cause: null});
    }
  });

  it('is that of the rule that applies', async () => {
    await configure(postgres, {enabled: true, max_sessions: 9, inactivity_timeout: '1 hour'});
    await rule('user_id, timebox', user.userId, '30 minutes');
    const session = await signIn();
    expect(await state(session)).toMatchObject({live: true, ends_by: 'timebox'});
    await pass(session, '31 minutes');
    expect(await ended(session)).toEqual({reason: 'timebox', cause: null});
  });

  it('is that of the rule for its OAuth client', async () => {
    const client = randomUUID();
    await auth.query(
      `insert into oauth_clients (id, registration_type, redirect_uris, grant_types, client_type, token_endpoint_auth_method)
       values ($1, 'manual', 'https://app.example.com', 'authorization_code', 'public', 'none')`,
      [client],
    );
    await configure(postgres, {enabled: true, inactivity_timeout: '1 hour'});
    await rule('oauth_client_id, timebox', client, '30 minutes');
    const [own, theirs] = [await signIn(), await signIn({oauthClientId: client})];
    expect([await state(own), await state(theirs)]).toMatchObject([{ends_by: 'inactivity'}, {ends_by: 'timebox'}]);
  });

  it('that ended it long ago is still told from one that would have ended it since', async () => {
    await configure(postgres, {enabled: true, timebox: '8 hours', inactivity_timeout: '1 hour'});
    const session = await signIn();
    await behindTriggers(
      `update auth.sessions set created_at = created_at - interval '7 hours 50 minutes', refreshed_at = now() at time zone 'UTC'
       where id = $1`,
      session.sessionId,
    );
    await run(auth, refresh(session));
    expect(await state(session)).toMatchObject({live: true, ends_by: 'timebox'});
    await pass(session, '5 days');
    expect(await ended(session)).toEqual({reason: 'timebox', cause: null});
  });

  it('is told where the clock of Auth is a little ahead', async () => {
    await configure(postgres, {enabled: true, inactivity_timeout: '1 hour'});
    const session = await signIn();
    await behindTriggers(
      "update auth.sessions set refreshed_at = (created_at at time zone 'UTC') + interval '0.9 seconds' where id = $1",
      session.sessionId,
    );
    expect(await state(session)).toMatchObject({live: true, ends_by: 'inactivity'});
  });

  it('of somebody else is told without a limit, and is session_expired after', async () => {
    await configure(postgres, {enabled: true, timebox: '8 hours', inactivity_timeout: '1 hour'});
    const notAfter = new Date(Date.now() + DAY / 48);
    const session = await signIn({notAfter});
    expect(await state(session)).toEqual({...LIVE, ends_at: notAfter});
    await pass(session, '1 day');
    expect(await ended(session)).toEqual({reason: 'session_expired', cause: null});
  });

  it.each([
    ['off', async () => configure(postgres, {enabled: false})],
    ['gone with the settings', async () => postgres.query('delete from supasession.config')],
    ['other ones', async () => configure(postgres, {enabled: true, timebox: '9 days'})],
  ])('is told without a limit once limits are %s, and is session_expired after', async (_, change) => {
    await configure(postgres, {enabled: true, inactivity_timeout: '1 hour'});
    const session = await signIn();
    await change();
    expect(await state(session)).toEqual({...LIVE, ends_at: await deadlineOf(session)});
    await pass(session, '1 day');
    expect(await ended(session)).toEqual({reason: 'session_expired', cause: null});
  });
});

describe('without a history', () => {
  beforeEach(async () => configure(postgres, {enabled: true, record_events: false}));

  it('what is gone is not known; to its own token, that the user may not use the app', async () => {
    const first = await signIn();
    const second = await signIn({userAgent: IPHONE});
    expect(await ended(first)).toEqual(NOTHING);
    await postgres.query('select supasession.revoke_session($1)', [second.sessionId]);
    expect(await ended(second)).toEqual(NOTHING);
    await postgres.query('select supasession.revoke_access($1)', [user.userId]);
    expect(await state(second)).toEqual({...DEAD, reason: 'access_revoked'});
    expect(await why(second.sessionId)).toEqual(NOTHING);
  });

  it('what could only be noted is known, without the device', async () => {
    const [first, other] = [await signIn(), await createUser(postgres)];
    await whileInUse(first, async () => signIn({userAgent: IPHONE}));
    expect(await ended(first)).toEqual({reason: 'evicted', cause: null});
    const [second] = await createSessions(postgres, [other.userId], 1);
    await whileInUse(second!, async () => postgres.query('select supasession.revoke_session($1)', [second!.sessionId]));
    expect(await ended(second!)).toEqual({reason: 'revoked', cause: null});
  });
});

it('of several events of a session the newest that ended it counts', async () => {
  const session = await signIn();
  await run(auth, signOut(session));
  await postgres.query(
    `insert into supasession.events (kind, session_id, reason, details) values
       ('expired', $1, 'timebox', null), ('evicted', $1, 'limit of 1', '{"device": "curl"}'),
       ('device_changed', $1, 'curl -> app', null), ('would_evict', $1, 'limit of 3', null)`,
    [session.sessionId],
  );
  expect(await ended(session)).toEqual({reason: 'evicted', cause: 'curl'});
});

describe('guessing', () => {
  it('anon gets the same for a live session, an unknown one, none, one that only would have ended, and a sign-out', async () => {
    await configure(postgres, {enabled: true, mode: 'observe'});
    const [session, observed] = [await signIn(), await signIn()];
    const gone = await signIn();
    await run(auth, signOut(gone));
    expect(await ending(observed)).toMatchObject([{kind: 'would_evict'}]);
    for (const id of [session.sessionId, observed.sessionId, gone.sessionId, randomUUID(), null])
      expect(await why(id)).toEqual(NOTHING);
  });

  it.each(['anon', 'authenticated'])(
    '%s gets code and label of a session of somebody else, and no more',
    async (role) => {
      await configure(postgres, {enabled: true});
      const first = await signIn();
      await signIn({userAgent: IPHONE});
      const answer = await why(first.sessionId, {role, claims: {role, sub: randomUUID(), session_id: randomUUID()}});
      expect(answer).toEqual({reason: 'evicted', cause: 'Safari on iPhone'});
    },
  );

  it('a token of somebody else says nothing of the session of another', async () => {
    const session = await signIn();
    await postgres.query('insert into supasession.revoked (user_id) values ($1)', [user.userId]);
    const other = await createUser(postgres);
    const unknown = {...claimsOf(session), sub: other.userId, session_id: randomUUID()};
    expect(await state(session, {claims: unknown})).toEqual(DEAD);
  });
});

it.each<[string, Request['claims'], Partial<State>]>([
  ['no token', '', {}],
  ['a token without claims', {}, {}],
  ['a token without a session', {role: 'authenticated', sub: 'USER'}, {}],
  ['a session that is no uuid', {role: 'authenticated', session_id: 'mine'}, {live: false}],
  ['claims that are no object', '[1]', {live: false}],
  ['claims that cannot be read', '{', {live: false}],
])('session_state() of %s says what has_access() says, and nothing else', async (_, claims, wanted) => {
  const sent = JSON.parse(JSON.stringify(claims).replace('USER', user.userId)) as object | string;
  const session = {sessionId: '', userId: '', refreshToken: null};
  expect(await state(session, {claims: sent})).toEqual({...LIVE, ...wanted});
});

it('a token without a session, of a user who is revoked, has no access, and no session that ended', async () => {
  await postgres.query('insert into supasession.revoked (user_id) values ($1)', [user.userId]);
  const claims = {role: 'authenticated', sub: user.userId};
  expect(await state({sessionId: '', userId: '', refreshToken: null}, {claims})).toEqual(DEAD);
});

describe('who may ask', () => {
  it.each([
    ['anon', 'session_state()'],
    ['service_role', 'session_state()'],
    ['service_role', 'why_ended(null)'],
    ['anon', '_session_end(null, null)'],
    ['authenticated', '_session_end(null, null)'],
    ['service_role', '_session_end(null, null)'],
  ])('not %s for %s', async (role, call) => {
    await expect(ask(api, {role}, `select supasession.${call}`)).rejects.toMatchObject({code: '42501'});
  });

  it('with the guard on a dead token asks nothing, and anon is answered', async () => {
    await configure(postgres, {enabled: true});
    const first = await signIn();
    expect(await state(first, {preRequest: GUARD})).toEqual(LIVE);
    await signIn({userAgent: IPHONE});
    await expect(state(first, {preRequest: GUARD})).rejects.toMatchObject({code: 'PT401'});
    expect(await why(first.sessionId, {role: 'anon', preRequest: GUARD})).toEqual({
      reason: 'evicted',
      cause: 'Safari on iPhone',
    });
  });
});

it('neither function reads a table from end to end', async () => {
  await createSessions(postgres, [user.userId], 3000);
  await postgres.query(
    `insert into supasession.events (kind, user_id, session_id)
     select 'evicted', gen_random_uuid(), gen_random_uuid() from generate_series(1, 20000)`,
  );
  await configure(postgres, {enabled: true, max_sessions: 9000, inactivity_timeout: '1 hour'});
  const session = await signIn();
  await pass(session, '1 day');
  await admin.query('analyze');
  const {rows} = await postgres.query<{session_id: string}>(
    'select session_id from supasession.events where session_id is not null limit 1',
  );
  await postgres.query('begin');
  const read = async (): Promise<number> => {
    const {rows: counts} = await postgres.query<{tuples: number}>(
      `select sum(seq_tup_read + idx_tup_fetch)::int as tuples from pg_stat_xact_user_tables
       where relid in ('supasession.events'::regclass, 'auth.sessions'::regclass)`,
    );
    return counts[0]!.tuples;
  };
  await postgres.query("select set_config('request.jwt.claims', $1, true)", [JSON.stringify(claimsOf(session))]);
  const before = await read();
  // Six calls, after which Postgres may use a generic plan.
  for (let n = 0; n < 6; n += 1) {
    await postgres.query('select supasession.session_state()');
    for (const id of [session.sessionId, rows[0]!.session_id, randomUUID()])
      await postgres.query('select supasession.why_ended($1)', [id]);
  }
  expect((await read()) - before).toBeLessThan(100);
  await postgres.query('rollback');
});
