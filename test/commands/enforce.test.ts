import type {Client} from 'pg';
import type {EnforceResult} from '../../src/commands/enforce.js';
import type {PruneResult} from '../../src/commands/prune.js';
import {createSessions, createUsers, type AuthUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {failure} from '../helpers/failures.js';
import {configure, install} from '../helpers/install.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {until, untilBlocked} from '../helpers/wait.js';

// What brings existing sessions in line, in batches: enforce and prune. The questions are in terminal-operating.test.ts.

let database: TestDatabase;
let project: TestProject;
let client: Client;
let observer: Client;

beforeEach(async () => {
  [database, project] = await Promise.all([createDatabase(), createProject()]);
  [client, observer] = await Promise.all([database.connect(), database.connect('supabase_admin')]);
  await install(client);
});
afterEach(async () => Promise.all([database.drop(), project.remove()]));

const CONFIRM = ['--confirm', '127.0.0.1'];
const url = () => ['--db-url', database.url()];

async function makeSessions(users: number, perUser: number): Promise<AuthUser[]> {
  const made = await createUsers(client, users);
  await createSessions(
    client,
    made.map(({userId}) => userId),
    perUser,
  );
  return made;
}

async function count(condition = 'true'): Promise<number> {
  const {rows} = await observer.query<{count: string}>(`select count(*) from auth.sessions where ${condition}`);
  return Number(rows[0]!.count);
}

async function result<T>(command: string, ...args: string[]): Promise<T> {
  const run = await project.run([command, ...url(), ...args, '--json']);
  expect([run.code, run.stderr]).toEqual([0, expect.not.stringContaining('Error')]);
  return run.json as T;
}

/**
 * Starts a command and holds it in the middle of a batch: what goes with a session, its refresh token, is locked. Hands back how to let go.
 */
async function held(
  session: string,
  args: string[],
): Promise<{pid: number; release: () => Promise<unknown>; started: ReturnType<TestProject['start']>}> {
  const holder = await database.connect();
  await holder.query('begin');
  await holder.query(`select from auth.refresh_tokens where session_id = (${session}) for update`);
  const started = project.start(args);
  const pid = async () =>
    (
      await observer.query<{pid: number}>(
        "select pid from pg_stat_activity where application_name = 'supasession' and datname = current_database()",
      )
    ).rows[0]?.pid;
  await until('it has connected', async () => (await pid()) !== undefined);
  await untilBlocked(observer, (await pid())!);
  return {pid: (await pid())!, release: async () => holder.query('rollback'), started};
}

describe('enforce', () => {
  test('counts first, and changes nothing with --dry-run', async () => {
    await makeSessions(5, 3);
    await configure(client, {enabled: true, max_sessions: 2, timebox: '2 minutes 30 seconds'});
    // Of 3, 2 and 1 minutes: the first is too old, the others get a deadline, and none is over the limit then.
    const shown = await project.run(['enforce', ...url(), '--dry-run', '--batch-size', '2']);
    expect(shown).toMatchObject({code: 0});
    expect(shown.stdout).toBe(
      [
        '5 users with sessions:',
        '  0 sessions over the limit end',
        '  5 sessions past a deadline end',
        '  10 sessions get a deadline or an earlier one',
        'This cannot be undone. Issued access tokens keep working for up to 1 hour (jwt_expiry).',
        '',
      ].join('\n'),
    );
    expect(shown.stderr).toContain('Dry run: nothing was changed.');
    expect(await result('enforce', '--dry-run')).toEqual({
      target: expect.objectContaining({kind: 'url'}),
      ...{users: 5, evicted: 0, expired: 5, deadlines: 10, skipped: 0, dryRun: true, completed: false},
      seconds: expect.any(Number),
    });
    expect(await count('not_after is null')).toBe(15);
  });

  test('counts before an installation too, by the default settings', async () => {
    const bare = await createDatabase();
    try {
      const other = await bare.connect();
      const users = await createUsers(other, 2);
      await createSessions(
        other,
        users.map(({userId}) => userId),
        3,
      );
      const run = await project.run(['enforce', '--db-url', bare.url(), '--dry-run']);
      expect([run.code, run.stdout]).toEqual([0, expect.stringContaining('4 sessions over the limit end')]);
      expect(run.stderr).toContain('supasession is not installed here');
    } finally {
      await bare.drop();
    }
  });

  test('brings a user who is far over the limit down to it in transactions of their own, and says why that is needed', async () => {
    await makeSessions(1, 5300);
    await configure(client, {enabled: true, max_sessions: 3});
    const dry = await project.run(['enforce', ...url(), '--dry-run']);
    expect(dry.stdout).toContain('Without this command: One user is over the limit by 5,297 sessions.');
    expect(await result('enforce', ...CONFIRM)).toMatchObject({evicted: 5297, completed: true});
    expect(await count()).toBe(3);
  });

  test('ends what is over the limit, in batches, and has nothing to do after that', async () => {
    await makeSessions(7, 4);
    await configure(client, {enabled: true, max_sessions: 3});
    expect(await result('enforce', '--batch-size', '2', ...CONFIRM)).toMatchObject({
      ...{users: 7, evicted: 7, expired: 0, deadlines: 0, skipped: 0, dryRun: false, completed: true},
    });
    expect(await count()).toBe(21);
    expect(await result('enforce')).toMatchObject({users: 7, evicted: 0, completed: true});
    expect((await project.run(['enforce', ...url()])).stderr).toContain('Nothing to do.');
  });

  test('wants the host typed where sessions end, and only a yes where they get a deadline', async () => {
    await makeSessions(1, 2);
    await configure(client, {enabled: true, max_sessions: 2, timebox: '12 hours'});
    const yes = await failure(project, ['enforce', ...url()]);
    expect([yes.code, yes.error.details]).toEqual([2, {flag: '--yes'}]);
    expect(await result<EnforceResult>('enforce', '--yes')).toMatchObject({deadlines: 2, evicted: 0});
    await configure(client, {enabled: true, max_sessions: 1});
    const name = await failure(project, ['enforce', ...url(), '--yes']);
    expect([name.code, name.error.details]).toEqual([2, {flag: '--confirm 127.0.0.1'}]);
    expect(await count()).toBe(2);
  });

  test('only counts in observe mode, and does nothing while limits are off, and says so', async () => {
    await makeSessions(2, 3);
    await configure(client, {enabled: true, max_sessions: 1, mode: 'observe'});
    const observed = await project.run(['enforce', ...url(), ...CONFIRM]);
    expect([observed.code, observed.stdout.trim().split('\n')]).toEqual([
      0,
      [
        '2 users with sessions. `enforce` does nothing in observe mode. In enforce mode:',
        '  4 sessions over the limit would end',
        '  0 sessions past a deadline would end',
        '  0 sessions would get a deadline or an earlier one',
      ],
    ]);
    expect(observed.stderr).toContain('Observe mode: nothing was changed');
    await configure(client, {enabled: false, max_sessions: 1});
    const off = await project.run(['enforce', ...url(), ...CONFIRM]);
    expect([off.code, off.stdout]).toEqual([0, '']);
    expect(off.stderr).toContain('Limits are OFF.');
    expect(await result('enforce')).toMatchObject({users: 0, evicted: 0, completed: false});
    expect(await count()).toBe(6);
  });

  test('leaves out a user who is signing in at that moment, and says so', async () => {
    const [user] = await makeSessions(2, 2);
    await configure(client, {enabled: true, max_sessions: 1});
    const holder = await database.connect();
    await holder.query('begin');
    await holder.query('select from auth.users where id = $1 for no key update', [user!.userId]);
    const run = await project.run(['enforce', ...url(), ...CONFIRM]);
    await holder.query('rollback');
    expect(run.code).toBe(0);
    expect(run.stderr).toContain('Done: 1 session ended');
    expect(run.stderr).toContain('1 user was signing in at that moment');
    expect(await count()).toBe(3);
  });

  /** A session of the user in the middle, which is going to end. */
  const MIDDLE =
    'select id from auth.sessions where user_id = (select id from auth.users order by id offset 30 limit 1) order by created_at limit 1';

  test('Ctrl-C finishes the batch, says how far it came, and a second run goes on', async () => {
    await makeSessions(60, 3);
    await configure(client, {enabled: true, max_sessions: 2});
    const {started, release} = await held(MIDDLE, ['enforce', ...url(), ...CONFIRM, '--batch-size', '10', '--json']);
    started.child.kill('SIGINT');
    await release();
    const run = await started.result;
    expect(run.code).toBe(130);
    const ended = 180 - (await count());
    // The batch that was held; one more where the lock went before the signal had come.
    expect([40, 50]).toContain(ended);
    expect(run.json).toEqual({
      error: {
        code: 'INTERRUPTED',
        message: `Interrupted: ${ended} users are done: ${ended} sessions have ended, and 0 got a deadline.`,
        suggestions: ['Run the command again to continue'],
        details: {
          ...{users: ended, evicted: ended, expired: 0, deadlines: 0, skipped: 0, completed: false},
          seconds: expect.any(Number),
        },
      },
    });
    expect(await result('enforce', ...CONFIRM)).toMatchObject({evicted: 60 - ended, completed: true});
    expect(await count()).toBe(120);
  });

  test('says how far it came where a lock cannot be had, and where the connection is lost', async () => {
    await makeSessions(60, 3);
    await configure(client, {enabled: true, max_sessions: 2});
    const args = ['enforce', ...url(), ...CONFIRM, '--batch-size', '10', '--json'];
    const locked = await held(MIDDLE, args);
    const timeout = await locked.started.result;
    await locked.release();
    expect([timeout.code, timeout.json]).toMatchObject([
      1,
      {error: {code: 'LOCK_TIMEOUT', details: {users: 30, evicted: 30, completed: false}}},
    ]);
    expect(await count()).toBe(150);

    const lost = await held(MIDDLE, args);
    await observer.query('select pg_terminate_backend($1)', [lost.pid]);
    const run = await lost.started.result;
    await lost.release();
    expect([run.code, run.json]).toMatchObject([
      1,
      {
        error: {
          code: 'CONNECTION_LOST',
          suggestions: ['Run the command again to continue'],
          details: {users: 30, evicted: 0},
        },
      },
    ]);
    expect(await count()).toBe(150);
  });
});

describe('prune', () => {
  const OLD = ['--older-than', '30d'];

  /** Users with two sessions each: of the first `ended` users they have ended, all others just have not been used for 40 days. */
  async function makeOld(users: number, ended: number): Promise<void> {
    const made = await makeSessions(users, 2);
    await client.query("update auth.sessions set created_at = created_at - interval '40 days'");
    await client.query("update auth.sessions set not_after = now() - interval '35 days' where user_id = any ($1)", [
      made.slice(0, ended).map(({userId}) => userId),
    ]);
    await makeSessions(1, 1);
  }

  test('shows what it would remove and whom it signs out, and removes nothing with --dry-run', async () => {
    await makeOld(5, 3);
    const shown = await project.run(['prune', ...url(), ...OLD, '--dry-run']);
    expect(shown).toMatchObject({code: 0});
    expect(shown.stdout).toBe(
      [
        '  6 sessions that have ended',
        '  4 sessions of 2 users, not used for 30 days, that still work',
        'That signs 2 users out on those devices. This cannot be undone. Issued access tokens keep working for up to 1 hour (jwt_expiry).',
        '',
      ].join('\n'),
    );
    expect(await result('prune', ...OLD, '--dry-run')).toEqual({
      target: expect.objectContaining({kind: 'url'}),
      found: {ended: 6, live: 4, users: 2},
      ...{removed: 0, completed: false, seconds: 0, dryRun: true},
    });
    expect(await count()).toBe(11);
  });

  test('removes them in batches, and has nothing to do after that', async () => {
    await makeOld(5, 3);
    expect(await result<PruneResult>('prune', ...OLD, '--batch-size', '3', ...CONFIRM)).toMatchObject({
      ...{removed: 10, completed: true, dryRun: false},
    });
    expect(await count()).toBe(1);
    const again = await project.run(['prune', ...url(), ...OLD]);
    expect([again.code, again.stdout]).toEqual([
      0,
      'No session ended more than 30 days ago, and none has been unused for 30 days.\n',
    ]);
    expect(await result('prune', ...OLD)).toMatchObject({removed: 0, completed: true});
  });

  test('takes a date, in a database whose days may have 23 hours', async () => {
    await client.query(`alter database "${database.name}" set timezone to 'America/New_York'`);
    await makeSessions(1, 2);
    const at = async (offset: number, used: string) =>
      client.query(
        'update auth.sessions set created_at = $2 where id = (select id from auth.sessions order by id offset $1 limit 1)',
        [offset, used],
      );
    await at(0, '2025-03-09T23:59:59Z');
    await at(1, '2025-03-10T00:00:01Z');
    const args = ['prune', ...url(), '--older-than', '2025-03-10T00:00Z'];
    const shown = await project.run([...args, '--dry-run']);
    expect(shown.stdout).toMatch(
      /\n {2}1 session of 1 user, not used since 2025-03-\d\d \d\d:00 \(UTC.*\), that still works\n/,
    );
    expect(await result('prune', '--older-than', '2025-03-10T00:00Z', ...CONFIRM)).toMatchObject({removed: 1});
    const {rows} = await client.query("select created_at at time zone 'UTC' > '2025-03-10' as kept from auth.sessions");
    expect(rows).toEqual([{kept: true}]);
  });

  test('wants the host typed where it signs somebody out, and only a yes where it does not', async () => {
    await makeOld(2, 2);
    const yes = await failure(project, ['prune', ...url(), ...OLD]);
    expect([yes.code, yes.error.details]).toEqual([2, {flag: '--yes'}]);
    expect(await result('prune', ...OLD, '--yes')).toMatchObject({removed: 4});
    await makeOld(1, 0);
    const name = await failure(project, ['prune', ...url(), ...OLD, '--yes']);
    expect([name.code, name.error.details]).toEqual([2, {flag: '--confirm 127.0.0.1'}]);
  });

  test('refuses a span under a day, and none', async () => {
    for (const span of ['23h', '1h', '30', 'soon', new Date().toISOString(), '2999-01-01'])
      expect(await failure(project, ['prune', ...url(), '--older-than', span])).toMatchObject({
        code: 2,
        error: {code: 'SETTING_INVALID'},
      });
    expect((await failure(project, ['prune', ...url()])).error.code).toBe('USAGE');
  });

  test('Ctrl-C finishes the batch, says how far it came, and a second run goes on', async () => {
    await makeOld(50, 50);
    const middle = 'select id from auth.sessions where not_after < now() order by ctid offset 45 limit 1';
    const {started, release} = await held(middle, ['prune', ...url(), ...OLD, '--yes', '--batch-size', '10', '--json']);
    started.child.kill('SIGINT');
    await release();
    const run = await started.result;
    expect(run.code).toBe(130);
    const removed = 101 - (await count());
    expect(removed % 10).toBe(0);
    expect(run.json).toMatchObject({
      error: {
        code: 'INTERRUPTED',
        message: `Interrupted: ${removed} sessions have been removed.`,
        details: {removed, completed: false},
      },
    });
    expect(await result('prune', ...OLD, '--yes')).toMatchObject({removed: 100 - removed, completed: true});
    expect(await count()).toBe(1);
  });
});

test.each(['enforce', 'prune'])('%s says which step is missing where nothing is installed', async (command) => {
  const bare = await createDatabase();
  try {
    const args = [command, '--db-url', bare.url(), ...(command === 'prune' ? ['--older-than', '30d'] : [])];
    const {code, error} = await failure(project, args);
    expect([code, error.code]).toEqual([1, 'NOT_INSTALLED']);
  } finally {
    await bare.drop();
  }
});
