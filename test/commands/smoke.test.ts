import {createSessions, createUsers} from '../helpers/auth.js';
import type {Run} from '../helpers/cli.js';
import {COMMAND_IDS} from '../helpers/commands.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';
import {THOROUGH} from '../helpers/thorough.js';

// Each command started as people start it, a process of the built program, does what it does in the other tests here, in their own process:
// by turns as text and as JSON, and in test/slow the other way about.

let server: TestServer;
let project: TestProject;

const USER = 'smoke@example.com';

beforeAll(async () => {
  server = await startServer();
  await server.reset('supasession_template');
  project = await createProject({port: server.port});
  const client = await server.connect();
  const [user] = await createUsers(client, 1);
  await client.query('update auth.users set email = $2 where id = $1', [user!.userId, USER]);
  await createSessions(client, [user!.userId], 3);
  // So long ago that it reads the same in both.
  await client.query(
    "update auth.sessions set created_at = now() - interval '36 hours', updated_at = now() - interval '36 hours', refreshed_at = null",
  );
  await client.query(`insert into supasession.rules (name, app_metadata, max_sessions) values ('plus', '{"plan": "plus"}', 5);
    create table public.orders (id int); alter table public.orders enable row level security`);
  expect(await project.run(['init', '--no-apply', '--yes'])).toMatchObject({code: 0});
});
afterAll(async () => {
  await project.remove();
  await server.stop();
});

/** Without what differs from second to second. */
function lasting({code, stdout, stderr}: Run): unknown {
  const text = (output: string) =>
    output.replaceAll(/\d{14}/g, '<version>').replaceAll(/\d+ (milli)?seconds?/g, '<time>');
  return {code, stdout: text(stdout), stderr: text(stderr)};
}

const CASES: string[][] = [
  ['access', 'list'],
  ['access', 'restore', USER, '--dry-run'],
  ['access', 'revoke', USER, '--dry-run'],
  ['api', 'disable', '--dry-run'],
  ['api', 'enable', '--dry-run'],
  ['config'],
  ['doctor'],
  ['enforce', '--dry-run'],
  ['flush', '--dry-run'],
  ['guard', 'disable', '--dry-run'],
  ['guard', 'enable', '--dry-run'],
  ['history'],
  ['hook', 'disable', '--dry-run'],
  ['hook', 'enable', '--dry-run'],
  ['init', '--dry-run', '--yes'],
  ['protect', 'add', 'orders', '--dry-run'],
  ['protect', 'list'],
  ['protect', 'remove', 'orders', '--dry-run'],
  ['prune', '--older-than', '30d', '--dry-run'],
  ['rules', 'add', 'pro', '--claim', 'plan=pro', '--max', '5', '--dry-run'],
  ['rules', 'list'],
  ['rules', 'remove', 'plus', '--dry-run'],
  ['rules', 'test', '--user', USER],
  ['sessions', 'list'],
  ['sessions', 'revoke', '--user', USER, '--dry-run'],
  ['status'],
  ['uninstall', '--dry-run'],
  ['upgrade', '--dry-run'],
];

test('every command is here; the sandbox, which runs until it is interrupted, has e2e/sandbox-command.test.ts', () => {
  const ids = COMMAND_IDS.map((id) => id.replace(':', ' ')).filter((id) => id !== 'sandbox');
  expect(ids.filter((id) => !CASES.some((args) => args.join(' ').startsWith(id)))).toEqual([]);
});

const ERRORS = [
  ['config', '--max', '0'],
  ['config', '--nope'],
  ['rules', 'remove', 'nope', '--yes'],
];

test.each([...CASES, ...ERRORS].map((args, n) => [n % 2 === (THOROUGH ? 1 : 0) ? args : [...args, '--json']]))(
  '%j',
  async (args) => {
    const [here, spawned] = await Promise.all([project.run(args), project.run(args, {}, {spawned: true})]);
    expect(lasting(here)).toEqual(lasting(spawned));
    expect(spawned.stdout + spawned.stderr).not.toContain('UNEXPECTED');
    expect(spawned.stdout).not.toBe(args.includes('--json') ? '' : undefined);
  },
);
