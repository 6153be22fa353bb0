import type {Client} from 'pg';
import type {ApiResult} from '../../src/features/integration/api-command.js';
import {failure} from '../helpers/failures.js';
import {REF, startHosted, type Hosted} from '../helpers/hosted.js';
import {install} from '../helpers/install.js';
import {Kept} from '../helpers/kept.js';
import {project, server, useLocalProject} from '../helpers/local.js';
import {KEYS, openTerminal} from '../helpers/pty.js';

let hosted: Hosted;
let client: Client;

useLocalProject();
beforeAll(async () => {
  hosted = await startHosted(server);
});
beforeEach(async () => {
  hosted.api.reset();
  client = await server.connect();
});
afterAll(async () => hosted.api.stop());

const CONFIG = 'supabase/config.toml';

const kept = new Kept();

async function init(): Promise<void> {
  await kept.or(server, project, async () => {
    const result = await project.run(['init', '--apply', '--no-enable', '--max', '1', '--strategy', 'dequeue']);
    expect(result).toMatchObject({code: 0});
  });
  client = await server.connect();
}

const json = async (args: string[], env: Record<string, string> = {}): Promise<ApiResult> => {
  const result = await project.run(['api', ...args, '--json'], env);
  expect(result).toMatchObject({code: 0});
  return result.json as ApiResult;
};

test('what can be called is shown with the roles, as the catalog has it', async () => {
  await init();
  const {functions, tables, api, dryRun} = await json(['enable', '--dry-run']);
  expect([api, dryRun]).toEqual(['disabled', true]);
  const roles = Object.fromEntries(functions.map(({name, roles}) => [name, roles]));
  expect(roles).toMatchObject({
    'my_sessions()': ['authenticated'],
    'revoke_my_session(uuid)': ['authenticated'],
    'session_state()': ['authenticated'],
    'why_ended(uuid)': ['anon', 'authenticated'],
    'has_access()': ['anon', 'authenticated', 'service_role'],
    'revoke_user_sessions(uuid, uuid[])': ['service_role'],
  });
  // Auth's own, and triggers.
  for (const name of ['access_token_hook(jsonb)', '_hook_answer(uuid)', '_limiter()'])
    expect(roles[name]).toBeUndefined();
  expect(tables.length).toBeGreaterThan(0);
  expect(new Set(tables.flatMap((table) => table.roles))).toEqual(new Set(['service_role']));

  await client.query('revoke execute on function supasession.my_sessions() from authenticated');
  const again = await project.run(['api', 'enable', '--dry-run']);
  expect(again.stdout).not.toContain('my_sessions()');
  expect(again.stdout).toMatch(/^ {2}revoke_my_session\(uuid\) +- +yes +-$/m);
});

describe('the local stack', () => {
  test('config.toml has our schema, and is the same again after disabling', async () => {
    await init();
    const before = await project.read(CONFIG);
    const result = await project.run(['api', 'enable', '--yes']);
    expect(result).toMatchObject({code: 0});
    expect(result.stderr).toMatch(
      /Exposed\. Undo: supasession api disable\nNext: npx supabase stop && npx supabase start {3}\(PostgREST reads config\.toml when it starts\)\nIn the app: supabase\.schema\('supasession'\)\.rpc\('my_sessions'\)\n$/,
    );
    expect(await project.read(CONFIG)).toBe(
      before.replace('schemas = ["public", "graphql_public"]', 'schemas = ["public", "graphql_public", "supasession"]'),
    );
    expect((await project.run(['api', 'enable'])).stderr).toContain(
      'Nothing to do: the Data API exposes the schema supasession.\n',
    );
    expect(await json(['disable', '--yes'])).toEqual({
      target: {
        kind: 'local',
        host: '127.0.0.1',
        port: server.port,
        database: 'postgres',
        projectRef: null,
        otherProject: false,
      },
      ...{api: 'disabled', where: 'config.toml', verified: true, functions: [], tables: []},
      ...{changed: ['config.toml'], dryRun: false},
    });
    expect(await project.read(CONFIG)).toBe(before);
  });

  test('a schema that is not there, or in no migration, is never exposed: PostgREST would answer nothing', async () => {
    const before = await project.read(CONFIG);
    expect((await failure(project, ['api', 'enable', '--yes'])).error.code).toBe('NOT_INSTALLED');
    await install(client);
    expect((await failure(project, ['api', 'enable', '--yes'])).error.code).toBe('NOT_INSTALLED');
    expect(await project.read(CONFIG)).toBe(before);
  });

  test('it is taken out without our SQL, too', async () => {
    await project.configure((toml) => toml.replace('"graphql_public"]', '"graphql_public", "supasession"]'));
    expect(await json(['disable', '--yes'])).toMatchObject({api: 'disabled', verified: true});
    expect(await project.read(CONFIG)).toContain('schemas = ["public", "graphql_public"]\n');
  });

  test('a variable that beats config.toml is noticed', async () => {
    await init();
    const result = await project.run(['api', 'enable', '--yes', '--json'], {SUPABASE_API_SCHEMAS: 'public'});
    expect(result.json).toMatchObject({api: 'disabled', verified: false, changed: ['config.toml']});
    expect(result.stderr).toContain(
      'Not verified: config.toml was updated, but an environment variable may override it',
    );
  });

  test('config.json is left alone, and what to write is printed', async () => {
    await init();
    const text = JSON.stringify({db: {port: server.port}});
    await project.write('supabase/config.json', text);
    const result = await project.run(['api', 'enable', '--json']);
    expect(result.json).toMatchObject({api: 'enabled', where: 'instructions', verified: false, changed: []});
    expect(result.stderr).toMatch(/"schemas": \[\s*"public",\s*"graphql_public",\s*"supasession"\s*\]/);
    expect(await project.read('supabase/config.json')).toBe(text);
  });

  test('declined is unchanged', async () => {
    await init();
    const before = await project.read(CONFIG);
    const screen = openTerminal(['api', 'enable'], {cwd: project.root});
    await screen.see(/my_sessions\(\)[^]*Expose supasession's functions\? \(y\/N\)/);
    screen.type(KEYS.enter);
    expect(await screen.code).toBe(4);
    expect(await project.read(CONFIG)).toBe(before);
  });
});

test('what the database says of the exposed schemas beats every configuration, so that is named', async () => {
  await init();
  const admin = await server.connect('supabase_admin');
  await admin.query("alter role authenticator set pgrst.db_schemas = 'public, storage'");
  try {
    const {error} = await failure(project, ['api', 'enable', '--yes']);
    expect(error.code).toBe('WIRING_REFUSED');
    expect(error.suggestions[0]).toBe(
      "alter role authenticator set pgrst.db_schemas = 'public, storage, supasession'; notify pgrst, 'reload config';",
    );
    await admin.query(error.suggestions[0]!);
    expect(await json(['enable', '--yes'])).toMatchObject({verified: true});
  } finally {
    await admin.query('alter role authenticator reset pgrst.db_schemas');
  }
});

describe('a hosted project', () => {
  const flags = ['--linked', '--config-toml', '--confirm', REF];
  const schemas = () => hosted.api.projects.get(REF)!.postgrest['db_schema'];

  beforeEach(async () => {
    await init();
    await hosted.link(project);
  });

  test('is changed over the Management API and read back, with its other schemas kept, and config.toml with it', async () => {
    const before = await project.read(CONFIG);
    hosted.api.projects.get(REF)!.postgrest['db_schema'] = 'public, storage';
    expect(await json(['enable', ...flags], hosted.env)).toMatchObject({
      ...{api: 'enabled', where: 'management-api', verified: true, changed: ['management-api', 'config.toml']},
    });
    expect(schemas()).toBe('public,storage,supasession');
    expect(await project.read(CONFIG)).toContain('schemas = ["public", "graphql_public", "supasession"]');
    expect(await json(['disable', ...flags], hosted.env)).toMatchObject({api: 'disabled', verified: true});
    expect(schemas()).toBe('public,storage');
    expect(await project.read(CONFIG)).toBe(before);
  });

  test('whose Data API is switched off is not switched on by it', async () => {
    hosted.api.projects.get(REF)!.postgrest['db_schema'] = '';
    const {error} = await failure(project, ['api', 'enable', ...flags], hosted.env);
    expect(error.code).toBe('WIRING_REFUSED');
    expect(schemas()).toBe('');
  });

  test('without an access token it is said what to set, and not verified', async () => {
    const args = ['api', 'enable', '--linked', '--no-config-toml', '--json'];
    const result = await project.run(args, hosted.noToken);
    expect(result).toMatchObject({code: 0});
    expect(result.json).toMatchObject({api: 'enabled', where: 'instructions', verified: false, changed: []});
    expect(result.stderr).toContain('Exposed schemas: add supasession\n');
    expect(result.stderr).toContain('supabase/config.toml was not changed');
  });
});

test('a self-hosted project: the variable of PostgREST is printed', async () => {
  await init();
  const result = await project.run(['api', 'enable', '--db-url', server.url()]);
  expect(result).toMatchObject({code: 0});
  expect(result.stderr).toContain('PGRST_DB_SCHEMAS=public,graphql_public,supasession');
  expect(await project.read(CONFIG)).not.toContain('supasession"');
});
