import type {ConfigResult} from '../../src/commands/config.js';
import {createSessions, createUsers} from '../helpers/auth.js';
import {readLegacySql} from '../helpers/extension.js';
import {failure} from '../helpers/failures.js';
import {configure, DEFAULTS as INSTALLED, install, writeRecord} from '../helpers/install.js';
import {project, server, useLocalProject} from '../helpers/local.js';

useLocalProject();

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

test('the help fits in 60 lines of 80 characters, and has every setting in its group', async () => {
  const {stdout} = await project.run(['config', '--help']);
  const lines = stdout.trimEnd().split('\n');
  expect(lines.length).toBeLessThan(60);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  const groups = stdout.match(/^[A-Z]+$/gm);
  expect(groups).toEqual([
    'USAGE',
    'LIMIT',
    'DEADLINES',
    'REFUSALS',
    'HISTORY',
    'FLAGS',
    'TARGET',
    'DESCRIPTION',
    'EXAMPLES',
  ]);
  expect(stdout).toMatch(/^DEADLINES\n {2}--timebox=<12h\|off> /m);
  expect(stdout).toMatch(/^ {2}--strategy=dequeue\|reject +What happens over the limit\.$/m);
});

describe('without flags', () => {
  test('it shows the settings, and how to switch the limit on', async () => {
    await install(await server.connect());
    const text = await project.run(['config']);
    expect(text).toMatchObject({code: 0});
    expect(text.stdout).toBe(
      [
        '  Limit               OFF',
        '  Sessions per user   1',
        '  Over the limit      dequeue: the oldest session is signed out',
        '  Signed out first    the oldest',
        '',
      ].join('\n'),
    );
    expect(text.stderr).toBe(
      `Target   local database 127.0.0.1:${server.port}\nsupasession config --all shows 11 more.\nLimits are OFF. Switch them on: supasession config --enable\n`,
    );
    expect((await project.run(['config', '--json'])).json).toEqual({
      target: {
        kind: 'local',
        host: '127.0.0.1',
        port: server.port,
        database: 'postgres',
        projectRef: null,
        otherProject: false,
      },
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
        '  Over the limit      dequeue: the oldest session is signed out',
        '  Signed out first    the oldest -> the least recently used',
        '',
        "  1 session of 1 user is over the limit. It ends at the user's next sign-in or at its next refresh; access ends within 2 hours.",
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
    expect(result.stdout).toContain('It ends at its next refresh; access ends within 2 hours.');
    expect(result.stdout).toContain(
      '2 users are at or over the limit. They cannot sign in again until one of their sessions ends.',
    );
    expect(result.stderr).toContain('Warning: reject counts sessions that nobody can sign out. A lost phone');
    const json = (await project.run(['config', '--max', '1', '--json'])).json as ConfigResult;
    expect(json).toMatchObject({
      config: {max_sessions: 1, strategy: 'reject'},
      before: {max_sessions: 2, strategy: 'reject'},
      changed: ['max_sessions'],
      impact: {overLimit: {users: 2, sessions: 3}, atLimit: {users: 1}, expiring: {sessions: 0}},
    });
    expect((await project.run(['config', '--max', '3'])).stderr).not.toContain('Warning');
  });

  test('the effect goes by jwt_expiry and the settings', async () => {
    await makeSessions();
    await project.configure((toml) => toml.replace(/^jwt_expiry = .*$/m, 'jwt_expiry = 900'));
    const dequeue = await project.run(['config', '--enable']);
    expect(dequeue.stdout).toContain('3 sessions of 2 users are over the limit.');
    expect(dequeue.stdout).toContain('; access ends within 30 minutes.');
    expect(dequeue.stdout).toContain("They end at the user's next sign-in or at their next refresh");
    const reject = await project.run(['config', '--strategy', 'reject']);
    expect(reject.stdout).toContain('They end at their next refresh');
  });

  test('it says that a user who is far over the limit is not brought down to it by one sign-in', async () => {
    const client = await server.connect();
    const [user] = await createUsers(client, 1);
    await createSessions(client, [user!.userId], 102);
    const said = /One user is over the limit by 101 sessions\. They end gradually.*supasession enforce ends them all\./;
    expect((await project.run(['config', '--enable'])).stderr).toMatch(said);
    expect((await project.run(['config', '--max', '2'])).stderr).not.toMatch(/gradually/);
  });

  test('what is so already is no change', async () => {
    const result = await project.run(['config', '--max', '1', '--disable']);
    expect(result).toMatchObject({code: 0});
    expect(result.stderr).toContain('Nothing to change: the settings are like this already.');
    expect((await project.run(['config', '--max', '1', '--json'])).json).toMatchObject({
      changed: [],
      impact: {overLimit: {users: 0, sessions: 0}, atLimit: {users: 0}, expiring: {sessions: 0}},
    });
  });

  test('settings that no flag names stay', async () => {
    await configure(await server.connect(), {enabled: true, max_sessions: 9, record_device_changes: true});
    await project.run(['config', '--strategy', 'reject']);
    expect(await stored()).toEqual({
      ...DEFAULTS,
      enabled: true,
      max_sessions: 9,
      strategy: 'reject',
      record_device_changes: true,
    });
  });
});

describe('the settings beside the limit', () => {
  beforeEach(async () => install(await server.connect()));

  test('are repeated as they were understood, and undone by what is printed', async () => {
    const args = [
      '--timebox',
      '36h',
      '--inactivity',
      '2 hours',
      '--low-aal-timeout',
      '5m',
      '--oauth-clients',
      'separate',
    ];
    const result = await project.run(['config', ...args]);
    expect(result).toMatchObject({code: 0});
    expect(result.stdout).toContain(
      [
        '  OAuth clients       no limit -> a limit for each client',
        'Deadlines',
        '  Timebox             none -> 1 day 12 hours (36:00:00) after the sign-in',
        '  Inactivity timeout  none -> 2 hours (02:00:00) without use',
        '  No second factor    no deadline -> 5 minutes (00:05:00) after the sign-in',
        '',
        '  No user is over the limit: no session would end.',
      ].join('\n'),
    );
    const undo = '--oauth-clients ignore --timebox off --inactivity off --low-aal-timeout off';
    expect(result.stderr).toContain(`Changed. Undo: supasession config ${undo}\n`);
    expect(await stored()).toEqual({
      ...DEFAULTS,
      ...{timebox: '36:00:00', inactivity_timeout: '02:00:00', low_aal_timeout: '00:05:00', oauth_clients: 'separate'},
    });
    const same = await project.run(['config', '--timebox', '1 day 12:00', '--inactivity', '02:00:00', '--json']);
    expect((same.json as ConfigResult).changed).toEqual([]);
    expect(await project.run(['config', ...undo.split(' ')])).toMatchObject({code: 0});
    expect(await stored()).toEqual(DEFAULTS);
  });

  test('are shown if they are not at their default, and all of them with --all', async () => {
    await configure(await server.connect(), {enabled: true, mode: 'observe', record_events: false});
    const few = await project.run(['config']);
    expect(few.stdout).toMatch(/ the oldest\n {2}Mode +observe: [^\n]*\nHistory\n {2}History +not kept\n$/);
    expect(few.stderr).toContain('supasession config --all shows 9 more.\nOBSERVE MODE: nothing is enforced.');
    const all = await project.run(['config', '--all']);
    expect(all.stdout.match(/^ {2}\S/gm)).toHaveLength(15);
    expect(all.stderr).not.toContain('--all');
  });

  test.each([
    [['--timebox', '5s'], 'SETTING_INVALID'],
    [['--events-retention', '1h'], 'SETTING_INVALID'],
    [['--refusal-message', ''], 'SETTING_INVALID'],
    [['--inactivity', 'soon'], 'SETTING_INVALID'],
    [['--mode', 'nope'], 'USAGE'],
  ])('%j is refused, and nothing changed', async (args, expected) => {
    const {code, error} = await failure(project, ['config', '--max', '7', ...args]);
    expect([code, error.code]).toEqual([2, expected]);
    expect(await stored()).toEqual(DEFAULTS);
  });

  test('a message that nobody would see is refused, also before anything is installed', async () => {
    const {code, error} = await failure(project, ['config', '--refusal-message', 'Full']);
    expect([code, error.code, error.suggestions]).toEqual([
      2,
      'SETTING_INVALID',
      ['supasession config --strategy reject --reject-in-hook --refusal-message Full'],
    ]);
    const client = await server.connect();
    await configure(client, {reject_in_hook: true});
    expect((await failure(project, ['config', '--refusal-message', 'Full'])).error.message).toContain(
      'no sign-in is refused',
    );
    await client.query(
      `insert into supasession.rules (name, app_metadata, strategy) values ('some', '{"plan": "free"}', 'reject')`,
    );
    expect(await project.run(['config', '--refusal-message', 'Full'])).toMatchObject({code: 0});
    await client.query('drop schema supasession cascade');
    expect((await failure(project, ['config', '--refusal-message', 'Full', '--dry-run'])).error.code).toBe(
      'SETTING_INVALID',
    );
  });

  test('an inactivity timeout that signs everybody out is warned of, by the jwt_expiry of the project', async () => {
    const trap = await project.run(['config', '--inactivity', '30m']);
    expect(trap.stderr).toMatch(
      /Warning: this signs everybody out [^]* 1 hour \(jwt_expiry\); [^]* of 30 minutes ends it/,
    );
    await project.configure((toml) => toml.replace(/^jwt_expiry = .*$/m, 'jwt_expiry = 900'));
    expect((await project.run(['config', '--inactivity', '31m'])).stderr).not.toContain('Warning');
  });

  test('a timebox says how many sessions are past it', async () => {
    await makeSessions();
    await (await server.connect()).query("update auth.sessions set created_at = now() - interval '1 day'");
    const result = await project.run(['config', '--enable', '--max', '9', '--timebox', '12h']);
    expect(result.stdout).toContain(
      '  No user is over the limit.\n  6 sessions are past a deadline. They end at their next refresh; access ends within 2 hours.\n',
    );
    const json = (await project.run(['config', '--timebox', '13h', '--dry-run', '--json'])).json as ConfigResult;
    expect(json.impact?.expiring).toEqual({sessions: 6});
  });
});

describe('--from-config-toml', () => {
  const sessions = (text: string) => project.configure((toml) => `${toml}\n[auth.sessions]\n${text}\n`);

  beforeEach(async () => install(await server.connect()));

  test('takes over both deadlines, and says where they stand', async () => {
    await sessions('timebox = "24h"\ninactivity_timeout = "8h30m"');
    const result = await project.run(['config', '--from-config-toml']);
    expect(result).toMatchObject({code: 0});
    expect(result.stderr).toContain(`Imported: auth.sessions.timebox in ${project.root}/supabase/config.toml (24h).\n`);
    expect(result.stdout).toContain('  Timebox             none -> 1 day (24:00:00) after the sign-in');
    expect(await stored()).toEqual({...DEFAULTS, timebox: '24:00:00', inactivity_timeout: '08:30:00'});
  });

  test('leaves alone what is not there, and takes nothing for no deadline', async () => {
    await configure(await server.connect(), {timebox: '1 day', inactivity_timeout: '1 day'});
    await sessions('timebox = "0s"');
    const result = await project.run(['config', '--from-config-toml', '--max', '4']);
    expect(result.stderr).toContain('It has no inactivity_timeout: that setting stays as it is.');
    expect(await stored()).toEqual({...DEFAULTS, max_sessions: 4, inactivity_timeout: '1 day'});
  });

  test('says what to do where there is nothing', async () => {
    const {code, error} = await failure(project, ['config', '--from-config-toml']);
    expect([code, error.code]).toEqual([2, 'USAGE']);
    expect(error.message).toMatch(/config\.toml has no timebox or inactivity_timeout in \[auth\.sessions\]\.$/);
    expect(error.suggestions[0]).toBe('supasession config --timebox 24h --inactivity 8h');
  });

  test('names the place of what is absurd, and does not go with the flags of the same settings', async () => {
    await sessions('timebox = "5s"');
    const {error} = await failure(project, ['config', '--from-config-toml']);
    expect([error.code, error.message]).toEqual([
      'SETTING_INVALID',
      `auth.sessions.timebox in ${project.root}/supabase/config.toml 5s: it is 00:00:05, which is too short.`,
    ]);
    expect((await failure(project, ['config', '--from-config-toml', '--inactivity', '8h'])).error.code).toBe('USAGE');
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
      impact: {overLimit: {users: 1, sessions: 1}, atLimit: {users: 1}, expiring: {sessions: 0}},
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
    expect(result.stderr).toContain('The next "supabase db push" applies them to the linked project');
    expect(await project.migration(file!)).toMatch(
      /^-- supasession settings\n[^]*\nupdate supasession\.config\nset\n {4}enabled = true,\n {4}max_sessions = 4,\n {4}strategy = 'reject',\n {4}eviction_order = 'least_recently_used',\n {4}mode = 'enforce',\n {4}timebox = null,\n[^;]* {4}refusal_message = 'Session limit of \{limit\} reached',\n[^;]*\nwhere version not like 'seeded%';\n$/,
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

  test('writes spans, texts and what is off so that they arrive as they were', async () => {
    await project.run(['init', '--apply', '--yes', '--no-enable']);
    const message = 'It\'s full: 100%; -- {limit}\n$$ \\ "ü"';
    const args = [
      '--strategy',
      'reject',
      '--reject-in-hook',
      '--refusal-message',
      message,
      '--reject-ignores-idle',
      'off',
    ];
    const spans = ['--timebox', '1 year 2 mons 36:00:00.5', '--inactivity', '90m', '--events-retention', '1 week'];
    expect(await project.run(['config', ...args, ...spans, '--save'])).toMatchObject({code: 0});
    const settings = await stored();
    expect(settings).toEqual({
      ...DEFAULTS,
      ...{
        max_sessions: 3,
        strategy: 'reject',
        reject_in_hook: true,
        refusal_message: message,
        reject_ignores_idle: null,
      },
      ...{timebox: '1 year 2 mons 36:00:00.5', inactivity_timeout: '01:30:00', events_retention: '7 days'},
    });
    await server.reset();
    await project.supabase('migration', 'up');
    expect(await stored()).toEqual(settings);
    expect((await project.run(['config', '--save'])).stderr).toContain('says the same already.');
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
    await writeRecord(client, 'supasession 1.10.0');
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

  test('so does what ends sessions by a deadline, or keeps users out', async () => {
    await makeSessions();
    const client = await server.connect();
    await client.query("update auth.sessions set created_at = now() - interval '1 day'");
    const url = ['config', '--db-url', server.url(), '--yes'];
    const asked = async (...args: string[]) => (await failure(project, [...url, ...args])).error.details;
    await configure(client, {enabled: true, max_sessions: 3});
    const byName = {flag: '--confirm 127.0.0.1'};
    expect(await asked('--timebox', '12h')).toEqual(byName);
    expect(await asked('--inactivity', '30m')).toEqual(byName);
    expect(await asked('--strategy', 'reject')).toEqual(byName);
    expect(await project.run([...url, '--timebox', '2d', '--inactivity', '2d'])).toMatchObject({code: 0});

    await configure(client, {enabled: true, mode: 'observe', max_sessions: 1});
    expect(await asked('--mode', 'enforce')).toEqual(byName);
  });
});
