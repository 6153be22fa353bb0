import {createSessions, createUsers} from '../helpers/auth.js';
import {configure, install} from '../helpers/install.js';
import {Kept} from '../helpers/kept.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {KEYS, openTerminal, type Terminal} from '../helpers/pty.js';
import {startServer, type TestServer} from '../helpers/server.js';

let server: TestServer;
let project: TestProject;
const kept = new Kept();

beforeAll(async () => {
  server = await startServer();
});
beforeEach(async () => {
  project = await createProject({port: server.port});
  await kept.or(server, project, async () => {
    await install(await server.connect());
    await project.run(['init', '--no-apply', '--no-enable', '--yes']);
  });
});
afterEach(async () => project.remove());
afterAll(async () => server.stop());

function terminal(...args: string[]): Terminal {
  return openTerminal(args, {cwd: project.root});
}

async function rows(sql: string): Promise<unknown[]> {
  return (await (await server.connect()).query<Record<string, unknown>>(sql)).rows.map((row) => Object.values(row)[0]);
}

const MAX = 'select max_sessions from supasession.config';
const CHANGED = `select jsonb_build_object('max_sessions', max_sessions, 'mode', mode, 'timebox', timebox) from supasession.config`;

/** Chooses a setting from the menu, by the number of lines below the first. */
async function choose(screen: Terminal, below: number, shown: RegExp): Promise<void> {
  screen.type(KEYS.down.repeat(below));
  await screen.see(shown);
  screen.type(KEYS.enter);
}

/** Sets the limit to 4 by the menu, and closes it. */
async function setMax(screen: Terminal): Promise<void> {
  await screen.see(/Which setting do you want to change\?[^]*❯ None: leave them as they are[^]*Sessions per user +1\n/);
  await choose(screen, 2, /❯ Sessions per user/);
  await screen.see(/How many sessions \(devices\) may a user have\? \(1\)/);
  screen.type(`4${KEYS.enter}`);
  await screen.see(/Which other one\?[^]*❯ Done[^]*Sessions per user +4/);
  screen.type(KEYS.enter);
  await screen.see(/Sessions per user +1 -> 4/);
  await screen.see(/Apply this\? \(y\/N\)/);
}

describe('the menu', () => {
  test('changes one setting, and offers to save it once it is applied', async () => {
    const screen = terminal('config');
    await setMax(screen);
    expect(await rows(MAX)).toEqual([1]);
    screen.type(`y${KEYS.enter}`);
    await screen.see(/Changed\. Undo: supasession config --max 1/);
    await screen.see(/Save as a migration too, so that db reset and db push carry it\? \(y\/N\)/);
    expect(await rows(MAX)).toEqual([4]);
    screen.type(`y${KEYS.enter}`);
    await screen.see(/Saved to supabase\/migrations\/\d{14}_supasession_config\.sql\./);
    expect(await screen.code).toBe(0);
    expect(screen.screen).not.toContain('--all shows');
    expect(await project.migrations()).toHaveLength(2);
  });

  test('shows every setting with its value, and comes back until done', async () => {
    const screen = terminal('config');
    await screen.see(/Which setting[^]*❯ None[^]*Limit +OFF[^]*History kept for +30 days/);
    await choose(screen, 5, /❯ Mode/);
    await screen.see(/only record what would happen\?[^]*❯ enforce/);
    screen.type(KEYS.down);
    await screen.see(/❯ observe/);
    screen.type(KEYS.enter);
    await screen.see(/Which other one\?[^]*❯ Done[^]*Mode +observe: nothing is enforced/);
    await choose(screen, 7, /❯ Timebox/);
    await screen.see(/How long may a session last, however it is used\? \(like 12h, or off\) \(off\)/);
    screen.type(`5s${KEYS.enter}`);
    await screen.see(/--timebox 5s: it is 00:00:05, which is too short\./);
    screen.type(`${KEYS.backspace.repeat(2)}36h${KEYS.enter}`);
    await screen.see(/Which other one\?[^]*❯ Done[^]*Timebox +1 day 12 hours after the sign-in/);
    screen.type(KEYS.enter);
    await screen.see(/Timebox +none -> 1 day 12 hours \(36:00:00\) after the sign-in/);
    await screen.see(/Apply this\?/);
    screen.type(`y${KEYS.enter}`);
    await screen.see(/Undo: supasession config --mode enforce --timebox off\n/);
    await screen.see(/Save as a migration too/);
    screen.type(KEYS.enter);
    expect(await screen.code).toBe(0);
    expect(await rows(CHANGED)).toEqual([{max_sessions: 1, mode: 'observe', timebox: '36:00:00'}]);
    expect(await project.migrations()).toHaveLength(1);
  });

  test('changes nothing if none is chosen, at Ctrl-C, and at no', async () => {
    const none = terminal('config');
    await none.see(/❯ None/);
    none.type(KEYS.enter);
    await none.see(/Limits are OFF\. Switch them on: supasession config --enable/);
    expect(await none.code).toBe(0);
    expect(none.screen).not.toContain('Apply this?');

    const atQuestion = terminal('config');
    await atQuestion.see(/❯ None/);
    await choose(atQuestion, 2, /❯ Sessions per user/);
    await atQuestion.see(/How many sessions/);
    atQuestion.type(KEYS.ctrlC);
    await atQuestion.see(/Interrupted: nothing was changed\. \[INTERRUPTED\]/);
    expect(await atQuestion.code).toBe(130);

    const declined = terminal('config');
    await setMax(declined);
    declined.type(KEYS.enter);
    await declined.see(/Cancelled\. Nothing was changed\./);
    expect(await declined.code).toBe(4);
    expect(await rows(MAX)).toEqual([1]);
    expect(await project.migrations()).toHaveLength(1);
  });
});

describe('a change by flags', () => {
  test('that is harmless is applied at once; Ctrl-C at the question whether to save says so', async () => {
    const screen = terminal('config', '--max', '5');
    await screen.see(/Changed\. Undo: supasession config --max 1/);
    await screen.see(/Save as a migration too/);
    screen.type(KEYS.ctrlC);
    await screen.see(/Interrupted\. The change was made, but not saved as a migration\. \[INTERRUPTED\]/);
    expect(await screen.code).toBe(130);
    expect(screen.screen).not.toContain('Apply this?');
    expect(await rows(MAX)).toEqual([5]);
    expect(await project.migrations()).toHaveLength(1);
  });

  const WARNED: [string, string[], RegExp][] = [
    ['signs everybody out', ['--timebox', '30d', '--inactivity', '10m'], /this signs everybody out/],
    ['lets lost devices lock users out', ['--strategy', 'reject'], /reject counts sessions/],
    ['needs a hook', ['--reject-in-hook'], /until Auth calls the access token hook/],
    ['deletes history', ['--events-retention', '1d'], /history older than 1 day is deleted/],
    ['ends sessions', ['--enable'], /2 sessions of 1 user are over the limit/],
  ];
  test.each(WARNED)('that %s is asked about, and no changes nothing', async (_, args, warning) => {
    const client = await server.connect();
    const [user] = await createUsers(client, 1);
    await createSessions(client, [user!.userId], 3);
    const before = await rows('select to_jsonb(c) from supasession.config c');
    const screen = terminal('config', ...args);
    await screen.see(warning);
    await screen.see(/Apply this\? \(y\/N\)/);
    screen.type(KEYS.enter);
    await screen.see(/nothing was changed\.? ?/i);
    expect(await screen.code).toBe(4);
    expect(screen.screen).not.toContain('Save as a migration');
    expect(await rows('select to_jsonb(c) from supasession.config c')).toEqual(before);
    // A script has said what it wants.
    expect(await project.run(['config', ...args])).toMatchObject({code: 0});
    expect(await rows('select to_jsonb(c) from supasession.config c')).not.toEqual(before);
  });

  test('needs no yes for what was so before', async () => {
    await configure(await server.connect(), {strategy: 'reject', reject_in_hook: true, inactivity_timeout: '10 min'});
    const screen = terminal('config', '--max', '2');
    await screen.see(/Changed\./);
    await screen.see(/Save as a migration too/);
    screen.type(KEYS.enter);
    expect(await screen.code).toBe(0);
    expect(screen.screen).not.toContain('Apply this?');
  });

  test('is asked about on a database by its URL; if sessions end, its host has to be typed', async () => {
    const harmless = terminal('config', '--db-url', server.url(), '--max', '2');
    await harmless.see(/Apply this\? \(y\/N\)/);
    harmless.type(KEYS.enter);
    await harmless.see(/Cancelled\. Nothing was changed\./);
    expect(await harmless.code).toBe(4);

    const client = await server.connect();
    const [user] = await createUsers(client, 1);
    await createSessions(client, [user!.userId], 3);
    const screen = terminal('config', '--db-url', server.url(), '--enable', '--yes');
    await screen.see(/End sessions over the limit\? Type 127\.0\.0\.1 to go on:/);
    screen.type(`127.0.0.1${KEYS.enter}`);
    await screen.see(/Changed\./);
    expect(await screen.code).toBe(0);
    expect(await rows('select enabled from supasession.config')).toEqual([true]);
  });
});

describe('rules add', () => {
  const ADD = ['rules', 'add', 'short', '--claim', 'plan=free', '--max', '1'];
  const RULES = 'select name from supasession.rules';

  test('asks after a warning, and saves afterwards', async () => {
    const warned = terminal(...ADD, '--inactivity', '10m');
    await warned.see(/this signs everybody out/);
    await warned.see(/Apply this\? \(y\/N\)/);
    warned.type(KEYS.enter);
    expect(await warned.code).toBe(4);
    expect(await rows(RULES)).toEqual([]);

    const agreed = terminal(...ADD, '--inactivity', '10m');
    await agreed.see(/Apply this\?/);
    agreed.type(`y${KEYS.enter}`);
    await agreed.see(/Added\. Undo: supasession rules remove short/);
    await agreed.see(/Save as a migration too/);
    expect(await rows(RULES)).toEqual(['short']);
    agreed.type(`y${KEYS.enter}`);
    await agreed.see(/Saved to supabase\/migrations\//);
    expect(await agreed.code).toBe(0);
  });

  test('asks if sessions end', async () => {
    const client = await server.connect();
    const [user] = await createUsers(client, 1);
    await createSessions(client, [user!.userId], 3);
    await client.query(`update auth.users set raw_app_meta_data = '{"plan": "free"}'`);
    await configure(client, {enabled: true, max_sessions: 5});
    const screen = terminal(...ADD);
    await screen.see(/2 sessions of 1 user would exceed their limit or a deadline\./);
    await screen.see(/Apply this\? \(y\/N\)/);
    screen.type(KEYS.enter);
    expect(await screen.code).toBe(4);
    expect(await rows(RULES)).toEqual([]);
  });

  test('is done at once if it harms nobody', async () => {
    const screen = terminal(...ADD);
    await screen.see(/Added\./);
    await screen.see(/Save as a migration too/);
    screen.type(KEYS.enter);
    expect(await screen.code).toBe(0);
    expect(screen.screen).not.toContain('Apply this?');
    expect(await rows(RULES)).toEqual(['short']);
  });
});
