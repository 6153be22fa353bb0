import type {ProtectListResult} from '../../src/commands/protect/list.js';
import type {ProtectResult} from '../../src/features/protect/command.js';
import {failure} from '../helpers/failures.js';
import {Kept} from '../helpers/kept.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {KEYS, openTerminal} from '../helpers/pty.js';
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
    expect(await project.run(['init', '--apply', '--no-enable', '--yes'])).toMatchObject({code: 0});
  });
  await sql(`create table orders (id int); alter table orders enable row level security;
    create table "Order ""Items""" (id int); alter table "Order ""Items""" enable row level security`);
});
afterEach(async () => project.remove());
afterAll(async () => server.stop());

async function sql(text: string): Promise<void> {
  await (await server.connect()).query(text);
}

/** The policies there are, as `table: name`. */
async function policies(): Promise<string[]> {
  const client = await server.connect();
  const {rows} = await client.query<{line: string}>(
    `select tablename || ': ' || policyname as line from pg_policies order by tablename collate "C", policyname`,
  );
  return rows.map(({line}) => line);
}

const FILE = /^\d{14}_supasession_protect_public_/;

async function files(): Promise<string[]> {
  return (await project.migrations()).filter((file) => FILE.test(file));
}

test('add makes a migration for each table, applied by the real CLI, and a second run does nothing', async () => {
  const args = ['protect', 'add', 'orders', 'public."Order ""Items"""', 'public.orders', '--apply'];
  const run = await project.run(args);
  expect(run).toMatchObject({code: 0});
  expect(run.stdout).toContain('  public.orders\n    supasession_access ');
  expect(run.stdout).toContain('reading and writing: refused with the token of an ended session');
  expect(run.stdout).toContain('on a hosted project, by "supabase db push", a policy change locks all tables of Auth');
  expect(run.stderr).toContain('Protected: public.orders, public."Order ""Items""".');
  expect(await files()).toEqual([
    expect.stringMatching(/_supasession_protect_public_orders\.sql$/),
    expect.stringMatching(/_supasession_protect_public_order_items__[0-9a-f]{8}\.sql$/),
  ]);
  expect(await policies()).toEqual(['Order "Items": supasession_access', 'orders: supasession_access']);

  const again = await project.run([...args, '--json']);
  expect(again.json).toMatchObject({tables: [{changes: false}, {changes: false}], files: [], applied: false});
  expect(again.stderr).toContain(
    'Nothing to do for public.orders, public."Order ""Items""": already protected like this.',
  );
  expect(await files()).toHaveLength(2);
});

test('the JSON of what was done', async () => {
  const {json} = await project.run([
    'protect',
    'add',
    'orders',
    '--for',
    'update',
    '--max-age',
    '1h30m',
    '--apply',
    '--json',
  ]);
  expect(json as ProtectResult).toEqual({
    target: {
      kind: 'local',
      host: '127.0.0.1',
      port: server.port,
      database: 'postgres',
      projectRef: null,
      otherProject: false,
    },
    tables: [
      {
        table: 'public.orders',
        policies: [{name: 'supasession_access_max_age_update', command: 'update', maxAge: '01:30:00'}],
        changes: true,
      },
    ],
    files: [{file: expect.stringMatching(FILE), written: true, declared: []}],
    applied: true,
    dryRun: false,
  });
});

test('every kind of policy is recognised as it was written, after the database has read it', async () => {
  const variants = [[], ...['all', 'select', 'insert', 'update', 'delete'].map((command) => ['--for', command])];
  for (const variant of [...variants, ['--max-age', '2 days'], ['--for', 'all', '--max-age', '90s']])
    expect(await project.run(['protect', 'add', 'orders', ...variant, '--no-apply'])).toMatchObject({code: 0});
  await project.supabase('migration', 'up');
  expect(await policies()).toHaveLength(9);
  const before = await files();
  for (const variant of [
    ...variants,
    ['--max-age', '48 hours'],
    ['--max-age', '2 days'],
    ['--for', 'all', '--max-age', '90s'],
  ]) {
    const {json} = await project.run(['protect', 'add', 'orders', ...variant, '--dry-run', '--json']);
    // 48 hours are 2 days, but not to Postgres.
    expect([variant, (json as ProtectResult).tables[0]!.changes]).toEqual([variant, variant.includes('48 hours')]);
  }

  expect(await files()).toEqual(before);
});

test('an edited policy is shown as such, and replaced', async () => {
  await project.run(['protect', 'add', 'orders', '--apply']);
  await sql('alter policy supasession_access on orders using (true)');
  expect((await project.run(['protect', 'list'])).stdout).toContain('edited since it was written');
  const run = await project.run(['protect', 'add', 'orders', '--apply']);
  expect(run.stdout).toContain('(replaces a different policy)');
  expect(run.stderr).toContain('Protected: public.orders.');
  expect((await project.run(['protect', 'list'])).stdout).not.toContain('edited');
});

test('remove shows what it opens, asks, and leaves policies of the project alone', async () => {
  await sql('create policy mine on orders using (supasession.is_live())');
  await project.run(['protect', 'add', 'orders', '--max-age', '5m', '--apply']);
  const unanswered = await failure(project, ['protect', 'remove', 'orders', '--apply']);
  expect([unanswered.code, unanswered.error.details]).toEqual([2, {flag: '--yes'}]);
  const run = await project.run(['protect', 'remove', 'orders', '--apply', '--yes']);
  expect(run).toMatchObject({code: 0});
  expect(run.stdout).toContain('Opens again to tokens of ended sessions and revoked users');
  expect(run.stdout).toContain('update: only within 5 minutes after the sign-in');
  expect(run.stdout).toContain('Your own policies that use supasession stay: mine');
  expect(run.stderr).toContain('No longer protected: public.orders.');
  expect(await policies()).toEqual(['orders: mine']);
  const again = await project.run(['protect', 'remove', 'orders', '--apply']);
  expect(again.stderr).toContain('Nothing to do for public.orders: not protected.');
  expect(await files()).toHaveLength(2);
});

test('what is pending in the files counts: a removal goes after it', async () => {
  await project.run(['protect', 'add', 'orders', '--no-apply']);
  const run = await project.run(['protect', 'remove', 'orders', '--no-apply']);
  expect(run.stdout).toContain('only in the migrations');
  await project.supabase('migration', 'up');
  expect(await policies()).toEqual([]);
  // And a policy that somebody dropped by hand is made again by a file of its own.
  await project.run(['protect', 'add', 'orders', '--apply']);
  await sql('drop policy supasession_access on orders');
  await project.run(['protect', 'add', 'orders', '--apply']);
  expect(await policies()).toEqual(['orders: supasession_access']);
  expect(await files()).toHaveLength(4);
});

describe('list', () => {
  test('shows what is protected, and what the Data API reaches besides', async () => {
    await project.configure((toml) => toml.replace(/^schemas = .*$/m, 'schemas = ["public", "app"]'));
    await sql(`create schema app; create table app.a (); create table app.b (); create schema hidden; create table hidden.h ();
      grant usage on schema app, hidden to anon; grant select on app.a, hidden.h to anon;
      create policy mine on "Order ""Items""" for select using ((select supasession.is_live()));
      create table off (); alter table off enable row level security`);
    await project.run(['protect', 'add', 'orders', 'off', '--apply']);
    await sql('alter table off disable row level security');
    const run = await project.run(['protect', 'list']);
    expect(run).toMatchObject({code: 0});
    expect(run.stdout).toContain('public.off (row level security is off: its policies have no effect)');
    expect(run.stdout).toMatch(/public\."Order ""Items"""\n {4}mine +your own, for select/);
    expect(run.stdout).toContain(
      'Not protected: 1 table that anon or authenticated can reach (Data API schemas: public, app)\n  app.a\n',
    );
    const list = (await project.run(['protect', 'list', '--json'])).json as ProtectListResult;
    expect(list.protected.map(({table, rls}) => [table, rls])).toEqual([
      ['public."Order ""Items"""', true],
      ['public.off', false],
      ['public.orders', true],
    ]);
    expect(list.protected[2]!.policies).toEqual([
      {name: 'supasession_access', command: 'all', maxAge: null, ours: true, edited: false},
    ]);
    expect(list.unprotected).toEqual({count: 1, tables: ['app.a']});
  });

  test('names 20 tables at most, and believes what the database tells PostgREST', async () => {
    await sql(`do $$ begin for n in 10..34 loop execute format('create table t%s ()', n); end loop; end $$`);
    const run = await project.run(['protect', 'list']);
    expect(run.stdout).toContain('Not protected: 27 tables');
    expect(run.stdout).toContain('  and 7 more\n');
    const admin = await server.connect('supabase_admin');
    await admin.query("alter role authenticator in database postgres set pgrst.db_schemas = 'other, more'");
    const list = (await project.run(['protect', 'list', '--json'])).json;
    expect(list).toMatchObject({schemas: ['other', 'more'], unprotected: {count: 0, tables: []}});
  });
});

describe('is refused before anything is written', () => {
  test.each([
    ['gone', 'missing', 'There is no table public.gone in this database.', []],
    ['Orders', 'missing', 'There is no table public.Orders in this database.', ['Did you mean public.orders?']],
    [
      'a_view',
      'kind',
      'public.a_view is a view, which cannot have policies.',
      [expect.stringContaining('security_invoker')],
    ],
    [
      'auth.users',
      'schema',
      'supasession does not manage policies on auth.users.',
      ['It can protect these tables of Supabase: storage.objects, storage.buckets, realtime.messages'],
    ],
    [
      'theirs',
      'owner',
      'public.theirs belongs to role supabase_admin, and only the owner may create policies.',
      ['Connect as supabase_admin'],
    ],
    [
      'open',
      'rls',
      'Row level security is off on public.open: its policies would have no effect.',
      [
        'alter table "public"."open" enable row level security;',
        expect.stringContaining('without any, nobody reaches the table'),
      ],
    ],
  ])('%s: %s', async (table, reason, message, suggestions) => {
    await sql('create view a_view as select 1; create table open ()');
    await (await server.connect('supabase_admin')).query('create table public.theirs ()');
    const {code, error} = await failure(project, ['protect', 'add', 'orders', table, '--apply']);
    expect([code, error.code, error.message, error.suggestions]).toEqual([1, 'TABLE_UNFIT', message, suggestions]);
    expect(error.details).toMatchObject({reason});
    expect(await files()).toEqual([]);
    expect(await policies()).toEqual([]);
  });

  test('what is no span of time, and no table at all', async () => {
    const span = await failure(project, ['protect', 'add', 'orders', '--max-age', '5', '--apply']);
    expect([span.code, span.error.code]).toEqual([2, 'SETTING_INVALID']);
    for (const args of [[], ['"a']])
      expect((await failure(project, ['protect', 'add', ...args, '--apply'])).error.code).toBe('USAGE');
  });
});

test('a table that somebody holds is named as such, and the written file is applied by the next run', async () => {
  const holder = await server.connect();
  await holder.query('begin; select * from orders');
  // Not `failure`: the first run writes a file, and applying it twice at once would be another test.
  const run = await project.run(['protect', 'add', 'orders', '--apply', '--json']);
  expect([run.code, run.json]).toMatchObject([
    1,
    {error: {code: 'LOCK_TIMEOUT', details: {written: [expect.stringMatching(FILE)], applied: false}}},
  ]);
  expect(run.stdout).toContain('Run the command again at a quiet time');
  await holder.query('rollback');
  const again = await project.run(['protect', 'add', 'orders', '--apply', '--json']);
  expect(again.json).toMatchObject({files: [{written: false}], applied: true});
  expect(await policies()).toEqual(['orders: supasession_access']);
});

test('elsewhere it warns of the locks and wants the name of the host; --dry-run changes nothing', async () => {
  const args = ['protect', 'add', 'orders', '--db-url', server.url(), '--apply'];
  const dry = await project.run([...args, '--dry-run']);
  expect(dry.stdout).toContain('Warning: on hosted projects a policy change locks all tables of Auth');
  expect(dry.stderr).toMatch(/Would write supabase\/migrations\/\d{14}_supasession_protect_public_orders\.sql\./);
  const refused = await failure(project, [...args, '--yes']);
  expect([refused.code, refused.error.details]).toEqual([2, {flag: '--confirm 127.0.0.1'}]);
  expect(await files()).toEqual([]);
  expect(await project.run([...args, '--confirm', '127.0.0.1'])).toMatchObject({code: 0});
  expect(await policies()).toEqual(['orders: supasession_access']);
});

test('in a terminal add asks whether to apply it, and remove whether to open it', async () => {
  const add = openTerminal(['protect', 'add', 'orders'], {cwd: project.root});
  await add.see(/supasession_access[^]*Apply it now\? \(Y\/n\)/);
  add.type(KEYS.enter);
  expect(await add.code).toBe(0);
  const remove = openTerminal(['protect', 'remove', 'orders', '--apply'], {cwd: project.root});
  await remove.see(/Opens again[^]*Remove these policies\? \(y\/N\)/);
  remove.type(KEYS.enter);
  expect(await remove.code).toBe(4);
  expect(await policies()).toEqual(['orders: supasession_access']);
  expect(await files()).toHaveLength(1);
});
