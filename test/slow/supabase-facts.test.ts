import {chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import pg from 'pg';
import type {SupasessionError} from '../../src/errors.js';
import {applyMigrations, findCli, type ApplyTarget, type SupabaseCli} from '../../src/supabase/cli.js';
import {readConfig} from '../../src/supabase/config.js';
import {runProcess} from '../../src/supabase/process.js';
import {findProject, type Project} from '../../src/supabase/project.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';

// What we rely on of the real supabase CLI. A failure here after an update of it means that our own reading has to follow.

let folder: string;
let env: Record<string, string>;
let cli: SupabaseCli;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'supasession-facts-')));
  const tools = path.resolve('node_modules/.bin');
  env = {
    HOME: folder,
    PATH: `${tools}:${path.dirname(process.execPath)}:/usr/bin:/bin`,
    SUPABASE_TELEMETRY_DISABLED: '1',
    SUPABASE_NO_UPDATE_NOTIFIER: '1',
  };
  cli = await findCli(await makeProject('any', {'supabase/config.toml': ''}), env);
});

afterAll(async () => rm(folder, {recursive: true, force: true}));

/** Makes a project; files are named from its root. */
async function makeProject(name: string, files: Record<string, string>): Promise<Project> {
  const root = path.join(folder, name);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, file)), {recursive: true});
    await writeFile(path.join(root, file), content);
  }
  return findProject({cwd: root, env: {}});
}

async function failure(promise: Promise<unknown>): Promise<SupasessionError> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as SupasessionError,
  );
}

describe('the order of the .env files', () => {
  const NAMES = ['.env', '.env.test', '.env.development', '.env.local', '.env.development.local'];
  const FILES = ['sub', 'supabase', '.'].flatMap((place) => NAMES.map((name) => path.join(place, name)));

  /** The port that the real CLI takes for the local database. Nothing needs to listen there. */
  async function portOfCli(project: Project, shell: Record<string, string>): Promise<number | undefined> {
    const result = await runProcess(cli.path, ['migration', 'list'], {cwd: project.cwd, env: {...env, ...shell}});
    const target = 'stderr' in result ? /^Target: local stack \(127\.0\.0\.1:(\d+)\)/m.exec(result.stderr) : null;
    return target ? Number(target[1]) : undefined;
  }

  async function portOfOurs(project: Project, shell: Record<string, string>): Promise<number | undefined> {
    const config = await readConfig(project, {...env, ...shell});
    try {
      return config.dbPort;
    } catch {
      return undefined;
    }
  }

  it.each([
    ['the root', '.', {}],
    ['a folder below', 'sub', {}],
    ['a folder below, with modes of its own', 'sub', {NODE_ENV: 'test', SUPABASE_ENV: 'staging'}],
  ])('is ours, started in %s', async (_, cwd, shell) => {
    const ports = new Map(FILES.map((file, index) => [20_000 + index, file]));
    const contents = Object.fromEntries([...ports].map(([port, file]) => [file, `DB_PORT=${port}\n`]));
    const root = `env-${cwd}-${Object.keys(shell).join('')}`;
    const config = {'supabase/config.toml': 'project_id = "facts"\n[db]\nport = "env(DB_PORT)"\n'};
    const project = await makeProject(root, {...config, ...contents});
    const started = {...project, cwd: path.join(project.root, cwd)};

    expect(await portOfCli(started, {...shell, DB_PORT: '20999'})).toBe(20_999);
    for (;;) {
      const port = await portOfCli(started, shell);
      expect([port, ports.get(port ?? 0)]).toEqual([await portOfOurs(started, shell), ports.get(port ?? 0)]);
      if (port === undefined) break;
      await rm(path.join(project.root, ports.get(port) ?? ''));
    }
  });

  it('is beaten by SUPABASE_DB_PORT, and an empty value counts as none', async () => {
    const project = await makeProject('override', {'supabase/config.toml': '[db]\nport = "env(DB_PORT)"\n'});
    const set = {SUPABASE_DB_PORT: '20001', DB_PORT: '20002'};
    expect([await portOfCli(project, set), await portOfOurs(project, set)]).toEqual([20_001, 20_001]);
    await writeFile(path.join(project.supabaseDir, '.env.local'), 'DB_PORT=');
    await writeFile(path.join(project.supabaseDir, '.env'), 'DB_PORT=20003');
    expect([await portOfCli(project, {}), await portOfOurs(project, {})]).toEqual([undefined, undefined]);
  });
});

describe('applying migrations', () => {
  const PASSWORD = 'hunter2 /?@%41';
  let database: TestDatabase;
  let client: pg.Client;
  let role: string;
  let url: string;

  beforeEach(async () => {
    database = await createDatabase();
    role = `cli_${database.name}`;
    const admin = await database.connect('supabase_admin');
    await admin.query(`create role ${role} login password ${pg.escapeLiteral(PASSWORD)}`);
    await admin.query(`grant create on database ${database.name} to ${role}`);
    await admin.query(`grant create on schema public to ${role}`);
    client = admin;
    url = `postgresql://${role}@127.0.0.1:${database.port}/${database.name}?sslmode=disable`;
  });

  afterEach(async () => {
    await client.query(`drop owned by ${role}`);
    await client.query(`drop role ${role}`);
    await database.drop();
  });

  async function apply(
    files: Record<string, string>,
    options: {target?: ApplyTarget; includeAll?: boolean; output?: string[]} = {},
  ): Promise<Project> {
    const migrations = Object.entries(files).map(([name, sql]) => [`supabase/migrations/${name}`, sql]);
    const config = {'supabase/config.toml': `project_id = "facts"\n[db]\nport = ${database.port}\n`};
    const project = await makeProject(`apply-${database.name}`, {...config, ...Object.fromEntries(migrations)});
    await applyMigrations({
      cli,
      project,
      target: options.target ?? {kind: 'url', url, password: PASSWORD},
      env,
      includeAll: options.includeAll,
      output: {write: (chunk) => options.output?.push(chunk.toString())},
    });
    return project;
  }

  async function rows(sql: string): Promise<unknown[]> {
    return (await client.query<Record<string, unknown>>(sql)).rows.map((row) => Object.values(row)[0]);
  }

  const HISTORY = 'select version from supabase_migrations.schema_migrations order by version';
  const TABLES = "select tablename from pg_tables where schemaname = 'public' order by 1";

  it('accepts the password from PGPASSWORD, and no argument or output holds it', async () => {
    const project = await makeProject('recorded', {
      'supabase/config.toml': '',
      'supabase/migrations/20240101000000_a.sql': 'create table public.a ();',
      'node_modules/.bin/supabase': `#!/bin/sh\nprintf '%s\\n' "$@" >> '${folder}/arguments'\nexec '${path.resolve('node_modules/.bin/supabase')}' "$@"\n`,
    });
    await chmod(path.join(project.root, 'node_modules/.bin/supabase'), 0o755);
    const output: string[] = [];
    const write = (chunk: string | Uint8Array) => output.push(chunk.toString());
    const options = {cli: await findCli(project, env), project, env, output: {write}};
    await applyMigrations({...options, target: {kind: 'url', url, password: PASSWORD}});
    expect(await rows(TABLES)).toEqual(['a']);

    const wrong = await failure(applyMigrations({...options, target: {kind: 'url', url, password: 'wrong'}}));
    expect([wrong.code, wrong.details?.['sqlstate']]).toEqual(['CLI_FAILED', '28P01']);
    const recorded = await readFile(path.join(folder, 'arguments'), 'utf8');
    expect(recorded).toContain(`--remote=${url}`);
    expect(`${recorded}${output.join('')}`).not.toMatch(/hunter2/);
  });

  it('leaves the database unchanged by a file that fails in the middle', async () => {
    const files = {
      '20240101000000_good.sql': 'create table public.good ();',
      '20240102000000_bad.sql': 'create table public.bad ();\ninsert into public.good default values;\nselect 1/0;\n',
      '20240103000000_later.sql': 'create table public.later ();',
    };
    const error = await failure(apply(files));
    expect(error.code).toBe('CLI_FAILED');
    expect(error.message).toBe(
      'supabase db push failed (exit 1) in 20240102000000_bad.sql: ERROR: division by zero (SQLSTATE 22012)',
    );
    expect(await rows(TABLES)).toEqual(['good']);
    expect(await rows('select count(*)::int from public.good')).toEqual([0]);
    expect(await rows(HISTORY)).toEqual(['20240101000000']);
  });

  it('sends a file as one transaction: local settings and a lock taken in a DO block hold to its end', async () => {
    await apply({
      '20240101000000_a.sql': `
        set local lock_timeout = '4s';
        create table public.locked ();
        do $$ begin lock table public.locked in share row exclusive mode; end $$;
        create table public.seen as select current_setting('lock_timeout') as lock_timeout, txid_current() as transaction, current_user as role;
        insert into public.seen select current_setting('lock_timeout'), txid_current(), current_user;`,
    });
    const {rows: seen} = await client.query(
      'select lock_timeout, count(distinct transaction)::int as transactions, min(role) as role from public.seen group by 1',
    );
    expect(seen).toEqual([{lock_timeout: '4s', transactions: 1, role}]);
  });

  it('fails at a LOCK TABLE of its own, and keeps what stands before an own COMMIT', async () => {
    const locking = await failure(
      apply({'20240101000000_a.sql': 'lock table auth.sessions in share row exclusive mode;'}),
    );
    expect(locking.details?.['sqlstate']).toBe('25P01');
    const sql = 'begin;\ncreate table public.kept ();\ncommit;\nselect 1/0;';
    await failure(apply({'20240101000000_a.sql': sql}));
    expect(await rows(TABLES)).toEqual(['kept']);
    expect(await rows(HISTORY)).toEqual([]);
  });

  it('reports a lock that is held as LOCK_TIMEOUT', async () => {
    const holder = await database.connect('supabase_admin');
    await holder.query(`create table public.held (); alter table public.held owner to ${role}`);
    await holder.query('begin; lock table public.held');
    const sql = "set local lock_timeout = '200ms';\nalter table public.held add column a int;";
    const error = await failure(apply({'20240101000000_a.sql': sql}));
    await holder.query('rollback');
    expect([error.code, error.details?.['migration']]).toEqual(['LOCK_TIMEOUT', '20240101000000_a.sql']);
    expect(error.message).toContain('canceling statement due to lock timeout');
  });

  it('refuses files older than an applied one unless told to include them', async () => {
    await apply({'20240102000000_b.sql': 'create table public.b ();'});
    const older = {'20240101000000_a.sql': 'create table public.a ();'};
    const error = await failure(apply(older));
    expect(error.message).toContain('to be inserted before the last migration');
    await apply(older, {includeAll: true});
    expect(await rows(HISTORY)).toEqual(['20240101000000', '20240102000000']);
  });

  it('reaches a local target on the port of config.toml', async () => {
    const output: string[] = [];
    // No migration: the local target is the database `postgres`, which all tests share.
    await apply({}, {target: {kind: 'local'}, output});
    expect(output.join('')).toContain(`Target: local stack (127.0.0.1:${database.port})`);
  });

  it('says that nothing listens', async () => {
    const project = await makeProject('silent', {'supabase/config.toml': '[db]\nport = 1\n'});
    const error = await failure(applyMigrations({cli, project, env, target: {kind: 'local'}}));
    expect(error.message).toMatch(
      /^supabase migration up failed \(exit 1\): failed to connect to postgres: .*ECONNREFUSED/,
    );
  });
});
