import {createSessions, createUsers} from '../helpers/auth.js';
import {install} from '../helpers/install.js';
import {project, server, useLocalProject} from '../helpers/local.js';
import {KEYS, openTerminal, type Terminal} from '../helpers/pty.js';

/** Ada's sessions, the oldest first. */
let ids: string[];

useLocalProject();
beforeEach(async () => {
  const client = await server.connect();
  await install(client);
  const users = await createUsers(client, 2);
  const sessions = await createSessions(
    client,
    users.map(({userId}) => userId),
    3,
  );
  ids = sessions.slice(0, 3).map(({sessionId}) => sessionId);
  const admin = await server.connect('supabase_admin');
  await admin.query("update auth.users set email = 'ada@example.com' where id = $1", [users[0]!.userId]);
  await admin.query("update auth.users set email = 'bob@example.com' where id = $1", [users[1]!.userId]);
  await admin.query(
    `update auth.sessions set user_agent = 'Dart/3.2 (dart:io)', ip = '2001:db8:85a3:1234:5678:8a2e:370:7334' where id = $1`,
    [ids[0]],
  );
});

function terminal(...args: string[]): Terminal {
  return openTerminal(args, {cwd: project.root, columns: 80});
}

async function left(): Promise<string[]> {
  const {rows} = await (await server.connect()).query<{id: string}>('select id from auth.sessions');
  return rows.map(({id}) => id);
}

const WHOSE = /\? Whose sessions\?[^]*bob@example\.com/;

/** Finds ada by typing, up to the list of her devices. */
async function findAda(screen: Terminal): Promise<void> {
  await screen.see(WHOSE);
  screen.type('ad');
  await screen.see(/\bad\n/);
  // The list to its end: while it is being drawn, bob may only not be there yet.
  await screen.see(/❯ ada@example\.com\n\n[\da-f-]{36}\n.*navigate/);
  screen.type(KEYS.enter);
  await screen.see(
    /\? Which of these sessions\?\n❯◯ node, 127\.0\.0\.1, signed in 1m ago, last seen 1m ago\n ◯ node, [^]* ◯ Dart, 2001:db8:[^]*7334, signed in 3m/,
  );
}

describe('sessions revoke', () => {
  test('finds a user by typing, offers the devices, shows what was ticked, and asks', async () => {
    const screen = terminal('sessions', 'revoke');
    await findAda(screen);
    screen.type(KEYS.space);
    await screen.see(/❯◉ node/);
    screen.type(`${KEYS.down}${KEYS.down}${KEYS.space}`);
    await screen.see(/❯◉ Dart/);
    screen.type(KEYS.enter);
    await screen.see(/✔ Which of these sessions\? node, Dart/);
    await screen.see(/User, id of the session +Device +Signed in +Last seen\n/);
    await screen.see(new RegExp(`ada@example\\.com +node +1m ago +1m ago\\n {2}${ids[2]!} {2}127\\.0\\.0\\.1\\n`));
    await screen.see(new RegExp(`ada@example\\.com +Dart +3m ago +3m ago\\n {2}${ids[0]!}`));
    await screen.see(/2 sessions of 1 user end\. This cannot be undone\.\n/);
    await screen.see(/End them\? \(y\/N\)/);
    screen.type(`y${KEYS.enter}`);
    await screen.see(/Done: 2 sessions ended\./);
    expect(await screen.code).toBe(0);
    const rest = await left();
    expect(rest).toHaveLength(4);
    expect(rest).toContain(ids[1]);
  });

  test('with nothing ticked nothing is done', async () => {
    const screen = terminal('sessions', 'revoke');
    await findAda(screen);
    screen.type(KEYS.enter);
    await screen.see(/No session was selected\. Nothing was changed\./);
    expect(await screen.code).toBe(0);
    expect(screen.screen).not.toContain('End them?');
    expect(await left()).toHaveLength(6);
  });

  test('Ctrl-C at any question, or a no, leaves everything as it was', async () => {
    const whose = terminal('sessions', 'revoke');
    await whose.see(WHOSE);
    const which = terminal('sessions', 'revoke');
    await findAda(which);
    which.type(KEYS.space);
    await which.see(/◉/);
    const sure = terminal('sessions', 'revoke', '--user', 'ada@example.com');
    await sure.see(/3 sessions of ada@example\.com end\.[^]*End them\?/);
    await Promise.all(
      [whose, which, sure].map(async (screen) => {
        screen.type(KEYS.ctrlC);
        await screen.see(/Interrupted: nothing was changed\. \[INTERRUPTED\]/);
        expect(await screen.code).toBe(130);
      }),
    );
    const declined = terminal('sessions', 'revoke', ids[0]!);
    await declined.see(/End them\?/);
    declined.type(KEYS.enter);
    await declined.see(/^Cancelled\. Nothing was changed\.$/m);
    expect(await declined.code).toBe(4);
    expect(await left()).toHaveLength(6);
  });

  test('nobody who has no sessions is offered', async () => {
    await (await server.connect()).query('delete from auth.sessions');
    const screen = terminal('sessions', 'revoke');
    await screen.see(/\? Whose sessions\?/);
    screen.type('ada');
    await screen.see(/\bada\n[^]*No results found/);
    screen.type(KEYS.ctrlC);
    expect(await screen.code).toBe(130);
  });

  test('--yes is enough on the local database', async () => {
    const screen = terminal('sessions', 'revoke', '--user', 'ada@example.com', '--keep', ids[1]!, '--yes');
    await screen.see(/Done: 2 sessions ended\./);
    expect(await screen.code).toBe(0);
    expect(await left()).toContain(ids[1]);
  });
});

test('sessions list fits a terminal of 80', async () => {
  const screen = terminal('sessions', 'list', '--user', 'ada@example.com');
  await screen.see(/3 sessions, of 1 user\./);
  expect(await screen.code).toBe(0);
  const widths = screen.screen.split('\n').map((line) => line.length);
  expect(Math.max(...widths)).toBeLessThanOrEqual(80);
  for (const id of ids) expect(screen.screen).toMatch(new RegExp(`^ {2}${id} `, 'm'));
});

test('flush with filters asks about these', async () => {
  const screen = terminal('flush', '--user', 'ada@example.com');
  await screen.see(/Sessions of ada@example\.com:\n3 sessions of 1 user end\./);
  await screen.see(/See them: supasession sessions list --user ada@example\.com\n/);
  await screen.see(/End these\? \(y\/N\)/);
  screen.type(`y${KEYS.enter}`);
  await screen.see(/Done: 3 sessions ended/);
  expect(await screen.code).toBe(0);
  expect(await left()).toHaveLength(3);
});
