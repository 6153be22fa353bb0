import {execFile} from 'node:child_process';
import path from 'node:path';
import {promisify} from 'node:util';
import type {StatusResult} from '../../src/commands/status.js';
import {createUser, liveSessions, run, signInPassword} from '../helpers/auth.js';
import {knownEnv, TOOLS} from '../helpers/cli.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';

// The real CLI's `db reset` and `db push`. It resets without Docker what is not on the host and port of config.toml.

let server: TestServer;
let project: TestProject;

beforeAll(async () => {
  server = await startServer();
});
beforeEach(async () => {
  project = await createProject();
});
afterEach(async () => {
  await project.remove();
  await server.reset();
});
afterAll(async () => server.stop());

/** The real CLI on the server; its password travels in the environment. */
async function supabase(...args: string[]): Promise<void> {
  const target = `--remote=postgresql://postgres@127.0.0.1:${server.port}/postgres?sslmode=disable`;
  await promisify(execFile)(path.join(TOOLS, 'supabase'), [...args, target, '--yes'], {
    cwd: project.root,
    env: knownEnv({PGPASSWORD: 'postgres'}),
  });
}

const url = (): string => `postgresql://postgres:postgres@127.0.0.1:${server.port}/postgres`;

async function ours(...args: string[]): Promise<void> {
  const result = await project.run([...args, '--db-url', url(), '--confirm', '127.0.0.1', '--yes']);
  expect(result).toMatchObject({code: 0});
}

/** What the third sign-in of a user leaves of the three. */
async function sessionsAfterThree(): Promise<number> {
  const client = await server.connect();
  const auth = await server.connect('supabase_auth_admin');
  const {userId, email} = await createUser(client);
  for (let n = 0; n < 3; n += 1) await run(auth, signInPassword(email));
  return (await liveSessions(client, userId)).length;
}

async function wrong(): Promise<unknown[]> {
  const {json} = await project.run(['status', '--check', '--db-url', url(), '--json']);
  return (json as StatusResult).problems;
}

test('db reset brings back what migrations of ours hold: the limit, its settings, and everything that status looks at', async () => {
  await ours('init', '--max', '1', '--strategy', 'dequeue', '--enable', '--save', '--apply');
  await ours('config', '--max', '2', '--save');
  expect(await sessionsAfterThree()).toBe(2);

  await supabase('db', 'reset');
  expect(await wrong()).toEqual([]);
  expect(await sessionsAfterThree()).toBe(2);
  const client = await server.connect();
  expect((await client.query('select count(*)::int as users from auth.users')).rows).toEqual([{users: 1}]);
});

test('db push brings an untouched database to the same', async () => {
  expect(
    await project.run(['init', '--no-apply', '--max', '2', '--strategy', 'dequeue', '--enable', '--save', '--yes']),
  ).toMatchObject({code: 0});
  await supabase('db', 'push');
  expect(await wrong()).toEqual([]);
  expect(await sessionsAfterThree()).toBe(2);
});

test('settings that no migration holds are gone after a reset: limits are off, as after an installation', async () => {
  await ours('init', '--no-enable', '--max', '2', '--strategy', 'dequeue', '--apply');
  await ours('config', '--enable');
  expect(await sessionsAfterThree()).toBe(2);
  await supabase('db', 'reset');
  expect(await sessionsAfterThree()).toBe(3);
});
