import type {UninstallResult} from '../../src/features/install/uninstall-command.js';
import {createUser, liveSessions, run, signInPassword} from '../helpers/auth.js';
import {failure} from '../helpers/failures.js';
import {writeRecord} from '../helpers/install.js';
import {Kept} from '../helpers/kept.js';
import {createProject, type TestProject} from '../helpers/project.js';
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
    const init = ['init', '--apply', '--enable', '--save', '--max', '1', '--strategy', 'dequeue'];
    expect(await project.run(init)).toMatchObject({code: 0});
  });
});
afterEach(async () => project.remove());
afterAll(async () => server.stop());

const UNINSTALL = /^\d{14}_supasession_uninstall\.sql$/;

async function ours(): Promise<number> {
  const client = await server.connect();
  const {rowCount} = await client.query(
    "select from pg_namespace where nspname = 'supasession' union all select from pg_trigger where tgname ~ 'supasession'",
  );
  return rowCount ?? 0;
}

async function sql(text: string): Promise<void> {
  await (await server.connect()).query(text);
}

/** How many sessions of a user are left of three sign-ins. */
async function ofThree(): Promise<number> {
  const client = await server.connect();
  const auth = await server.connect('supabase_auth_admin');
  const {userId, email} = await createUser(client);
  for (let n = 0; n < 3; n += 1) await run(auth, signInPassword(email));
  return (await liveSessions(client, userId)).length;
}

test('takes everything out by a migration, keeps users and sessions, and init brings it back', async () => {
  expect(await ofThree()).toBe(1);
  const dry = await project.run(['uninstall', '--dry-run']);
  expect(dry).toMatchObject({code: 0});
  expect(dry.stdout).toContain('Stays   users, sessions, and everything else in Auth\n');
  expect(dry.stderr).toMatch(
    /Would write supabase\/migrations\/\d{14}_supasession_uninstall\.sql\.\nDry run: nothing was changed\.\n$/,
  );
  expect(await project.migrations()).toHaveLength(1);

  const result = await project.run(['uninstall', '--apply', '--yes', '--json']);
  expect(result).toMatchObject({code: 0});
  const [, file] = await project.migrations();
  expect(file).toMatch(UNINSTALL);
  expect(result.json).toEqual({
    target: {
      kind: 'local',
      host: '127.0.0.1',
      port: server.port,
      database: 'postgres',
      projectRef: null,
      otherProject: false,
    },
    ...{
      installed: true,
      dependents: [],
      unwired: [],
      files: [{file: file!, written: true, declared: []}],
      applied: true,
      dryRun: false,
    },
  } satisfies UninstallResult);
  expect(await ours()).toBe(0);
  expect(await ofThree()).toBe(3);

  const again = await project.run(['uninstall']);
  expect(again).toMatchObject({code: 0});
  expect(again.stderr).toContain('Nothing to do: neither this database nor the migrations have supasession.\n');

  const init = ['init', '--apply', '--enable', '--max', '2', '--strategy', 'dequeue'];
  expect(await project.run(init)).toMatchObject({code: 0});
  expect(await project.migrations()).toHaveLength(3);
  expect(await ofThree()).toBe(2);
});

test('asks, and without a terminal wants --yes; --no-apply only writes, once', async () => {
  const {code, error} = await failure(project, ['uninstall', '--apply']);
  expect({code, error: error.code}).toEqual({code: 2, error: 'ANSWER_REQUIRED'});
  expect(await project.migrations()).toHaveLength(1);

  for (let n = 0; n < 2; n += 1) {
    expect(await project.run(['uninstall', '--no-apply', '--yes'])).toMatchObject({code: 0});
    expect(await project.migrations()).toHaveLength(2);
  }
  expect(await ours()).toBeGreaterThan(0);
  expect(await project.run(['uninstall', '--apply', '--yes'])).toMatchObject({code: 0});
  expect(await project.migrations()).toHaveLength(2);
  expect(await ours()).toBe(0);
});

describe('where the project uses it', () => {
  beforeEach(async () =>
    sql(`create table public.notes (id int); alter table public.notes enable row level security;
      create policy "live only" on public.notes as restrictive to authenticated using ((select supasession.has_access()));
      create function public.mine() returns boolean language plpgsql as 'begin return supasession.is_live(); end'`),
  );

  test('it refuses, says what each is and what goes on without it, and writes nothing', async () => {
    const {code, error, stderr} = await failure(project, ['uninstall', '--apply', '--yes']);
    expect({code, error}).toEqual({
      code: 1,
      error: {
        code: 'STILL_USED',
        message: '2 objects of the project use supasession. Nothing was changed.',
        suggestions: ['Change or drop them yourself, or: supasession uninstall --drop-dependents'],
        details: {
          dependents: [
            {kind: 'function', name: 'public.mine()'},
            {kind: 'policy', name: '"live only" on public.notes'},
          ],
        },
      },
    });
    expect(stderr).not.toContain('Wrote');
    const shown = await project.run(['uninstall', '--dry-run']);
    expect(shown.stdout).toContain(
      'policy "live only" on public.notes\n      without it: ended sessions reach these rows again, until their access tokens expire\n',
    );
    expect(await project.migrations()).toHaveLength(1);
  });

  test('--drop-dependents drops each by a migration of its own, before ours', async () => {
    const result = await project.run(['uninstall', '--drop-dependents', '--apply', '--yes']);
    expect(result).toMatchObject({code: 0});
    const files = (await project.migrations()).slice(1);
    expect(files.map((file) => file.slice(15))).toEqual([
      'supasession_uninstall_function_public_mine.sql',
      'supasession_uninstall_policy_live_only_on_public_notes.sql',
      'supasession_uninstall.sql',
    ]);
    expect(await project.migration(files[1]!)).toContain('drop policy if exists "live only" on public.notes;\n');
    expect(await ours()).toBe(0);
    const client = await server.connect();
    const left = await client.query("select from pg_policies union all select from pg_proc where proname = 'mine'");
    expect(left.rowCount).toBe(0);
  });

  test('the migration refuses too, where it reaches a database whose project uses it', async () => {
    await sql('drop policy "live only" on public.notes; drop function public.mine()');
    expect(await project.run(['uninstall', '--no-apply', '--yes'])).toMatchObject({code: 0});
    await sql('create view public.devices as select * from supasession.my_sessions()');
    await expect(project.supabase('migration', 'up')).rejects.toThrow(
      'supasession is still used by: view public.devices',
    );
    expect(await ours()).toBeGreaterThan(0);
  });
});

test('a hook and a schema that are wired are taken out of config.toml first, and it waits until they are', async () => {
  const original = await project.read('supabase/config.toml');
  expect(await project.run(['hook', 'enable', '--apply', '--yes'])).toMatchObject({code: 0});
  expect(await project.run(['api', 'enable', '--yes'])).toMatchObject({code: 0});
  expect(await project.read('supabase/config.toml')).not.toBe(original);

  const first = await project.run(['uninstall', '--apply', '--yes', '--json']);
  expect(first).toMatchObject({code: 0});
  expect(first.json).toMatchObject({unwired: ['config.toml', 'config.toml'], applied: false});
  expect(first.stderr).toContain('npx supabase stop && npx supabase start\n  supasession uninstall --apply\n');
  expect(first.stderr).not.toContain('supabase migration up');
  expect(await project.read('supabase/config.toml')).toBe(original);
  expect(await ours()).toBeGreaterThan(0);

  const second = await project.run(['uninstall', '--apply', '--yes', '--json']);
  expect(second.json).toMatchObject({unwired: [], applied: true});
  expect(await ours()).toBe(0);
});

test('on a target whose Auth cannot be seen it asks whether that is unwired', async () => {
  const target = [
    '--db-url',
    `postgresql://postgres:postgres@127.0.0.1:${server.port}/postgres`,
    '--confirm',
    '127.0.0.1',
  ];
  const {code, error} = await failure(project, ['uninstall', '--apply', ...target]);
  expect({code, error: error.code}).toEqual({code: 2, error: 'ANSWER_REQUIRED'});
  expect(error.message).toContain('--unwired');
  expect(await project.run(['uninstall', '--apply', '--unwired', ...target])).toMatchObject({code: 0});
  expect(await ours()).toBe(0);
});

test('an installation whose release is not known is sent to upgrade first; one that was run by hand goes', async () => {
  await writeRecord(await server.connect(), null);
  const {code, error} = await failure(project, ['uninstall', '--apply', '--yes']);
  expect({code, error: error.code, next: error.suggestions[0]}).toEqual({
    code: 1,
    error: 'NOT_INSTALLED',
    next: 'supasession upgrade',
  });
  await writeRecord(await server.connect(), 'supasession 1.0.0');
  expect(await project.run(['uninstall', '--apply', '--yes'])).toMatchObject({code: 0});
  expect(await ours()).toBe(0);
});
