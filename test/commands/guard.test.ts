import type {GuardResult} from '../../src/features/guard/command.js';
import {createSessions, createUser} from '../helpers/auth.js';
import {ask, claimsOf} from '../helpers/data-api.js';
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
  await asSuperuser('grant set on parameter pgrst.db_pre_request to postgres');
  await kept.or(server, project, async () => {
    expect(await project.run(['init', '--apply', '--no-enable', '--yes'])).toMatchObject({code: 0});
  });
});
afterEach(async () => {
  await asSuperuser('alter role authenticator reset pgrst.db_pre_request');
  await project.remove();
});
afterAll(async () => server.stop());

async function asSuperuser(sql: string): Promise<void> {
  await (await server.connect('supabase_admin')).query(sql);
}

/** What PostgREST is configured to call. */
async function configured(): Promise<string | null> {
  const client = await server.connect();
  const {rows} = await client.query<{value: string | null}>('select supasession._configured_pre_request() as value');
  return rows[0]!.value;
}

const GUARD = 'supasession.check_request';
const FILE = /^\d{14}_supasession_guard\.sql$/;

async function guardFiles(): Promise<string[]> {
  return (await project.migrations()).filter((file) => FILE.test(file));
}

test('enable says what changes, and from then on the token of an ended session is refused', async () => {
  const run = await project.run(['guard', 'enable', '--apply']);
  expect(run).toMatchObject({code: 0});
  expect(run.stdout).toContain('before every request, PostgREST calls supasession.check_request()');
  expect(run.stdout).toContain('Own function  none');
  expect(run.stdout).toContain('anon, authenticated, service_role: may call it');
  expect(run.stdout).toContain('401 (PT401 "Session has ended") at once');
  expect(run.stdout).toContain('Storage, Realtime and Edge Functions');
  expect(run.stderr).toContain('The guard is ON.');
  expect(run.stderr).toContain('Undo: supasession guard disable --apply');
  const [file] = await guardFiles();
  expect(await project.migration(file!)).toMatch(
    /^-- supasession guard\n[^]*\n\nselect supasession\.enable_guard\(\);\n$/,
  );

  const client = await server.connect();
  const {userId} = await createUser(client);
  const [session] = await createSessions(client, [userId], 1);
  const api = await server.connect('authenticator');
  const {rows} = await api.query<{value: string}>("select current_setting('pgrst.db_pre_request') as value");
  const request = {claims: claimsOf(session!), preRequest: rows[0]!.value};
  expect(await ask(api, request, 'select 1 as one')).toEqual([{one: 1}]);
  await client.query('delete from auth.sessions');
  await expect(ask(api, request, 'select 1 as one')).rejects.toMatchObject({code: 'PT401'});
});

test('a pre-request function of the project is kept, called after it, and comes back', async () => {
  await asSuperuser(`create schema app; create function app.before() returns void language sql as '';
    alter role authenticator set pgrst.db_pre_request = 'app.before'`);
  const enabled = (await project.run(['guard', 'enable', '--apply', '--json'])).json as GuardResult;
  expect(enabled).toEqual({
    target: {
      kind: 'local',
      host: '127.0.0.1',
      port: server.port,
      database: 'postgres',
      projectRef: null,
      otherProject: false,
    },
    guard: 'enabled',
    chained: 'app.before',
    roles: ['anon', 'authenticated', 'service_role'],
    files: [{file: expect.stringMatching(FILE), written: true, declared: []}],
    applied: true,
    dryRun: false,
  });
  expect(await configured()).toBe(GUARD);
  expect((await (await server.connect()).query('select * from supasession._pre_request()')).rows).toMatchObject([
    {schema_name: 'app', function_name: 'before', missing: false},
  ]);

  const disabled = await project.run(['guard', 'disable', '--apply', '--yes']);
  expect(disabled.stdout).toContain('PostgREST calls app.before() again');
  expect(disabled.stdout).toContain('tokens of ended sessions pass until they expire, up to 1 hour');
  expect(disabled.stderr).toContain('The guard is OFF.');
  expect(await configured()).toBe('app.before');
});

test('what is so already is said, and nothing is written', async () => {
  const before = await project.migrations();
  const off = await project.run(['guard', 'disable', '--apply']);
  expect([off.code, off.stdout]).toEqual([0, '']);
  expect(off.stderr).toContain('Nothing to do: the guard is already disabled.');
  expect(await project.migrations()).toEqual(before);

  await project.run(['guard', 'enable', '--apply']);
  const files = await guardFiles();
  const on = await project.run(['guard', 'enable', '--apply', '--json']);
  expect(on.json).toMatchObject({guard: 'enabled', files: [], applied: false});
  expect(on.stderr).toContain('Nothing to do: the guard is already enabled.');
  expect(await guardFiles()).toEqual(files);
});

describe('the newest file wins', () => {
  test('a disable written while an enable is pending is applied after it', async () => {
    await project.run(['guard', 'enable', '--no-apply']);
    expect(await configured()).toBeNull();
    // The target is like this already, but the files are not.
    const disabled = await project.run(['guard', 'disable', '--no-apply', '--json']);
    expect(disabled.json).toMatchObject({guard: 'disabled', files: [{written: true}], applied: false});
    await project.supabase('migration', 'up');
    expect(await configured()).toBeNull();
    expect(await guardFiles()).toHaveLength(2);
  });

  test('an enable that is pending is not written twice, and applied', async () => {
    await project.run(['guard', 'enable', '--no-apply']);
    const run = await project.run(['guard', 'enable', '--apply', '--json']);
    expect(run.json).toMatchObject({guard: 'enabled', files: [{written: false}], applied: true});
    expect(await guardFiles()).toHaveLength(1);
  });

  test('one that the target has had, and that something else undid, is written again', async () => {
    await project.run(['guard', 'enable', '--apply']);
    await asSuperuser('alter role authenticator reset pgrst.db_pre_request');
    const run = await project.run(['guard', 'enable', '--apply', '--json']);
    expect(run.json).toMatchObject({guard: 'enabled', files: [{written: true}], applied: true});
    expect(await configured()).toBe(GUARD);
    expect(await guardFiles()).toHaveLength(2);
  });

  test('the files alone bring a new database to the same', async () => {
    await project.run(['guard', 'enable', '--apply']);
    await project.run(['guard', 'disable', '--apply', '--yes']);
    await project.run(['guard', 'enable', '--apply']);
    await server.reset();
    await asSuperuser(
      'alter role authenticator reset pgrst.db_pre_request; grant set on parameter pgrst.db_pre_request to postgres',
    );
    await project.supabase('migration', 'up');
    expect(await configured()).toBe(GUARD);
    expect(await guardFiles()).toHaveLength(3);
  });
});

test('--dry-run shows it, tries the right, and changes nothing', async () => {
  const before = await project.migrations();
  const run = await project.run(['guard', 'enable', '--apply', '--dry-run']);
  expect(run).toMatchObject({code: 0});
  expect(run.stderr).toMatch(/Would write supabase\/migrations\/\d{14}_supasession_guard\.sql\./);
  expect(run.stderr).toContain('Dry run: nothing was changed.');
  expect(await project.migrations()).toEqual(before);
  expect(await configured()).toBeNull();
});

describe('is refused before anything is written', () => {
  test('where the role may not set it, with what to configure instead', async () => {
    await asSuperuser(`revoke set on parameter pgrst.db_pre_request from postgres;
      create schema app; create function app."it's"() returns void language sql as '';
      alter role authenticator set pgrst.db_pre_request = 'app.it''s'`);
    const before = await project.migrations();
    for (const args of [['--no-apply'], ['--apply', '--dry-run']]) {
      const {code, error} = await failure(project, ['guard', 'enable', ...args]);
      expect([code, error.code]).toEqual([1, 'PERMISSION_DENIED']);
      expect(error.message).toContain("may not set PostgREST's pre-request function");
      expect(error.suggestions).toEqual([
        "Keep app.it's: select supasession._chain('pre_request', 'app', 'it''s');",
        'Self-hosted: set PGRST_DB_PRE_REQUEST=supasession.check_request for PostgREST, and restart it',
        'Or connect as a superuser, with --db-url',
      ]);
    }

    expect(await project.migrations()).toEqual(before);
    await asSuperuser('select supasession.enable_guard()');
    const off = await failure(project, ['guard', 'disable', '--no-apply']);
    expect([off.error.code, off.error.suggestions[0]]).toEqual([
      'PERMISSION_DENIED',
      "Self-hosted: set PGRST_DB_PRE_REQUEST=app.it's for PostgREST, and restart it",
    ]);
  });

  test('where the present function is not there', async () => {
    await asSuperuser("alter role authenticator set pgrst.db_pre_request = 'app.gone'");
    const {code, error} = await failure(project, ['guard', 'enable', '--apply']);
    expect([code, error.code]).toEqual([1, 'DATABASE_ERROR']);
    expect(error.message).toContain('app.gone');
    expect(error.suggestions[0]).toContain('Set pgrst.db_pre_request to schema.function');
    expect(await guardFiles()).toEqual([]);
  });

  test('where ours is not installed, in the database or in the project', async () => {
    const other = await createProject({port: server.port});
    expect((await failure(other, ['guard', 'enable', '--apply'])).error).toMatchObject({
      code: 'NOT_INSTALLED',
      suggestions: ['supasession init'],
    });
    await other.remove();
    await (await server.connect()).query('drop schema supasession cascade');
    expect((await failure(project, ['guard', 'enable', '--apply'])).error).toMatchObject({
      code: 'NOT_INSTALLED',
      suggestions: ['supasession init --apply'],
    });
  });
});

test('elsewhere it wants the name of the host, unless only a file is written', async () => {
  const url = ['--db-url', server.url()];
  const refused = await failure(project, ['guard', 'enable', ...url, '--apply', '--yes']);
  expect([refused.code, refused.error.details]).toEqual([2, {flag: '--confirm 127.0.0.1'}]);
  expect(await guardFiles()).toEqual([]);
  const run = await project.run(['guard', 'enable', ...url, '--apply', '--confirm', '127.0.0.1']);
  expect(run).toMatchObject({code: 0});
  expect(run.stderr).toContain('Undo: supasession guard disable --db-url <url> --apply');
  expect(await configured()).toBe(GUARD);
  expect(await project.run(['guard', 'disable', ...url, '--no-apply'])).toMatchObject({code: 0});
  expect(await configured()).toBe(GUARD);
});

test('in a terminal it asks whether to apply it, and before it opens something', async () => {
  const enable = openTerminal(['guard', 'enable'], {cwd: project.root});
  await enable.see(/Not covered +Storage[^]*Apply it now\? \(Y\/n\)/);
  enable.type(KEYS.enter);
  await enable.see(/The guard is ON\./);
  expect(await enable.code).toBe(0);

  const declined = openTerminal(['guard', 'disable'], {cwd: project.root});
  await declined.see(/Apply it now\? \(Y\/n\)/);
  declined.type(KEYS.enter);
  await declined.see(/Switch the guard off\? \(y\/N\)/);
  declined.type(KEYS.enter);
  expect(await declined.code).toBe(4);
  expect(await guardFiles()).toHaveLength(1);
  expect(await configured()).toBe(GUARD);
});
