import type {AccessResult} from '../../src/features/access/command.js';
import {AuthError, createSessions, createUsers, run, signInPassword, type AuthUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {failure} from '../helpers/failures.js';
import {install} from '../helpers/install.js';
import {outcome} from '../helpers/interrupt.js';
import {createProject, type TestProject} from '../helpers/project.js';

// No local target here: where it works makes no difference to what it does. The questions are in terminal-operating.test.ts.

let database: TestDatabase;
let project: TestProject;
let user: AuthUser;

const CONFIRM = ['--confirm', '127.0.0.1'];

beforeEach(async () => {
  [database, project] = await Promise.all([createDatabase(), createProject()]);
  const client = await database.connect();
  await install(client);
  const users = await createUsers(client, 2);
  user = users[0]!;
  await createSessions(
    client,
    users.map(({userId}) => userId),
    3,
  );
});
afterEach(async () => Promise.all([database.drop(), project.remove()]));

async function access(command: 'restore' | 'revoke', ...args: string[]): Promise<AccessResult> {
  const result = await project.run(['access', command, '--db-url', database.url(), ...args, '--json']);
  expect([result.code, result.stderr]).toEqual([0, expect.not.stringContaining('Error')]);
  return result.json as AccessResult;
}

async function sessions(): Promise<number> {
  const {rows} = await (
    await database.connect()
  ).query<{count: string}>('select count(*) from auth.sessions where user_id = $1', [user.userId]);
  return Number(rows[0]!.count);
}

async function signsIn(): Promise<boolean> {
  const auth = await database.connect('supabase_auth_admin');
  return !((await outcome(run(auth, signInPassword(user.email)))) instanceof AuthError);
}

test('list says who has no access, since when and why, the latest first', async () => {
  const list = ['access', 'list', '--db-url', database.url()];
  const none = await project.run(list);
  expect([none.code, none.stdout]).toEqual([0, 'No access is revoked.\n']);
  await access('revoke', user.email, '--reason', 'stolen laptop\u001B[2J', ...CONFIRM);
  const client = await database.connect();
  const gone = '00000000-0000-4000-8000-000000000001';
  await client.query("insert into supasession.revoked (user_id, at) values ($1, now() - interval '3 days')", [gone]);
  const {code, json} = await project.run([...list, '--json']);
  const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
  expect([code, json]).toEqual([
    0,
    {
      target: {
        kind: 'url',
        host: '127.0.0.1',
        port: database.port,
        database: database.name,
        projectRef: null,
        otherProject: false,
      },
      users: [
        {user_id: user.userId, email: user.email, phone: null, at, reason: 'stolen laptop\u001B[2J'},
        {user_id: gone, email: null, phone: null, at, reason: null},
      ],
      total: 2,
    },
  ]);
  const {stdout} = await project.run(list);
  expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(
    /^User Revoked Reason .* just now stolen laptop\[2J .* 3d ago 2 users\. $/,
  );
  expect(stdout).toContain(`${gone}  3d ago`);
  expect(stdout).not.toContain('\u001B[2J');
  expect((await project.run([...list, '--limit', '1'])).stdout).toContain('1 of 2 users; --limit shows more.');
  await access('restore', user.email, '--yes');
  expect((await project.run([...list, '--json'])).json).toMatchObject({total: 1, users: [{user_id: gone}]});
});

test('revoke ends the sessions of a user and refuses new ones, and restore lets the user in again', async () => {
  expect(await access('revoke', user.email, '--reason', 'stolen laptop', ...CONFIRM)).toEqual({
    target: {
      kind: 'url',
      host: '127.0.0.1',
      port: database.port,
      database: database.name,
      projectRef: null,
      otherProject: false,
    },
    user: {id: user.userId, email: user.email},
    ...{sessions: 3, reason: 'stolen laptop', guard: false, changed: true, dryRun: false},
  });
  expect([await sessions(), await signsIn()]).toEqual([0, false]);
  const {rows} = await (
    await database.connect()
  ).query("select user_id, reason from supasession.events where kind = 'access_revoked'");
  expect(rows).toEqual([{user_id: user.userId, reason: 'stolen laptop'}]);

  expect(await access('restore', user.userId, '--yes')).toMatchObject({
    ...{reason: 'stolen laptop', changed: true, sessions: 0},
  });
  expect(await signsIn()).toBe(true);
});

test('what stands already is said, and is no failure', async () => {
  expect(await access('restore', user.email)).toMatchObject({changed: false, reason: null});
  await access('revoke', user.email, '--reason', 'stolen laptop', ...CONFIRM);
  const again = await project.run(['access', 'revoke', user.email, '--db-url', database.url()]);
  expect([again.code, again.stdout]).toEqual([0, '']);
  expect(again.stderr).toMatch(
    new RegExp(`${user.email} has had no access since \\d{4}-.*Z. Reason: stolen laptop\\.\\nNothing to do\\.`),
  );
  expect(await access('revoke', user.email)).toMatchObject({changed: false, sessions: 0, reason: 'stolen laptop'});
  const restored = await project.run(['access', 'restore', user.email, '--db-url', database.url(), '--yes']);
  expect(restored.code).toBe(0);
  expect((await project.run(['access', 'restore', user.email, '--db-url', database.url()])).stderr).toContain(
    `${user.email} has access. Nothing to do.`,
  );
});

test('revoke again ends the sessions that came since, and keeps the reason unless another is given', async () => {
  const client = await database.connect();
  await access('revoke', user.email, '--reason', 'stolen laptop', ...CONFIRM);
  // As a restored dump brings it.
  const admin = await database.connect('supabase_admin');
  await admin.query('set session_replication_role = replica');
  await createSessions(admin, [user.userId], 1);
  expect(await access('revoke', user.email, ...CONFIRM)).toMatchObject({
    sessions: 1,
    reason: 'stolen laptop',
    changed: true,
  });
  expect(await access('revoke', user.email, '--reason', 'sold', ...CONFIRM)).toMatchObject({
    sessions: 0,
    reason: 'sold',
  });
  expect((await client.query('select reason from supasession.revoked')).rows).toEqual([{reason: 'sold'}]);
});

test('shows what goes on working before it asks, and does nothing with --dry-run', async () => {
  const dry = ['access', 'revoke', user.email, '--db-url', database.url(), '--dry-run'];
  const shown = (await project.run(dry)).stdout;
  expect(shown).toContain('  Sessions       3 sessions end\n');
  expect(shown).toContain('  From now on    refused at sign-in and at every refresh\n');
  expect(shown).toContain(
    '  Data API       access tokens already issued still work for up to 1 hour (jwt_expiry): the guard is not enabled\n',
  );
  expect(shown).toMatch(/Storage, Realtime and your own servers .* supasession\.has_access\(\)/);
  expect(await access('revoke', user.email, '--dry-run')).toMatchObject({sessions: 3, changed: true, dryRun: true});
  expect(await sessions()).toBe(3);
});

test('says that the guard cuts the Data API off at once, where it is wired', async () => {
  const admin = await database.connect('supabase_admin');
  await admin.query(
    `alter role authenticator in database ${database.name} set pgrst.db_pre_request = 'supasession.check_request'`,
  );
  expect(await access('revoke', user.email, '--dry-run')).toMatchObject({guard: true});
  const dry = await project.run(['access', 'revoke', user.email, '--db-url', database.url(), '--dry-run']);
  expect(dry.stdout).toContain('  Data API       cut off at once, by the guard\n');
});

test('wants the host typed to revoke and a yes to restore, and knows its users', async () => {
  const url = ['--db-url', database.url()];
  const revoke = await failure(project, ['access', 'revoke', user.email, ...url, '--yes']);
  expect([revoke.code, revoke.error.details]).toEqual([2, {flag: '--confirm 127.0.0.1'}]);
  expect(await sessions()).toBe(3);
  await access('revoke', user.email, ...CONFIRM);
  const restore = await failure(project, ['access', 'restore', user.email, ...url]);
  expect([restore.code, restore.error.details]).toEqual([2, {flag: '--yes'}]);
  for (const command of ['revoke', 'restore']) {
    const nobody = await failure(project, ['access', command, 'nobody@example.com', ...url]);
    expect([nobody.code, nobody.error.code]).toEqual([1, 'USER_NOT_FOUND']);
    expect((await failure(project, ['access', command, ...url])).error.code).toBe('USAGE');
  }
});

test('says which step is missing where nothing is installed, and where nothing listens', async () => {
  const bare = await createDatabase();
  try {
    const missing = await failure(project, ['access', 'revoke', user.email, '--db-url', bare.url()]);
    expect([missing.code, missing.error.code]).toEqual([1, 'NOT_INSTALLED']);
  } finally {
    await bare.drop();
  }
  const refused = await failure(project, [
    'access',
    'revoke',
    'x@y.z',
    '--db-url',
    'postgresql://postgres@127.0.0.1:1/postgres',
  ]);
  expect([refused.code, refused.error.code]).toEqual([1, 'CONNECTION_REFUSED']);
});
