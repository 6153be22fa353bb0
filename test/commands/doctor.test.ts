import type {DoctorResult} from '../../src/commands/doctor.js';
import type {FindingJson} from '../../src/features/doctor/finding.js';
import {migrationText, shippedSql} from '../../src/features/install/migration.js';
import {readInstallation, readSql} from '../../src/database/sql.js';
import type {Settings} from '../../src/types.js';
import {createUser, liveSessions, run, signInPassword} from '../helpers/auth.js';
import {failure} from '../helpers/failures.js';
import {startManagementApi, type ManagementApiStandIn} from '../helpers/management-api.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {KEYS, openTerminal} from '../helpers/pty.js';
import {startServer, type TestServer} from '../helpers/server.js';

// The trouble is made for real, on a server of this file's own: role settings belong to the whole server.

const REF = 'abcdefghijklmnopqrst';
const PASSWORD = 'linked password';

let server: TestServer;
let api: ManagementApiStandIn;
let project: TestProject;

beforeAll(async () => {
  [server, api] = await Promise.all([startServer(), startManagementApi(REF)]);
  await admin(
    `create role "postgres.${REF}" login bypassrls password '${PASSWORD}'; grant postgres to "postgres.${REF}"`,
  );
});
beforeEach(async () => {
  project = await createProject({port: server.port});
});
afterEach(async () => {
  await admin('alter role authenticator reset pgrst.db_pre_request; alter role authenticator reset pgrst.db_schemas');
  await project.remove();
  await server.reset();
  api.reset();
});
afterAll(async () => Promise.all([server.stop(), api.stop()]));

async function sql(role: string, text: string): Promise<void> {
  await (await server.connect(role)).query(text);
}
const postgres = async (text: string) => sql('postgres', text);
const admin = async (text: string) => sql('supabase_admin', text);

const VERSION = '20240101000000';
const FILE = `${VERSION}_supasession.sql`;

/** A project with a limit of two, applied; by hand, which saves two seconds for each test. */
async function installed(settings: Partial<Settings> = {}): Promise<void> {
  const text = migrationText(await shippedSql(), {max_sessions: 2, ...settings});
  await project.addMigration(FILE, text);
  await postgres(text);
  await postgres(`
    create schema supabase_migrations;
    create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
    insert into supabase_migrations.schema_migrations (version, name) values ('${VERSION}', 'supasession')`);
}
const enforcing = async () => installed({enabled: true});

interface Seen {
  code: number | null;
  result: DoctorResult;
  /** Severity and check of what is not right. */
  wrong: string[];
}

async function doctor(args: string[] = [], env: Record<string, string> = {}): Promise<Seen> {
  const {code, json} = await project.run(['doctor', '--json', ...args], env);
  const result = json as DoctorResult;
  const wrong = result.findings.filter(({ok}) => !ok).map(({severity, check}) => `${severity}: ${check}`);
  return {code, result, wrong};
}

function finding({result}: Seen, check: string): FindingJson {
  const found = result.findings.filter((one) => one.check === check);
  expect([check, found.length]).toEqual([check, 1]);
  return found[0]!;
}

/** What the third sign-in of a user leaves of the three. */
async function sessionsAfterThree(): Promise<number> {
  const [client, auth] = [await server.connect(), await server.connect('supabase_auth_admin')];
  const {userId, email} = await createUser(client);
  for (let n = 0; n < 3; n += 1) await run(auth, signInPassword(email));
  return (await liveSessions(client, userId)).length;
}

test('a healthy project, as init makes it, is 0, in one line; --all and --json tell every check', async () => {
  const args = ['init', '--max', '2', '--strategy', 'dequeue', '--enable', '--save', '--apply'];
  expect(await project.run(args)).toMatchObject({code: 0});
  const text = await project.run(['doctor']);
  expect(text.code).toBe(0);
  expect(text.stdout).toMatch(/^\d+ checks passed \(--all shows them\)\.\n$/);
  const {code, result, wrong} = await doctor();
  expect([code, wrong]).toEqual([0, []]);
  expect(result).toMatchObject({
    target: {kind: 'local', port: server.port},
    summary: {passed: result.findings.length, infos: 0, warnings: 0, errors: 0},
    fixed: [],
  });
  for (const {ok, fix, fixable} of result.findings)
    expect({ok, fix, fixable}).toEqual({ok: true, fix: null, fixable: false});
  const all = await project.run(['doctor', '--all']);
  for (const {check} of result.findings) expect(all.stdout).toContain(`  ok       ${check}`);
});

test('every column of our tables is looked at', async () => {
  await enforcing();
  const {rows} = await (
    await server.connect()
  ).query<{relation: string; columns: string[]}>(
    `select attrelid::regclass::text as relation, array_agg(attname::text order by attnum) as columns
    from pg_attribute join pg_class c on c.oid = attrelid
    where relnamespace = 'supasession'::regnamespace and relkind = 'r' and attnum > 0 group by 1`,
  );
  const query = await readSql('queries/health.sql');
  expect(rows.length).toBeGreaterThan(5);
  for (const {relation, columns} of rows) {
    const [, list = '{}'] = new RegExp(`'${relation}', '(\\{[^']*)'`).exec(query) ?? [];
    expect([relation, Object.keys(JSON.parse(list) as object)]).toEqual([relation, columns]);
  }
});

test('notes alone are 0: limits that are off, settings that no migration holds', async () => {
  await installed();
  expect(await doctor()).toMatchObject({code: 0, wrong: ['info: limits']});
  await postgres('update supasession.config set enabled = true where true');
  expect(await doctor()).toMatchObject({code: 0, wrong: ['info: settings as saved']});
});

test('a fresh project: what to type is said, and the exit code is 3', async () => {
  const seen = await doctor();
  expect(seen).toMatchObject({code: 3, wrong: ['error: migration of supasession', 'error: installed']});
  expect(finding(seen, 'migration of supasession').fix).toBe('supasession init');
  expect(await project.run(['doctor'])).toMatchObject({
    code: 3,
    stdout: expect.stringContaining('→ supasession init --apply'),
  });
});

test('a database that is not reached is a finding; those of the files come all the same', async () => {
  await enforcing();
  await project.configure((toml) =>
    toml.replace('jwt_expiry = 3600', 'jwt_expiry = 60').replace(`port = ${server.port}`, 'port = 1'),
  );
  const seen = await doctor(['--fix', '--yes']);
  expect(seen).toMatchObject({code: 3, wrong: ['warning: jwt_expiry', 'error: reachable'], result: {fixed: []}});
  expect(finding(seen, 'reachable')).toMatchObject({
    detail: expect.stringContaining('Nothing is listening on 127.0.0.1:1.'),
    fixable: false,
  });
  expect(finding(seen, 'newest release').ok).toBe(true);
});

describe('triggers and functions', () => {
  /** As a restored dump leaves it: our schema with everything in it, no trigger on a table of Auth. */
  async function restored(): Promise<void> {
    await enforcing();
    await sql(
      'supabase_auth_admin',
      `do $$ declare t record; begin
        for t in select tgname, tgrelid::regclass as relation from pg_trigger where tgname like 'supasession\\_%' and not tgisinternal loop
          execute format('drop trigger %I on %s', t.tgname, t.relation);
        end loop;
      end $$`,
    );
    // As the database has it, and not as the file chose.
    await postgres('update supasession.config set max_sessions = 1 where true');
  }

  test('missing triggers are restored by --fix, settings stay, and the limit holds again', async () => {
    await restored();
    const seen = await doctor();
    expect(seen.code).toBe(3);
    expect(seen.wrong.filter((check) => check.startsWith('error: trigger supasession_'))).toHaveLength(2);
    expect(finding(seen, 'trigger supasession_interceptor')).toMatchObject({
      fix: 'supasession doctor --fix',
      fixable: true,
    });
    expect(await sessionsAfterThree()).toBe(3);

    const fixed = await doctor(['--fix', '--yes']);
    expect(fixed.wrong).toEqual(['warning: settings as saved', 'warning: users over the limit']);
    expect(fixed.result.fixed).toEqual([
      {repair: 'installation', checks: ['trigger supasession_interceptor', 'trigger supasession_refresh']},
    ]);
    expect(await sessionsAfterThree()).toBe(1);
  });

  test('without an answer nothing is done; on a terminal it is shown and asked', async () => {
    await restored();
    const {code, stderr, stdout} = await project.run(['doctor', '--fix']);
    expect({code, stdout}).toEqual({code: 2, stdout: ''});
    expect(stderr).toContain('Run the SQL of supasession again');
    expect(stderr).toContain('[ANSWER_REQUIRED]');

    const declined = openTerminal(['doctor', '--fix'], {cwd: project.root});
    await declined.see(/for: trigger supasession_interceptor[^]*Apply these fixes\? \(y\/N\)/);
    declined.type(KEYS.enter);
    expect(await declined.code).toBe(4);
    expect((await doctor()).wrong).toContain('error: trigger supasession_interceptor');

    const agreed = openTerminal(['doctor', '--fix'], {cwd: project.root});
    await agreed.see(/Apply these fixes\? \(y\/N\)/);
    agreed.type(`y${KEYS.enter}`);
    await agreed.see(/Done\. What is left:[^]*checks passed/);
    // The settings differ from the file's still.
    expect(await agreed.code).toBe(3);
  });

  test('away from the local database --fix wants the name', async () => {
    await restored();
    const url = ['--db-url', server.url()];
    const refused = await failure(project, ['doctor', '--fix', '--yes', ...url]);
    expect([refused.code, refused.error.code]).toEqual([2, 'ANSWER_REQUIRED']);
    const {result} = await doctor(['--fix', '--confirm', '127.0.0.1', ...url]);
    expect(result.fixed).toHaveLength(1);
  });

  test('what a superuser restores belongs to the owner of the rest', async () => {
    await enforcing();
    await postgres('drop function supasession.sid() cascade');
    const {code} = await doctor(['--fix', '--confirm', '127.0.0.1', '--db-url', server.url('supabase_admin')]);
    expect(code).toBe(0);
    const {rows} = await (
      await server.connect()
    ).query(
      "select distinct proowner::regrole::text as owner from pg_proc where pronamespace = 'supasession'::regnamespace",
    );
    expect(rows).toEqual([{owner: 'postgres'}]);
  });

  test('functions that were changed or dropped by hand are named, and restored', async () => {
    await enforcing();
    await postgres(`
      create or replace function supasession.is_live() returns boolean language sql stable security definer set search_path = pg_catalog, pg_temp as 'select true';
      alter function supasession.my_sessions() security invoker;
      drop function supasession.session_age()`);
    const seen = await doctor();
    expect(seen).toMatchObject({
      code: 3,
      wrong: ['warning: function is_live', 'error: function session_age', 'warning: function my_sessions'],
    });
    expect(await doctor(['--fix', '--yes'])).toMatchObject({code: 0, wrong: []});
  });

  test('a search_path that was taken away, or given to what calls a function of the project, is told, and restored', async () => {
    await enforcing();
    await postgres(`
      create function public.mine(jsonb) returns jsonb language sql as 'select $1';
      grant execute on function public.mine(jsonb) to supabase_auth_admin;
      select supasession._chain('access_token_hook', 'public', 'mine')`);
    expect(await doctor()).toMatchObject({code: 0, wrong: []});
    await postgres(`
      alter function supasession.access_token_hook(jsonb) set search_path = pg_catalog, pg_temp;
      alter function supasession.check_request() reset search_path;
      alter function supasession._limiter() set search_path = public`);
    const seen = await doctor();
    expect(seen).toMatchObject({code: 3, wrong: ['error: search_path']});
    expect(finding(seen, 'search_path').detail).toBe(
      '_limiter has no fixed one; access_token_hook sets one for the function it calls; check_request has no fixed one',
    );
    expect(await doctor(['--fix', '--yes'])).toMatchObject({code: 0, wrong: []});
  });

  test('a table that is gone is made again; a column that is gone, or of another type, is named with its statement', async () => {
    await enforcing();
    await postgres(`
      drop table supasession.pending_ends;
      alter table supasession.config drop column record_events;
      alter table supasession.foreign_deadlines alter column not_after type text using not_after::text;
      alter table supasession.revoked drop column reason`);
    const seen = await doctor();
    expect(seen.code).toBe(3);
    expect(seen.wrong).toEqual(
      expect.arrayContaining(
        ['pending_ends', 'config', 'foreign_deadlines', 'revoked'].map((name) => `error: table supasession.${name}`),
      ),
    );
    expect(finding(seen, 'table supasession.pending_ends')).toMatchObject({fixable: true});
    const byHand = ['foreign_deadlines', 'revoked'].map((name) => finding(seen, `table supasession.${name}`));
    expect(byHand.map(({detail}) => detail)).toEqual([
      'supasession.foreign_deadlines.not_after is of type text',
      'supasession.revoked.reason is missing',
    ]);
    for (const {fix} of byHand) await postgres(fix!);
    expect(await doctor(['--fix', '--yes'])).toMatchObject({code: 0, wrong: []});
  });

  test('a column of Auth that the functions read and that is gone is told, and left to a newer release', async () => {
    await enforcing();
    await sql('supabase_auth_admin', 'alter table auth.users drop column banned_until cascade');
    const seen = await doctor(['--fix', '--yes']);
    expect(seen).toMatchObject({code: 3, result: {fixed: []}});
    expect(finding(seen, 'table auth.users')).toMatchObject({
      severity: 'error',
      detail: 'auth.users.banned_until is missing',
      fix: expect.stringContaining('npm install --save-dev supasession@latest') as string,
    });
  });

  test('a role to which row level security applies is told', async () => {
    await enforcing();
    try {
      await admin('alter role postgres nobypassrls');
      const seen = await doctor(['--db-url', server.url()]);
      expect(finding(seen, 'row level security')).toMatchObject({
        severity: 'error',
        detail:
          'the functions run as role postgres, and row level security hides rows from that role on auth.mfa_factors, auth.sessions, auth.users',
        fix: 'run as a superuser: alter role postgres bypassrls',
      });
    } finally {
      await admin('alter role postgres bypassrls');
    }
    expect(await doctor()).toMatchObject({code: 0, wrong: []});
  });

  test('another release is left to upgrade', async () => {
    const earlier = {
      version: '0.9.0',
      checksum: `sha256:${'0'.repeat(64)}`,
      sql: (await readInstallation()).replaceAll('1.0.0', '0.9.0'),
    };
    await project.addMigration('20240101000000_supasession.sql', migrationText(earlier, {}));
    await project.supabase('migration', 'up');
    const seen = await doctor(['--fix', '--yes']);
    expect(seen).toMatchObject({code: 3, result: {fixed: []}});
    expect(finding(seen, 'newest release')).toMatchObject({ok: false, fix: 'supasession upgrade'});
    expect(await project.run(['upgrade', '--apply'])).toMatchObject({code: 0});
    expect(await doctor()).toMatchObject({code: 0});
  });
});

describe('what is left when our schema is gone', () => {
  beforeEach(async () => {
    await enforcing();
    await project.configure(
      (toml) =>
        `${toml.replace('schemas = ["public", "graphql_public"]', 'schemas = ["public", "supasession"]')}
[auth.hook.custom_access_token]
enabled = true
uri = "pg-functions://postgres/supasession/access_token_hook"
`,
    );
    await admin("alter role authenticator set pgrst.db_pre_request = 'supasession.check_request'");
    expect(await doctor()).toMatchObject({code: 0});
    await postgres('drop schema supasession cascade');
  });

  const REST = [
    'error: hook and its function',
    'error: exposed schemas',
    'error: database matches its history',
    'error: installed',
  ];

  test('everything that fails now is told; --fix takes the setting away, and tells PostgREST', async () => {
    expect(await doctor()).toMatchObject({code: 3, wrong: [...REST, 'error: pre-request setting']});
    const listener = await server.connect('authenticator');
    await listener.query('listen pgrst');
    const told = new Promise<string | undefined>((resolve) =>
      listener.once('notification', ({payload}) => resolve(payload)),
    );
    const fixed = await doctor(['--fix', '--confirm', '127.0.0.1', '--db-url', server.url('supabase_admin')]);
    expect(fixed.result.fixed).toEqual([{repair: 'pre-request', checks: ['pre-request setting']}]);
    expect(await told).toBe('reload config');
    expect((await doctor()).wrong).toEqual(REST);
  });

  test('a role that may not is told so, in words', async () => {
    await admin('revoke set on parameter pgrst.db_pre_request from postgres');
    const {code, error} = await failure(project, ['doctor', '--fix', '--yes']);
    await admin('grant set on parameter pgrst.db_pre_request to postgres');
    expect([code, error.code]).toEqual([1, 'PERMISSION_DENIED']);
    expect(error.message).toMatch(/^Role postgres may not reset pgrst\.db_pre_request of role authenticator/);
  });

  test('what it says to type brings everything back', async () => {
    const {fix} = finding(await doctor(), 'database matches its history');
    const [repair, again] = fix!.split('\n');
    await project.supabase(...repair!.replace('npx supabase ', '').split(' '));
    expect(again).toBe('supasession init --apply');
    expect(await project.run(['init', '--apply', '--no-enable'])).toMatchObject({code: 0});
    expect(await doctor()).toMatchObject({code: 0, wrong: []});
    expect(await sessionsAfterThree()).toBe(2);
  });
});

test("a pre-request function of the project's own that is gone is told, installed or not, and left alone", async () => {
  await admin("alter role authenticator set pgrst.db_pre_request = 'public.theirs'");
  expect((await doctor(['--fix', '--yes'])).wrong).toContain('error: pre-request setting');
  await enforcing();
  const seen = await doctor(['--fix', '--yes']);
  expect(seen).toMatchObject({wrong: ['error: pre-request setting'], result: {fixed: []}});
  await postgres("create function public.theirs() returns void language sql as ''");
  expect(await doctor()).toMatchObject({code: 0});
});

test('refusals that wait for a hook which is not configured are an error', async () => {
  await enforcing();
  await postgres("update supasession.config set strategy = 'reject', reject_in_hook = true where true");
  const seen = await doctor();
  expect(seen.wrong).toContain('error: refusals');
  expect(finding(seen, 'refusals').fix).toBe('supasession hook enable\nOr: supasession config --no-reject-in-hook');
});

describe('migrations', () => {
  test('an edited file, a later one that drops ours, and one of the future are told', async () => {
    await enforcing();
    await project.addMigration(FILE, `${await project.migration(FILE)}-- by hand\n`);
    await project.addMigration('20990101000000_theirs.sql', 'drop trigger supasession_interceptor on auth.sessions;');
    const seen = await doctor();
    expect(seen).toMatchObject({
      code: 3,
      wrong: ['warning: unedited files', 'warning: dates', "error: the project's later migrations"],
    });
    expect(finding(seen, 'unedited files').fix).toBe(`git checkout -- supabase/migrations/${FILE}`);
  });

  test('settings changed since they were saved are told, and config --save mends it', async () => {
    await enforcing();
    await postgres('update supasession.config set max_sessions = 5 where true');
    expect(await doctor()).toMatchObject({code: 3, wrong: ['warning: settings as saved']});
    expect(await project.run(['config', '--save'])).toMatchObject({code: 0});
    expect(await doctor()).toMatchObject({code: 3, wrong: ['warning: applied']});
    await project.supabase('migration', 'up');
    expect(await doctor()).toMatchObject({code: 0});
  });

  test('ours that are written and not applied, and a file that nothing can follow, are told', async () => {
    expect(await project.run(['init', '--no-apply', '--no-enable', '--yes'])).toMatchObject({code: 0});
    expect(await doctor()).toMatchObject({code: 3, wrong: ['error: applied', 'error: installed']});
    await project.addMigration('99999999999999_last.sql', 'select 1;');
    expect((await doctor()).wrong).toContain('error: files');
  });
});

describe('a hosted project', () => {
  const linked = async (args: string[] = [], env: Record<string, string> = {...api.env}) =>
    doctor(['--linked', ...args], {SUPABASE_DB_PASSWORD: PASSWORD, ...env});

  beforeEach(async () => {
    await project.write('supabase/.temp/project-ref', `${REF}\n`);
    await project.write('supabase/.temp/pooler-url', `postgresql://postgres.${REF}@127.0.0.1:${server.port}/postgres`);
    await enforcing();
  });

  test('without an access token its settings are not verified, which is a note', async () => {
    expect(await linked([], {})).toMatchObject({code: 0, wrong: ['info: hosted settings']});
  });

  test('its settings count, and differing ones of the file are told', async () => {
    expect(await linked()).toMatchObject({code: 0, wrong: []});
    Object.assign(api.projects.get(REF)!.auth, {
      ...{jwt_exp: 60, refresh_token_rotation_enabled: false, hook_custom_access_token_enabled: true},
      hook_custom_access_token_uri: 'pg-functions://postgres/supasession/access_token_hook',
    });
    const seen = await linked();
    expect(seen).toMatchObject({
      code: 3,
      wrong: [
        'warning: jwt_expiry',
        'warning: refresh token rotation',
        'info: file and hosted project agree',
        'warning: hook in file and hosted project',
      ],
    });
    expect(finding(seen, 'jwt_expiry').detail).toContain(`60 s in project ${REF}`);
    // What differs on purpose.
    const hook =
      'auth.hook.custom_access_token]\nenabled = true\nuri = "pg-functions://postgres/supasession/access_token_hook"\n';
    await project.configure(
      (toml) =>
        `${toml}\n[remotes.production]\nproject_id = "${REF}"\n[remotes.production.auth]\njwt_expiry = 60\nenable_refresh_token_rotation = false\n[remotes.production.${hook}`,
    );
    expect((await linked()).wrong).toEqual(['warning: jwt_expiry', 'warning: refresh token rotation']);
    expect(await doctor()).toMatchObject({code: 0, wrong: []});
  });

  test('a hook there whose function is gone is an error', async () => {
    Object.assign(api.projects.get(REF)!.auth, {
      hook_custom_access_token_enabled: true,
      hook_custom_access_token_uri: 'pg-functions://postgres/supasession/access_token_hook',
    });
    await postgres('drop schema supasession cascade');
    expect((await linked()).wrong).toContain('error: hook and its function');
  });

  test('a token that is refused is a warning, and hides nothing else', async () => {
    const seen = await linked([], {...api.env, SUPABASE_ACCESS_TOKEN: 'sbp_wrong'});
    expect(seen).toMatchObject({code: 3, wrong: ['warning: hosted settings']});
    expect(finding(seen, 'hosted settings').fix).toContain('supabase login');
    expect(JSON.stringify(seen.result)).not.toContain('sbp_wrong');
  });
});

test('of a self-hosted project the configuration is not known, and no project is needed', async () => {
  await enforcing();
  const other = await createProject();
  const {code, json} = await other.run(['doctor', '--json', '--db-url', server.url()]);
  await other.remove();
  expect((json as DoctorResult).findings.filter(({ok}) => !ok).map(({check}) => check)).toEqual([
    'configuration',
    'migration of supasession',
  ]);
  expect(code).toBe(3);
});

test('a project without the supabase CLI is warned, and one whose variable is missing told which', async () => {
  const bare = await createProject({port: server.port, cli: false});
  await bare.configure((toml) => toml.replace('jwt_expiry = 3600', 'jwt_expiry = "env(NOT_THERE)"'));
  const {json} = await bare.run(['doctor', '--json']);
  await bare.remove();
  const wrong = (json as DoctorResult).findings.filter(({ok}) => !ok);
  expect(wrong.map(({severity, check}) => `${severity}: ${check}`)).toEqual([
    'error: configuration',
    'error: migration of supasession',
    'error: installed',
    'warning: supabase CLI',
  ]);
  expect(wrong[0]?.detail).toContain('NOT_THERE is not set');
});
