import {chmod, chown, mkdir, readdir, rm} from 'node:fs/promises';
import path from 'node:path';
import {createSessions, createUser} from '../helpers/auth.js';
import {NOBODY} from '../helpers/cli.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {failure} from '../helpers/failures.js';
import {install} from '../helpers/install.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';
import {backendPid} from '../helpers/wait.js';

let project: TestProject;

beforeEach(async () => {
  project = await createProject({port: 1});
});
afterEach(async () => project.remove());

const CONFIG = 'supabase/config.toml';

/** Hands the project to the user that `unprivileged` runs as, except for what is named. */
async function handOver(mode: Record<string, number>): Promise<void> {
  if (process.getuid?.() === 0) {
    for (const file of ['.', ...(await readdir(project.root, {recursive: true}))]) {
      if (!file.startsWith('node_modules')) await chown(path.join(project.root, file), NOBODY, NOBODY);
    }
  }

  for (const [file, bits] of Object.entries(mode)) await chmod(path.join(project.root, file), bits);
}

describe('the project', () => {
  test.each(['init', 'config', 'flush', 'sandbox', 'sessions list', 'sessions revoke'])(
    '%s says where it has looked for one',
    async (command) => {
      await rm(path.join(project.root, CONFIG));
      const {code, error} = await failure(project, command.split(' '));
      expect([code, error.code]).toEqual([1, 'PROJECT_NOT_FOUND']);
      expect(error.message).toBe(
        `No Supabase project found: looked for supabase/config.toml, config.json and config.jsonc in ${project.root} and every folder above it.`,
      );
      expect(error.suggestions).toEqual([
        'npx supabase init',
        'supasession <command> --workdir <folder that holds supabase/>',
      ]);
    },
  );

  test('is looked for in exactly the folder that is named, by flag or variable', async () => {
    const below = path.join(project.root, 'supabase');
    for (const [args, env, origin] of [
      [['--workdir', below], {}, '--workdir'],
      [['--workdir', 'supabase'], {SUPABASE_WORKDIR: project.root}, '--workdir'],
      [[], {SUPABASE_WORKDIR: below}, 'SUPABASE_WORKDIR'],
    ] as const) {
      const {code, error} = await failure(project, ['init', ...args], env);
      expect([code, error.code]).toEqual([1, 'PROJECT_NOT_FOUND']);
      expect(error.message).toContain(`No Supabase project in ${below} (from ${origin})`);
    }

    // Also where the target needs no project.
    const {error} = await failure(project, ['config', '--db-url', 'postgresql://127.0.0.1:1', '--workdir', below]);
    expect(error.code).toBe('PROJECT_NOT_FOUND');
  });

  test('with a configuration that cannot be read', async () => {
    await handOver({[CONFIG]: 0o000});
    const {code, error} = await failure(project, ['config'], {HOME: project.root}, {unprivileged: true});
    expect([code, error.code]).toEqual([1, 'CONFIG_UNREADABLE']);
    expect(error.message).toMatch(new RegExp(`^Cannot read ${path.join(project.root, CONFIG)}: `));
  });

  test.each([
    ['[db\nport = 1', /config\.toml, line 1, column \d+: /],
    ['[db]\nport = "tcp"', /^db\.port in .*config\.toml is "tcp", which is not a port \(1 to 65535\)\.$/],
  ])('with a configuration that is invalid (%j)', async (toml, message) => {
    await project.write(CONFIG, toml);
    const {code, error} = await failure(project, ['config']);
    expect([code, error.code]).toEqual([1, 'CONFIG_INVALID']);
    expect(error.message).toMatch(message);
  });

  test('with a configuration that is invalid JSON', async () => {
    await project.write('supabase/config.jsonc', '{"db": }');
    await rm(path.join(project.root, CONFIG));
    const {error} = await failure(project, ['flush']);
    expect([error.code, error.message]).toEqual([
      'CONFIG_INVALID',
      expect.stringContaining('config.jsonc, line 1, column 8'),
    ]);
  });

  test('with an env() that is set nowhere', async () => {
    await project.configure((toml) => toml.replace('port = 1\n', 'port = "env(LOCAL_DB_PORT)"\n'));
    const {code, error} = await failure(project, ['flush']);
    expect([code, error.code]).toEqual([1, 'ENV_NOT_SET']);
    expect(error.message).toContain(
      'is env(LOCAL_DB_PORT), and LOCAL_DB_PORT is not set or empty. Looked in the shell,',
    );
    expect(error.details).toMatchObject({
      variable: 'LOCAL_DB_PORT',
      places: expect.arrayContaining(['the shell', 'supabase/.env.local', 'supabase/.env', '.env.local', '.env']),
    });
  });

  test('with a migrations folder that is a file', async () => {
    await project.write('supabase/migrations', '');
    const {code, error} = await failure(project, ['init', '--yes']);
    expect([code, error.code]).toEqual([1, 'MIGRATIONS_UNREADABLE']);
    expect(error.message).toBe(
      `Cannot read the migrations in ${project.root}/supabase/migrations: it is a file, not a folder.`,
    );
  });

  test('with a migrations folder that cannot be written, where nothing half is left', async () => {
    await mkdir(path.join(project.root, 'supabase/migrations'));
    await handOver({'supabase/migrations': 0o555});
    const {code, error} = await failure(
      project,
      ['init', '--yes', '--no-enable'],
      {HOME: project.root},
      {unprivileged: true},
    );
    expect([code, error.code]).toEqual([1, 'MIGRATIONS_UNWRITABLE']);
    expect(error.message).toMatch(/^Cannot write .*\/supabase\/migrations\/\d{14}_supasession\.sql: /);
    expect(await project.migrations()).toEqual([]);
  });

  test('without the supabase CLI, in which nothing is written', async () => {
    const server = await createDatabase();
    const bare = await createProject({cli: false});
    const {code, error} = await failure(bare, ['init', '--db-url', server.url(), '--apply', '--yes', '--no-enable']);
    expect([code, error.code]).toEqual([1, 'CLI_MISSING']);
    expect(error.message).toContain(`neither in node_modules/.bin of ${bare.root}`);
    expect(error.suggestions).toEqual(['npm install --save-dev supabase']);
    expect(await bare.migrations()).toEqual([]);
    await Promise.all([bare.remove(), server.drop()]);
  });
});

describe('the database', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(async () => database.drop());

  test.each([
    [['init', '--apply', '--yes', '--no-enable']],
    [['config', '--max', '2']],
    [['flush', '--yes']],
    [['sessions', 'list']],
    [['sessions', 'revoke', '--user', 'a@example.com']],
  ])('does not run: %j', async (args) => {
    const {code, error} = await failure(project, args);
    expect([code, error.code]).toEqual([1, 'CONNECTION_REFUSED']);
    expect(error.message).toBe('Nothing is listening on 127.0.0.1:1.');
    expect(error.suggestions).toEqual(['npx supabase start', 'supasession sandbox']);
    expect(await project.migrations()).toEqual([]);
  });

  test('refuses the password', async () => {
    const url = database.url().replace(':postgres@', ':wrong@');
    for (const args of [
      ['config'],
      ['flush', '--dry-run'],
      ['init', '--apply', '--yes', '--no-enable'],
      ['sessions', 'list'],
      ['sessions', 'revoke'],
    ]) {
      const {code, error} = await failure(project, [...args, '--db-url', url]);
      expect([code, error.code]).toEqual([1, 'AUTHENTICATION_FAILED']);
      expect(error.message).toBe(`127.0.0.1:${database.port} refused the password of role postgres.`);
    }
  });

  test('is not there', async () => {
    const {code, error} = await failure(project, ['flush', '--db-url', database.url().replace(/[^/]+$/, 'nope')]);
    expect([code, error.code]).toEqual([1, 'CONNECTION_FAILED']);
    expect(error.message).toBe(`127.0.0.1:${database.port} has no database "nope".`);
  });

  test('denies permission', async () => {
    const admin = await database.connect('supabase_admin');
    const role = `stranger_${database.name}`;
    await admin.query(`create role ${role} login password 'postgres'`);
    try {
      for (const args of [
        ['flush', '--dry-run'],
        ['config', '--max', '2', '--dry-run'],
        ['sessions', 'list'],
      ]) {
        const {code, error} = await failure(project, [...args, '--db-url', database.url(role)]);
        expect([code, error.code]).toEqual([1, 'PERMISSION_DENIED']);
        expect(error.message).toMatch(
          new RegExp(
            `^Role ${role} may not do this at 127\\.0\\.0\\.1:${database.port}: permission denied for schema auth`,
          ),
        );
        expect(error.suggestions).toEqual(['Connect as the role postgres of the project']);
      }

      const args = ['init', '--apply', '--no-enable', '--yes', '--db-url', database.url(role)];
      const run = await project.run([...args, '--json']);
      expect([run.code, run.json]).toMatchObject([
        1,
        {
          error: {
            code: 'CLI_FAILED',
            message: expect.stringContaining('permission denied'),
            details: {sqlstate: '42501'},
          },
        },
      ]);
    } finally {
      await admin.query(`drop owned by ${role}; drop role ${role}`);
    }
  });

  test('has no Supabase Auth', async () => {
    const empty = await createDatabase();
    await (await empty.connect('supabase_admin')).query('drop schema auth cascade');
    const commands = [
      ['init', '--apply', '--yes', '--no-enable'],
      ['init', '--enable', '--yes', '--no-apply'],
      ['config', '--max', '2'],
      ['flush', '--dry-run'],
      ['sessions', 'list'],
      ['sessions', 'revoke', '--user', 'a@example.com'],
    ];
    for (const args of commands) {
      const {code, error} = await failure(project, [...args, '--db-url', empty.url()]);
      expect([code, error.code]).toEqual([1, 'AUTH_SCHEMA_MISSING']);
      expect(error.message).toBe(`The database "${empty.name}" has no table auth.sessions: Supabase Auth is missing.`);
    }

    expect(await project.migrations()).toEqual([]);
    await empty.drop();
  });
});

describe('while applying', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer();
  });
  beforeEach(async () => {
    await project.remove();
    project = await createProject({port: server.port});
  });
  afterEach(async () => server.reset());
  afterAll(async () => server.stop());

  async function rows(sql: string): Promise<unknown[]> {
    return (await (await server.connect()).query<Record<string, unknown>>(sql)).rows.map(
      (row) => Object.values(row)[0],
    );
  }

  const SCHEMAS = "select nspname from pg_namespace where nspname in ('supasession', 'broken')";
  const HISTORY = 'select name from supabase_migrations.schema_migrations order by version';
  const BROKEN = 'create schema broken;\ncreate table broken.t ();\nselect 1/0;\n';

  test('a migration before ours fails in the middle: the database stays as it was, and the file is named', async () => {
    await project.addMigration('20240101000000_broken.sql', BROKEN);
    const args = ['init', '--apply', '--enable', '--include-pending', '--yes'];
    const text = await project.run(args);
    expect(text.code).toBe(1);
    const [, file] = await project.migrations();
    expect(text.stderr).toContain(`Wrote supabase/migrations/${file!}`);
    expect(text.stderr).toContain(
      'Error: supabase migration up failed (exit 1) in 20240101000000_broken.sql: ERROR: division by zero (SQLSTATE 22012) [CLI_FAILED]\n  → npx supabase migration list\n',
    );
    expect(text.stderr).not.toContain('Limits are ON');
    expect(await rows(SCHEMAS)).toEqual([]);
    expect(await rows(HISTORY)).toEqual([]);

    await rm(path.join(project.root, 'supabase/migrations', file!));
    const json = await project.run([...args, '--json']);
    expect([json.code, json.json]).toEqual([
      1,
      {
        error: expect.objectContaining({
          code: 'CLI_FAILED',
          details: {
            exitCode: 1,
            sqlstate: '22012',
            migration: '20240101000000_broken.sql',
            written: expect.stringMatching(/^\d{14}_supasession\.sql$/),
            applied: false,
          },
        }),
      },
    ]);
  });

  test('a migration after ours fails in the middle: ours stays applied, of the other nothing is left', async () => {
    await project.run(['init', '--no-apply', '--no-enable', '--yes']);
    await project.addMigration('20991231000000_broken.sql', BROKEN);
    const {code, json} = await project.run(['init', '--apply', '--enable', '--include-pending', '--json']);
    expect([code, json]).toMatchObject([
      1,
      {error: {code: 'CLI_FAILED', details: {migration: '20991231000000_broken.sql', written: null, applied: false}}},
    ]);
    expect(await rows(SCHEMAS)).toEqual(['supasession']);
    expect(await rows(HISTORY)).toEqual(['supasession']);
    expect(await rows('select enabled from supasession.config')).toEqual([false]);

    // Nothing of ours is pending now, so the other is left alone and in nobody's way.
    const again = await project.run(['init', '--apply', '--enable']);
    expect(again).toMatchObject({code: 0});
    expect(again.stderr).toContain('Limits are ON.');
  });

  test('a lock on auth.sessions is given up within 5 seconds, with its holder, and nothing is left behind', async () => {
    const holder = await server.connect('supabase_auth_admin');
    const {userId} = await createUser(await server.connect());
    await holder.query("set application_name = 'a long import'; begin");
    await createSessions(holder, [userId]);
    const pid = await backendPid(holder);
    await project.run(['init', '--no-apply', '--no-enable', '--yes']);

    const running = project.start(['init', '--apply', '--enable', '--json']);
    await running.until(/Applying migration/);
    const started = performance.now();
    const json = await running.result;
    expect(performance.now() - started).toBeLessThan(5000);
    expect(json.code).toBe(1);
    expect(json.json).toEqual({
      error: {
        code: 'LOCK_TIMEOUT',
        message: expect.stringMatching(
          new RegExp(
            `^auth\\.mfa_amr_claims, auth\\.sessions locked by process ${pid} \\(role supabase_auth_admin, a long import, idle in transaction for \\d+ s\\): gave up waiting\\.$`,
          ),
        ),
        suggestions: [
          'Run the command again when that transaction has ended',
          `Or end it: select pg_terminate_backend(${pid});`,
        ],
        details: {
          exitCode: 1,
          sqlstate: '55P03',
          migration: expect.stringMatching(/_supasession\.sql$/),
          holders: [
            {
              pid,
              tables: ['auth.mfa_amr_claims', 'auth.sessions'],
              role: 'supabase_auth_admin',
              application: 'a long import',
              state: 'idle in transaction',
              seconds: expect.any(Number),
            },
          ],
          written: null,
          applied: false,
        },
      },
    });
    expect(await rows(SCHEMAS)).toEqual([]);
    expect(await rows(HISTORY)).toEqual([]);
    expect(
      await rows("select count(*)::int from pg_stat_activity where datname = 'postgres' and wait_event_type = 'Lock'"),
    ).toEqual([0]);

    await holder.query('commit');
    expect(await project.run(['init', '--apply', '--enable'])).toMatchObject({code: 0});
  });

  test('a lock that lets nobody read is given up by every command', async () => {
    await install(await server.connect());
    const holder = await server.connect();
    await holder.query('begin; lock table auth.sessions in access exclusive mode');
    const pid = await backendPid(holder);
    const commands = [
      ['config', '--max', '2'],
      ['flush', '--yes'],
      ['init', '--apply', '--enable', '--yes'],
    ];
    const started = commands.map((args) => project.start([...args, '--json']));
    await Promise.all(started.map(async ({until}) => until(/^Target/m)));
    const connected = performance.now();
    const runs = await Promise.all(started.map(async ({result}) => result));
    // 3 s for the lock, and what three processes at once take on a small and busy machine.
    expect(performance.now() - connected).toBeLessThan(20_000);
    for (const run of runs) {
      expect([run.code, run.json]).toMatchObject([1, {error: {code: 'LOCK_TIMEOUT', details: {holders: [{pid}]}}}]);
    }

    expect(await project.migrations()).toEqual([]);
    await holder.query('rollback');
    expect(await rows('select max_sessions from supasession.config')).toEqual([1]);
  });
});

describe('wrong usage', () => {
  test.each([
    [['config', '--max', '0'], '--max must be 1 or more, not 0.'],
    [['config', '--max', '-1'], '--max must be 1 or more, not -1.'],
    [['init', '--max', 'x'], '--max must be a whole number, not "x".'],
    [['init', '--max', '1.5'], '--max must be a whole number, not "1.5".'],
    [['config', '--max', '2147483648'], '--max must be 2147483647 or less, not 2147483648.'],
    [['config', '--strategy', 'nope'], '--strategy must be dequeue or reject, not "nope".'],
    [['init', '--strategy', 'nope'], '--strategy must be dequeue or reject, not "nope".'],
    [['config', '--order', 'newest'], '--order must be oldest or least-recently-used, not "newest".'],
    [['config', '--enable', '--disable'], '--enable and --disable cannot be used together.'],
    [['access', 'revoke'], 'Missing argument: <user> (Email address or id of the user).'],
    [['protect', 'add'], 'Missing argument: <tables> (Tables, as <schema>.<table>'],
    [['config', '--strategy'], '--strategy needs a value: dequeue or reject.'],
    [['config', '--max', '1', '--max', '2'], '--max is given twice.'],
    [['config', '-o', 'yaml'], '-o must be json or text, not "yaml".'],
    [['flush', '--batch-size', '0'], '--batch-size must be 1 or more, not 0.'],
    [['sandbox', '--port', '65536'], '--port must be 65535 or less, not 65536.'],
    [['flush', '--force'], 'Unknown flag: --force'],
    [['config', '--max'], '--max needs a value.'],
  ])('%j', async (args, message) => {
    const {code, error} = await failure(project, args);
    expect([code, error.code]).toEqual([2, 'USAGE']);
    expect(error.message).toContain(message);
    expect(error.suggestions).toEqual([
      args.includes('-o')
        ? '--json'
        : `supasession ${args
            .filter((arg) => /^[a-z]{3}/.test(arg))
            .slice(0, ['access', 'protect'].includes(args[0]!) ? 2 : 1)
            .join(' ')} --help`,
    ]);
  });
});

describe('a question that nobody can answer', () => {
  test.each([
    [['init'], '--max <n>'],
    [['init', '--max', '2'], '--strategy <dequeue|reject>'],
  ])('%j names %s', async (args, flag) => {
    const {code, error} = await failure(project, args);
    expect([code, error.code, error.details]).toEqual([2, 'ANSWER_REQUIRED', {flag}]);
    expect(error.message).toBe(`There is no terminal to ask on: give ${flag}.`);
    expect(error.suggestions).toEqual([flag, '--yes takes the default of every question']);
    expect(await project.migrations()).toEqual([]);
  });

  test('about enabling and applying names those flags, on any target that can be reached', async () => {
    const database = await createDatabase();
    const args = ['init', '--max', '2', '--strategy', 'dequeue', '--db-url', database.url()];
    const enable = await failure(project, args);
    expect(enable.error.details).toEqual({flag: '--enable or --no-enable'});
    const apply = await failure(project, [...args, '--no-enable']);
    expect([apply.code, apply.error.code, apply.error.details]).toEqual([
      2,
      'ANSWER_REQUIRED',
      {flag: '--apply or --no-apply'},
    ]);
    expect(await project.migrations()).toEqual([]);
    // The default of both is no on a target that is not local.
    const yes = await project.run(['init', '--db-url', database.url(), '--yes', '--json']);
    expect([yes.code, yes.json]).toMatchObject([0, {target: null, applied: false}]);
    await database.drop();
  });

  test('before ending sessions on the local database names --yes', async () => {
    const server = await startServer();
    const local = await createProject({port: server.port});
    const client = await server.connect();
    const {userId} = await createUser(client);
    await createSessions(client, [userId], 2);
    const {code, error} = await failure(local, ['flush']);
    expect([code, error.code, error.details, error.suggestions]).toEqual([
      2,
      'ANSWER_REQUIRED',
      {flag: '--yes'},
      ['--yes'],
    ]);
    expect((await client.query('select from auth.sessions')).rowCount).toBe(2);
    await Promise.all([local.remove(), server.stop()]);
  });
});
