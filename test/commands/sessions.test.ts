import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import type {SessionsListResult} from '../../src/commands/sessions/list.js';
import {createSessions, createUsers, type AuthSession, type AuthUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {failure} from '../helpers/failures.js';
import {configure, install} from '../helpers/install.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {backendPid, until, untilBlocked} from '../helpers/wait.js';

// Which sessions each flag means is tested in test/db/sessions.test.ts.

let database: TestDatabase;
let project: TestProject;
let client: Client;
let ada: AuthUser;
let bob: AuthUser;
let sessions: AuthSession[];
let url: string[];

const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
const CONFIRM = ['--confirm', '127.0.0.1'];

beforeEach(async () => {
  [database, project] = await Promise.all([createDatabase(), createProject()]);
  url = ['--db-url', database.url()];
  client = await database.connect();
  await install(client);
  [ada, bob] = (await createUsers(client, 2)) as [AuthUser, AuthUser];
  // Three of ada's, the oldest first, then three of bob's.
  sessions = await createSessions(client, [ada.userId, bob.userId], 3);
  await client.query("update auth.sessions set user_agent = 'curl/8.4', refreshed_at = null");
});
afterEach(async () => {
  await Promise.all([database.drop(), project.remove()]);
});

const id = (index: number) => sessions[index]!.sessionId;

async function left(): Promise<string[]> {
  return (await client.query<{id: string}>('select id from auth.sessions order by id')).rows.map((row) => row.id);
}

async function events(kind: string): Promise<unknown[]> {
  return (await client.query('select session_id, details from supasession.events where kind = $1 order by id', [kind]))
    .rows;
}

function target() {
  return {
    kind: 'url',
    host: '127.0.0.1',
    port: database.port,
    database: database.name,
    projectRef: null,
    otherProject: false,
  };
}

describe('sessions list', () => {
  test('shows sessions with their ids, which, and how many there are', async () => {
    const {code, stdout, stderr} = await project.run(['sessions', 'list', ...url, '--user', ada.email, '--limit', '2']);
    expect(code).toBe(0);
    expect(stderr).toBe(
      `Target   database "${database.name}" at 127.0.0.1:${database.port}, NOT encrypted\nNext page: supasession sessions list --db-url <url> --user ${ada.email} --limit 2 --page 2\n`,
    );
    const [title, , head, ...rows] = stdout.split('\n');
    expect(title).toBe(`Sessions of ${ada.email}:`);
    expect(head).toMatch(/^User, id of the session +Device +Signed in +Last seen$/);
    expect(rows.join('\n')).toMatch(
      new RegExp(
        String.raw`^\S+ +curl +1m ago +1m ago\n[^]*\n  ${id(2)}  127\.0\.0\.1\n\S+ +curl +2m ago +2m ago\n[^]*\n  ${id(1)}  127\.0\.0\.1\n\n2 of 3 sessions, of 1 user\.\n$`,
      ),
    );
  });

  test('--json has the rows by the names of their columns, and counts all', async () => {
    const {code, json} = await project.run(['sessions', 'list', ...url, '--limit', '4', '--json']);
    expect(code).toBe(0);
    const {sessions: rows, ...rest} = json as SessionsListResult;
    expect(rest).toEqual({target: target(), matched: {sessions: 6, users: 2}});
    expect(rows).toHaveLength(4);
    expect(rows[0]).toEqual({
      ...{id: expect.any(String), user_id: expect.any(String), email: expect.any(String), phone: null},
      ...{created_at: expect.any(String), last_used: expect.any(String), user_agent: 'curl/8.4', ip: '127.0.0.1'},
      ...{aal: 'aal1', not_after: null, oauth_client_id: null, pending: false, live: true},
    });
    expect([rows[0]!.id, rows[1]!.id].sort()).toEqual([id(2), id(5)].sort());
    const none = await project.run(['sessions', 'list', ...url, '--idle', '1d', '--json']);
    expect(none.json).toEqual({target: target(), sessions: [], matched: {sessions: 0, users: 0}});
    expect((await project.run(['sessions', 'list', ...url, '--idle', '1d'])).stdout).toBe(
      'There are no sessions not used for 1 day.\n',
    );
  });

  test('has pages, and says how to go on', async () => {
    const page = async (...args: string[]) => project.run(['sessions', 'list', ...url, '--limit', '4', ...args]);
    const [first, second, third] = [await page(), await page('--page', '2'), await page('--page', '3')];
    expect(first.stdout).toContain('\n4 of 6 sessions, of 2 users.\n');
    expect(first.stderr).toMatch(/\nNext page: supasession sessions list --db-url <url> --limit 4 --page 2\n$/);
    expect(second.stdout).toContain('\n5 to 6 of 6 sessions, of 2 users.\n');
    expect([second.stderr, third.stdout]).toEqual([
      expect.not.stringContaining('Next'),
      'Page 3 is empty: there are 6 sessions.\n',
    ]);
    const shown = [first, second].map(({stdout}) => stdout.match(/(?<=^ {2})[\da-f-]{36}/gm) ?? []);
    expect(shown.map(({length}) => length)).toEqual([4, 2]);
    expect(new Set(shown.flat())).toEqual(new Set(sessions.map(({sessionId}) => sessionId)));
    expect((await page('--page', '2', '--json')).json).toMatchObject({sessions: [{}, {}], matched: {sessions: 6}});
  });

  test('that fails half-way leaves JSON that no parser takes, and the error on stderr', async () => {
    await client.query('delete from auth.sessions');
    await createSessions(client, [ada.userId, bob.userId], 2000);
    const started = project.start(['sessions', 'list', ...url, '--limit', '10000', '--json']);
    const {stdout} = started.child;
    const observer = await database.connect('supabase_admin');
    // Nobody reads on, so that the program waits with most of it, and with its connection open.
    await new Promise<void>((resolve) => {
      stdout!.once('data', () => {
        stdout!.pause();
        resolve();
      });
    });
    await observer.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'supasession' and datname = current_database()",
    );
    stdout!.resume();
    const run = await started.result;
    expect([run.code, run.stderr]).toEqual([1, expect.stringMatching(/\nError: .*\[CONNECTION_LOST\]\n/)]);
    expect(run.stdout).toMatch(/^\{\n {2}"target": \{.*\},\n {2}"sessions": \[\n {4}\{"id":/);
    expect(run.stdout).not.toContain('"error"');
    expect(() => JSON.parse(run.stdout) as unknown).toThrow(SyntaxError);
  });

  test('ends quietly when its reader has seen enough', async () => {
    await createSessions(client, [ada.userId, bob.userId], 2000);
    const started = project.start(['sessions', 'list', ...url, '--limit', '10000', '--json']);
    started.child.stdout!.once('data', () => started.child.stdout!.destroy());
    const {code, stderr} = await started.result;
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('rror')]);
  });

  test('works where supasession is not installed, but for --over-limit', async () => {
    const bare = await createDatabase();
    try {
      const args = ['sessions', 'list', '--db-url', bare.url()];
      expect(await project.run(args)).toMatchObject({code: 0, stdout: 'There are no sessions.\n'});
      const {code, error} = await failure(project, [...args, '--over-limit']);
      expect([code, error.code, error.suggestions]).toEqual([
        1,
        'NOT_INSTALLED',
        ['supasession init --db-url <url> --apply'],
      ]);
    } finally {
      await bare.drop();
    }
  });

  test('says what it could not understand', async () => {
    const failing = async (...args: string[]) => {
      const {code, error} = await failure(project, ['sessions', 'list', ...url, ...args]);
      return [code, error.code, error.message];
    };
    expect(await failing('--user', 'nobody@example.com')).toEqual([
      1,
      'USER_NOT_FOUND',
      'There is no user with the address nobody@example.com.',
    ]);
    expect(await failing('--idle', '7')).toEqual([
      2,
      'SETTING_INVALID',
      '--idle 7: neither a span of time nor a date.',
    ]);
    expect(await failing('--client', 'me')).toEqual([2, 'USAGE', '--client me: the id of an OAuth client is a UUID.']);
    expect(await failing('--limit', '0')).toEqual([2, 'USAGE', expect.stringContaining('--limit')]);
  });
});

describe('sessions revoke', () => {
  test('shows what ends, ends it, and says what was not there', async () => {
    const unknown = randomUUID();
    const args = ['sessions', 'revoke', id(0), id(4).toUpperCase(), unknown, id(0), ...url];
    const result = await project.run([...args, ...CONFIRM]);
    expect(result).toMatchObject({code: 0});
    for (const shown of [ada.email.slice(0, 30), `  ${id(0)}  127.0.0.1\n`, `  ${id(4)}  127.0.0.1\n`])
      expect(result.stdout).toContain(shown);
    expect(result.stdout).toContain(
      `\nNot found (ended, or never existed): ${unknown}\n2 sessions of 2 users end. This cannot be undone.\nIssued access tokens keep working for up to 1 hour (jwt_expiry).\nThe guard would cut them off at once: supasession guard enable\n`,
    );
    expect(result.stderr).toContain('Done: 2 sessions ended.\n');
    expect(await left()).toEqual([id(1), id(2), id(3), id(5)].sort());
    expect(await events('revoked')).toHaveLength(2);

    const gone = await failure(project, [...args, ...CONFIRM]);
    expect([gone.code, gone.error]).toEqual([
      1,
      {
        code: 'SESSION_NOT_FOUND',
        message: 'None of these sessions exists any more.',
        suggestions: ['supasession sessions list'],
        details: {notFound: [id(0), id(4), unknown]},
      },
    ]);
    const one = await failure(project, ['sessions', 'revoke', unknown, ...url]);
    expect(one.error.message).toBe(`Session ${unknown} does not exist, or has ended.`);
  });

  test('--json lists what ended and what was not there', async () => {
    const unknown = randomUUID();
    const args = ['sessions', 'revoke', id(0), unknown, ...url, '--json'];
    const dry = await project.run([...args, '--dry-run']);
    const expected = {target: target(), revoked: [id(0)], notFound: [unknown]};
    expect([dry.code, dry.json]).toEqual([0, {...expected, dryRun: true}]);
    expect(await left()).toHaveLength(6);
    const real = await project.run([...args, ...CONFIRM]);
    expect([real.code, real.json]).toEqual([0, {...expected, dryRun: false}]);
    expect(await left()).toHaveLength(5);
  });

  test('--user ends all of a user except those to --keep', async () => {
    const args = ['sessions', 'revoke', '--user', ada.email, ...url];
    const first = await project.run([...args, '--keep', id(2), ...CONFIRM]);
    expect(first).toMatchObject({code: 0});
    expect(first.stdout).toContain(`2 sessions of ${ada.email} end.`);
    expect(first.stdout).not.toContain(id(2));
    expect(await left()).toEqual([id(2), id(3), id(4), id(5)].sort());
    const rest = await project.run([...args, ...CONFIRM, '--json']);
    expect(rest.json).toMatchObject({revoked: [id(2)], notFound: []});
    const none = await project.run(args);
    expect(none).toMatchObject({code: 0, stdout: `${ada.email} has no sessions.\n`});
    expect(none.stderr).toContain('Nothing to do.');
    expect((await project.run([...args, '--json'])).json).toMatchObject({revoked: [], notFound: [], dryRun: false});
    expect(await left()).toHaveLength(3);
  });

  test('a session to --keep that is not of that user stops it', async () => {
    const {code, error} = await failure(project, [
      ...['sessions', 'revoke', '--user', ada.email, '--keep', id(2), '--keep', id(3)],
      ...[...url, ...CONFIRM],
    ]);
    expect([code, error.code, error.message]).toEqual([
      1,
      'SESSION_NOT_FOUND',
      `${ada.email} has no session ${id(3)}. Nothing was changed.`,
    ]);
    expect(await left()).toHaveLength(6);
  });

  test('asks, and takes no --yes away from the local database', async () => {
    const args = ['sessions', 'revoke', id(0), ...url];
    const unasked = await failure(project, [...args, '--yes']);
    expect([unasked.code, unasked.error.code, unasked.error.details]).toEqual([
      2,
      'ANSWER_REQUIRED',
      {flag: '--confirm 127.0.0.1'},
    ]);
    const wrong = await failure(project, [...args, '--confirm', 'localhost']);
    expect([wrong.code, wrong.error.code]).toEqual([2, 'USAGE']);
    const nothing = await failure(project, ['sessions', 'revoke', ...url]);
    expect([nothing.code, nothing.error.message]).toEqual([
      2,
      'There is no terminal to ask on: give <id...> or --user <email|id>.',
    ]);
    expect(await left()).toHaveLength(6);
  });

  test('says what it could not understand', async () => {
    const failing = async (...args: string[]) => {
      const {code, error} = await failure(project, ['sessions', 'revoke', ...url, ...args]);
      return [code, error.code, error.message];
    };
    expect(await failing('abc')).toEqual([2, 'USAGE', 'abc is not the id of a session.']);
    expect(await failing(id(0), '--user', ada.email)).toEqual([2, 'USAGE', 'Ids and --user are both given.']);
    expect(await failing(id(0), '--keep', id(1))).toEqual([2, 'USAGE', expect.stringContaining('--user')]);
    expect(await failing('--user', 'nobody@example.com')).toEqual([
      1,
      'USER_NOT_FOUND',
      expect.stringContaining('nobody'),
    ]);
    expect(await left()).toHaveLength(6);
    const bare = await createDatabase();
    const {code, error} = await failure(project, ['sessions', 'revoke', id(0), '--db-url', bare.url()]);
    expect([code, error.code]).toEqual([1, 'NOT_INSTALLED']);
    await bare.drop();
  });

  test('says that the guard cuts off at once, where it is wired', async () => {
    const admin = await database.connect('supabase_admin');
    const role = `alter role authenticator in database "${database.name}"`;
    await admin.query(`${role} set pgrst.db_pre_request = 'supasession.check_request'`);
    const {stdout} = await project.run(['sessions', 'revoke', id(0), '--dry-run', ...url]);
    await admin.query(`${role} reset pgrst.db_pre_request`);
    expect(stdout).toContain(
      'The guard refuses their access tokens at once in the Data API; elsewhere they keep working for up to 1 hour (jwt_expiry).\n',
    );
  });

  test('Ctrl-C finishes the session that is being ended, and says what is left', async () => {
    // Many, because the lock may go before the program has seen the signal: then it ends a few more.
    const more = await createSessions(client, [bob.userId], 100);
    const asked = [id(0), id(3), ...more.map(({sessionId}) => sessionId)];
    const holder = await database.connect();
    const observer = await database.connect('supabase_admin');
    await holder.query('begin');
    await holder.query('select from auth.users where id = $1 for update', [bob.userId]);
    const pid = await backendPid(holder);
    const started = project.start(['sessions', 'revoke', ...asked, ...url, ...CONFIRM, '--json']);
    let waiting = 0;
    await until('the second waits', async () => {
      const {rows} = await observer.query<{pid: number}>(
        'select pid from pg_stat_activity where $1 = any (pg_blocking_pids(pid))',
        [pid],
      );
      waiting = rows[0]?.pid ?? 0;
      return waiting !== 0;
    });
    await untilBlocked(observer, waiting);
    started.child.kill('SIGINT');
    await holder.query('rollback');
    const {code, json} = await started.result;
    expect(code).toBe(130);
    const {error} = json as {error: {details: {revoked: string[]}}};
    const {revoked} = error.details;
    expect(revoked.length).toBeGreaterThanOrEqual(2);
    expect(error).toEqual({
      code: 'INTERRUPTED',
      message: `Interrupted: ${revoked.length} of ${asked.length} sessions have ended.`,
      suggestions: [`supasession sessions revoke ${asked.slice(revoked.length).join(' ')}`],
      details: {revoked: asked.slice(0, revoked.length), notFound: []},
    });
    expect(await left()).toEqual([id(1), id(2), id(4), id(5), ...asked.slice(revoked.length)].sort());
  });

  test('a lock that cannot be had stops it, and says what has ended', async () => {
    const holder = await database.connect();
    await holder.query('begin');
    await holder.query('select from auth.users where id = $1 for update', [bob.userId]);
    const {code, json} = await project.run(['sessions', 'revoke', id(0), id(3), ...url, ...CONFIRM, '--json']);
    await holder.query('rollback');
    expect(code).toBe(1);
    expect(json).toMatchObject({error: {code: 'LOCK_TIMEOUT', details: {revoked: [id(0)], notFound: []}}});
    expect(await left()).toHaveLength(5);
  });
});

describe('flush with filters', () => {
  test('says which, ends these and no others, and writes them into the history', async () => {
    await client.query("update auth.sessions set created_at = now() - interval '8 days' where id = any ($1)", [
      [id(0), id(1), id(3)],
    ]);
    const args = ['flush', ...url, '--idle', '1 week', '--except', bob.email];
    const words = ['not used for 7 days', `except those of ${bob.email}`];
    const dry = await project.run([...args, '--dry-run']);
    expect(dry).toMatchObject({code: 0});
    expect(dry.stdout).toBe(
      `Sessions not used for 7 days except those of ${bob.email}:\n2 sessions of 1 user end. This cannot be undone.\nIssued access tokens keep working for up to 1 hour (jwt_expiry).\n`,
    );
    expect(dry.stderr).toContain(
      `See them: supasession sessions list --db-url <url> --idle '1 week' --except ${bob.email}\n`,
    );
    expect((await project.run([...args, '--dry-run', '--json'])).json).toMatchObject({matched: 2, selection: words});
    const {code, json} = await project.run([...args, ...CONFIRM, '--json']);
    expect([code, json]).toMatchObject([0, {matched: 2, deleted: 2, completed: true, selection: words}]);
    expect(await left()).toEqual([id(2), id(3), id(4), id(5)].sort());
    expect(await events('flushed')).toEqual([
      {
        session_id: null,
        details: {matched: 2, deleted: 2, filter: {unusedSince: isoTime, exceptUserIds: [bob.userId]}},
      },
    ]);
    expect((await project.run([...args])).stdout).toBe(
      `There are no sessions not used for 7 days except those of ${bob.email}.\n`,
    );
  });

  test('--over-limit ends what is over the limit when it starts', async () => {
    await configure(client, {enabled: true, max_sessions: 1});
    const args = ['flush', ...url, '--over-limit', '--batch-size', '1', ...CONFIRM, '--json'];
    const {code, json} = await project.run(args);
    expect([code, json]).toMatchObject([0, {matched: 4, deleted: 4, batches: 4, selection: ['over the limit']}]);
    expect(await left()).toEqual([id(2), id(5)].sort());
    expect((await project.run(args)).json).toMatchObject({matched: 0, deleted: 0, completed: true});
  });

  test('ends nothing where a user is not found, who was to be spared or not', async () => {
    for (const flag of ['--user', '--except']) {
      const {code, error} = await failure(project, ['flush', ...url, flag, 'nobody@example.com', ...CONFIRM]);
      expect([code, error.code]).toEqual([1, 'USER_NOT_FOUND']);
    }

    expect(await left()).toHaveLength(6);
  });
});
