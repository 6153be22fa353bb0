import {afterEach, beforeEach, describe, expect, it, jest} from '@jest/globals';
import {generateKeyPairSync, sign} from 'node:crypto';
import {requireFresh, verifySession, type ServerSupabase} from '../src/server.js';
import {
  authError,
  ended,
  FakeProject,
  guardRefusal,
  json,
  live,
  newSession,
  VERSIONS,
  type Version,
} from './project.js';

const MINUTE = 60_000;
const realFetch = globalThis.fetch;
let project: FakeProject;
let sessions = 0;
let sessionId: string;

beforeEach(() => {
  jest.useFakeTimers({now: new Date('2026-11-22T10:00:00Z')});
  project = new FakeProject();
  globalThis.fetch = project.fetch;
  sessions += 1;
  sessionId = `server-${sessions}`;
});
afterEach(() => {
  globalThis.fetch = realFetch;
  jest.useRealTimers();
});

const client = (version: Version = 'newest'): ServerSupabase => VERSIONS[version]({fetch: project.fetch});
const jwtOf = (options: Parameters<typeof newSession>[0] = {}): string =>
  newSession({sessionId, ...options}).access_token;

describe.each(Object.keys(VERSIONS) as Version[])('with the %s supabase-js', (version) => {
  it('gives the claims of a live session', async () => {
    project.answers['session_state'] = () => live(Date.now() + MINUTE, 'timebox');
    const {data, error} = await verifySession(client(version), {jwt: jwtOf()});
    expect(error).toBeNull();
    expect(data).toMatchObject({sessionId, limit: 'timebox', claims: {role: 'authenticated', sub: 'user'}});
    expect(data!.signedInAt).toEqual(new Date());
    expect(data!.endsAt).toEqual(new Date(Date.now() + MINUTE));
  });

  it('takes the token of the client itself', async () => {
    const supabase = VERSIONS[version]({fetch: project.fetch});
    expect((await verifySession(supabase)).error).toMatchObject({code: 'signedOut'});
    await supabase.auth.signInWithPassword({email: 'a@example.com', password: 'x'});
    expect((await verifySession(supabase)).data).toMatchObject({sessionId: 'session-1'});
  });

  it.each([
    ['evicted', {code: 'ended', reason: 'evicted'}],
    [null, {code: 'ended', reason: 'sessionMissing'}],
    ['access_revoked', {code: 'revoked'}],
  ])('says why a session ended: %s', async (reason, expected) => {
    project.answers['session_state'] = () => ended(reason);
    expect((await verifySession(client(version), {jwt: jwtOf()})).error).toMatchObject(expected);
  });

  it.each([
    [authError(403, 'session_not_found'), 'ended'],
    [authError(403, 'user_not_found'), 'ended'],
    [authError(403, 'user_banned'), 'revoked'],
    [authError(403, 'bad_jwt'), 'signedOut'],
    [json(503, {}), 'unreachable'],
    [json(429, {}), 'unreachable'],
  ])('understands a refusal by Auth (%#)', async (answer, code) => {
    project.answers['user'] = () => answer.clone();
    expect((await verifySession(client(version), {jwt: jwtOf()})).error).toMatchObject({code});
  });
});

it('understands the guard', async () => {
  project.answers['session_state'] = guardRefusal;
  project.answers['why_ended'] = () => json(200, {reason: 'revoked', cause: null});
  expect((await verifySession(client(), {jwt: jwtOf()})).error).toMatchObject({code: 'ended', reason: 'revoked'});
});

it.each([
  [() => json(406, {code: 'PGRST106'}), 'notExposed'],
  [() => json(404, {code: 'PGRST202'}), 'outdated'],
  [() => json(500, {}), 'unreachable'],
  [() => json(200, {live: 'maybe'}), 'unexpected'],
])('lets nobody in when the database does not say that the session lives (%#)', async (answer, code) => {
  project.answers['session_state'] = answer;
  const {data, error} = await verifySession(client(), {jwt: jwtOf()});
  expect(data).toBeNull();
  expect(error).toMatchObject({code});
});

it('lets nobody in offline', async () => {
  project.offline = true;
  expect((await verifySession(client(), {jwt: jwtOf()})).error).toMatchObject({code: 'unreachable'});
});

it.each(['', 'x', 'a.b.c', 'null'])('is not misled by the token %j', async (jwt) => {
  project.answers['user'] = () => authError(403, 'bad_jwt');
  expect((await verifySession(client(), {jwt})).error).toMatchObject({code: 'signedOut'});
});

it('verifies an asymmetric signature itself', async () => {
  const {privateKey, publicKey} = generateKeyPairSync('ec', {namedCurve: 'P-256'});
  const key = {...publicKey.export({format: 'jwk'}), kid: sessionId, alg: 'ES256', use: 'sig', key_ops: ['verify']};
  project.answers['jwks.json'] = () => json(200, {keys: [key]});
  const signed = (sub: string): string => {
    const head = Buffer.from(JSON.stringify({alg: 'ES256', kid: sessionId, typ: 'JWT'})).toString('base64url');
    const claims = {sub, session_id: sessionId, exp: Math.floor(Date.now() / 1000) + 3600};
    const text = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    return `${text}.${sign('sha256', Buffer.from(text), {key: privateKey, dsaEncoding: 'ieee-p1363'}).toString('base64url')}`;
  };
  const jwt = signed('user');
  expect((await verifySession(client(), {jwt})).data).toMatchObject({sessionId, signedInAt: null});
  const [head, , signature] = jwt.split('.');
  const forged = [head, signed('admin').split('.')[1], signature].join('.');
  expect((await verifySession(client(), {jwt: forged})).error).toMatchObject({code: 'signedOut'});
  expect(project.count('user')).toBe(0);
});

it('asks the database each time unless told otherwise', async () => {
  const jwt = jwtOf();
  await verifySession(client(), {jwt});
  await verifySession(client(), {jwt});
  expect(project.count('session_state')).toBe(2);
});

it('takes no answer that is older than maxStale', async () => {
  const jwt = jwtOf();
  const state = async (): Promise<string | null> =>
    (await verifySession(client(), {jwt, maxStale: '10s'})).error?.code ?? null;
  expect(await state()).toBeNull();
  project.answers['session_state'] = () => ended('evicted');
  jest.advanceTimersByTime(9_999);
  expect(await state()).toBeNull();
  jest.setSystemTime(Date.now() - MINUTE);
  expect(await state()).toBe('ended');
  jest.setSystemTime(Date.now() + MINUTE);
  expect(await state()).toBe('ended');
  expect(project.count('session_state')).toBe(3);
});

it('remembers a thousand sessions at most', async () => {
  const jwt = jwtOf();
  await verifySession(client(), {jwt, maxStale: '1h'});
  const supabase = client();
  for (let other = 0; other < 1_000; other += 1)
    await verifySession(supabase, {jwt: jwtOf({sessionId: `${sessionId}-${other}`}), maxStale: '1h'});
  const before = project.count('session_state');
  await verifySession(client(), {jwt, maxStale: '1h'});
  expect(project.count('session_state')).toBe(before + 1);
});

it('asks for a fresh sign-in, which a refresh is not', async () => {
  const signedInAt = Date.now();
  const fresh = {maxAge: '10m' as const};
  expect((await requireFresh(client(), {...fresh, jwt: jwtOf({signedInAt})})).error).toBeNull();
  jest.advanceTimersByTime(10 * MINUTE);
  expect((await requireFresh(client(), {...fresh, jwt: jwtOf({signedInAt})})).error).toMatchObject({code: 'stale'});
  const stepped = jwtOf({signedInAt, steppedUpAt: Date.now()});
  expect((await requireFresh(client(), {...fresh, jwt: stepped})).error).toBeNull();
});

it('asks for the second factor', async () => {
  const options = {maxAge: '10m' as const, aal: 'aal2' as const};
  expect((await requireFresh(client(), {...options, jwt: jwtOf()})).error).toMatchObject({
    code: 'stale',
    message: expect.stringContaining('second factor'),
  });
  expect((await requireFresh(client(), {...options, jwt: jwtOf({steppedUpAt: Date.now()})})).error).toBeNull();
  project.answers['session_state'] = () => ended('evicted');
  expect((await requireFresh(client(), {...options, jwt: jwtOf()})).error).toMatchObject({code: 'ended'});
});

it('throws nothing, whatever the client does', async () => {
  const broken = {auth: {getSession: async () => Promise.reject(new Error('no cookies'))}} as unknown as ServerSupabase;
  expect((await verifySession(broken)).error).toMatchObject({code: 'unexpected'});
  const {error} = await requireFresh(client(), {jwt: jwtOf(), maxAge: 'soon' as never});
  expect(error).toMatchObject({code: 'unexpected'});
});
