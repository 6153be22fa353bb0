import type {RulesAddResult} from '../../src/commands/rules/add.js';
import type {RulesListResult} from '../../src/commands/rules/list.js';
import type {RulesRemoveResult} from '../../src/commands/rules/remove.js';
import type {RulesTestResult} from '../../src/commands/rules/test.js';
import {createSessions, createUsers, type AuthUser} from '../helpers/auth.js';
import {createDatabase} from '../helpers/database.js';
import {failure} from '../helpers/failures.js';
import {configure, install} from '../helpers/install.js';
import {project, server, useLocalProject} from '../helpers/local.js';
import {createProject} from '../helpers/project.js';

/** Three users: ada, whose plan is pro, bob and cid. Each has three sessions, and the limit is two. */
let users: AuthUser[];

const CLIENT = '9a3f2c1e-5b7d-4e8a-9c0d-1f2e3a4b5c6d';
const FILE = /^\d{14}_supasession_rules\.sql$/;

useLocalProject();
beforeEach(async () => {
  const client = await server.connect();
  await install(client);
  users = await createUsers(client, 3);
  await createSessions(
    client,
    users.map(({userId}) => userId),
    3,
  );
  for (const [index, name] of ['ada', 'bob', 'cid'].entries())
    await client.query("update auth.users set email = $1 || '@example.com' where id = $2", [
      name,
      users[index]!.userId,
    ]);
  await client.query(
    'update auth.users set raw_app_meta_data = \'{"plan": "pro", "org": {"tier": "gold"}}\' where id = $1',
    [users[0]!.userId],
  );
  await configure(client, {enabled: true, max_sessions: 2});
});

async function stored(): Promise<unknown[]> {
  const {rows} = await (
    await server.connect()
  ).query<{rule: unknown}>('select jsonb_strip_nulls(to_jsonb(r)) as rule from supasession.rules r order by name');
  return rows.map(({rule}) => rule);
}

const PRO = {
  name: 'pro',
  priority: 100,
  app_metadata: {plan: 'pro'},
  max_sessions: 5,
  unlimited: false,
  no_deadline: false,
};

async function add(...args: string[]): Promise<RulesAddResult> {
  const run = await project.run(['rules', 'add', ...args, '--json']);
  expect([run.code, run.stderr]).toEqual([0, expect.not.stringContaining('Error')]);
  return run.json as RulesAddResult;
}

describe('rules add', () => {
  test('shows the rule in words and whom it concerns, and on the local database asks nothing', async () => {
    const result = await project.run(['rules', 'add', 'pro', '--claim', 'plan=pro', '--max', '5']);
    expect(result).toMatchObject({code: 0});
    expect(result.stdout).toBe(
      [
        '  Rule    pro, priority 100',
        '  For     app_metadata plan = pro',
        '  Sets    at most 5 sessions',
        '',
        '  1 user matches now.',
        '  No session would exceed a limit or a deadline.',
        '  1 session would no longer exceed one.',
        '',
      ].join('\n'),
    );
    expect(result.stderr).toContain('Added. Undo: supasession rules remove pro\n');
    expect(await stored()).toEqual([PRO]);
  });

  test.each<[string[], object]>([
    [
      ['--claim', 'plan=pro', '--claim', 'org.tier=gold', '--max', '1', '--strategy', 'reject', '--timebox', '12h'],
      {app_metadata: {plan: 'pro', org: {tier: 'gold'}}, max_sessions: 1, strategy: 'reject', timebox: '12:00:00'},
    ],
    [
      ['--client', CLIENT.toUpperCase(), '--inactivity', '30m'],
      {oauth_client_id: CLIENT, inactivity_timeout: '00:30:00'},
    ],
    [
      ['--claim', 'role=admin', '--unlimited', '--no-deadline', '--priority', '-5'],
      {app_metadata: {role: 'admin'}, unlimited: true, no_deadline: true, priority: -5},
    ],
  ])('writes what %j says', async (args, expected) => {
    await add('rule', ...args);
    expect(await stored()).toEqual([{name: 'rule', priority: 100, unlimited: false, no_deadline: false, ...expected}]);
  });

  test('counts the sessions that would exceed a limit or a deadline, each once', async () => {
    // Each has three sessions, of 3, 2 and 1 minutes: one is over the limit of two already.
    const limit = await add('one', '--claim', 'plan=pro', '--max', '1', '--dry-run');
    expect(limit.impact).toEqual({over: {sessions: 1, users: 1}, spared: {sessions: 0}});
    const deadline = await add('short', '--claim', 'plan=pro', '--timebox', '90s', '--dry-run');
    expect(deadline.impact).toEqual({over: {sessions: 1, users: 1}, spared: {sessions: 0}});
    const nobody = await add('free', '--claim', 'plan=free', '--max', '1', '--dry-run');
    expect([nobody.impact, nobody.matched]).toEqual([
      {over: {sessions: 0, users: 0}, spared: {sessions: 0}},
      {users: 0},
    ]);
    expect(await stored()).toEqual([]);
    // Judged by being written and undone: nothing of that is left, in the history neither.
    const {rowCount} = await (
      await server.connect()
    ).query("select from supasession.events where kind = 'rules_changed'");
    expect(rowCount).toBe(0);
  });

  test('counts them also while the limit is off, or only observed, and says so', async () => {
    const client = await server.connect();
    await configure(client, {enabled: false, max_sessions: 2});
    const off = await project.run(['rules', 'add', 'one', '--user', 'bob@example.com', '--max', '1', '--dry-run']);
    expect(off.stdout).toContain('1 session of 1 user would exceed its limit or a deadline once the limit is on.');
    expect(off.stderr).toContain('Limits are OFF.');
    await configure(client, {enabled: true, mode: 'observe', max_sessions: 2});
    const observed = await project.run(['rules', 'add', 'one', '--user', 'bob@example.com', '--max', '1', '--dry-run']);
    expect(observed.stdout).toContain('or a deadline under --mode enforce.');
  });

  test('takes the place of a rule with --replace only, and shows the present one', async () => {
    await add('pro', '--claim', 'plan=pro', '--max', '5', '--timebox', '12h');
    const args = ['rules', 'add', 'pro', '--claim', 'plan=pro', '--max', '5'];
    const {code, error} = await failure(project, args);
    expect([code, error.code, error.message]).toEqual([
      1,
      'RULE_EXISTS',
      'There is a rule "pro" for app_metadata plan = pro: at most 5 sessions, ended after 12 hours.',
    ]);
    expect(error.details).toMatchObject({rule: {...PRO, timebox: '12:00:00'}});
    const replaced = await project.run([...args, '--replace']);
    expect(replaced.stdout).toContain('  Before  app_metadata plan = pro: at most 5 sessions, ended after 12 hours\n');
    expect(replaced.stderr).toContain('Replaced the rule pro.');
    expect(await stored()).toEqual([PRO]);
    const again = await add(...args.slice(2), '--replace');
    expect([again.changed, again.before]).toEqual([false, again.rule]);
  });

  test('gives a user one rule', async () => {
    await add('ada', '--user', 'ada@example.com', '--unlimited');
    const args = ['rules', 'add', "ada's", '--user', users[0]!.userId, '--max', '5', '--replace'];
    const {code, error} = await failure(project, args);
    expect([code, error.code, error.suggestions]).toEqual([1, 'RULE_EXISTS', ['supasession rules remove ada']]);
    expect(error.message).toBe('There is a rule "ada" for user ada@example.com: no limit.');
  });

  test('refuses a rule that says too little', async () => {
    const nothing = 'The rule would change nothing. Give a limit, a strategy or a deadline.';
    const cases: [string[], string][] = [
      [[], 'A rule needs a name.'],
      [['pro'], 'Whom is the rule for? Give --claim, --user or --client.'],
      [['pro', '--claim', 'plan=pro'], nothing],
      [['pro', '--claim', 'plan=pro', '--priority', '1'], nothing],
      [['pro', '--claim', 'plan', '--max', '1'], '--claim plan: not of the form key=value.'],
      [['pro', '--client', 'x', '--max', '1'], '--client x: the id of an OAuth client is a UUID.'],
      ...['pro\n', '\u001B[31mpro', 'p\u200Bro', 'p'.repeat(61)].map((name): [string[], string] => [
        [name, '--claim', 'plan=pro', '--max', '1'],
        'The name of a rule has at most 60 characters, no control characters, and no - at its beginning.',
      ]),
    ];
    for (const [args, message] of cases) {
      const {code, error} = await failure(project, ['rules', 'add', ...args]);
      expect([code, error.code, error.message]).toEqual([2, 'USAGE', message]);
    }

    expect(await stored()).toEqual([]);
  });

  test('refuses a rule that contradicts itself', async () => {
    for (const args of [
      ['--claim', 'a=b', '--user', 'ada@example.com', '--max', '1'],
      ['--user', 'ada@example.com', '--client', CLIENT, '--max', '1'],
      ['--claim', 'a=b', '--max', '1', '--unlimited'],
      ['--claim', 'a=b', '--timebox', '1h', '--no-deadline'],
      ['--claim', 'a=b', '--max', '0'],
    ]) {
      const {code, error} = await failure(project, ['rules', 'add', 'pro', ...args]);
      expect([args, code, error.code]).toEqual([args, 2, 'USAGE']);
    }
  });

  test('refuses a span that nobody means, and a user who is not there', async () => {
    const span = await failure(project, ['rules', 'add', 'pro', '--claim', 'a=b', '--timebox', '12']);
    expect([span.code, span.error.code]).toEqual([2, 'SETTING_INVALID']);
    const short = await failure(project, ['rules', 'add', 'pro', '--claim', 'a=b', '--inactivity', '5s']);
    expect([short.code, short.error.code]).toEqual([2, 'SETTING_INVALID']);
    const nobody = await failure(project, ['rules', 'add', 'x', '--user', 'nobody@example.com', '--max', '1']);
    expect([nobody.code, nobody.error.code]).toEqual([1, 'USER_NOT_FOUND']);
  });

  test('warns that a limit for an OAuth client is not looked at while they are ignored', async () => {
    const args = ['rules', 'add', 'mcp', '--client', CLIENT, '--max', '1', '--dry-run'];
    expect((await project.run(args)).stderr).toContain('only the deadlines of this rule apply');
    await configure(await server.connect(), {enabled: true, max_sessions: 2, oauth_clients: 'separate'});
    expect((await project.run(args)).stderr).not.toContain('only the deadlines');
  });

  test('away from the local database it wants a yes, and the host typed where sessions would end', async () => {
    const url = ['--db-url', server.url()];
    const harmless = ['rules', 'add', 'pro', '--claim', 'plan=pro', '--max', '5', ...url];
    expect((await failure(project, harmless)).error.details).toEqual({flag: '--yes'});
    expect(await project.run([...harmless, '--yes'])).toMatchObject({code: 0});
    const ending = ['rules', 'add', 'pro', '--claim', 'plan=pro', '--max', '1', '--replace', ...url, '--yes'];
    expect((await failure(project, ending)).error.details).toEqual({flag: '--confirm 127.0.0.1'});
    expect(await project.run([...ending, '--confirm', '127.0.0.1'])).toMatchObject({code: 0});
    expect(await stored()).toEqual([{...PRO, max_sessions: 1}]);
  });

  test('warns of an inactivity timeout that ends sessions in use, and wants the host typed for it elsewhere', async () => {
    // The access token of a new project lives for an hour.
    const args = ['rules', 'add', 'idle', '--claim', 'plan=pro', '--inactivity', '30m', '--unlimited'];
    expect((await project.run([...args, '--dry-run'])).stderr).toContain('signs everybody out while they use the app');
    const elsewhere = await failure(project, [...args, '--db-url', server.url(), '--yes']);
    expect(elsewhere.error.details).toEqual({flag: '--confirm 127.0.0.1'});
    const long = await project.run([...args.map((arg) => (arg === '30m' ? '90m' : arg)), '--dry-run']);
    expect([long.code, long.stderr]).toEqual([0, expect.not.stringContaining('signs everybody out')]);
  });

  test('says which step is missing where nothing is installed', async () => {
    await server.reset();
    for (const args of [
      ['list'],
      ['add', 'x', '--claim', 'a=b', '--max', '1'],
      ['remove', 'x'],
      ['test', '--user', 'x@y.z'],
    ])
      expect((await failure(project, ['rules', ...args])).error).toMatchObject({
        code: 'NOT_INSTALLED',
        suggestions: ['supasession init --apply'],
      });
  });
});

describe('rules list', () => {
  test('shows them in the order in which they are tried', async () => {
    const empty = await project.run(['rules', 'list']);
    expect([empty.code, empty.stdout]).toEqual([0, '']);
    expect(empty.stderr).toContain('There are no rules: the settings apply to everybody.');
    await add('pro', '--claim', 'plan=pro', '--max', '5');
    await add('admins', '--claim', 'role=admin', '--unlimited', '--no-deadline', '--priority', '7');
    await add('bob', '--user', 'bob@example.com', '--inactivity', '1h30m', '--priority', '900');
    expect((await project.run(['rules', 'list'])).stdout).toBe(
      [
        '  Rule    Priority  For                        Sets',
        '  bob     first     user bob@example.com       ended after 1 hour 30 minutes without use',
        '  admins  7         app_metadata role = admin  no limit, no deadline',
        '  pro     100       app_metadata plan = pro    at most 5 sessions',
        '',
      ].join('\n'),
    );
    const {rules} = (await project.run(['rules', 'list', '--json'])).json as RulesListResult;
    expect(rules.map(({name, email}) => [name, email])).toEqual([
      ['bob', 'bob@example.com'],
      ['admins', null],
      ['pro', null],
    ]);
    expect(rules[2]).toEqual({
      ...{...PRO, user_id: null, email: null, phone: null, oauth_client_id: null},
      ...{strategy: null, timebox: null, inactivity_timeout: null},
    });
  });
});

describe('rules remove', () => {
  test('shows them, wants a yes, and says whose sessions are over a limit without them', async () => {
    await add('bob', '--user', 'bob@example.com', '--unlimited');
    await add('pro', '--claim', 'plan=pro', '--max', '5');
    const args = ['rules', 'remove', 'pro', 'bob'];
    expect((await failure(project, args)).error.details).toEqual({flag: '--yes'});
    const result = await project.run([...args, '--yes']);
    expect(result).toMatchObject({code: 0});
    expect(result.stdout).toContain('2 sessions of 2 users would exceed their limit or a deadline.');
    expect(result.stderr).toContain('Removed 2 rules');
    expect(await stored()).toEqual([]);
  });

  test('removes none where one of them is not there', async () => {
    await add('pro', '--claim', 'plan=pro', '--max', '5');
    const {code, error} = await failure(project, ['rules', 'remove', 'pro', 'gone']);
    expect([code, error.code, error.message]).toEqual([
      1,
      'RULE_NOT_FOUND',
      'There is no rule "gone": nothing was removed.',
    ]);
    expect(error.suggestions).toEqual(['supasession rules list']);
    const dry = (await project.run(['rules', 'remove', 'pro', '--dry-run', '--json'])).json as RulesRemoveResult;
    expect([dry.removed.map(({name}) => name), dry.dryRun, dry.saved]).toEqual([['pro'], true, null]);
    expect(await stored()).toEqual([PRO]);
  });
});

describe('rules test', () => {
  const judge = async (...args: string[]) => {
    const run = await project.run(['rules', 'test', ...args, '--json']);
    expect(run.code).toBe(0);
    return run.json as RulesTestResult;
  };

  beforeEach(async () => {
    await add('gold', '--claim', 'org.tier=gold', '--timebox', '12h', '--priority', '50');
    await add('pro', '--claim', 'plan=pro', '--max', '5');
    await add('bob', '--user', 'bob@example.com', '--unlimited');
    await add('mcp', '--client', CLIENT, '--max', '9', '--priority', '1');
  });

  test('says of each rule whether it matches and why, which applies, and what holds in the end', async () => {
    const ada = await judge('--user', 'ada@example.com');
    expect(ada.rules).toEqual([
      {name: 'bob', matches: false, reason: 'it is for user bob@example.com'},
      {name: 'mcp', matches: false, reason: 'the session belongs to no OAuth client'},
      {name: 'gold', matches: true, reason: 'app_metadata has org.tier = gold'},
      {name: 'pro', matches: true, reason: 'app_metadata has plan = pro'},
    ]);
    expect(ada.policy).toEqual({
      ...{rule: 'gold', unlimited: false, max_sessions: 2, strategy: 'dequeue'},
      ...{timebox: '12:00:00', inactivity_timeout: null},
    });
    const text = (await project.run(['rules', 'test', '--user', 'ada@example.com'])).stdout;
    expect(text).toMatch(/^ {2}gold +applies +app_metadata has org\.tier = gold$/m);
    expect(text).toMatch(/^ {2}pro +matches, but another rule comes first +app_metadata has plan = pro$/m);
    expect(text).toContain(
      '  at most 2 sessions, dequeue, ended after 12 hours: by the rule gold over the settings.\n',
    );

    expect((await judge('--user', users[1]!.userId)).policy).toMatchObject({rule: 'bob', unlimited: true});
    const cid = await judge('--user', 'cid@example.com');
    expect(cid.rules.at(-1)).toEqual({name: 'pro', matches: false, reason: 'app_metadata has no plan'});
    expect(cid.policy).toMatchObject({rule: null, max_sessions: 2});
    expect((await project.run(['rules', 'test', '--user', 'cid@example.com'])).stdout).toContain(
      '  at most 2 sessions, dequeue, no deadline: by the settings.\n',
    );
  });

  test('looks at the OAuth client too, and says that such sessions are ignored', async () => {
    const args = ['--user', 'cid@example.com', '--client', CLIENT];
    expect((await judge(...args)).policy).toMatchObject({rule: 'mcp', max_sessions: 9});
    expect((await project.run(['rules', 'test', ...args])).stdout).toContain('oauth_clients is "ignore"');
    const {code, error} = await failure(project, ['rules', 'test', '--user', 'cid@example.com', '--client', 'x']);
    expect([code, error.code]).toEqual([2, 'USAGE']);
  });
});

describe('--save', () => {
  beforeEach(async () => {
    expect(await project.run(['init', '--no-apply', '--no-enable', '--yes'])).toMatchObject({code: 0});
  });

  test('writes a migration that brings a fresh database to the same rules, at a second run too', async () => {
    const name = "it's pro";
    const first = await add(
      name,
      '--claim',
      "plan=o'pro",
      '--max',
      '5',
      '--timebox',
      '12h',
      '--strategy',
      'reject',
      '--save',
    );
    await add('other', '--claim', 'beta=true', '--claim', 'org.seats=5', '--unlimited', '--save');
    await add('gone', '--claim', 'a=b', '--max', '1', '--save');
    expect(await project.run(['rules', 'remove', 'gone', '--save', '--yes'])).toMatchObject({code: 0});
    expect(first.saved).toEqual({file: expect.stringMatching(FILE), written: true});
    const here = await stored();
    expect(here).toHaveLength(2);

    const files = await project.migrations();
    expect(files).toHaveLength(5);
    const texts = await Promise.all(files.map(async (file) => project.migration(file)));
    const fresh = await createDatabase();
    try {
      const client = await fresh.connect();
      for (const text of [...texts, ...texts.slice(1)]) await client.query(text);
      const {rows} = await client.query<{rule: unknown}>(
        'select jsonb_strip_nulls(to_jsonb(r)) as rule from supasession.rules r order by name',
      );
      expect(rows.map(({rule}) => rule)).toEqual(here);
    } finally {
      await fresh.drop();
    }
  });

  test('is applied by the real supabase CLI', async () => {
    await add('pro', '--claim', 'plan=pro', '--max', '5', '--save');
    await server.reset();
    await project.supabase('migration', 'up');
    expect(await stored()).toEqual([PRO]);
  });

  test('does not write what comes last already', async () => {
    const args = ['pro', '--claim', 'plan=pro', '--max', '5', '--save'];
    const {saved} = await add(...args);
    expect((await add(...args, '--replace')).saved).toEqual({file: saved!.file, written: false});
    expect(await project.migrations()).toHaveLength(2);
  });

  test('is refused for the rule of a user, before anything changes', async () => {
    const {code, error} = await failure(project, [
      'rules',
      'add',
      'ada',
      '--user',
      'ada@example.com',
      '--max',
      '5',
      '--save',
    ]);
    expect([code, error.code, error.message]).toEqual([
      2,
      'USAGE',
      '--save: "ada" is for one user, whose id differs in every database.',
    ]);
    await add('ada', '--user', 'ada@example.com', '--max', '5');
    expect((await failure(project, ['rules', 'remove', 'ada', '--save', '--yes'])).error.code).toBe('USAGE');
    expect(await stored()).toHaveLength(1);
    expect(await project.migrations()).toHaveLength(1);
  });

  test('is refused where the project has no migration of ours, before anything changes', async () => {
    const other = await createProject({port: server.port});
    try {
      const {error} = await failure(other, ['rules', 'add', 'pro', '--claim', 'plan=pro', '--max', '5', '--save']);
      expect([error.code, error.suggestions]).toEqual(['NOT_INSTALLED', ['supasession init']]);
    } finally {
      await other.remove();
    }
    expect(await stored()).toEqual([]);
  });
});
