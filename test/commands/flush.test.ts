import type {FlushResult} from '../../src/commands/flush.js';
import {createSessions, createUsers, run, signInPassword} from '../helpers/auth.js';
import {failure} from '../helpers/failures.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {install} from '../helpers/install.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {until, untilBlocked} from '../helpers/wait.js';

// No local target here: where it works makes no difference to what it does. The questions on a local one are in terminal.test.ts.

let database: TestDatabase;
let project: TestProject;

beforeEach(async () => {
  [database, project] = await Promise.all([createDatabase(), createProject()]);
});
afterEach(async () => {
  await Promise.all([database.drop(), project.remove()]);
});

const CONFIRM = ['--confirm', '127.0.0.1'];

async function count(table = 'sessions'): Promise<number> {
  const client = await database.connect();
  return Number((await client.query<{count: string}>(`select count(*) from auth.${table}`)).rows[0]!.count);
}

async function makeSessions(users: number, perUser: number): Promise<void> {
  const client = await database.connect();
  const made = await createUsers(client, users);
  await createSessions(
    client,
    made.map(({userId}) => userId),
    perUser,
  );
}

test('shows what it would end, and ends nothing with --dry-run', async () => {
  await makeSessions(2, 3);
  const args = ['flush', '--db-url', database.url(), '--dry-run'];
  const result = await project.run(args);
  expect(result).toMatchObject({code: 0});
  expect(result.stderr).toContain(
    `Target   database "${database.name}" at 127.0.0.1:${database.port}, NOT encrypted\n`,
  );
  expect(result.stdout).toBe(
    '6 sessions of 2 users end. This cannot be undone.\nIssued access tokens keep working for up to 1 hour (jwt_expiry).\n',
  );
  expect(result.stderr).toContain('Dry run: nothing was changed.');
  expect((await project.run([...args, '--json'])).json).toEqual({
    target: {
      kind: 'url',
      host: '127.0.0.1',
      port: database.port,
      database: database.name,
      projectRef: null,
      otherProject: false,
    },
    ...{matched: 6, deleted: 0, remaining: 6, batches: 0, seconds: 0, dryRun: true, completed: false},
    selection: [],
  });
  expect(await count()).toBe(6);
});

test('ends all sessions in batches, with their tokens, and has nothing to do after that', async () => {
  await makeSessions(5, 5);
  const args = ['flush', '--db-url', database.url(), '--batch-size', '10', '--json'];
  const result = await project.run([...args, ...CONFIRM]);
  expect(result).toMatchObject({code: 0});
  expect(result.json).toEqual({
    target: expect.objectContaining({kind: 'url'}),
    ...{matched: 25, deleted: 25, remaining: 0, batches: 3, dryRun: false, completed: true},
    seconds: expect.any(Number),
    selection: [],
  });
  expect([await count(), await count('refresh_tokens'), await count('mfa_amr_claims'), await count('users')]).toEqual([
    0, 0, 0, 5,
  ]);
  const again = await project.run(args);
  expect(again).toMatchObject({code: 0});
  expect(again.json).toMatchObject({matched: 0, deleted: 0, completed: true});
});

test('wants the host typed, which --yes does not give', async () => {
  await makeSessions(1, 1);
  const args = ['flush', '--db-url', database.url(), '--yes'];
  const {code, error} = await failure(project, args);
  expect([code, error.code, error.details]).toEqual([2, 'ANSWER_REQUIRED', {flag: '--confirm 127.0.0.1'}]);
  expect(error.message).toBe('There is no terminal to ask on: give --confirm 127.0.0.1.');
  const wrong = await failure(project, [...args, '--confirm', 'db.example.com']);
  expect([wrong.code, wrong.error.code]).toEqual([2, 'USAGE']);
  expect(await count()).toBe(1);
  expect(await project.run([...args, ...CONFIRM])).toMatchObject({code: 0});
  expect(await count()).toBe(0);
});

test('tells how long access tokens live where the project sets it, and where there is no project', async () => {
  await makeSessions(1, 1);
  const args = ['flush', '--db-url', database.url(), '--dry-run'];
  await project.configure((toml) => toml.replace(/^jwt_expiry = .*$/m, 'jwt_expiry = 172800'));
  expect((await project.run(args)).stdout).toContain('keep working for up to 2 days (jwt_expiry).');
  expect((await project.run(args, {}, {cwd: '/'})).stdout).toContain(
    'keep working for as long as the project has set (jwt_expiry, 1 hour by default).',
  );
});

test('Ctrl-C finishes the batch, says how far it got, and a second run ends the rest', async () => {
  await makeSessions(100, 20);
  const observer = await database.connect('supabase_admin');
  const holder = await database.connect();
  const args = ['flush', '--db-url', database.url(), '--batch-size', '50', ...CONFIRM];
  for (const json of [false, true]) {
    const before = await count();
    // A lock on what is deleted with a session holds one batch for as long as the test wants.
    const {rows} = await holder.query<{session_id: string}>(
      'select session_id from auth.sessions s join auth.refresh_tokens t on t.session_id = s.id order by s.id offset 500 limit 1',
    );
    await holder.query('begin');
    await holder.query('select from auth.refresh_tokens where session_id = $1 for update', [rows[0]!.session_id]);
    const started = project.start(json ? [...args, '--json'] : args);
    const pid = async () =>
      (
        await observer.query<{pid: number}>(
          "select pid from pg_stat_activity where application_name = 'supasession' and datname = current_database()",
        )
      ).rows[0]?.pid;
    await until('flush has connected', async () => (await pid()) !== undefined);
    await untilBlocked(observer, (await pid())!);
    started.child.kill('SIGINT');
    await holder.query('rollback');
    const result = await started.result;
    const left = await count();
    expect(result.code).toBe(130);
    // The batch that was held; one more where the lock went before the signal had come.
    const deleted = before - left;
    expect([550, 600]).toContain(deleted);
    const message = `Interrupted: ${deleted} of ${before} sessions have ended, ${left} are left.`;
    if (json) {
      expect(result.json).toEqual({
        error: {
          code: 'INTERRUPTED',
          message,
          suggestions: ['Run the command again to continue'],
          details: {
            ...{matched: before, deleted, remaining: left, batches: deleted / 50, completed: false},
            seconds: expect.any(Number),
          },
        },
      });
    } else expect(result.stderr).toContain(`Error: ${message} [INTERRUPTED]\n  → Run the command again to continue\n`);
  }

  const left = await count();
  const rest = (await project.run([...args, '--json'])).json as FlushResult;
  expect(rest).toMatchObject({matched: left, deleted: left, completed: true});
});

test('lets sign-ins that come meanwhile be', async () => {
  await makeSessions(20, 10);
  const auth = await database.connect('supabase_auth_admin');
  const observer = await database.connect('supabase_admin');
  const [user] = await createUsers(observer, 1);
  const holder = await database.connect();
  const {rows} = await holder.query<{id: string}>('select id from auth.sessions order by id limit 1');
  await holder.query('begin');
  await holder.query('select from auth.sessions where id = $1 for update', [rows[0]!.id]);
  const started = project.start(['flush', '--db-url', database.url(), '--json', ...CONFIRM]);
  // All but the locked one.
  await until('the others are gone', async () => (await count()) === 1);
  const session = await run(auth, signInPassword(user!.email));
  await holder.query('rollback');
  const result = await started.result;
  expect(result.json).toMatchObject({matched: 200, deleted: 200, remaining: 0, completed: true});
  const left = await observer.query<{id: string}>('select id from auth.sessions');
  expect(left.rows).toEqual([{id: session.sessionId}]);
});

describe('all sessions of a user', () => {
  test('by the thousand; one that is in use counts as ended, and ends with its refresh', async () => {
    const client = await database.connect();
    await install(client);
    const [user] = await createUsers(client, 1);
    const sessions = await createSessions(client, [user!.userId], 2300);
    const used = sessions[0]!.sessionId;
    const holder = await database.connect('supabase_auth_admin');
    await holder.query('begin');
    await holder.query('select from auth.sessions where id = $1 for update', [used]);
    const args = ['flush', '--user', user!.userId, '--db-url', database.url(), ...CONFIRM, '--json'];
    const result = (await project.run(args)).json as FlushResult;
    expect(result).toMatchObject({matched: 2300, deleted: 2300, remaining: 0, batches: 3, completed: true});
    const {rows} = await client.query('select session_id from supasession.pending_ends');
    expect(rows).toEqual([{session_id: used}]);

    await holder.query("update auth.sessions set refreshed_at = now() at time zone 'utc' where id = $1", [used]);
    await holder.query('commit');
    expect((await client.query('select not_after <= now() as ended from auth.sessions')).rows).toEqual([{ended: true}]);
  });

  test('a sign-in that is under way ends too', async () => {
    const client = await database.connect();
    await install(client);
    const [user] = await createUsers(client, 1);
    await createSessions(client, [user!.userId], 2);
    const auth = await database.connect('supabase_auth_admin');
    await auth.query('begin');
    await auth.query('select from auth.users where id = $1 for no key update', [user!.userId]);
    await auth.query(
      'insert into auth.sessions (id, user_id, created_at, updated_at) values (gen_random_uuid(), $1, now(), now())',
      [user!.userId],
    );
    const args = ['flush', '--user', user!.userId, '--db-url', database.url(), ...CONFIRM, '--json'];
    const started = project.start(args);
    const observer = await database.connect('supabase_admin');
    const waiting = async () =>
      (
        await observer.query<{pid: number}>(
          "select pid from pg_stat_activity where application_name = 'supasession' and datname = current_database()",
        )
      ).rows[0]?.pid;
    await until('it has connected', async () => (await waiting()) !== undefined);
    await untilBlocked(observer, (await waiting())!);
    await auth.query('commit');
    expect((await started.result).json).toMatchObject({matched: 2, deleted: 3, completed: true});
    expect(await count()).toBe(0);
  });
});
