import {createSessions, createUsers, type AuthUser} from '../helpers/auth.js';
import {configure, install} from '../helpers/install.js';
import {project, server, useLocalProject} from '../helpers/local.js';
import {KEYS, openTerminal, type Terminal} from '../helpers/pty.js';

// The questions of the commands that operate on users and sessions, on a local target and by URL.

let users: AuthUser[];

useLocalProject();
beforeEach(async () => {
  const client = await server.connect();
  await install(client);
  users = await createUsers(client, 2);
  await createSessions(
    client,
    users.map(({userId}) => userId),
    3,
  );
  await configure(client, {enabled: true, max_sessions: 2});
});

function terminal(...args: string[]): Terminal {
  return openTerminal(args, {cwd: project.root});
}

async function rows(sql: string): Promise<unknown[]> {
  return (await (await server.connect()).query<Record<string, unknown>>(sql)).rows.map((row) => Object.values(row)[0]);
}

const RULES = 'select jsonb_strip_nulls(to_jsonb(r)) from supasession.rules r order by name';
const SESSIONS = 'select count(*)::int from auth.sessions';

describe('rules add', () => {
  test('asks for everything where nothing is given, and offers to save it', async () => {
    await project.run(['init', '--no-apply', '--no-enable', '--yes']);
    const screen = terminal('rules', 'add');
    await screen.see(/Name of the rule\?/);
    screen.type(`pro${KEYS.enter}`);
    await screen.see(/Whom is it for\?[^]*❯ users by their app_metadata[^]*one user[^]*OAuth client/);
    screen.type(KEYS.enter);
    await screen.see(/Which app_metadata \(key=value/);
    screen.type(`plan${KEYS.enter}`);
    await screen.see(/--claim plan: not of the form key=value\./);
    screen.type(`=pro org.tier=gold${KEYS.enter}`);
    await screen.see(/How many sessions may they have\?[^]*❯ a number[^]*as many as they like[^]*as in the settings/);
    screen.type(KEYS.enter);
    await screen.see(/How many sessions \(devices\)\?/);
    screen.type(`5${KEYS.enter}`);
    await screen.see(/What happens at a sign-in over the limit\?[^]*❯ as in the settings/);
    screen.type(KEYS.enter);
    await screen.see(/When do their sessions end\?[^]*❯ as in the settings/);
    screen.type(KEYS.down);
    await screen.see(/❯ a time after the sign-in/);
    screen.type(KEYS.enter);
    await screen.see(/After how long/);
    screen.type(`12h${KEYS.enter}`);
    await screen.see(
      /For +app_metadata plan = pro and org\.tier = gold\n +Sets +at most 5 sessions, ended after 12 hours/,
    );
    await screen.see(/Apply this\? \(y\/N\)/);
    screen.type(`y${KEYS.enter}`);
    await screen.see(/Added\. Undo: supasession rules remove pro/);
    await screen.see(/Save as a migration too, so that db reset and db push carry it\? \(y\/N\)/);
    screen.type(`y${KEYS.enter}`);
    await screen.see(/Saved to supabase\/migrations\/\d{14}_supasession_rules\.sql/);
    expect(await screen.code).toBe(0);
    expect(await rows(RULES)).toEqual([
      {
        ...{name: 'pro', priority: 100, app_metadata: {plan: 'pro', org: {tier: 'gold'}}},
        ...{max_sessions: 5, timebox: '12:00:00', unlimited: false, no_deadline: false},
      },
    ]);
    expect(await project.migrations()).toHaveLength(2);
  });

  test('asks only for what is missing; declining, or Ctrl-C, changes nothing', async () => {
    const declined = terminal('rules', 'add', 'free', '--unlimited');
    await declined.see(/Whom is it for\?/);
    declined.type(KEYS.down);
    await declined.see(/❯ one user/);
    declined.type(KEYS.enter);
    await declined.see(/Email address or id of the user\?/);
    declined.type(`${users[0]!.email}${KEYS.enter}`);
    await declined.see(/Apply this\? \(y\/N\)/);
    declined.type(KEYS.enter);
    await declined.see(/Cancelled\. Nothing was changed\./);
    expect(await declined.code).toBe(4);
    expect(declined.screen).not.toMatch(/Name of the rule|How many sessions|Save as a migration/);

    const interrupted = terminal('rules', 'add');
    await interrupted.see(/Name of the rule\?/);
    interrupted.type(KEYS.ctrlC);
    await interrupted.see(/Interrupted: nothing was changed\. \[INTERRUPTED\]/);
    expect(await interrupted.code).toBe(130);
    expect(await rows(RULES)).toEqual([]);
  });

  test('with flags asks nothing on the local database, and elsewhere wants the host typed where sessions end', async () => {
    const local = terminal('rules', 'add', 'bob', '--user', users[1]!.email, '--max', '9');
    await local.see(/Added\./);
    expect(await local.code).toBe(0);
    expect(local.screen).not.toContain('?');

    const args = ['rules', 'add', 'ada', '--user', users[0]!.email, '--max', '1', '--db-url', server.url(), '--yes'];
    const screen = terminal(...args);
    await screen.see(/1 session of 1 user would exceed its limit/);
    await screen.see(/Change the rules, so that these sessions end\? Type 127\.0\.0\.1 to go on:/);
    screen.type(`no${KEYS.enter}`);
    await screen.see(/Cancelled\. Nothing was changed\./);
    expect(await screen.code).toBe(4);
    expect(await rows(RULES)).toHaveLength(1);
  });
});

test('rules remove asks on the local database too', async () => {
  expect(await project.run(['rules', 'add', 'x', '--claim', 'a=b', '--max', '9'])).toMatchObject({code: 0});
  const declined = terminal('rules', 'remove', 'x');
  await declined.see(/x +100 +app_metadata a = b +at most 9 sessions/);
  await declined.see(/Apply this\? \(y\/N\)/);
  declined.type(KEYS.enter);
  expect(await declined.code).toBe(4);
  const agreed = terminal('rules', 'remove', 'x');
  await agreed.see(/Apply this\?/);
  agreed.type(`y${KEYS.enter}`);
  await agreed.see(/Removed 1 rule/);
  expect(await agreed.code).toBe(0);
  expect(await rows(RULES)).toEqual([]);
});

test('access revoke asks y/N on the local database, and restore nothing', async () => {
  const {email} = users[0]!;
  const declined = terminal('access', 'revoke', email);
  await declined.see(/3 sessions end/);
  await declined.see(/Revoke the access of this user\? \(y\/N\)/);
  declined.type(KEYS.enter);
  expect(await declined.code).toBe(4);
  expect(await rows(SESSIONS)).toEqual([6]);

  const agreed = terminal('access', 'revoke', email);
  await agreed.see(/Revoke the access of this user\?/);
  agreed.type(`y${KEYS.enter}`);
  await agreed.see(/Revoked: 3 sessions ended\. Undo: supasession access restore/);
  expect(await agreed.code).toBe(0);
  expect(await rows(SESSIONS)).toEqual([3]);

  const restored = terminal('access', 'restore', email);
  await restored.see(/Restored\./);
  expect(await restored.code).toBe(0);

  const elsewhere = terminal('access', 'revoke', email, '--db-url', server.url(), '--yes');
  await elsewhere.see(/Revoke the access of this user\? Type 127\.0\.0\.1 to go on:/);
  elsewhere.type(`127.0.0.1${KEYS.enter}`);
  await elsewhere.see(/Revoked: 0 sessions ended/);
  expect(await elsewhere.code).toBe(0);
});

test('enforce counts, asks, and shows its progress', async () => {
  const declined = terminal('enforce');
  await declined.see(/2 sessions over the limit end/);
  await declined.see(/End these sessions\? \(y\/N\)/);
  declined.type(KEYS.enter);
  expect(await declined.code).toBe(4);
  expect(await rows(SESSIONS)).toEqual([6]);

  const agreed = terminal('enforce', '--batch-size', '1');
  await agreed.see(/End these sessions\?/);
  agreed.type(`y${KEYS.enter}`);
  await agreed.see(/100% +2\/2 users +\d+\/s/);
  await agreed.see(/Done: 2 sessions ended and 0 given a deadline, of 2 users, in [\d.]+ s\./);
  expect(await agreed.code).toBe(0);
  expect(await rows(SESSIONS)).toEqual([4]);
});

test('prune says whom it signs out, asks, and shows its progress', async () => {
  await (await server.connect()).query("update auth.sessions set created_at = created_at - interval '40 days'");
  const declined = terminal('prune', '--older-than', '30d');
  await declined.see(
    /6 sessions of 2 users, not used for 30 days, that still work\nThat signs 2 users out on those devices/,
  );
  await declined.see(/Remove them all\? \(y\/N\)/);
  declined.type(KEYS.enter);
  expect(await declined.code).toBe(4);
  expect(await rows(SESSIONS)).toEqual([6]);

  const agreed = terminal('prune', '--older-than', '30d', '--batch-size', '2');
  await agreed.see(/Remove them all\?/);
  agreed.type(`y${KEYS.enter}`);
  await agreed.see(/100% +6\/6 sessions +\d+\/s/);
  await agreed.see(/Done: 6 sessions removed in [\d.]+ s\./);
  expect(await agreed.code).toBe(0);
  expect(await rows(SESSIONS)).toEqual([0]);
});
