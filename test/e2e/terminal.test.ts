import {createSessions, createUser, createUsers} from '../helpers/auth.js';
import {project, server, useLocalProject} from '../helpers/local.js';
import {KEYS, openTerminal, type Terminal} from '../helpers/pty.js';
import {backendPid, until} from '../helpers/wait.js';

useLocalProject();

function terminal(args: string[], env: Record<string, string> = {}): Terminal {
  return openTerminal(args, {cwd: project.root, env});
}

async function rows(sql: string): Promise<unknown[]> {
  return (await (await server.connect()).query<Record<string, unknown>>(sql)).rows.map((row) => Object.values(row)[0]);
}

const ROW = `select jsonb_build_object(
  'enabled', enabled, 'max_sessions', max_sessions, 'strategy', strategy,
  'eviction_order', eviction_order
) from supasession.config`;
const SESSIONS = 'select count(*)::int from auth.sessions';

async function makeSessions(users: number, perUser: number): Promise<void> {
  const client = await server.connect();
  const made = await createUsers(client, users);
  await createSessions(
    client,
    made.map(({userId}) => userId),
    perUser,
  );
}

describe('init', () => {
  test('asks for limit, strategy, enabling and applying, and does what was answered', async () => {
    const screen = terminal(['init']);
    await screen.see(/How many sessions \(devices\) may a user have\? \(3\)/);
    screen.type(`2${KEYS.enter}`);
    await screen.see(
      /What happens at a sign-in over the limit\?[^]*dequeue: the oldest session is signed out[^]*reject:/,
    );
    screen.type(KEYS.down);
    await screen.see(/❯ reject: the new sign-in is refused/);
    screen.type(KEYS.enter);
    // The default is yes on a local target.
    await screen.see(/Switch the limit on now\? \(Y\/n\)/);
    screen.type(KEYS.enter);
    await screen.see(/Apply the migration now\? \(Y\/n\)/);
    screen.type(KEYS.enter);
    await screen.see(/Applied to the local database\.\nLimits are ON\./);
    await screen.see(/Next:/);
    expect(await screen.code).toBe(0);
    expect(await rows(ROW)).toEqual([{enabled: true, max_sessions: 2, strategy: 'reject', eviction_order: 'oldest'}]);
    const [file] = await project.migrations();
    expect(await project.migration(file!)).toMatch(
      /set\n {4}max_sessions = 2,\n {4}strategy = 'reject'\nwhere version not like 'seeded%';\n$/,
    );
  });

  test('asks only what no flag says; the default is no where the target is not local', async () => {
    const screen = terminal(['init', '--db-url', server.url(), '--max', '3', '--strategy', 'dequeue']);
    await screen.see(/Switch the limit on now\? \(y\/N\)/);
    screen.type(KEYS.enter);
    await screen.see(/Apply the migration now\? \(y\/N\)/);
    screen.type(KEYS.enter);
    expect(await screen.code).toBe(0);
    expect(screen.screen).not.toContain('How many sessions');
    expect(await project.migrations()).toHaveLength(1);
    expect(await rows("select nspname from pg_namespace where nspname = 'supasession'")).toEqual([]);
  });

  test('Ctrl-C at any question ends it with 130 and leaves everything as it was', async () => {
    const questions = [
      [/How many sessions/, []],
      [/What happens at a sign-in/, ['--max', '2']],
      [/Switch the limit on now\?/, ['--max', '2', '--strategy', 'reject']],
      [/Apply the migration now\?/, ['--max', '2', '--strategy', 'reject', '--enable']],
    ] as const;
    await Promise.all(
      questions.map(async ([question, flags]) => {
        const screen = terminal(['init', ...flags]);
        await screen.see(question);
        screen.type(KEYS.ctrlC);
        await screen.see(/Interrupted: nothing was changed\. \[INTERRUPTED\]/);
        expect(await screen.code).toBe(130);
      }),
    );
    expect(await project.migrations()).toEqual([]);
  });

  test('lists other pending migrations and asks; declining changes nothing', async () => {
    await project.addMigration('20240101000000_other.sql', 'create table public.other ();');
    const args = ['init', '--max', '2', '--strategy', 'reject', '--enable', '--apply'];
    const declined = terminal(args);
    await declined.see(/Also pending: the supabase CLI applies these in the same run:\n {2}20240101000000_other\.sql/);
    await declined.see(/Apply these as well\? \(y\/N\)/);
    declined.type(`n${KEYS.enter}`);
    await declined.see(/^Cancelled\. Nothing was changed\.$/m);
    expect(await declined.code).toBe(4);
    expect(await project.migrations()).toEqual(['20240101000000_other.sql']);

    const agreed = terminal(args);
    await agreed.see(/Apply these as well\?/);
    agreed.type(`y${KEYS.enter}`);
    await agreed.see(/Limits are ON\./);
    expect(await agreed.code).toBe(0);
    expect(await rows("select tablename from pg_tables where schemaname = 'public'")).toEqual(['other']);
  });

  test('Ctrl-C while the supabase CLI applies says what may still happen', async () => {
    await project.addMigration('20240101000000_slow.sql', 'select pg_sleep(60);');
    const screen = terminal(['init', '--yes', '--include-pending', '--apply', '--enable']);
    const observer = await server.connect('supabase_admin');
    await until('the slow migration runs', async () => {
      const {rowCount} = await observer.query("select from pg_stat_activity where wait_event = 'PgSleep'");
      return rowCount === 1;
    });
    screen.type(KEYS.ctrlC);
    await screen.see(
      /Interrupted\. The server may still finish the migration that the supabase CLI had sent; earlier ones stay applied\. \[INTERRUPTED\]/,
    );
    expect(await screen.code).toBe(130);
    expect(screen.screen).not.toContain('Limits are ON');
  });
});

describe('flush', () => {
  test('asks y/N on the local database, and shows its progress', async () => {
    await makeSessions(10, 10);
    const declined = terminal(['flush']);
    await declined.see(/100 sessions of 10 users end\. This cannot be undone\./);
    await declined.see(/for up to 1 hour \(jwt_expiry\)/);
    await declined.see(/End them all\? \(y\/N\)/);
    declined.type(KEYS.enter);
    await declined.see(/^Cancelled\. Nothing was changed\.$/m);
    expect(await declined.code).toBe(4);
    expect(await rows(SESSIONS)).toEqual([100]);

    const interrupted = terminal(['flush']);
    await interrupted.see(/End them all\?/);
    interrupted.type(KEYS.ctrlC);
    await interrupted.see(/Interrupted: nothing was changed/);
    expect(await interrupted.code).toBe(130);
    expect(await rows(SESSIONS)).toEqual([100]);

    const agreed = terminal(['flush', '--batch-size', '10']);
    await agreed.see(/End them all\?/);
    agreed.type(`y${KEYS.enter}`);
    await agreed.see(/100% +100\/100 sessions +\d+\/s +\S+ left/);
    await agreed.see(/Done: 100 sessions ended in 10 batches, [\d.]+ s\./);
    expect(await agreed.code).toBe(0);
    expect(await rows(SESSIONS)).toEqual([0]);
  });

  test('wants the host typed on a database by its URL', async () => {
    await makeSessions(1, 2);
    const args = ['flush', '--db-url', server.url(), '--yes'];
    const wrong = terminal(args);
    await wrong.see(/End them all\? Type 127\.0\.0\.1 to go on:/);
    wrong.type(`yes${KEYS.enter}`);
    await wrong.see(/^Cancelled\. Nothing was changed\.$/m);
    expect(await wrong.code).toBe(4);
    expect(await rows(SESSIONS)).toEqual([2]);

    const right = terminal(args);
    await right.see(/Type 127\.0\.0\.1 to go on:/);
    right.type(`127.0.0.1${KEYS.enter}`);
    await right.see(/Done: 2 sessions ended/);
    expect(await right.code).toBe(0);
  });

  test('Ctrl-C finishes the batch and says how far it got', async () => {
    await makeSessions(10, 40);
    const holder = await server.connect();
    const observer = await server.connect('supabase_admin');
    await holder.query('begin');
    await holder.query(
      'select from auth.refresh_tokens where session_id = (select id from auth.sessions order by id offset 100 limit 1) for update',
    );
    const pid = await backendPid(holder);
    const screen = terminal(['flush', '--yes', '--batch-size', '50']);
    await until('the third batch waits', async () => {
      const {rowCount} = await observer.query('select from pg_stat_activity where $1 = any (pg_blocking_pids(pid))', [
        pid,
      ]);
      return rowCount === 1;
    });
    screen.type(KEYS.ctrlC);
    await holder.query('rollback');
    // The batch that was held; one more where the lock went before the signal had come.
    await screen.see(/Interrupted: (150|200) of 400 sessions have ended, (250|200) are left\. \[INTERRUPTED\]/);
    expect(await screen.code).toBe(130);
    expect([200, 250]).toContain((await rows(SESSIONS))[0]);
  });

  test('asks nothing with --json, even on a terminal', async () => {
    await makeSessions(1, 1);
    const screen = terminal(['flush', '--json']);
    await screen.see(/"code": "ANSWER_REQUIRED"/);
    expect(await screen.code).toBe(2);
  });
});

describe('a password', () => {
  test('is asked for and not shown', async () => {
    const {userId} = await createUser(await server.connect());
    await createSessions(await server.connect(), [userId], 1);
    await (
      await server.connect('supabase_admin')
    ).query("create role typist login bypassrls password 'hunter2'; grant postgres to typist");
    try {
      const url = server.url('typist').replace(':postgres@', '@');
      const wrong = terminal(['flush', '--db-url', url, '--dry-run']);
      await wrong.see(/Password of typist at 127\.0\.0\.1/);
      wrong.type(`hunter3${KEYS.enter}`);
      await wrong.see(/refused the password of role typist\. \[AUTHENTICATION_FAILED\]/);
      expect(await wrong.code).toBe(1);

      const screen = terminal(['flush', '--db-url', url, '--dry-run']);
      await screen.see(/Password of typist at 127\.0\.0\.1/);
      screen.type(`hunter2${KEYS.enter}`);
      await screen.see(/1 session of 1 user ends\./);
      expect(await screen.code).toBe(0);
      expect(`${wrong.screen}${screen.screen}`).not.toMatch(/hunter/);
    } finally {
      await (await server.connect('supabase_admin')).query('drop role typist');
    }
  });

  test('that is not given ends with 130', async () => {
    const screen = terminal(['flush', '--db-url', server.url().replace(':postgres@', '@'), '--dry-run']);
    await screen.see(/Password of postgres at 127\.0\.0\.1/);
    screen.type(KEYS.ctrlC);
    await screen.see(/Interrupted: nothing was changed\. \[INTERRUPTED\]/);
    expect(await screen.code).toBe(130);
  });

  test('of a linked project is asked for by its reference', async () => {
    const ref = 'abcdefghijklmnopqrst';
    await project.write('supabase/.temp/project-ref', ref);
    await project.write('supabase/.temp/pooler-url', `postgresql://postgres.${ref}@127.0.0.1:${server.port}/postgres`);
    const screen = terminal(['config', '--linked', '--dry-run']);
    await screen.see(new RegExp(`Database password of project ${ref}`));
    screen.type(KEYS.ctrlC);
    expect(await screen.code).toBe(130);
  });
});
