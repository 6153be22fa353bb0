import {randomUUID} from 'node:crypto';
import type {Session, SupabaseClient} from '@supabase/supabase-js';
import {jwtVerify, SignJWT, type JWTPayload} from 'jose';
import {TOTP} from 'otpauth';
import {startStandIn} from '../../packages/stand-in/src/index.js';
import {startApp, type App, type AppUser} from '../helpers/app.js';

const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1';

let app: App;

beforeAll(async () => {
  app = await startApp();
});
beforeEach(async () => app.configure({enabled: false}));
afterAll(async () => app.stop());

const secret = (): Uint8Array => new TextEncoder().encode(app.jwtSecret);
const sign = async (claims: JWTPayload): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({alg: 'HS256', typ: 'JWT'}).sign(secret());

async function claimsOf({access_token: token}: Session): Promise<JWTPayload> {
  return (await jwtVerify(token, secret())).payload;
}

interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

/** A request without supabase-js, to see what is on the wire. */
async function send(
  method: string,
  path: string,
  {token, body, apiVersion = '2024-01-01'}: {token?: string; body?: object; apiVersion?: string | null} = {},
): Promise<Answer> {
  const answer = await fetch(app.url + path, {
    method,
    redirect: 'manual',
    headers: {
      apikey: app.anonKey,
      ...(token === undefined ? {} : {authorization: `Bearer ${token}`}),
      ...(body === undefined ? {} : {'content-type': 'application/json'}),
      ...(apiVersion === null ? {} : {'x-supabase-api-version': apiVersion}),
    },
    ...(body === undefined ? {} : {body: JSON.stringify(body)}),
  });
  const text = await answer.text();
  const json = answer.headers.get('content-type')?.includes('json') === true;
  return {status: answer.status, headers: answer.headers, body: json ? JSON.parse(text) : text};
}

const refresh = async (refresh_token: string): Promise<Answer> =>
  send('POST', '/auth/v1/token?grant_type=refresh_token', {body: {refresh_token}});
const getUser = async ({access_token: token}: Session): Promise<Answer> => send('GET', '/auth/v1/user', {token});

const sessionsOf = async (user: {id: string}): Promise<Record<string, unknown>[]> =>
  (await app.database.query('select * from auth.sessions where user_id = $1 order by created_at', [user.id])).rows;

describe('signing in', () => {
  test('a new user is signed in at once, and the session says where from', async () => {
    const client = app.createClient({userAgent: 'Test phone'});
    const email = `${randomUUID()}@example.com`;
    const {data, error} = await client.auth.signUp({email, password: 'correct horse', options: {data: {plan: 'pro'}}});
    expect(error).toBeNull();
    expect(data.user).toMatchObject({email, role: 'authenticated', is_anonymous: false, user_metadata: {plan: 'pro'}});
    expect(await sessionsOf(data.user!)).toMatchObject([{user_agent: 'Test phone', ip: '127.0.0.1', aal: 'aal1'}]);
  });

  test('an address that is taken is refused', async () => {
    const {email, password} = await app.newUser();
    const {error} = await app.createClient().auth.signUp({email, password});
    expect(error).toMatchObject({status: 422, code: 'user_already_exists'});
  });

  test('by password, with the claims that Auth gives; a wrong one is refused', async () => {
    const user = await app.newUser();
    const {client, session} = await app.signIn(user);
    expect(await claimsOf(session)).toEqual({
      ...{sub: user.id, aud: 'authenticated', role: 'authenticated', email: user.email, phone: '', aal: 'aal1'},
      amr: [{method: 'password', timestamp: expect.any(Number)}],
      app_metadata: {provider: 'email', providers: ['email']},
      user_metadata: {email_verified: true},
      session_id: (await sessionsOf(user))[0]!['id'],
      ...{is_anonymous: false, iat: expect.any(Number), exp: expect.any(Number)},
    });
    expect((await client.auth.getUser()).data.user?.id).toBe(user.id);
    const {error} = await app.createClient().auth.signInWithPassword({...user, password: 'wrong'});
    expect(error).toMatchObject({status: 400, code: 'invalid_credentials', message: 'Invalid login credentials'});
  });

  test('anonymously', async () => {
    const {data} = await app.createClient().auth.signInAnonymously();
    expect(data.user).toMatchObject({is_anonymous: true, email: ''});
    expect(await claimsOf(data.session!)).toMatchObject({is_anonymous: true, amr: [{method: 'anonymous'}]});
  });

  test('by a magic link, once, or by the code in the e-mail', async () => {
    const {id, email} = await app.newUser();
    const {data: link} = await app.admin.auth.admin.generateLink({type: 'magiclink', email});
    const token_hash = link.properties!.hashed_token;
    const client = app.createClient();
    const {data} = await client.auth.verifyOtp({type: 'magiclink', token_hash});
    expect(data.user?.id).toBe(id);
    expect(await claimsOf(data.session!)).toMatchObject({amr: [{method: 'otp'}]});
    const {error} = await client.auth.verifyOtp({type: 'magiclink', token_hash});
    expect(error).toMatchObject({status: 403, code: 'otp_expired'});
    const {data: next} = await app.admin.auth.admin.generateLink({type: 'magiclink', email});
    const byCode = await client.auth.verifyOtp({type: 'email', email, token: next.properties!.email_otp});
    expect(byCode.data.user?.id).toBe(id);
  });

  test('by following the link, which leads back with the session', async () => {
    const {email} = await app.newUser();
    const {data: link} = await app.admin.auth.admin.generateLink({type: 'magiclink', email});
    const query = `token=${link.properties!.hashed_token}&type=magiclink&redirect_to=http://localhost:3000`;
    const first = await send('GET', `/auth/v1/verify?${query}`);
    expect(first.status).toBe(303);
    const target = new URL(first.headers.get('location')!);
    expect(target.origin).toBe('http://localhost:3000');
    expect(new URLSearchParams(target.hash.slice(1)).get('refresh_token')).toHaveLength(12);
    const second = await send('GET', `/auth/v1/verify?${query}`);
    expect(second.headers.get('location')).toContain('error_code=otp_expired');
  });
});

describe('going on', () => {
  test('a refresh gives new tokens; what it says of the sign-in does not move', async () => {
    const user = await app.newUser();
    const {client, session} = await app.signIn(user, {userAgent: 'Laptop'});
    await app.database.query(
      `update auth.mfa_amr_claims set updated_at = now() - interval '1 hour' where session_id = $1`,
      [(await sessionsOf(user))[0]!['id']],
    );
    const {data} = await client.auth.refreshSession();
    expect(data.session!.refresh_token).not.toBe(session.refresh_token);
    const {amr, iat, session_id: id} = await claimsOf(data.session!);
    expect(iat! - (amr as {timestamp: number}[])[0]!.timestamp).toBeGreaterThanOrEqual(3599);
    expect(await sessionsOf(user)).toMatchObject([{id, refreshed_at: expect.any(Date), user_agent: 'Laptop'}]);
  });

  test('a client that missed the answer gets the same token again', async () => {
    const {session} = await app.signIn(await app.newUser());
    const first = (await refresh(session.refresh_token)).body as Session;
    expect((await refresh(session.refresh_token)).body).toMatchObject({refresh_token: first.refresh_token});
  });

  test('tabs that refresh at once get the same token', async () => {
    const {session} = await app.signIn(await app.newUser());
    const answers = await Promise.all([1, 2, 3].map(async () => refresh(session.refresh_token)));
    expect(answers.map(({status}) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({body}) => (body as Session).refresh_token)).size).toBe(1);
  });

  test('a token that was used before the last is good for ten seconds, and then revokes all of the session', async () => {
    const user = await app.newUser();
    const {session} = await app.signIn(user);
    const second = (await refresh(session.refresh_token)).body as Session;
    await refresh(second.refresh_token);
    expect((await refresh(session.refresh_token)).status).toBe(200);
    await app.database.query(
      `update auth.refresh_tokens set updated_at = now() - interval '11 seconds' where user_id = $1`,
      [user.id],
    );
    expect(await refresh(second.refresh_token)).toMatchObject({
      status: 400,
      body: {code: 'refresh_token_already_used', message: 'Invalid Refresh Token: Already Used'},
    });
    const {rowCount} = await app.database.query('select from auth.refresh_tokens where user_id = $1 and not revoked', [
      user.id,
    ]);
    expect(rowCount).toBe(0);
  });
});

describe('an end on the wire', () => {
  type End = (user: AppUser, session: Session) => Promise<unknown>;
  const sql =
    (statement: string): End =>
    async ({id}) =>
      app.database.query(statement, [id]);
  const gone = [403, 'session_not_found', 'Session from session_id claim in JWT does not exist'];
  const cases: [string, End, unknown[], unknown[]][] = [
    [
      'the session is deleted',
      sql('delete from auth.sessions where user_id = $1'),
      [400, 'refresh_token_not_found', 'Invalid Refresh Token: Refresh Token Not Found'],
      gone,
    ],
    [
      'its deadline has passed',
      sql(`update auth.sessions set not_after = now() - interval '1 second' where user_id = $1`),
      [400, 'session_expired', 'Invalid Refresh Token: Session Expired'],
      [200],
    ],
    [
      'the user is banned',
      async ({id}) => app.admin.auth.admin.updateUserById(id, {ban_duration: '24h'}),
      [400, 'user_banned', 'Invalid Refresh Token: User Banned'],
      [403, 'user_banned', 'User is banned'],
    ],
    [
      'the user is deleted',
      async ({id}) => app.admin.auth.admin.deleteUser(id),
      [400, 'refresh_token_not_found', 'Invalid Refresh Token: Refresh Token Not Found'],
      [403, 'user_not_found', 'User from sub claim in JWT does not exist'],
    ],
  ];

  test.each(cases)('%s', async (_title, end, onRefresh, onUser) => {
    const user = await app.newUser();
    const {session} = await app.signIn(user);
    await end(user, session);
    for (const [answer, [status, code, message]] of [
      [await refresh(session.refresh_token), onRefresh],
      [await getUser(session), onUser],
    ] as const) {
      expect(answer.status).toBe(status);
      if (code === undefined) continue;
      expect(answer.body).toEqual({code, message});
      expect(answer.headers.get('x-sb-error-code')).toBe(code);
      expect(answer.headers.get('x-supabase-api-version')).toBe('2024-01-01');
    }
  });

  test('a ban is lifted, and holds for sign-ins', async () => {
    const user = await app.newUser();
    await app.admin.auth.admin.updateUserById(user.id, {ban_duration: '1h30m'});
    await expect(app.signIn(user)).rejects.toMatchObject({status: 400, code: 'user_banned'});
    await app.admin.auth.admin.updateUserById(user.id, {ban_duration: 'none'});
    expect((await app.signIn(user)).session.user.id).toBe(user.id);
  });

  test.each([
    ['of another secret', async () => `${(await sign({sub: randomUUID()})).slice(0, -4)}AAAA`],
    ['that has expired', async () => sign({sub: randomUUID(), exp: 1000})],
  ])('a token %s is no token', async (_title, token) => {
    expect(await send('GET', '/auth/v1/user', {token: await token()})).toMatchObject({
      status: 403,
      body: {code: 'bad_jwt', message: expect.stringMatching(/^invalid JWT: unable to parse or verify signature/)},
    });
  });

  test('a refresh token that Auth never made', async () => {
    expect(await refresh('aaaaaaaaaaaa')).toMatchObject({status: 400, body: {code: 'refresh_token_not_found'}});
    expect(await refresh('no token')).toMatchObject({status: 400, body: {code: 'validation_failed'}});
  });
});

describe('signing out', () => {
  test.each([
    ['local', [false, true, true]],
    ['others', [true, false, false]],
    ['global', [false, false, false]],
  ] as const)('%s', async (scope, live) => {
    const user = await app.newUser();
    const devices = [await app.signIn(user), await app.signIn(user), await app.signIn(user)];
    expect((await devices[0]!.client.auth.signOut({scope})).error).toBeNull();
    const answers = await Promise.all(devices.map(async ({session}) => getUser(session)));
    expect(answers.map(({status}) => status === 200)).toEqual(live);
  });

  test('twice', async () => {
    const {session} = await app.signIn(await app.newUser());
    const out = async () => send('POST', '/auth/v1/logout?scope=local', {token: session.access_token});
    expect(await out()).toMatchObject({status: 204, body: ''});
    expect(await out()).toMatchObject({status: 403, body: {code: 'session_not_found'}});
  });

  test('a new password ends the other sessions; the same one is refused', async () => {
    const user = await app.newUser();
    const [first, second] = [await app.signIn(user), await app.signIn(user)];
    const same = await first.client.auth.updateUser({password: user.password});
    expect(same.error).toMatchObject({status: 422, code: 'same_password'});
    expect((await first.client.auth.updateUser({password: 'another battery'})).error).toBeNull();
    expect((await getUser(first.session)).status).toBe(200);
    expect((await getUser(second.session)).status).toBe(403);
    await app.signIn({...user, password: 'another battery'});
  });
});

test('the second factor raises the session, and ends those that have not passed it', async () => {
  const user = await app.newUser();
  const [first, second] = [await app.signIn(user), await app.signIn(user)];
  const {mfa} = first.client.auth;
  const {data: factor} = await mfa.enroll({factorType: 'totp', friendlyName: 'phone'});
  if (factor?.type !== 'totp') throw new Error('no factor');
  const {data: challenge} = await mfa.challenge({factorId: factor.id});
  const attempt = async (code: string) => mfa.verify({factorId: factor.id, challengeId: challenge!.id, code});
  const right = new TOTP({secret: factor.totp.secret}).generate();
  const wrong = String((Number(right) + 1) % 1_000_000).padStart(6, '0');
  expect((await attempt(wrong)).error).toMatchObject({status: 422, code: 'mfa_verification_failed'});
  expect((await attempt(right)).error).toBeNull();
  expect((await getUser(second.session)).body).toMatchObject({code: 'session_not_found'});
  const {data} = await first.client.auth.refreshSession();
  const {aal, amr} = await claimsOf(data.session!);
  expect([aal, (amr as {method: string}[]).map(({method}) => method).sort()]).toEqual(['aal2', ['password', 'totp']]);
  expect((await mfa.enroll({factorType: 'totp', friendlyName: 'phone'})).error).toMatchObject({status: 422});
});

describe('limits of supasession', () => {
  const signIn = async ({email, password}: AppUser, apiVersion: string | null): Promise<Answer> =>
    send('POST', '/auth/v1/token?grant_type=password', {body: {email, password}, apiVersion});

  test('the oldest session is evicted, and anybody with its id is told what took its place', async () => {
    await app.configure({max_sessions: 1});
    const user = await app.newUser();
    const [first, second] = [await app.signIn(user), await app.signIn(user, {userAgent: SAFARI})];
    expect((await getUser(first.session)).status).toBe(403);
    expect((await getUser(second.session)).status).toBe(200);
    const {session_id} = await claimsOf(first.session);
    const why = await app.createClient().schema('supasession').rpc('why_ended', {session_id});
    expect(why.data).toEqual({reason: 'evicted', cause: 'Safari on iPhone'});
    const state = async ({client}: typeof first) => (await client.schema('supasession').rpc('session_state')).data;
    expect(await state(first)).toMatchObject({live: false, reason: 'evicted', cause: 'Safari on iPhone'});
    expect(await state(second)).toEqual({live: true, ends_at: null, ends_by: null, reason: null, cause: null});
  });

  test('a sign-in is refused by the trigger', async () => {
    await app.configure({max_sessions: 1, strategy: 'reject'});
    const user = await app.newUser();
    await app.signIn(user);
    const answer = await signIn(user, '2024-01-01');
    expect(answer).toMatchObject({
      status: 500,
      body: {code: 'unexpected_failure', message: 'Database error granting user'},
    });
    const older = await signIn(user, null);
    const message = `Session limit of 1 exceeded for user ${user.id}`;
    expect(older).toMatchObject({status: 403, body: {code: 'PT403', message}});
    expect(older.headers.get('x-sb-error-code')).toBe('unexpected_failure');
  });

  test('a sign-in is refused by the hook, in words', async () => {
    await app.configure({max_sessions: 1, strategy: 'reject', reject_in_hook: true});
    const user = await app.newUser();
    await app.signIn(user);
    const answer = await signIn(user, '2024-01-01');
    expect(answer).toMatchObject({status: 403, body: {code: 'unknown', message: 'Session limit of 1 reached'}});
    expect(answer.headers.get('x-sb-error-code')).toBeNull();
    const older = await signIn(user, null);
    expect(older.body).toEqual({code: 403, error_code: 'unknown', msg: 'Session limit of 1 reached'});
    expect(await sessionsOf(user)).toHaveLength(1);
  });
});

test('the service key is needed for what an administrator does, and an API key for everything', async () => {
  const {session} = await app.signIn(await app.newUser());
  const create = async (token?: string) =>
    send('POST', '/auth/v1/admin/users', {body: {email: `${randomUUID()}@example.com`}, ...(token ? {token} : {})});
  expect(await create(session.access_token)).toMatchObject({status: 403, body: {code: 'not_admin'}});
  expect(await create()).toMatchObject({status: 401, body: {code: 'no_authorization'}});
  expect((await fetch(`${app.url}/auth/v1/user`)).status).toBe(401);
  expect((await fetch(`${app.url}/rest/v1/notes`, {headers: {apikey: 'wrong'}})).status).toBe(401);
});

describe('the Data API', () => {
  let client: SupabaseClient;
  let user: AppUser;
  let session: Session;

  beforeAll(async () => {
    await app.database.query(`
      drop table if exists public.notes;
      drop function if exists public.pair, public.numbers, public.nothing, public.refuse, public.who, public.shout;
      create table public.notes (id int primary key, owner uuid default auth.uid(), body text);
      alter table public.notes enable row level security;
      create policy own on public.notes to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
      create function public.pair(a int, b int default 2, out sum int, out product int) language sql immutable
        as 'select a + b, a * b';
      create function public.numbers(n int) returns setof int language sql stable as 'select generate_series(1, n)';
      create function public.nothing() returns void language sql as 'select null';
      create function public.shout(word text) returns text language sql immutable as 'select upper(word)';
      create function public.who() returns json language sql stable as $$
        select json_build_object('role', current_user, 'method', current_setting('request.method'),
          'path', current_setting('request.path'), 'search_path', current_setting('search_path'),
          'timeout', current_setting('statement_timeout'), 'agent', current_setting('request.headers')::json ->> 'user-agent', 'read_only', current_setting('transaction_read_only')) $$;
      create function public.refuse(code text) returns void language plpgsql
        as $$ begin raise exception 'refused' using errcode = code, detail = 'why', hint = 'what to do'; end $$`);
    user = await app.newUser();
    ({client, session} = await app.signIn(user, {userAgent: 'Laptop'}));
  });

  test('functions answer as PostgREST shapes them', async () => {
    expect((await client.rpc('pair', {a: 3})).data).toEqual({sum: 5, product: 6});
    expect((await client.rpc('pair', {a: 3, b: 4}, {get: true})).data).toEqual({sum: 7, product: 12});
    expect((await client.rpc('numbers', {n: 3})).data).toEqual([1, 2, 3]);
    expect((await client.rpc('shout', {word: 'hi'})).data).toBe('HI');
    expect(await client.rpc('nothing')).toMatchObject({status: 204, data: null, error: null});
    expect((await client.schema('supasession').rpc('my_sessions')).data).toMatchObject([{current: true}]);
  });

  test('a request runs as the role of its token, with its settings', async () => {
    const said = {method: 'POST', path: '/rpc/who', search_path: '"public", "extensions"', read_only: 'on'};
    expect((await client.rpc('who')).data).toEqual({...said, role: 'authenticated', timeout: '8s', agent: 'Laptop'});
    expect((await app.createClient().rpc('who')).data).toMatchObject({role: 'anon', timeout: '3s'});
    expect((await app.admin.rpc('who')).data).toMatchObject({role: 'service_role'});
  });

  test('tables are read and written under row level security', async () => {
    const other = (await app.signIn(await app.newUser())).client;
    expect((await client.from('notes').insert({id: 1, body: 'one'})).error).toBeNull();
    expect((await client.from('notes').insert({id: 2, body: 'two'}).select('id, body').single()).data).toEqual({
      id: 2,
      body: 'two',
    });
    expect((await client.from('notes').update({body: 'uno'}).eq('id', 1)).status).toBe(204);
    expect((await client.from('notes').select('body').order('id')).data).toEqual([{body: 'uno'}, {body: 'two'}]);
    expect((await other.from('notes').select()).data).toEqual([]);
    expect((await other.from('notes').delete().eq('id', 1).select()).data).toEqual([]);
    expect((await client.from('notes').delete().eq('id', 1).select('id')).data).toEqual([{id: 1}]);
    expect((await client.from('notes').select().eq('id', 1).single()).error).toMatchObject({code: 'PGRST116'});
    expect((await other.from('notes').insert({id: 3, owner: user.id})).error).toMatchObject({code: '42501'});
  });

  test.each([
    ['PT418', 418, 'PT418'],
    ['P0001', 400, 'P0001'],
    ['23505', 409, '23505'],
    ['40001', 500, '40001'],
  ])('an error %s is answered as %i', async (code, status, said) => {
    expect(await client.rpc('refuse', {code})).toMatchObject({
      status,
      error: {code: said, message: 'refused', details: 'why', hint: 'what to do'},
    });
  });

  test('what is not there, not exposed or not allowed', async () => {
    expect(await client.rpc('missing')).toMatchObject({status: 404, error: {code: 'PGRST202'}});
    expect(await client.rpc('pair', {a: 1, c: 2})).toMatchObject({status: 404, error: {code: 'PGRST202'}});
    expect(await client.from('missing').select()).toMatchObject({status: 404, error: {code: 'PGRST205'}});
    expect(await client.schema('auth').from('users').select()).toMatchObject({status: 406, error: {code: 'PGRST106'}});
    const anon = app.createClient().schema('supasession');
    expect(await anon.rpc('my_sessions')).toMatchObject({status: 401, error: {code: '42501'}});
    expect(await client.schema('supasession').rpc('disable')).toMatchObject({status: 403, error: {code: '42501'}});
  });

  test('a body that is no JSON', async () => {
    const headers = {apikey: app.anonKey, 'content-type': 'application/json'};
    const answer = await fetch(`${app.url}/rest/v1/rpc/who`, {method: 'POST', headers, body: '{'});
    expect([answer.status, await answer.json()]).toEqual([400, expect.objectContaining({code: 'PGRST102'})]);
  });

  test('a token that has expired, by more than the clocks may be apart, or is of another secret', async () => {
    const now = Math.floor(Date.now() / 1000);
    const who = async (token: string) => send('POST', '/rest/v1/rpc/who', {token, body: {}});
    const claims = {sub: user.id, role: 'authenticated'};
    expect((await who(await sign({...claims, exp: now - 10}))).status).toBe(200);
    expect(await who(await sign({...claims, exp: now - 60}))).toMatchObject({status: 401, body: {code: 'PGRST303'}});
    expect(await who(`${session.access_token}x`)).toMatchObject({status: 401, body: {code: 'PGRST301'}});
  });

  test('the guard refuses what an ended session asks for, once it is enabled', async () => {
    const gone = await app.signIn(await app.newUser());
    await gone.client.auth.signOut({scope: 'local'});
    const ask = async () => send('POST', '/rest/v1/rpc/who', {token: gone.session.access_token, body: {}});
    expect((await ask()).status).toBe(200);
    await app.setGuard(true);
    try {
      expect(await ask()).toMatchObject({status: 401, body: {code: 'PT401', message: 'Session has ended'}});
      expect((await client.rpc('who')).status).toBe(200);
    } finally {
      await app.setGuard(false);
    }
  });
});

test.each(['/auth/v1/user', '/rest/v1/missing'])('a page of another origin may ask %s', async (path) => {
  const asked = 'apikey, authorization, x-client-info, content-profile, x-supabase-api-version, prefer';
  const origin = 'http://localhost:5173';
  const preflight = await fetch(app.url + path, {
    method: 'OPTIONS',
    headers: {origin, 'access-control-request-method': 'PATCH', 'access-control-request-headers': asked},
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-headers')?.split(/, ?/).sort()).toEqual(asked.split(', ').sort());
  expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
  const refused = await fetch(app.url + path, {headers: {origin, apikey: app.anonKey}});
  expect(refused.ok).toBe(false);
  expect(refused.headers.get('access-control-allow-origin')).toBe('*');
});

test('a database that is away is no answer about anybody', async () => {
  const away = await startStandIn({databaseUrl: 'postgresql://postgres:postgres@127.0.0.1:1/postgres'});
  const headers = {apikey: away.anonKey};
  const answers = [
    await fetch(`${away.url}/rest/v1/notes`, {headers}),
    await fetch(`${away.url}/auth/v1/token?grant_type=password`, {method: 'POST', headers, body: '{"email": "a@b.c"}'}),
  ];
  expect(answers.map(({status}) => status)).toEqual([503, 500]);
  await away.close();
});

const ownAuth = process.env['SUPASESSION_TEST_AUTH_URL'] === undefined ? test : test.skip;
ownAuth('what it does not have, it says', async () => {
  expect(await send('GET', '/auth/v1/sso')).toMatchObject({status: 404, body: {code: 'not_in_stand_in'}});
});
