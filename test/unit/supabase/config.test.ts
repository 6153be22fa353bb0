import {chmod} from 'node:fs/promises';
import path from 'node:path';
import {readConfig} from '../../../src/supabase/config.js';
import {findProject} from '../../../src/supabase/project.js';
import {addFile, asOrdinaryUser, errorOf, makeFolder, makeProject, thrownBy} from './support.js';

const PORT_FROM_ENV = '[db]\nport = "env(DB_PORT)"\n';

describe('readConfig', () => {
  it('gives the defaults of the CLI where the file says nothing', async () => {
    const project = await makeProject('');
    const config = await readConfig(project, {});
    expect(config.projectId).toBe(path.basename(project.root));
    expect([config.dbPort, config.dbMajorVersion, config.jwtExpiry]).toEqual([54_322, 17, 3600]);
  });

  it('reads TOML, with a byte order mark too', async () => {
    const toml = '\uFEFFproject_id = "shop"\n[db]\nport = 6000\nmajor_version = 15\n[auth]\njwt_expiry = 600\n';
    const config = await readConfig(await makeProject(toml), {});
    expect([config.projectId, config.dbPort, config.dbMajorVersion, config.jwtExpiry]).toEqual(['shop', 6000, 15, 600]);
  });

  it.each(['config.json', 'config.jsonc'])('reads %s with comments and trailing commas', async (name) => {
    const root = await makeFolder({[`supabase/${name}`]: '{\n  // ours\n  "db": {"port": 6001,},\n}\n'});
    const config = await readConfig(await findProject({cwd: root, env: {}}), {});
    expect(config.dbPort).toBe(6001);
  });

  it('reads the deadlines of sessions as they stand, by the block of a linked project and by variables', async () => {
    const toml =
      '[auth.sessions]\ntimebox = "24h"\n[remotes.live]\nproject_id = "ref"\n[remotes.live.auth.sessions]\ntimebox = "1h0m0s"\ninactivity_timeout = "env(IDLE)"\n';
    const project = await makeProject(toml);
    const base = await readConfig(project, {});
    expect([base.timebox, base.inactivityTimeout]).toEqual([
      {text: '24h', source: `auth.sessions.timebox in ${project.configPath}`},
      null,
    ]);
    const live = await readConfig(project, {IDLE: '8.5h'}, {projectRef: 'ref'});
    expect([live.timebox?.text, live.inactivityTimeout?.text]).toEqual(['1h0m0s', '8.5h']);
    const overridden = await readConfig(project, {SUPABASE_AUTH_SESSIONS_TIMEBOX: '2h'});
    expect(overridden.timebox).toEqual({text: '2h', source: 'SUPABASE_AUTH_SESSIONS_TIMEBOX'});
  });

  it.each(['"soon"', '"12 hours"', '""', '86400', '"-1h"'])('refuses the timebox %s', async (timebox) => {
    const config = await readConfig(await makeProject(`[auth.sessions]\ntimebox = ${timebox}\n`), {});
    const error = thrownBy(() => config.timebox);
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(/^auth\.sessions\.timebox in .*config\.toml is .*, which is not a span of time/);
  });

  it('reads the hook and the exposed schemas, with what the CLI takes where the file says nothing', async () => {
    const empty = await readConfig(await makeProject(''), {});
    expect(empty.accessTokenHook).toEqual({enabled: false, uri: null, secrets: false});
    expect(empty.apiSchemas).toEqual(['public', 'graphql_public']);
    const toml =
      '[api]\nschemas = ["api"]\n[auth.hook.custom_access_token]\nenabled = true\nuri = "env(HOOK)"\nsecrets = "env(SECRET)"\n';
    const config = await readConfig(await makeProject(toml), {HOOK: 'https://example.com'});
    expect(config.accessTokenHook).toEqual({enabled: true, uri: 'https://example.com', secrets: true});
    expect(config.apiSchemas).toEqual(['api']);
    const overridden = await readConfig(await makeProject(toml), {
      ...{HOOK: 'x', SUPABASE_API_SCHEMAS: 'public, api', SUPABASE_AUTH_HOOK_CUSTOM_ACCESS_TOKEN_ENABLED: 'false'},
    });
    expect([overridden.apiSchemas, overridden.accessTokenHook.enabled]).toEqual([['public', 'api'], false]);
  });

  it.each([
    ['[auth.hook.custom_access_token]\nenabled = "maybe"\n', 'true or false'],
    ['[auth.hook.custom_access_token]\nuri = 1\n', 'the address of a hook'],
    ['[auth.hook.custom_access_token]\nenabled = true\n', 'the address of a hook'],
  ])('refuses the hook %j', async (toml, expected) => {
    const config = await readConfig(await makeProject(toml), {});
    expect(thrownBy(() => config.accessTokenHook).message).toContain(`which is not ${expected}.`);
  });

  it('refuses schemas that are no list of names', async () => {
    const config = await readConfig(await makeProject('[api]\nschemas = [1]\n'), {});
    expect(thrownBy(() => config.apiSchemas).code).toBe('CONFIG_INVALID');
  });

  it('fails on a file that it may not read', async () => {
    const project = await makeProject('');
    await chmod(project.configPath, 0o000);
    const error = await asOrdinaryUser(project.root, async () => errorOf(readConfig(project, {})));
    expect(error.code).toBe('CONFIG_UNREADABLE');
    expect(error.message).toBe(`Cannot read ${project.configPath}: permission denied.`);
  });

  it('names file, line, column and reason of invalid TOML, and shows none of it', async () => {
    const project = await makeProject('[auth]\nsecret = "hunter2" oops\n');
    const error = await errorOf(readConfig(project, {}));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(/^.*config\.toml, line 2, column \d+: .+/);
    expect(error.message).not.toContain('hunter2');
    expect(error.details).toMatchObject({file: project.configPath, line: 2});
  });

  it.each([
    ['{"db": {\n  "port": }}', 'line 2, column 11: ValueExpected'],
    ['[]', 'line 1, column 1: the file has to hold an object'],
  ])('names the place in invalid JSON (%j)', async (json, place) => {
    const root = await makeFolder({'supabase/config.json': json});
    const error = await errorOf(readConfig(await findProject({cwd: root, env: {}}), {}));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(place);
  });

  it.each(['0', '65536', '54322.5', '"abc"', 'true'])('refuses the port %s', async (port) => {
    const config = await readConfig(await makeProject(`[db]\nport = ${port}\n`), {});
    const error = thrownBy(() => config.dbPort);
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(/^db\.port in .*config\.toml is .*, which is not a port \(1 to 65535\)\.$/);
  });

  it('lets SUPABASE_DB_PORT beat the file, as the CLI does', async () => {
    const project = await makeProject('[db]\nport = 6000\n', {'supabase/.env': 'SUPABASE_DB_PORT=6002'});
    expect((await readConfig(project, {})).dbPort).toBe(6002);
    expect((await readConfig(project, {SUPABASE_DB_PORT: '6003'})).dbPort).toBe(6003);
    const bad = await readConfig(project, {SUPABASE_DB_PORT: 'x'});
    expect(thrownBy(() => bad.dbPort).message).toBe('SUPABASE_DB_PORT is "x", which is not a port (1 to 65535).');
  });

  it('overrides the base with the [remotes] block of the linked project only', async () => {
    const ref = 'abcdefghijklmnopqrst';
    const toml = `[db]\nport = 6000\nmajor_version = 15\n[remotes.staging]\nproject_id = "${ref}"\ndb.port = 7000\n`;
    const project = await makeProject(toml);
    const linked = await readConfig(project, {}, {projectRef: ref});
    expect([linked.dbPort, linked.dbMajorVersion, linked.projectId]).toEqual([7000, 15, ref]);
    expect((await readConfig(project, {}, {projectRef: 'b'.repeat(20)})).dbPort).toBe(6000);
    expect((await readConfig(project, {})).dbPort).toBe(6000);
  });
});

describe('env(NAME)', () => {
  // The order of the real CLI, last to first: each file beats those before it.
  const FROM_ELSEWHERE = [
    '.env',
    '.env.development',
    '.env.local',
    '.env.development.local',
    'supabase/.env',
    'supabase/.env.development',
    'supabase/.env.local',
    'supabase/.env.development.local',
    'sub/.env',
    'sub/.env.development',
    'sub/.env.local',
    'sub/.env.development.local',
  ];

  it('is looked up in the shell, then in each .env file in the order of the CLI', async () => {
    const root = await makeFolder({'supabase/config.toml': PORT_FROM_ENV, 'sub/': ''});
    const project = await findProject({cwd: path.join(root, 'sub'), env: {}});
    for (const [index, file] of FROM_ELSEWHERE.entries()) {
      await addFile(root, file, `DB_PORT=${6000 + index}\n`);
      expect([file, (await readConfig(project, {})).dbPort]).toEqual([file, 6000 + index]);
    }
    expect((await readConfig(project, {DB_PORT: '7000'})).dbPort).toBe(7000);
  });

  it('is looked up in the root before supabase/ when started in the root', async () => {
    const project = await makeProject(PORT_FROM_ENV, {'supabase/.env.local': 'DB_PORT=6000', '.env': 'DB_PORT=6001'});
    expect((await readConfig(project, {})).dbPort).toBe(6001);
    expect((await readConfig({...project, cwd: '/'}, {})).dbPort).toBe(6000);
  });

  it('goes by SUPABASE_ENV in the project, by NODE_ENV in the folder it was started in, and leaves .env.local out of test', async () => {
    const files = {
      'supabase/.env.staging': 'DB_PORT=6000',
      'supabase/.env.local': 'DB_PORT=6001',
      'supabase/.env.test': 'DB_PORT=6002',
    };
    const project = {...(await makeProject(PORT_FROM_ENV, files)), cwd: '/'};
    expect((await readConfig(project, {SUPABASE_ENV: 'test'})).dbPort).toBe(6002);
    expect((await readConfig(project, {SUPABASE_ENV: 'staging'})).dbPort).toBe(6001);
    expect((await readConfig(project, {NODE_ENV: 'test'})).dbPort).toBe(6001);
    expect((await readConfig({...project, cwd: project.supabaseDir}, {NODE_ENV: 'test'})).dbPort).toBe(6002);
  });

  it.each([
    ['quoted', 'DB_PORT="6000"', 6000],
    ['in single quotes', "DB_PORT='6000'", 6000],
    ['exported, with a comment', '# ours\nexport DB_PORT=6000 # the port', 6000],
    ['with Windows line ends and spaces', 'A=1\r\n DB_PORT = 6000 \r\n', 6000],
    ['set twice', 'DB_PORT=5999\nDB_PORT=6000', 6000],
    ['after a byte order mark', '\uFEFFDB_PORT=6000', 6000],
  ])('is read from a line that is %s', async (_, text, port) => {
    const config = await readConfig(await makeProject(PORT_FROM_ENV, {'supabase/.env': text}), {});
    expect(config.dbPort).toBe(port);
  });

  it('set nowhere fails where the value is needed, naming variable, key and places', async () => {
    const config = await readConfig(await makeProject(PORT_FROM_ENV), {});
    expect(config.jwtExpiry).toBe(3600);
    const error = thrownBy(() => config.dbPort);
    expect(error.code).toBe('ENV_NOT_SET');
    expect(error.message).toMatch(/^db\.port in .*config\.toml is env\(DB_PORT\), and DB_PORT is not set or empty\./);
    expect(error.message).toMatch(/Looked in the shell, .*\.env, .*supabase\/\.env\.local, .*supabase\/\.env\.$/);
    expect(error.suggestions[0]).toBe('export DB_PORT=...');
    expect(error.details).toMatchObject({variable: 'DB_PORT', key: 'db.port'});
  });

  it('that is empty in a nearer place counts as not set, as in the CLI', async () => {
    const project = await makeProject(PORT_FROM_ENV, {
      'supabase/.env.local': 'DB_PORT=',
      'supabase/.env': 'DB_PORT=6000',
    });
    const inFile = await readConfig(project, {});
    expect(thrownBy(() => inFile.dbPort).code).toBe('ENV_NOT_SET');
    const inShell = await readConfig(project, {DB_PORT: ''});
    expect(thrownBy(() => inShell.dbPort).code).toBe('ENV_NOT_SET');
  });

  it('with a bad value says which variable it is from', async () => {
    const config = await readConfig(await makeProject(PORT_FROM_ENV), {DB_PORT: '99999'});
    expect(thrownBy(() => config.dbPort).message).toMatch(/env\(DB_PORT\), is "99999", which is not a port/);
  });

  it('fails on an .env that is there and cannot be read', async () => {
    const error = await errorOf(readConfig(await makeProject('', {'supabase/.env/': ''}), {}));
    expect(error.code).toBe('CONFIG_UNREADABLE');
    expect(error.message).toMatch(/Cannot read .*supabase\/\.env: it is a folder\./);
  });
});
