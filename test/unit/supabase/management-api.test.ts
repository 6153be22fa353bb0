import {chmod, mkdir} from 'node:fs/promises';
import path from 'node:path';
import {inspect} from 'node:util';
import {findApiAccess, ManagementApi} from '../../../src/supabase/management-api.js';
import {JWT_SECRET, startManagementApi, TOKEN, type ManagementApiStandIn} from '../../helpers/management-api.js';
import {asOrdinaryUser, errorOf, makeFolder} from './support.js';

const REF = 'abcdefghijklmnopqrst';
const OTHER_REF = 'zzzzzzzzzzzzzzzzzzzz';
const URI = 'pg-functions://postgres/supasession/access_token_hook';

let standIn: ManagementApiStandIn;
beforeAll(async () => {
  standIn = await startManagementApi(REF);
});
beforeEach(() => standIn.reset());
afterAll(async () => standIn.stop());

const api = (options: {token?: string; url?: string; timeout?: number} = {}) =>
  new ManagementApi({url: standIn.url, token: TOKEN, source: 'SUPABASE_ACCESS_TOKEN', ...options}, options);

describe('findApiAccess', () => {
  it('takes SUPABASE_ACCESS_TOKEN before the file that the CLI has written, and the platform by default', async () => {
    const home = await makeFolder({'access-token': 'sbp_file\n'});
    const env = {SUPABASE_HOME: home};
    expect(await findApiAccess({...env, SUPABASE_ACCESS_TOKEN: ' sbp_shell '})).toEqual({
      ...{url: 'https://api.supabase.com', token: 'sbp_shell', source: 'SUPABASE_ACCESS_TOKEN'},
    });
    const file = path.join(home, 'access-token');
    expect(await findApiAccess({...env, SUPABASE_ACCESS_TOKEN: ''})).toMatchObject({token: 'sbp_file', source: file});
    expect(await findApiAccess({SUPABASE_HOME: path.join(home, 'nowhere')})).toBeUndefined();
  });

  it('fails on a file that may not be read, and on what is no token, without showing it', async () => {
    const home = await makeFolder({'access-token': 'sbp_file'});
    await chmod(path.join(home, 'access-token'), 0o000);
    const error = await asOrdinaryUser(home, async () => errorOf(findApiAccess({SUPABASE_HOME: home})));
    expect(error.code).toBe('CONFIG_UNREADABLE');
    const bad = await errorOf(findApiAccess({SUPABASE_ACCESS_TOKEN: 'sbp_\nhunter2'}));
    expect(bad.code).toBe('API_UNAUTHORIZED');
    expect(bad.message).toBe('What SUPABASE_ACCESS_TOKEN holds is not an access token.');
  });

  it.each([
    ['supabase-staging', 'https://api.supabase.green'],
    ['name: x\napi_url: "https://api.example.com/"\n', 'https://api.example.com'],
    ['{\n  "api_url": "https://api.example.com",\n  "name": "x"\n}', 'https://api.example.com'],
    ["api_url = 'http://[::1]:8080'\n", 'http://[::1]:8080'],
  ])('goes where the profile says: %j', async (profile, url) => {
    const named = profile.includes('api_url');
    const home = await makeFolder({mine: profile, 'access-token': 'sbp_file'});
    const SUPABASE_PROFILE = named ? path.join(home, 'mine') : profile;
    expect(await findApiAccess({SUPABASE_HOME: home, SUPABASE_PROFILE})).toMatchObject({url});
    const other = await makeFolder({profile: `${SUPABASE_PROFILE}\n`, 'access-token': 'sbp_file'});
    expect(await findApiAccess({SUPABASE_HOME: other})).toMatchObject({url});
  });

  it.each([
    'api_url: http://api.example.com\n',
    'api_url: nonsense\n',
    'name: x\n',
    'api_url: http://127.0.0.1.example.com',
  ])('sends the token nowhere unencrypted: %j', async (profile) => {
    const home = await makeFolder({mine: profile});
    const env = {SUPABASE_ACCESS_TOKEN: TOKEN, SUPABASE_HOME: home, SUPABASE_PROFILE: path.join(home, 'mine')};
    expect((await errorOf(findApiAccess(env))).code).toBe('CONFIG_INVALID');
    await mkdir(path.join(home, 'folder'));
    const missing = {...env, SUPABASE_PROFILE: path.join(home, 'folder')};
    expect((await errorOf(findApiAccess(missing))).code).toBe('CONFIG_UNREADABLE');
  });
});

describe('the Management API', () => {
  it('gives the Auth settings, and changes the hook alone', async () => {
    const before = {
      hook_custom_access_token_enabled: false,
      hook_custom_access_token_uri: null,
      jwt_exp: 3600,
      refresh_token_rotation_enabled: true,
      security_refresh_token_reuse_interval: 10,
      sessions_timebox: 0,
      sessions_inactivity_timeout: 0,
      sessions_single_per_user: false,
    };
    expect(await api().readAuthConfig(REF)).toEqual(before);
    const changes = {hook_custom_access_token_enabled: true, hook_custom_access_token_uri: URI};
    expect(await api().updateAuthConfig(REF, changes)).toEqual({...before, ...changes});
    expect(await api().readAuthConfig(REF)).toEqual({...before, ...changes});
    expect(standIn.requests.map(({method, path: asked, body}) => [method, asked, body])).toEqual([
      ['GET', `/v1/projects/${REF}/config/auth`, undefined],
      ['PATCH', `/v1/projects/${REF}/config/auth`, changes],
      ['GET', `/v1/projects/${REF}/config/auth`, undefined],
    ]);
  });

  it('gives and changes the exposed schemas, and never the JWT secret beside them', async () => {
    const config = await api().readDataApiConfig(REF);
    expect(config).toEqual({schemas: ['public', 'graphql_public'], extraSearchPath: ['public', 'extensions']});
    expect(inspect(config)).not.toContain(JWT_SECRET);
    const schemas = [...config.schemas, 'supasession'];
    expect((await api().updateDataApiSchemas(REF, schemas)).schemas).toEqual(schemas);
    expect(standIn.requests.at(-1)?.body).toEqual({db_schema: 'public,graphql_public,supasession'});
    expect((await api().readDataApiConfig(REF)).schemas).toEqual(schemas);
  });

  it('makes a login role', async () => {
    expect(await api().createLoginRole(REF, {readOnly: false})).toEqual({
      ...{role: 'cli_login_postgres', password: 'stand-in-login-password', ttlSeconds: 300},
    });
    expect(standIn.requests).toEqual([
      {method: 'POST', path: `/v1/projects/${REF}/cli/login-role`, token: TOKEN, body: {read_only: false}},
    ]);
  });
});

describe('a failure of the Management API', () => {
  it.each([
    [401, 'API_UNAUTHORIZED', /refused the access token \(SUPABASE_ACCESS_TOKEN\): no good\.$/, '{supabase} login'],
    [403, 'API_UNAUTHORIZED', /may not do this on project .* \(GET config\/auth\): no good\.$/, 'Use the token of an'],
    [
      404,
      'API_FAILED',
      /knows no project abcdefghijklmnopqrst, or .* is not a member of it: no good\.$/,
      '{supabase} projects',
    ],
    [429, 'API_FAILED', /takes no more requests for now: no good\.$/, 'Run the command again in 37 seconds'],
    [400, 'API_FAILED', /answered 400 to GET config\/auth of project .*: no good\.$/, '{supabase} projects list'],
  ])('with status %i is said in words, with what to do next', async (status, code, message, suggestion) => {
    standIn.next({status, body: '{"message": "no\\n good."}', headers: {'x-ratelimit-reset': '37'}});
    const error = await errorOf(api().readAuthConfig(REF));
    expect([error.code, error.exit]).toEqual([code, 1]);
    expect(error.message).toMatch(message);
    expect(error.suggestions[0]).toContain(suggestion);
    expect(standIn.requests).toHaveLength(1);
  });

  it('is what a project of others and a token of nobody get', async () => {
    expect((await errorOf(api().readAuthConfig(OTHER_REF))).message).toContain(`knows no project ${OTHER_REF}`);
    standIn.token = 'another';
    expect((await errorOf(api().readAuthConfig(REF))).code).toBe('API_UNAUTHORIZED');
  });

  it.each([[{status: 503}], ['cut'] as const])('that may pass is tried once more when reading: %j', async (how) => {
    standIn.next(how);
    expect((await api().readAuthConfig(REF)).jwt_exp).toBe(3600);
    standIn.next(how, how);
    expect((await errorOf(api().readAuthConfig(REF))).code).toBe('API_FAILED');
    expect(standIn.requests).toHaveLength(4);
  });

  it.each([[{status: 503}], ['cut'] as const])('is final when something was to be changed: %j', async (how) => {
    for (const work of [
      async () => api().updateAuthConfig(REF, {hook_custom_access_token_enabled: true}),
      async () => api().updateDataApiSchemas(REF, []),
      async () => api().createLoginRole(REF, {readOnly: false}),
    ]) {
      standIn.reset();
      standIn.next(how);
      expect((await errorOf(work())).code).toBe('API_FAILED');
      expect(standIn.requests).toHaveLength(1);
    }
  });

  it('is silence: after the time for an answer', async () => {
    standIn.next('silence');
    const error = await errorOf(api({timeout: 200}).readAuthConfig(REF));
    expect([error.code, error.message]).toEqual([
      'API_FAILED',
      `${new URL(standIn.url).host} did not answer within 0.2 seconds.`,
    ]);
    expect(standIn.requests).toHaveLength(1);
  });

  it('is an address where nothing listens, one that sends elsewhere, and an answer that is not understood', async () => {
    const nowhere = await startManagementApi();
    await nowhere.stop();
    expect((await errorOf(api({url: nowhere.url}).readAuthConfig(REF))).message).toMatch(/reached \(ECONNREFUSED\)\.$/);
    standIn.next({status: 302, headers: {location: 'http://127.0.0.1:1/'}}, {status: 302, headers: {location: '/'}});
    expect((await errorOf(api().readAuthConfig(REF))).message).toMatch(/cannot be reached/);
    standIn.next({status: 200, body: '<html>'});
    expect((await errorOf(api().readAuthConfig(REF))).message).toMatch(/gave an answer that is not JSON\.$/);
    standIn.next({status: 200, body: '{"jwt_exp": "3600"}'});
    expect((await errorOf(api().readAuthConfig(REF))).message).toMatch(
      /gave an answer without a hook_custom_access_token_enabled that this program understands\.$/,
    );
  });

  it('never shows the token, even where the answer repeats it', async () => {
    for (const behaviour of [
      {status: 401, body: JSON.stringify({message: `Bad token ${TOKEN}`})},
      {status: 500, body: TOKEN},
      'silence',
      'cut',
    ] as const) {
      standIn.next(behaviour, behaviour);
      const error = await errorOf(api({timeout: 100}).createLoginRole(REF, {readOnly: false}));
      expect(inspect(error, {depth: 9})).not.toContain(TOKEN);
      standIn.reset();
    }
    expect(inspect(api(), {depth: 9})).not.toContain(TOKEN);
  });
});
