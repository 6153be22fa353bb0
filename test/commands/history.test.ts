import type {HistoryResult} from '../../src/commands/history.js';
import type {EventRow} from '../../src/features/sessions/history-queries.js';
import {createSessions, createUser, run as auth, signInPassword} from '../helpers/auth.js';
import {passTime} from '../helpers/clock.js';
import {install} from '../helpers/install.js';
import {project, server, useLocalProject} from '../helpers/local.js';
import {openTerminal} from '../helpers/pty.js';

useLocalProject();

async function sql(text: string): Promise<void> {
  await (await server.connect()).query(text);
}

async function events(...args: string[]): Promise<EventRow[]> {
  const run = await project.run(['history', '--json', ...args]);
  expect(run.code).toBe(0);
  return (run.json as HistoryResult).events;
}

const USER = '11111111-1111-4111-8111-111111111111';
const SESSION = '22222222-2222-4222-8222-222222222222';
const OTHER = '33333333-3333-4333-8333-333333333333';

/** One event of each kind that a person asks about, an hour apart, the first of them two days old. */
async function writeEvents(): Promise<void> {
  await install(await server.connect());
  const user = await createUser(await server.connect());
  await sql(`update auth.users set id = '${USER}', email = 'ada@example.com' where id = '${user.userId}'`);
  await sql(`insert into supasession.events (at, kind, user_id, session_id, reason, caused_by, details) values
    (now() - interval '50 hours', 'evicted', '${OTHER}', '${SESSION}', 'limit of 2', 'pro', null),
    (now() - interval '5 hours', 'rules_changed', null, null, 'insert', 'postgres', '{"old": null, "new": {"name": "pro", "priority": 100, "app_metadata": {"plan": "pro"}, "unlimited": false, "max_sessions": 5}}'),
    (now() - interval '4 hours', 'settings_changed', null, null, 'update', 'postgres', '{"old": {"enabled": false, "max_sessions": 1, "timebox": null}, "new": {"enabled": true, "max_sessions": 2, "timebox": null}}'),
    (now() - interval '3 hours', 'evicted', '${USER}', '${SESSION}', 'limit of 2', '${OTHER}', null),
    (now() - interval '2 hours', 'access_revoked', '${USER}', null, E'left\\u001b[2J the company', 'service_role', null),
    (now() - interval '1 hour', 'flushed', null, null, 'supasession flush', 'postgres', '{"matched": 1207, "deleted": 1204}')`);
}

/** The lines of the table without the column of the time, which is local. */
function withoutTime(stdout: string): string[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^[A-Z][a-z]{2} \d\d \d\d:\d\d/, ''));
}

test('shows the newest first: when, what, whom it concerned, why and by what', async () => {
  await writeEvents();
  const run = await project.run(['history']);
  expect(run).toMatchObject({code: 0, stderr: `Target   local database 127.0.0.1:${server.port}\n`});
  expect(withoutTime(run.stdout)).toEqual([
    'When         Age   What             User                 Session   Why',
    '   1h  flushed          supasession flush, 1,204 sessions ended',
    '                                    of 1,207, by postgres',
    '   2h  access revoked   ada@example.com                left[2J the',
    '                                                                   company, by',
    '                                                                   service_role',
    '   3h  evicted          ada@example.com      22222222  limit of 2,',
    '                                                                   by session',
    '                                                                   33333333',
    '   4h  settings         enabled false -> true, max_sessions 1 ->',
    '                                    2, by postgres',
    '   5h  rules            rule pro added: priority 100,',
    '                                    app_metadata {"plan":"pro"},',
    '                                    max_sessions 5, by postgres',
    '   2d  evicted          33333333-3333-4333-  22222222  limit of 2,',
    '                                    8333-333333333333              by pro',
  ]);
});

test('fits a terminal of 80 columns, and has one line for most events on a wide one', async () => {
  await writeEvents();
  const narrow = openTerminal(['history'], {cwd: project.root, columns: 80});
  expect(await narrow.code).toBe(0);
  const lines = narrow.screen.trimEnd().split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  const wide = openTerminal(['history'], {cwd: project.root, columns: 200});
  expect(await wide.code).toBe(0);
  expect(wide.screen).toMatch(/evicted +ada@example\.com +22222222 {2}limit of 2, by session 33333333\n/);
});

test('--json has the rows as they are, with the address of users who are still there', async () => {
  await writeEvents();
  const found = await events();
  expect(found.map(({kind}) => kind)).toEqual([
    'flushed',
    'access_revoked',
    'evicted',
    'settings_changed',
    'rules_changed',
    'evicted',
  ]);
  expect(found[2]).toEqual({
    id: expect.any(Number) as number,
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    kind: 'evicted',
    user_id: USER,
    email: 'ada@example.com',
    phone: null,
    session_id: SESSION,
    reason: 'limit of 2',
    caused_by: OTHER,
    details: null,
  });
  expect(found[5]).toMatchObject({user_id: OTHER, email: null});
  expect(found[0]).toMatchObject({details: {matched: 1207, deleted: 1204}});
});

describe('the filters', () => {
  beforeEach(writeEvents);

  test('--user takes an address, an id, and the id of somebody who is gone', async () => {
    const ada = ['access_revoked', 'evicted'];
    expect((await events('--user', 'ADA@example.com')).map(({kind}) => kind)).toEqual(ada);
    expect((await events('--user', USER)).map(({kind}) => kind)).toEqual(ada);
    expect((await events('--user', OTHER)).map(({user_id: id}) => id)).toEqual([OTHER]);
    expect(await project.run(['history', '--user', 'nobody@example.com', '--json'])).toMatchObject({
      code: 1,
      json: {error: {code: 'USER_NOT_FOUND'}},
    });
  });

  test('--since takes a span of time', async () => {
    expect(await events('--since', '1d')).toHaveLength(5);
    expect(await events('--since', '150m')).toHaveLength(2);
    expect(await project.run(['history', '--since', '7', '--json'])).toMatchObject({
      code: 2,
      json: {error: {code: 'SETTING_INVALID'}},
    });
  });

  test('--since and --until take dates and times', async () => {
    const [newest, next] = await events();
    expect((await events('--until', newest!.at)).map(({id}) => id)).not.toContain(newest!.id);
    // To the millisecond; the database has microseconds.
    expect((await events('--since', newest!.at)).map(({id}) => id)).toContain(newest!.id);
    expect((await events('--since', next!.at, '--until', newest!.at)).map(({id}) => id)).toEqual([next!.id]);
    expect(await events('--since', '2020-01-01', '--until', '2020-01-02')).toEqual([]);
    expect(await project.run(['history', '--since', '1h', '--until', '1d', '--json'])).toMatchObject({
      code: 2,
      json: {error: {code: 'USAGE', message: '--since is not before --until: no event can match.'}},
    });
  });

  test('--kind may be given again, and is one of the list', async () => {
    expect(await events('--kind', 'evicted')).toHaveLength(2);
    expect(await events('--kind', 'evicted', '--kind', 'flushed')).toHaveLength(3);
    expect(await project.run(['history', '--kind', 'eviction', '--json'])).toMatchObject({
      code: 2,
      json: {error: {code: 'USAGE'}},
    });
  });

  test('--limit says that there may be more', async () => {
    const run = await project.run(['history', '--limit', '2']);
    expect(run.stdout.match(/^[A-Z]\w\w \d\d /gm)).toHaveLength(2);
    expect(run.stderr).toContain('The newest 2 events; --limit shows more.\n');
  });

  test('that nothing meets say so', async () => {
    const run = await project.run(['history', '--kind', 'would_evict']);
    expect(run).toMatchObject({code: 0, stdout: ''});
    expect(run.stderr).toMatch(/^No such events\.$/m);
  });
});

test('tells what the engine did to a user, as it wrote it', async () => {
  const client = await server.connect();
  await install(client);
  const user = await createUser(client);
  const [first] = await createSessions(client, [user.userId]);
  await sql('update supasession.config set enabled = true where true');
  const signedIn = await auth(await server.connect('supabase_auth_admin'), signInPassword(user.email));
  expect((await events('--user', user.userId))[0]).toMatchObject({
    kind: 'evicted',
    email: user.email,
    session_id: first!.sessionId,
    reason: 'limit of 1',
    caused_by: signedIn.sessionId,
  });
  expect((await project.run(['history', '--kind', 'settings_changed'])).stdout).toContain(
    'enabled false -> true, by postgres',
  );
});

test('says a rule in the words of its columns, and the year of what is long ago', async () => {
  await writeEvents();
  await sql(
    "update supasession.config set events_retention = '9 years' where true; delete from supasession.events where kind = 'settings_changed'",
  );
  await passTime(await server.connect('supabase_admin'), '400 days');
  const wide = openTerminal(['history', '--kind', 'rules_changed'], {cwd: project.root});
  expect(await wide.code).toBe(0);
  expect(wide.screen).toMatch(
    /^\w{3} \d\d {2}20\d\d 400d {2}rules +rule pro added: priority 100, app_metadata \{"plan":"pro"\}, max_sessions 5, by postgres$/m,
  );
});

test('says that events are not being recorded if that is switched off', async () => {
  await install(await server.connect());
  await sql('update supasession.config set record_events = false where true');
  const run = await project.run(['history', '--kind', 'evicted']);
  expect(run).toMatchObject({code: 0, stdout: ''});
  expect(run.stderr).toMatch(/^Events are not being recorded: the setting record_events is off\.$/m);
});

test('without our SQL names the step to take', async () => {
  expect(await project.run(['history', '--json'])).toMatchObject({
    code: 1,
    json: {error: {code: 'NOT_INSTALLED', suggestions: ['supasession init --apply']}},
  });
});
