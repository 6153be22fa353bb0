import {parseHookName} from '../../../src/features/integration/hook.js';
import {
  findConfigSource,
  hookFunction,
  hookUri,
  isOurs,
  OUR_HOOK,
  readConfiguredIntegration,
} from '../../../src/features/integration/source.js';
import type {Project} from '../../../src/supabase/project.js';
import type {Target} from '../../../src/types.js';
import {hookStopped} from '../../../src/features/integration/hook-text.js';
import {startManagementApi, type ManagementApiStandIn} from '../../helpers/management-api.js';
import {errorOf, makeFolder, makeProject, thrownBy} from '../supabase/support.js';

const REF = 'abcdefghijklmnopqrst';
const OURS = 'pg-functions://postgres/supasession/access_token_hook';
const TABLE = '[auth.hook.custom_access_token]\nenabled = true\n';

let api: ManagementApiStandIn;

beforeAll(async () => {
  api = await startManagementApi(REF);
});
beforeEach(() => api.reset());
afterAll(async () => api.stop());

function target(kind: Target['kind'], projectRef: string | null = null): Target {
  return {
    ...{kind, host: '127.0.0.1', port: 5432, database: 'postgres', user: 'postgres', projectRef},
    ...{tls: 'disable', tlsRootCert: null, login: async () => Promise.reject(new Error('nobody connects'))},
  };
}

describe('the URI of a hook', () => {
  test('is ours only with our schema and function, whatever stands for the host', () => {
    expect(hookUri(OUR_HOOK)).toBe(OURS);
    expect(isOurs({enabled: true, uri: OURS})).toBe(true);
    expect(isOurs({enabled: true, uri: 'pg-functions://db/supasession/access_token_hook'})).toBe(true);
    expect(isOurs({enabled: false, uri: OURS})).toBe(false);
    expect(isOurs({enabled: true, uri: 'pg-functions://postgres/public/access_token_hook'})).toBe(false);
    expect(isOurs({enabled: true, uri: null})).toBe(false);
  });

  test.each([
    ['pg-functions://postgres/public/My_Hook', {schema: 'public', name: 'My_Hook'}],
    ['PG-Functions://postgres/public/claims', {schema: 'public', name: 'claims'}],
    ['pg-functions://postgres/public', null],
    ['https://example.com/public/claims', null],
    [null, null],
  ])('%s names the function %j', (uri, expected) => {
    expect(hookFunction(uri)).toEqual(expected);
  });
});

test.each(['claims', 'public.', 'a.b.c', 'public.my-hook', `public.${'a'.repeat(64)}`, "public.x'"])(
  '--next-hook %s is refused: Auth takes no such name',
  (name) => {
    expect(thrownBy(() => parseHookName(name)).code).toBe('USAGE');
  },
);

describe('what is wired', () => {
  const wiring = async (of: Target, project: Project | null, env: Record<string, string> = {}) => {
    const {SUPABASE_HOME = await makeFolder(), ...rest} = env;
    return readConfiguredIntegration(await findConfigSource(of, project, {SUPABASE_HOME, ...rest}));
  };
  const nothing = {
    hook: {enabled: false, uri: null, ours: false, verified: true},
    api: {exposed: false, verified: true},
  };

  test('is read from the file for the local stack', async () => {
    expect(await wiring(target('local'), await makeProject(''))).toEqual(nothing);
    const project = await makeProject(`[api]\nschemas = ["public", "supasession"]\n${TABLE}uri = "${OURS}"\n`);
    expect(await wiring(target('local'), project)).toEqual({
      hook: {enabled: true, uri: OURS, ours: true, verified: true},
      api: {exposed: true, verified: true},
    });
  });

  test('is read from the Management API for a hosted project, whatever the file says', async () => {
    const project = await makeProject(`[api]\nschemas = ["supasession"]\n${TABLE}uri = "${OURS}"\n`);
    expect(await wiring(target('linked', REF), project, api.env)).toEqual(nothing);
    expect(api.requests.map(({method, path}) => `${method} ${path}`)).toEqual([
      `GET /v1/projects/${REF}/config/auth`,
      `GET /v1/projects/${REF}/postgrest`,
    ]);
    Object.assign(api.projects.get(REF)!.auth, {
      hook_custom_access_token_enabled: true,
      hook_custom_access_token_uri: OURS,
    });
    Object.assign(api.projects.get(REF)!.postgrest, {db_schema: 'public, supasession'});
    expect(await wiring(target('url', REF), null, api.env)).toEqual({
      hook: {enabled: true, uri: OURS, ours: true, verified: true},
      api: {exposed: true, verified: true},
    });
  });

  test('is not verified without an access token: the file, with the override for the project, is all there is', async () => {
    const override = `[remotes.live]\nproject_id = "${REF}"\n[remotes.live.auth.hook.custom_access_token]\nenabled = false\n`;
    const project = await makeProject(`${TABLE}uri = "${OURS}"\n${override}`);
    expect(await wiring(target('linked', REF), project)).toEqual({
      hook: {enabled: false, uri: OURS, ours: false, verified: false},
      api: {exposed: false, verified: false},
    });
  });

  test('is not known of a self-hosted project: the file is of the local stack', async () => {
    const project = await makeProject(`${TABLE}uri = "${OURS}"\n`);
    expect(await wiring(target('url'), project, api.env)).toEqual({
      hook: {enabled: null, uri: null, ours: null, verified: false},
      api: {exposed: null, verified: false},
    });
    expect(api.requests).toEqual([]);
  });

  test('is an error where the Management API fails, not "nothing"', async () => {
    api.token = 'another';
    const error = await errorOf(wiring(target('linked', REF), null, api.env));
    expect(error.code).toBe('API_UNAUTHORIZED');
  });
});

test('what had been done when something failed is said, with what it means for sign-ins', () => {
  expect(hookStopped('enabled', ['next_hook'])).toBe(
    'Done before that: the migration is applied. Auth is configured as before, and sign-ins still work.',
  );
  expect(hookStopped('disabled', ['reject_in_hook', 'management-api'])).toBe(
    "Done before that: reject_in_hook is off, the hosted project is configured. Auth no longer calls supasession's hook, but config.toml does not say so.",
  );
});
