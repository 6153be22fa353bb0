import type {Finding} from '../../src/features/doctor/finding.js';
import {declaredFiles, generate, planSync} from '../helpers/pg-delta.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';

let server: TestServer;
let shadow: TestServer;
let project: TestProject;

const NOTES = `create table public.notes (id int primary key, body text);
alter table public.notes enable row level security;
create function public.my_hook(event jsonb) returns jsonb language sql as 'select event';
grant execute on function public.my_hook(jsonb) to supabase_auth_admin;
create function public.before() returns void language sql as '';
`;
const OURS = 'supabase/schemas/00_supasession.sql';
const POLICIES = 'supabase/schemas/zz_supasession_protect.sql';

beforeAll(async () => {
  [server, shadow] = await Promise.all([startServer(), startServer({fresh: true})]);
});
beforeEach(async () => {
  project = await createProject({port: server.port});
  await project.addMigration('20240101000000_notes.sql', NOTES);
  // The table and what belongs to it apart, as pg-delta loads file by file.
  await project.write('supabase/schemas/notes.sql', NOTES);
  await done('init', '--apply', '--no-enable', '--yes', '--include-pending');
});
afterEach(async () => {
  await asSuperuser('alter role authenticator reset pgrst.db_pre_request');
  await project.remove();
  await server.reset();
});
afterAll(async () => Promise.all([server.stop(), shadow.stop()]));

async function asSuperuser(sql: string): Promise<void> {
  await (await server.connect('supabase_admin')).query(sql);
}

async function done(...args: string[]): Promise<void> {
  expect(await project.run(args)).toMatchObject({code: 0});
}

async function plan(): Promise<string[]> {
  return planSync(project, server, shadow);
}

/** Several runs of the real supabase CLI, and two databases read by pg-delta: in milliseconds. */
const LONG = 180_000;

/** What doctor finds wrong about declared files and the project's own migrations. */
async function wrong(): Promise<Array<Pick<Finding, 'detail' | 'fix' | 'severity'>>> {
  const {findings} = (await project.run(['doctor', '--json'])).json as {findings: Finding[]};
  return findings
    .filter(({check, ok}) => !ok && (check === 'declared schema' || check === "the project's later migrations"))
    .map(({severity, detail, fix}) => ({severity, detail, fix}));
}

test(
  'what the commands write leaves "declarative sync" nothing to do',
  async () => {
    expect(await declaredFiles(project)).toEqual(['00_supasession.sql', 'notes.sql']);
    expect(await plan()).toEqual([]);
    expect(await wrong()).toEqual([]);

    await done('protect', 'add', 'public.notes', '--apply', '--yes');
    expect(await declaredFiles(project)).toEqual(['00_supasession.sql', 'notes.sql', 'zz_supasession_protect.sql']);
    expect(await plan()).toEqual([]);

    await done('config', '--max', '2', '--enable', '--save', '--yes');
    expect(await plan()).toEqual([]);

    await done('protect', 'remove', 'public.notes', '--apply', '--yes');
    expect(await declaredFiles(project)).toEqual(['00_supasession.sql', 'notes.sql']);
    expect(await plan()).toEqual([]);
  },
  LONG,
);

test(
  "nor do guard and hook, which change functions where the project has its own, and a role's rights",
  async () => {
    await asSuperuser('create role reporting nologin; grant reporting to authenticator');
    try {
      await project.addMigration(
        '20240102000000_before.sql',
        "alter role authenticator set pgrst.db_pre_request = 'public.before';",
      );
      await done('guard', 'enable', '--apply', '--yes', '--include-pending');
      await done('hook', 'enable', '--next-hook', 'public.my_hook', '--apply', '--yes');
      // Roles belong to a whole server; the CLI's second one has those of supabase/roles.sql as well.
      await (
        await shadow.connect('supabase_admin')
      ).query('create role reporting nologin; grant reporting to authenticator');
      expect(await plan()).toEqual([]);

      await done('guard', 'disable', '--apply', '--yes');
      expect(await plan()).toEqual([]);
    } finally {
      await server.reset();
      await shadow.reset();
      for (const one of [server, shadow]) await (await one.connect('supabase_admin')).query('drop role reporting');
    }
  },
  LONG,
);

test(
  'without the files it would drop everything: doctor finds them missing, and the migration that does it',
  async () => {
    await done('protect', 'add', 'public.notes', '--apply', '--yes');
    const declared = [await project.read(OURS), await project.read(POLICIES)];
    await project.write(OURS, '');
    await project.write(POLICIES, '');
    const drops = await plan();
    expect(drops.length).toBeGreaterThan(60);
    expect(drops).toContain('DROP POLICY "supasession_access" ON "public"."notes"');
    expect(drops).toContain('DROP TRIGGER "supasession_interceptor" ON "auth"."sessions"');
    expect(await wrong()).toEqual([
      {severity: 'error', detail: expect.stringContaining(`${OURS} is missing`), fix: 'supasession init'},
      {severity: 'error', detail: expect.stringContaining(`${POLICIES} is missing`), fix: 'supasession init'},
    ]);

    const sync = 'supabase/migrations/20990101000000_declarative_sync.sql';
    await project.write(sync, drops.map((statement) => `${statement};\n`).join('\n'));
    expect((await wrong())[0]).toEqual({
      severity: 'error',
      detail: expect.stringMatching(/declarative_sync\.sql is not applied yet and drops \d\d objects of supasession: /),
      fix: `Delete ${sync}\nsupasession init\nnpx supabase db schema declarative sync`,
    });

    await done('init', '--no-apply', '--no-enable', '--yes');
    expect([await project.read(OURS), await project.read(POLICIES)]).toEqual(declared);
    expect(await plan()).toEqual([]);
  },
  LONG,
);

test(
  'after "declarative generate" init replaces what was exported of supasession, and nothing else',
  async () => {
    await done('protect', 'add', 'public.notes', '--apply', '--yes');
    await asSuperuser(`create trigger mine before update on auth.sessions for each row execute function suppress_redundant_updates_trigger();
    create policy mine on public.notes using ((select supasession.is_live()))`);
    await generate(project, server);
    const exported = await declaredFiles(project);
    expect(exported.length).toBeGreaterThan(60);
    expect(await wrong()).toMatchObject([
      {
        severity: 'warning',
        detail: expect.stringMatching(
          /"supabase db schema declarative generate" exported supasession to .* and \d\d more: /,
        ),
      },
    ]);
    // The project has its own table twice now; that is not ours to put right.
    await project.write('supabase/schemas/notes.sql', '');

    await done('init', '--no-apply', '--no-enable', '--yes');
    const left = await declaredFiles(project);
    expect(left).toContain('00_supasession.sql');
    expect(left.filter((name) => name.includes('supasession/'))).toEqual([]);
    const sessions = await project.read(
      `supabase/schemas/${left.find((name) => name.endsWith('auth/tables/sessions.sql'))!}`,
    );
    expect(sessions.match(/CREATE TRIGGER \S+/g)).toEqual(['CREATE TRIGGER mine']);
    const notes = await project.read(
      `supabase/schemas/${left.find((name) => name.endsWith('public/tables/notes.sql'))!}`,
    );
    expect(notes.match(/CREATE POLICY \S+/g)).toEqual(['CREATE POLICY "mine"']);
    expect(await plan()).toEqual([]);
    expect(await wrong()).toEqual([]);
  },
  LONG,
);

test(
  'uninstall takes out what is declared, and a dry run names it',
  async () => {
    const dry = await project.run(['uninstall', '--dry-run', '--yes']);
    expect(dry.stderr).toContain(`Would remove ${OURS} (declared schema).`);
    await generate(project, server);
    await project.write('supabase/schemas/notes.sql', '');
    const uninstalled = await project.run(['uninstall', '--apply', '--yes']);
    expect(uninstalled).toMatchObject({code: 0});
    expect(uninstalled.stderr).toMatch(/Removed \d\d files of supasession, from supabase\/schemas\//);
    expect((await declaredFiles(project)).filter((name) => name.includes('supasession'))).toEqual([]);
    expect(await plan()).toEqual([]);
    expect(await wrong()).toEqual([]);
  },
  LONG,
);
