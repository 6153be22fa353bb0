import {chmod, readdir, readFile, stat, symlink, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {
  editInstructions,
  planConfigEdit,
  settingPath,
  writeConfigEdit,
  type TomlEdit,
} from '../../../src/supabase/config-edit.js';
import {readConfig} from '../../../src/supabase/config.js';
import {findProject, type Project} from '../../../src/supabase/project.js';
import {asOrdinaryUser, errorOf, makeFolder, makeProject} from './support.js';

const REF = 'abcdefghijklmnopqrst';
const HOOK = ['auth', 'hook', 'custom_access_token'];
const URI = 'pg-functions://postgres/supasession/access_token_hook';
const ENABLE: TomlEdit[] = [
  {path: [...HOOK, 'enabled'], value: true},
  {path: [...HOOK, 'uri'], value: URI},
];
const LINES = `[auth.hook.custom_access_token]\nenabled = true\nuri = "${URI}"\n`;

const read = async (project: Project) => readFile(project.configPath, 'utf8');
const jsonProject = async (name: string) => findProject({cwd: await makeFolder({[`supabase/${name}`]: '{}'}), env: {}});

describe('planConfigEdit and writeConfigEdit', () => {
  it('plan without writing, then write, with the mode of the file and nothing beside it', async () => {
    const project = await makeProject('[db]\r\nport = 1\r\n');
    await chmod(project.configPath, 0o640);
    const edit = await planConfigEdit(project, ENABLE);
    expect(await read(project)).toBe(edit.before);
    expect(edit).toMatchObject({before: '[db]\r\nport = 1\r\n', after: expect.stringContaining('[auth.hook.')});
    expect(await writeConfigEdit(edit)).toBe(true);
    expect(await read(project)).toBe(edit.after);
    expect((await stat(project.configPath)).mode & 0o777).toBe(0o640);
    expect(await readdir(project.supabaseDir)).toEqual(['config.toml']);
    expect((await readConfig(project, {})).raw).toMatchObject({auth: {hook: {custom_access_token: {uri: URI}}}});
  });

  it('write nothing where the settings are so already', async () => {
    const project = await makeProject(LINES);
    const {ino} = await stat(project.configPath);
    expect(await writeConfigEdit(await planConfigEdit(project, ENABLE))).toBe(false);
    expect((await stat(project.configPath)).ino).toBe(ino);
  });

  it('remove settings, with the tables that this leaves empty', async () => {
    const project = await makeProject(`auth.hook.send_sms = {}\n\n${LINES}`);
    const edit = await planConfigEdit(
      project,
      ENABLE.map(({path: setting}) => ({path: setting, value: undefined})),
    );
    expect(edit.after).toBe('auth.hook.send_sms = {}\n');
  });

  it('follow a symbolic link to the file, and keep the link', async () => {
    const root = await makeFolder({'real.toml': '', 'supabase/': ''});
    await symlink('../real.toml', path.join(root, 'supabase/config.toml'));
    const project = await findProject({cwd: root, env: {}});
    const edit = await planConfigEdit(project, ENABLE);
    expect(await writeConfigEdit(edit)).toBe(true);
    expect(edit.file).toMatch(/real\.toml$/);
    expect(await readFile(path.join(root, 'real.toml'), 'utf8')).toBe(LINES);
    expect((await readdir(root)).sort()).toEqual(['real.toml', 'supabase']);
  });

  it('refuse a file that was changed in between, and leave it as it is', async () => {
    const project = await makeProject('[db]\nport = 1\n');
    const edit = await planConfigEdit(project, ENABLE);
    await writeFile(project.configPath, '[db]\nport = 2\n');
    const error = await errorOf(writeConfigEdit(edit));
    expect([error.code, error.message]).toEqual([
      'CONFIG_UNWRITABLE',
      `Cannot change ${edit.file}: it was changed by another program meanwhile.`,
    ]);
    expect(await read(project)).toBe('[db]\nport = 2\n');
    expect(await readdir(project.supabaseDir)).toEqual(['config.toml']);
  });

  it.each([
    ['a file', 'supabase/config.toml', 0o444],
    ['a folder', 'supabase', 0o555],
  ])('refuse to write where %s may not be written to', async (_, name, mode) => {
    const project = await makeProject('');
    const edit = await planConfigEdit(project, ENABLE);
    await chmod(path.join(project.root, name), mode);
    const error = await asOrdinaryUser(project.root, async () => errorOf(writeConfigEdit(edit)));
    await chmod(path.join(project.root, name), 0o755);
    expect([error.code, error.message]).toEqual([
      'CONFIG_UNWRITABLE',
      `Cannot change ${edit.file}: permission denied.`,
    ]);
    expect(await read(project)).toBe('');
  });

  it('fail on a file that may not be read, or is not UTF-8', async () => {
    const project = await makeProject('');
    await writeFile(project.configPath, Buffer.from('# caf\u00E9\n', 'latin1'));
    const error = await errorOf(planConfigEdit(project, ENABLE));
    expect([error.code, error.message]).toEqual([
      'CONFIG_UNREADABLE',
      `Cannot read ${project.configPath}: it is not UTF-8.`,
    ]);
    await chmod(project.configPath, 0o000);
    const denied = await asOrdinaryUser(project.root, async () => errorOf(planConfigEdit(project, ENABLE)));
    expect(denied.message).toBe(`Cannot read ${project.configPath}: permission denied.`);
  });

  it('fail on invalid TOML with the place, and on a value where a table has to be', async () => {
    const invalid = await errorOf(planConfigEdit(await makeProject('[auth\n'), ENABLE));
    expect([invalid.code, invalid.details]).toMatchObject(['CONFIG_INVALID', {line: 1}]);
    const project = await makeProject('[auth]\nhook = "x"\n');
    const error = await errorOf(planConfigEdit(project, ENABLE));
    expect([error.code, error.message]).toEqual([
      'CONFIG_INVALID',
      `auth.hook in ${project.configPath} is not a table.`,
    ]);
    const list = await makeProject('[[auth.hook]]\na = 1\n');
    expect((await errorOf(planConfigEdit(list, ENABLE))).code).toBe('CONFIG_INVALID');
  });

  it('refuse what cannot be edited safely, and say what to put where', async () => {
    const project = await makeProject('[api]\nport = 1\n');
    const error = await errorOf(planConfigEdit(project, [{path: ['api', 'port'], value: Number.NaN}]));
    expect([error.code, error.message]).toEqual([
      'CONFIG_UNWRITABLE',
      `Cannot change ${project.configPath}: it cannot be edited safely.`,
    ]);
    expect(error.suggestions[0]).toContain(`In ${project.configPath}, set:`);
  });

  it.each(['config.json', 'config.jsonc'])('never edit %s: the suggestion is what to put where', async (name) => {
    const project = await jsonProject(name);
    const error = await errorOf(planConfigEdit(project, ENABLE));
    expect([error.code, error.suggestions]).toEqual(['CONFIG_UNWRITABLE', [await editInstructions(project, ENABLE)]]);
    expect(await read(project)).toBe('{}');
  });
});

describe('editInstructions', () => {
  const edits: TomlEdit[] = [...ENABLE, {path: ['api', 'schemas'], value: undefined}];

  it('shows TOML for config.toml', async () => {
    const project = await makeProject('');
    expect(await editInstructions(project, edits)).toBe(
      `In ${project.configPath}, set:\n${LINES}In ${project.configPath}, remove api.schemas.`,
    );
  });

  it('shows JSON for config.json', async () => {
    const project = await jsonProject('config.json');
    const [first, ...rest] = (await editInstructions(project, edits)).split('\n');
    expect(first).toBe(`In ${project.configPath}, set:`);
    expect(rest.at(-1)).toBe(`In ${project.configPath}, remove api.schemas.`);
    expect(JSON.parse(rest.slice(0, -1).join('\n'))).toEqual({
      auth: {hook: {custom_access_token: {enabled: true, uri: URI}}},
    });
  });
});

describe('settingPath', () => {
  const setting = [...HOOK, 'uri'];
  const remote = (block: string) => makeProject(`[remotes.staging]\nproject_id = "${REF}"\n${block}`);

  it('is the base without a linked project, and where its block has nothing of the table', async () => {
    const project = await remote('auth.site_url = "x"\n');
    expect(await settingPath(project, {}, setting)).toEqual(setting);
    expect(await settingPath(project, {}, setting, {projectRef: REF})).toEqual(setting);
  });

  it.each(['auth.hook.custom_access_token.enabled = false\n', '[remotes.staging.auth.hook.custom_access_token]\n'])(
    'is the block of the linked project where it has the table of the setting: %j',
    async (block) => {
      const project = await remote(block);
      const expected = ['remotes', 'staging', ...setting];
      expect(await settingPath(project, {}, setting, {projectRef: REF})).toEqual(expected);
      expect(await settingPath(project, {}, setting, {projectRef: 'b'.repeat(20)})).toEqual(setting);
    },
  );

  it('finds a block whose project_id is env(NAME), and an edit there counts for the project alone', async () => {
    const project = await makeProject(
      '[api]\nschemas = ["public"]\n[remotes."my staging"]\nproject_id = "env(REF)"\n[remotes."my staging".api]\nmax_rows = 5\n',
    );
    const target = await settingPath(project, {REF}, ['api', 'schemas'], {projectRef: REF});
    expect(target).toEqual(['remotes', 'my staging', 'api', 'schemas']);
    await writeConfigEdit(await planConfigEdit(project, [{path: target, value: ['public', 'supasession']}]));
    const schemas = async (projectRef?: string) => (await readConfig(project, {REF}, {projectRef})).raw['api'];
    expect(await schemas(REF)).toMatchObject({schemas: ['public', 'supasession'], max_rows: 5});
    expect(await schemas()).toEqual({schemas: ['public']});
  });

  it('works for config.json too', async () => {
    const root = await makeFolder({
      'supabase/config.json': JSON.stringify({remotes: {prod: {project_id: REF, api: {}}}}),
    });
    const project = await findProject({cwd: root, env: {}});
    expect(await settingPath(project, {}, ['api', 'schemas'], {projectRef: REF})).toEqual([
      ...['remotes', 'prod', 'api', 'schemas'],
    ]);
  });
});
