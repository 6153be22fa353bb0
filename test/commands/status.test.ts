import type {StatusResult} from '../../src/commands/status.js';
import {createSessions, createUsers} from '../helpers/auth.js';
import {readLegacySql} from '../helpers/extension.js';
import {install, writeRecord} from '../helpers/install.js';
import {shippedSql} from '../../src/features/install/migration.js';
import {startHosted} from '../helpers/hosted.js';
import {project, server, useLocalProject} from '../helpers/local.js';
import {openTerminal} from '../helpers/pty.js';

useLocalProject();

/** Runs SQL as postgres, or as another role. */
async function sql(text: string, role?: string): Promise<void> {
  await (await server.connect(role)).query(text);
}

/** Changes what the database says of what is installed. */
async function record(text: string | null): Promise<void> {
  await writeRecord(await server.connect(), text);
}

/** Installs as `init` does, with the checksum. */
async function installWhole(): Promise<void> {
  const client = await server.connect();
  await install(client);
  const {checksum} = await shippedSql();
  await writeRecord(client, `supasession 1.0.0 ${checksum}`);
}

/** As many users with one session, two, three and so on. */
async function makeSessions(...users: number[]): Promise<void> {
  const client = await server.connect();
  for (const [index, amount] of users.entries()) {
    const made = await createUsers(client, amount);
    const ids = made.map(({userId}) => userId);
    await createSessions(client, ids, index + 1);
  }
}

async function status(...args: string[]): Promise<StatusResult> {
  const run = await project.run(['status', '--json', ...args]);
  return run.json as StatusResult;
}

const APPLY = 'restore it: supasession doctor --fix';

describe('the screen', () => {
  test('shows settings, users by their sessions, the last day, what is wired and that all is well', async () => {
    await installWhole();
    await makeSessions(8, 4, 1);
    await sql('update supasession.config set enabled = true, max_sessions = 3 where true');
    const run = await project.run(['status']);
    expect(run).toMatchObject({code: 0, stderr: `Target   local database 127.0.0.1:${server.port}\n`});
    expect(run.stdout).toBe(
      `Release  1.0.0, as in this package
Limit    At most 3 sessions per user; a sign-in over the limit ends the oldest.
Users    13 users with 19 live sessions
         nobody over the limit
      1  8  ████████████████████████████████████████
      2  4  ████████████████████
      3  1  █████  the limit
In 24 h  nothing was ended
Wired    hook no, guard no, api no
Health   the installation is whole
`,
    );
  });

  test('says first that it is observe mode, and shows what would be ended and was', async () => {
    await installWhole();
    await makeSessions(0, 2, 0, 1);
    // The newest are a minute old to the microsecond.
    await sql(`update auth.sessions set created_at = created_at - interval '1 hour' where true;
      update supasession.config set enabled = true, max_sessions = 2, mode = 'observe', timebox = '1 minute' where true;
      insert into supasession.events (kind, user_id, session_id, reason)
      select 'would_evict', user_id, id, 'limit of 2' from auth.sessions limit 2;
      insert into supasession.events (kind, reason, details) values ('flushed', 'supasession flush', '{"matched": 7, "deleted": 5}');
      insert into supasession.events (at, kind) values (now() - interval '25 hours', 'evicted');
      insert into supasession.revoked (user_id) select gen_random_uuid()`);
    const {stdout} = await project.run(['status']);
    expect(stdout).toContain(`Limit    OBSERVE MODE: nothing is enforced.
         At most 2 sessions per user; a sign-in over the limit ends the oldest.
         Sessions end after 1 minute.
Users    3 users with 8 live sessions
         1 user over the limit, by 2 sessions; 8 sessions past a deadline
      1  0
      2  2  ████████████████████████████████████████  the limit
      3  0
      4  1  ████████████████████
In 24 h  5 flushed: supasession flush
         2 would have been evicted: limit of 2
Access   revoked for 1 user
`);
  });

  test('without our SQL shows the sessions, and how to install', async () => {
    await makeSessions(1, 0, 1);
    const run = await project.run(['status']);
    expect(run.code).toBe(0);
    expect(run.stdout).toBe(`Release  not installed: supasession init --apply
Users    2 users with 4 live sessions
      1  1  ████████████████████████████████████████
      2  0
      3  1  ████████████████████████████████████████
Wired    hook no, guard not known here, api no
Health   installation: supasession is not installed
           → supasession init --apply
`);
  });

  test('with limits off says so, and is well', async () => {
    await installWhole();
    await makeSessions(0, 0, 1);
    const run = await project.run(['status', '--check']);
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('Limit    LIMITS ARE OFF: no limit and no deadline is enforced.\n');
    expect(run.stdout).toMatch(/^Health {3}all is well$/m);
    expect(run.stdout).not.toMatch(/(?:nobody|users?) over the limit/);
    expect(run.stderr).toMatch(/^Limits are OFF\. Switch them on: supasession config --enable$/m);
  });

  test('fits a terminal of 80 columns and 24 lines with much to say', async () => {
    await installWhole();
    await makeSessions(30, 20, 10, 5, 5, 0, 0, 1, 0, 0, 2);
    await sql(`update supasession.config set enabled = true, max_sessions = 5, strategy = 'reject', timebox = '12 hours',
        inactivity_timeout = '30 minutes', record_device_changes = true where true;
      update auth.sessions set not_after = now() where id in (select id from auth.sessions limit 2);
      insert into supasession.events (kind, reason)
      select 'evicted', 'limit of ' || n || ', for a reason that takes many words to be told, and more than fit on a line'
      from generate_series(1, 8) n;
      insert into supasession.revoked (user_id) select gen_random_uuid()`);
    const screen = openTerminal(['status'], {cwd: project.root, columns: 80});
    await screen.see(/the installation is whole/);
    expect(await screen.code).toBe(0);
    const lines = screen.screen.trimEnd().split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.filter((line) => line.length > 72).length).toBeGreaterThan(0);
    expect(screen.screen).toMatch(/^ +5 for other reasons$/m);
  });

  test('leaves out of texts of others what moves the cursor', async () => {
    await installWhole();
    await sql(`insert into supasession.events (kind, reason) values ('revoked', E'left\\u001b[2J the\\u202E company')`);
    const {stdout} = await project.run(['status']);
    expect(stdout).toContain('1 revoked: left[2J the company\n');
  });
});

describe('--json', () => {
  test('holds all of it', async () => {
    await installWhole();
    await makeSessions(1, 1);
    await sql('update auth.sessions set not_after = now() where id = (select id from auth.sessions limit 1)');
    await sql('update supasession.config set enabled = true where true');
    const {checksum} = await shippedSql();
    const found = await status();
    expect(found).toMatchObject({
      target: {kind: 'local', port: server.port},
      installed: {version: '1.0.0', checksum, shipped: {version: '1.0.0', checksum}, state: 'current'},
      settings: {enabled: true, max_sessions: 1},
      lastDay: [],
      accessRevoked: 0,
      wired: {hook: false, nextHook: null, guard: false, api: false},
      problems: [],
      ok: true,
    });
    expect(found.sessions).toEqual({live: 2, ended: 1});
    expect(found.histogram.reduce((sum, {sessions, users}) => sum + sessions * users, 0)).toBe(2);
    expect(found.overLimit).not.toBeNull();
    expect(found.expiring).toBe(0);
  });

  test('has null for what limits that are off do not say, and without our SQL for the settings', async () => {
    await makeSessions(1);
    expect(await status()).toMatchObject({
      installed: null,
      settings: null,
      users: 1,
      sessions: {live: 1, ended: 0},
      histogram: [{sessions: 1, users: 1}],
      overLimit: null,
      expiring: null,
      ok: false,
    });
    await installWhole();
    expect(await status()).toMatchObject({settings: {enabled: false}, overLimit: null, expiring: null, ok: true});
  });

  test('tells an older release, other SQL and SQL that was run by hand from what the program brings', async () => {
    await installWhole();
    await record(`supasession 1.0.0 sha256:${'0'.repeat(64)}`);
    expect((await status()).installed?.state).toBe('differs');
    expect((await project.run(['status'])).stdout).toContain('with other SQL than this package: supasession upgrade');
    await record('supasession 1.0.0');
    expect((await status()).installed?.state).toBe('unknown');
    await record('supasession 0.9.0');
    expect((await status()).installed?.state).toBe('older');
    expect((await project.run(['status'])).stdout).toContain('this package has 1.0.0: supasession upgrade');
    await record('supasession 99.0.0');
    expect(await project.run(['status', '--json'])).toMatchObject({code: 1, json: {error: {code: 'NEWER_RELEASE'}}});
  });
});

describe('what is wired', () => {
  test('of a local database is read from config.toml and from the database', async () => {
    await installWhole();
    await sql(`create function public.claims(jsonb) returns jsonb language sql as 'select $1';
      select supasession._chain('access_token_hook', 'public', 'claims')`);
    await sql(
      "alter role authenticator in database postgres set pgrst.db_pre_request = 'supasession.check_request'",
      'supabase_admin',
    );
    await project.configure((toml) =>
      toml
        .replace('schemas = ["public",', 'schemas = ["public", "supasession",')
        .concat(
          '\n[auth.hook.custom_access_token]\nenabled = true\nuri = "pg-functions://postgres/supasession/access_token_hook"\n',
        ),
    );
    expect((await status()).wired).toEqual({hook: true, nextHook: 'public.claims', guard: true, api: true});
    expect((await project.run(['status'])).stdout).toContain(
      'Wired    hook yes (then public.claims), guard yes, api yes\n',
    );
    await sql(
      "alter role authenticator in database postgres set pgrst.db_schemas = 'public, storage'",
      'supabase_admin',
    );
    expect((await status()).wired.api).toBe(false);
  });

  test('of a hosted project is what the Management API says, and is not known where that does not answer', async () => {
    await installWhole();
    const hosted = await startHosted(server);
    try {
      await hosted.link(project);
      const wired = async (env: Record<string, string>) => {
        const run = await project.run(['status', '--linked', '--json'], env);
        expect(run).toMatchObject({code: 0});
        return (run.json as StatusResult).wired;
      };
      expect(await wired(hosted.env)).toMatchObject({hook: false, api: false});
      expect(await wired(hosted.noToken)).toMatchObject({hook: null, api: null});
      expect(await wired({...hosted.env, SUPABASE_ACCESS_TOKEN: 'sbp_wrong'})).toMatchObject({hook: null, api: null});
    } finally {
      await hosted.api.stop();
    }
  });

  test('of any other is not known where only the project would say it', async () => {
    await installWhole();
    const url = ['--db-url', server.url()];
    expect((await status(...url)).wired).toEqual({hook: null, nextHook: null, guard: false, api: null});
    const {stdout} = await project.run(['status', ...url]);
    expect(stdout).toContain('Wired    hook not known here, guard no, api not known here\n');
  });
});

describe('--check', () => {
  async function check(): Promise<{code: number | null; problems: StatusResult['problems']}> {
    const run = await project.run(['status', '--check', '--json']);
    return {code: run.code, problems: (run.json as StatusResult).problems};
  }

  test('exits with 0 where all is well', async () => {
    await installWhole();
    await makeSessions(2, 2);
    await sql('update supasession.config set enabled = true, max_sessions = 2 where true');
    expect(await check()).toEqual({code: 0, problems: []});
  });

  test('exits with 3 where a trigger is missing, without it with 0; both name it and its fix', async () => {
    await installWhole();
    await sql('drop trigger supasession_refresh on auth.sessions', 'supabase_admin');
    const detail = 'trigger supasession_refresh on auth.sessions is missing';
    expect(await check()).toEqual({code: 3, problems: [{check: 'trigger supasession_refresh', detail, fix: APPLY}]});
    const text = await project.run(['status', '--check']);
    expect(text.code).toBe(3);
    expect(text.stdout).toContain(`Health   ${detail}\n           → ${APPLY}\n`);
    expect(await project.run(['status'])).toMatchObject({code: 0, stdout: text.stdout});
  });

  test('exits with 3 where nothing is installed', async () => {
    expect(await check()).toMatchObject({
      code: 3,
      problems: [{check: 'installation', fix: 'supasession init --apply'}],
    });
  });

  test('exits with 3 for the extension 0.1.2, whose settings it shows', async () => {
    await sql(await readLegacySql());
    await sql('select supasession.set_config(true, 4)');
    const found = await status('--check');
    expect(found).toMatchObject({
      installed: {version: '0.1.2', state: 'older'},
      settings: {max_sessions: 4},
      ok: false,
    });
    expect(found.problems).toEqual([
      {
        check: 'installation',
        detail: 'release 0.1.2 is installed, which has no checks',
        fix: 'supasession init --apply',
      },
    ]);
  });

  test('exits with 3 where the record of the installation is gone', async () => {
    await installWhole();
    await record(null);
    expect(await check()).toMatchObject({code: 3, problems: [{check: 'installation'}]});
  });

  test.each([
    ['a table', 'drop table supasession.rules', 'table supasession.rules', 'supasession.rules is missing'],
    [
      'the table of settings',
      'drop table supasession.config cascade',
      'table supasession.config',
      'supasession.config is missing',
    ],
    [
      'a column',
      'alter table supasession.revoked drop column reason',
      'table supasession.revoked',
      'supasession.revoked.reason is missing',
    ],
    [
      'a function',
      'drop function supasession._guard_enabled() cascade',
      'functions',
      'the installation is incomplete: function supasession._guard_enabled() does not exist',
    ],
  ])('exits with 3 where %s is gone, and shows what there is', async (_, statement, name, detail) => {
    await installWhole();
    await makeSessions(1);
    await sql(statement);
    const found = await status('--check');
    expect(found).toMatchObject({users: 1, ok: false});
    expect(found.problems).toContainEqual({check: name, detail, fix: expect.any(String) as string});
    expect((await check()).code).toBe(3);
  });

  test('exits with 3 where users are over the limit, which alone looks at the sessions', async () => {
    await installWhole();
    await makeSessions(0, 0, 1);
    await sql('update supasession.config set enabled = true, max_sessions = 2 where true');
    const problem = {check: 'users over the limit', detail: '1 users, 1 sessions', fix: 'supasession enforce'};
    expect(await check()).toEqual({code: 3, problems: [problem]});
    expect(await status()).toMatchObject({problems: [], ok: true, overLimit: {users: 1, sessions: 1}});
  });

  test('takes users over a limit that is only observed for information', async () => {
    await installWhole();
    await makeSessions(0, 0, 1);
    await sql(
      "update supasession.config set enabled = true, max_sessions = 2, timebox = '1 day', mode = 'observe' where true",
    );
    expect(await check()).toEqual({code: 0, problems: []});
    const run = await project.run(['status', '--check']);
    expect(run.stdout).toContain('1 user over the limit, by 1 session');
    expect(run.stdout).not.toContain('enforce ends');
    const doctor = await project.run(['doctor', '--json']);
    const findings = (doctor.json as {findings: {check: string; severity: string; detail: string}[]}).findings;
    expect(findings.find(({check}) => check === 'observed sessions')).toMatchObject({
      ok: false,
      severity: 'info',
      detail:
        '1 session of 1 user over the limit and 0 sessions past a deadline. They stay in observe mode, and would end in enforce mode.',
    });
    expect(findings.map(({check}) => check)).not.toContain('users over the limit');
    await sql("update supasession.config set mode = 'enforce' where true");
    expect((await check()).code).toBe(3);
  });

  test('says that a user who is far over the limit is not brought down to it by one sign-in', async () => {
    await installWhole();
    const client = await server.connect();
    const [user] = await createUsers(client, 1);
    await createSessions(client, [user!.userId], 105);
    await sql('update supasession.config set enabled = true, max_sessions = 2 where true');
    expect(await status()).toMatchObject({overLimit: {users: 1, sessions: 103}, mostOver: 103});
    expect((await project.run(['status'])).stdout.replaceAll(/\s+/g, ' ')).toContain(
      'One user is over the limit by 103 sessions. They end gradually',
    );
  });

  test('leaves out sessions that count as ended and wait for their last refresh', async () => {
    await installWhole();
    await makeSessions(0, 0, 1);
    await sql(`update supasession.config set enabled = true, max_sessions = 2 where true;
      insert into supasession.pending_ends (session_id, user_id) select id, user_id from auth.sessions limit 1`);
    expect(await status('--check')).toMatchObject({
      sessions: {live: 2, ended: 1},
      histogram: [{sessions: 2, users: 1}],
      overLimit: {users: 0, sessions: 0},
      ok: true,
    });
    const list = await project.run(['sessions', 'list', '--json']);
    expect(list.json).toMatchObject({matched: {sessions: 2, users: 1}});
  });

  test('exits with 3 where sessions have no deadline yet', async () => {
    await installWhole();
    await makeSessions(1);
    await sql("update supasession.config set enabled = true, timebox = '1 day' where true");
    expect(await check()).toMatchObject({code: 3, problems: [{check: 'deadlines', fix: 'supasession enforce'}]});
  });

  test('exits with 3 where the row of settings is gone', async () => {
    await installWhole();
    await sql('delete from supasession.config where true');
    expect(await check()).toMatchObject({code: 3, problems: [{check: 'settings', fix: 'supasession config --enable'}]});
  });

  test('names the target in what to type', async () => {
    const run = await project.run(['status', '--check', '--json', '--db-url', server.url()]);
    expect(run.code).toBe(3);
    expect((run.json as StatusResult).problems[0]?.fix).toBe('supasession init --db-url <url> --apply');
  });

  test('without a database, or without Auth in it, fails as any command', async () => {
    await sql('drop schema auth cascade', 'supabase_admin');
    expect(await project.run(['status', '--check', '--json'])).toMatchObject({
      code: 1,
      json: {error: {code: 'AUTH_SCHEMA_MISSING'}},
    });
    const nowhere = await project.run([
      'status',
      '--check',
      '--json',
      '--db-url',
      'postgresql://postgres@127.0.0.1:1/postgres',
    ]);
    expect(nowhere).toMatchObject({code: 1, json: {error: {code: 'CONNECTION_REFUSED'}}});
  });
});
