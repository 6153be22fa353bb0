import {createSessions, createUsers} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {backendPid} from '../helpers/wait.js';

// What scripts rely on. A change of the snapshot is a change of the contract: it belongs in the changelog.

let database: TestDatabase;
let project: TestProject;

beforeAll(async () => {
  [database, project] = await Promise.all([createDatabase(), createProject()]);
});
afterAll(async () => Promise.all([database.drop(), project.remove()]));

/** The keys of a value, with the types of what they hold; an array by its first element. */
function shapeOf(value: unknown): unknown {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
}

async function shape(code: number, ...args: string[]): Promise<unknown> {
  const run = await project.run([...args, '--json']);
  expect([args, run.code]).toEqual([args, code]);
  // One document, and nothing before or after it.
  return shapeOf(run.json);
}

test('the shapes of results', async () => {
  const url = ['--db-url', database.url()];
  const client = await database.connect();
  const users = await createUsers(client, 2);
  await createSessions(
    client,
    users.map(({userId}) => userId),
    2,
  );
  const confirm = ['--confirm', '127.0.0.1'];
  expect({
    'status, nothing installed': await shape(0, 'status', ...url),
    'config --dry-run, nothing installed': await shape(0, 'config', ...url, '--max', '2', '--dry-run'),
    'init, no database looked at': await shape(0, 'init', ...url, '--no-apply', '--no-enable', '--yes'),
    'init --apply': await shape(0, 'init', ...url, '--apply', '--no-enable'),
    config: await shape(0, 'config', ...url),
    'config --max 1 --enable --save': await shape(
      0,
      'config',
      ...url,
      '--max',
      '1',
      '--enable',
      '--strategy',
      'reject',
      '--save',
      ...confirm,
    ),
    doctor: await shape(3, 'doctor', ...url),
    'status --check': await shape(3, 'status', ...url, '--check'),
    history: await shape(0, 'history', ...url),
    'sessions list': await shape(0, 'sessions', 'list', ...url),
    'sessions revoke': await shape(0, 'sessions', 'revoke', '--user', users[0]!.userId, ...url, ...confirm),
    'rules add': await shape(
      0,
      ...['rules', 'add', 'pro', '--claim', 'plan=pro', '--max', '5', '--timebox', '12h', ...url, '--yes', '--save'],
    ),
    'rules list': await shape(0, 'rules', 'list', ...url),
    'rules test': await shape(0, 'rules', 'test', '--user', users[0]!.email, ...url),
    'rules remove': await shape(0, 'rules', 'remove', 'pro', ...url, '--yes'),
    'enforce --dry-run': await shape(0, 'enforce', ...url, '--dry-run'),
    'prune --dry-run': await shape(0, 'prune', '--older-than', '30d', ...url, '--dry-run'),
    'access revoke': await shape(0, 'access', 'revoke', users[0]!.email, '--reason', 'test', ...url, ...confirm),
    'access restore': await shape(0, 'access', 'restore', users[0]!.email, ...url, '--yes'),
    'flush --dry-run': await shape(0, 'flush', ...url, '--dry-run'),
    flush: await shape(0, 'flush', ...url, ...confirm),
  }).toMatchSnapshot();
});

test('the shapes of errors', async () => {
  const url = ['--db-url', database.url()];
  const holder = await database.connect();
  await holder.query('begin; lock table auth.sessions in access exclusive mode');
  expect(await backendPid(holder)).toBeGreaterThan(0);
  const locked = await shape(1, 'flush', ...url);
  await holder.query('rollback');
  await project.addMigration('20240101000000_other.sql', 'select 1/0;');
  const other = await createProject();
  await other.addMigration('20240101000000_other.sql', 'select 1/0;');
  const empty = await createDatabase();
  const there = ['--db-url', empty.url()];
  const failed = await other.run(['init', ...there, '--apply', '--include-pending', '--yes', '--json']);
  const pending = await other.run(['init', ...there, '--apply', '--no-enable', '--json']);
  await Promise.all([other.remove(), empty.drop()]);
  expect({
    'a session': await shape(1, 'sessions', 'revoke', '3f2b1c9e-8d5c-4d3e-9a51-0d7a4f6a1b2c', ...url),
    'without details': await shape(2, 'config', '--nope'),
    'a question': await shape(2, 'config', ...url, '--max', '7'),
    'a lock': locked,
    'the supabase CLI': shapeOf(failed.json),
    'other migrations': shapeOf(pending.json),
  }).toMatchSnapshot();
});
