import type {ConfigResult} from '../../src/commands/config.js';
import {createSessions, createUsers} from '../helpers/auth.js';
import {readLegacySql} from '../helpers/extension.js';
import {failure} from '../helpers/failures.js';
import {configure, DEFAULTS as INSTALLED, install} from '../helpers/install.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';

let server: TestServer;
let project: TestProject;

beforeAll(async () => {
  server = await startServer();
});
beforeEach(async () => {
  project = await createProject({port: server.port});
});
afterEach(async () => {
  await project.remove();
  await server.reset();
});
afterAll(async () => server.stop());

const SETTINGS = /^\d{14}_supasession_config\.sql$/;

/** The row of settings. */
async function stored(): Promise<unknown> {
  const client = await server.connect();
  return (
    await client.query<{settings: unknown}>("select to_jsonb(c) - 'version' as settings from supasession.config c")
  ).rows[0]?.settings;
}

/** One user with one session, one with two, one with three: refreshed never, so that all are live. */
async function makeSessions(): Promise<void> {
  const client = await server.connect();
  const users = await createUsers(client, 3);
  for (const [index, {userId}] of users.entries()) await createSessions(client, [userId], index + 1);
}

/** Without the release, which is no setting. */
const {version: _version, ...DEFAULTS} = INSTALLED;

describe('without flags', () => {
  test('it shows the settings, and how to switch the limit on', async () => {
    await install(await server.connect());
    const text = await project.run(['config']);
    expect(text).toMatchObject({code: 0});
    expect(text.stdout).toBe(
      [
        '  Limit               OFF',
        '  Sessions per user   1',
        '  Above the limit     dequeue: the first sessions are ended',
        '  Which go first      the oldest',
        '  Checked at refresh  yes',
        '',
      ].join('\n'),
    );
    expect(text.stderr).toBe(
      `Target   local database 127.0.0.1:${server.port}\nLimits are OFF. Switch them on: supasession config --enable\n`,
    );
    expect((await project.run(['config', '--json'])).json).toEqual({
      target: {kind: 'local', host: '127.0.0.1', port: server.port, database: 'postgres', projectRef: null},
      config: DEFAULTS,
      before: DEFAULTS,
      changed: [],
      impact: null,
      dryRun: false,
      saved: null,
    });
  });

  test('it shows limits off where the row of settings has been deleted, and can switch them on again', async () => {
    const client = await server.connect();
    await install(client);
    await client.query('delete from supasession.config');
    expect((await project.run(['config'])).stdout).toMatch(/^ {2}Limit +OFF$/m);
    expect(await project.run(['config', '--enable'])).toMatchObject({code: 0});
    expect(await stored()).toEqual({...DEFAULTS, enabled: true});
  });
});

describe('with flags', () => {
  beforeEach(async () => install(await server.connect()));

  test('it shows before and after, whom it concerns, and how to undo it', async () => {
    await makeSessions();
    const result = await project.run(['config', '--enable', '--max', '2', '--order', 'least-recently-used']);
    expect(result).toMatchObject({code: 0});
    expect(result.stdout).toBe(
      [
        '  Limit               OFF -> ON',
        '  Sessions per user   1 -> 2',
        '  Above the limit     dequeue: the first sessions are ended',
        '  Which go first      the oldest -> the least recently used',
        '  Checked at refresh  yes',
        '',
        "  1 session of 1 user is over the limit. They end at the user's next sign-in, else at their next refresh, with access ending within 2 hours.",
        '',
      ].join('\n'),
    );
    expect(result.stderr).toContain('Changed. Undo: supasession config --disable --max 1 --order oldest\n');
    expect(result.stderr).not.toContain('Limits are OFF');
    expect(await stored()).toEqual({
      ...DEFAULTS,
      enabled: true,
      max_sessions: 2,
      eviction_order: 'least_recently_used',
    });

    const undo = await project.run(['config', '--disable', '--max', '1', '--order', 'oldest']);
    expect(undo).toMatchObject({code: 0});
    expect(await stored()).toEqual(DEFAULTS);
    expect(undo.stderr).toContain('Limits are OFF. Switch them on: supasession config --enable');
  });

  test('reject tells who cannot sign in again, and warns about lost devices', async () => {
    await makeSessions();
    const result = await project.run(['config', '--enable', '--max', '2', '--strategy', 'reject']);
    expect(result.stdout).toContain('They end at their next refresh, with access ending within 2 hours.');
    expect(result.stdout).toContain(
      '2 users at or over the limit cannot sign in again before one of their sessions ends.',
    );
    expect(result.stderr).toContain('Warning: reject counts sessions that nobody can sign out: a lost phone');
    const json = (await project.run(['config', '--max', '1', '--json'])).json as ConfigResult;
    expect(json).toMatchObject({
      config: {max_sessions: 1, strategy: 'reject'},
      before: {max_sessions: 2, strategy: 'reject'},
      changed: ['max_sessions'],
      impact: {overLimit: {users: 2, sessions: 3}, atLimit: {users: 1}},
    });
    expect((await project.run(['config', '--max', '3'])).stderr).not.toContain('Warning');
  });

  test('the effect goes by jwt_expiry and the settings', async () => {
    await makeSessions();
    await project.configure((toml) => toml.replace(/^jwt_expiry = .*$/m, 'jwt_expiry = 900'));
    const dequeue = await project.run(['config', '--enable']);
    expect(dequeue.stdout).toContain('3 sessions of 2 users are over the limit.');
    expect(dequeue.stdout).toContain('with access ending within 30 minutes.');
    const signInOnly = await project.run(['config', '--no-enforce-on-refresh']);
    expect(signInOnly.stdout).toContain('  Checked at refresh  yes -> no, at sign-in only');
    expect(signInOnly.stdout).toContain("They end at the user's next sign-in.\n");
    expect(signInOnly.stderr).toContain('Undo: supasession config --enforce-on-refresh');
    const reject = await project.run(['config', '--strategy', 'reject']);
    expect(reject.stdout).toContain('They stay until they are signed out.');
  });

  test('what is so already is no change', async () => {
    const result = await project.run(['config', '--max', '1', '--disable']);
    expect(result).toMatchObject({code: 0});
    expect(result.stderr).toContain('Nothing to change: the settings are like this already.');
    expect((await project.run(['config', '--max', '1', '--json'])).json).toMatchObject({
      changed: [],
      impact: {overLimit: {users: 0, sessions: 0}, atLimit: {users: 0}},
    });
  });

  test('settings that no flag names stay', async () => {
    await configure(await server.connect(), {enabled: true, max_sessions: 9, enforce_on_refresh: false});
    await project.run(['config', '--strategy', 'reject']);
    expect(await stored()).toEqual({
      ...DEFAULTS,
      enabled: true,
      max_sessions: 9,
      strategy: 'reject',
      enforce_on_refresh: false,
    });
  });
});

describe('--dry-run', () => {
  test('judges a live database before anything is installed', async () => {
    await makeSessions();
    const result = await project.run(['config', '--max', '2', '--enable', '--strategy', 'reject', '--dry-run']);
    expect(result).toMatchObject({code: 0});
    expect(result.stdout).toContain('  Limit               OFF -> ON');
    expect(result.stdout).toContain('1 session of 1 user is over the limit.');
    expect(result.stderr).toContain('Dry run: nothing was changed.\nLimits are OFF.');
    expect((await project.run(['config', '--max', '2', '--enable', '--dry-run', '--json'])).json).toMatchObject({
      config: {...DEFAULTS, enabled: true, max_sessions: 2},
      before: null,
      changed: ['enabled', 'max_sessions'],
      impact: {overLimit: {users: 1, sessions: 1}, atLimit: {users: 1}},
      dryRun: true,
    });
    const {rows} = await (await server.connect()).query("select from pg_namespace where nspname = 'supasession'");
    expect(rows).toEqual([]);
  });

  test('changes no setting and writes no file', async () => {
    await install(await server.connect());
    await project.run(['init', '--no-apply', '--no-enable', '--yes']);
    const files = await project.migrations();
    const result = await project.run(['config', '--max', '5', '--enable', '--save', '--dry-run']);
    expect(result).toMatchObject({code: 0});
    expect(await stored()).toEqual(DEFAULTS);
    expect(await project.migrations()).toEqual(files);
  });
});

describe('--save', () => {
  test('writes all settings as a migration, which a fresh database then has', async () => {
    await project.run(['init', '--apply', '--yes', '--no-enable']);
    const args = [
      'config',
      '--max',
      '4',
      '--strategy',
      'reject',
      '--enable',
      '--order',
      'least-recently-used',
      '--save',
    ];
    const result = await project.run(args);
    expect(result).toMatchObject({code: 0});
    const [, file] = await project.migrations();
    expect(file).toMatch(SETTINGS);
    expect(result.stderr).toContain(`Saved to supabase/migrations/${file!}.`);
    expect(result.stderr).toContain('The next "supabase db push" brings them to the linked project');
    expect(await project.migration(file!)).toMatch(
      /^-- supasession settings\n[^]*\nupdate supasession\.config\nset\n {4}enabled = true,\n {4}max_sessions = 4,\n {4}strategy = 'reject',\n {4}eviction_order = 'least_recently_used',\n {4}enforce_on_refresh = true,\n[^;]* {4}timebox = null,\n[^;]* {4}refusal_message = 'Session limit of \{limit\} reached',\n[^;]*;\n$/,
    );

    const settings = await stored();
    await server.reset();
    await project.supabase('migration', 'up');
    expect(await stored()).toEqual(settings);

    const again = await project.run(['config', '--save', '--json']);
    expect((again.json as ConfigResult).saved).toEqual({file, written: false});
    expect((await project.run(['config', '--save'])).stderr).toContain(
      `supabase/migrations/${file!} says the same already.`,
    );
    expect(await project.migrations()).toHaveLength(2);

    const changed = (await project.run(['config', '--max', '5', '--save', '--json'])).json as ConfigResult;
    expect(changed.saved).toEqual({file: expect.stringMatching(SETTINGS), written: true});
    expect(await project.migrations()).toHaveLength(3);
  });

  test('wants the migration of init first, and changes nothing without it', async () => {
    await install(await server.connect());
    const {code, error} = await failure(project, ['config', '--max', '4', '--save']);
    expect([code, error.code]).toEqual([1, 'NOT_INSTALLED']);
    expect(error.message).toBe('The project has no supasession migration that this one could follow.');
    expect(error.suggestions).toEqual(['supasession init']);
    expect(await stored()).toEqual(DEFAULTS);
  });

  test('tells what has been changed when the file cannot be written', async () => {
    await install(await server.connect());
    await project.run(['init', '--no-apply', '--no-enable', '--yes']);
    // Dated so late that no timestamp can follow.
    await project.addMigration('99999999999999_last.sql', 'select 1;');
    const result = await project.run(['config', '--max', '4', '--save']);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('Changed. Undo: supasession config --max 1');
    expect(await stored()).toEqual({...DEFAULTS, max_sessions: 4});
    const json = await project.run(['config', '--max', '5', '--save', '--json']);
    expect([json.code, json.json]).toEqual([
      1,
      {error: expect.objectContaining({code: 'MIGRATIONS_UNREADABLE', details: {changed: ['max_sessions']}})},
    ]);
  });
});

describe('where our SQL is missing', () => {
  test('it names init where the project has no migration', async () => {
    const {code, error} = await failure(project, ['config', '--max', '2']);
    expect([code, error.code]).toEqual([1, 'NOT_INSTALLED']);
    expect(error.message).toBe('This database does not have supasession yet, and the project has no migration for it.');
    expect(error.suggestions).toEqual(['supasession init --apply']);
  });

  test('it names applying where the migration is written', async () => {
    await project.run(['init', '--no-apply', '--no-enable', '--yes']);
    const {code, error} = await failure(project, ['config']);
    expect([code, error.code]).toEqual([1, 'NOT_INSTALLED']);
    expect(error.message).toBe(
      'This database does not have supasession yet. The migration is written, but not applied here.',
    );
    expect(error.suggestions).toEqual(['supasession init --apply']);
  });

  test('it tells 0.1.2 apart, which a dry run can read', async () => {
    const client = await server.connect();
    await client.query(await readLegacySql());
    await client.query('update supasession.config set max_sessions = 7');
    const {error} = await failure(project, ['config', '--max', '2']);
    expect([error.code, error.message]).toEqual([
      'NOT_INSTALLED',
      'This database has supasession 0.1.2, and the project has no migration for it.',
    ]);
    expect((await project.run(['config', '--max', '2', '--dry-run'])).stdout).toContain('Sessions per user   7 -> 2');
  });

  test('it refuses a newer release', async () => {
    const client = await server.connect();
    await install(client);
    await client.query("update supasession.installation set version = '1.10.0'");
    const {code, error} = await failure(project, ['config', '--max', '2']);
    expect([code, error.code]).toEqual([1, 'NEWER_RELEASE']);
    expect(await stored()).toEqual(DEFAULTS);
  });
});

describe('on a database by its URL', () => {
  beforeEach(async () => install(await server.connect()));

  test('a change is asked about, and --yes answers', async () => {
    const args = ['config', '--db-url', server.url(), '--max', '2'];
    const {code, error} = await failure(project, args);
    expect([code, error.code, error.suggestions]).toEqual([2, 'ANSWER_REQUIRED', ['--yes']]);
    expect(await stored()).toEqual(DEFAULTS);
    const result = await project.run([...args, '--yes']);
    expect(result).toMatchObject({code: 0});
    expect(result.stderr).toContain('Undo: supasession config --db-url <url> --max 1');
  });

  test('what ends sessions wants the host, which --yes does not give', async () => {
    await makeSessions();
    const args = ['config', '--db-url', server.url(), '--enable', '--yes'];
    const {code, error} = await failure(project, args);
    expect([code, error.code, error.details]).toEqual([2, 'ANSWER_REQUIRED', {flag: '--confirm 127.0.0.1'}]);
    expect((await failure(project, [...args, '--confirm', 'nope'])).error.code).toBe('USAGE');
    expect(await stored()).toEqual(DEFAULTS);
    expect(await project.run([...args, '--confirm', '127.0.0.1'])).toMatchObject({code: 0});
    expect(await stored()).toEqual({...DEFAULTS, enabled: true});
    // Nothing more ends by this.
    expect(await project.run(['config', '--db-url', server.url(), '--max', '9', '--yes'])).toMatchObject({code: 0});
  });
});
