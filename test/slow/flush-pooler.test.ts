import type {Client} from 'pg';
import type {FlushResult} from '../../src/commands/flush.js';
import {
  AuthError,
  createSessions,
  createUsers,
  generateMagicLink,
  refreshV1,
  refreshV2,
  run,
  signInPassword,
  signOut,
  Steps,
  verifyMagicLink,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {cli, HOME} from '../helpers/cli.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {install} from '../helpers/install.js';
import {startPgbouncer, type Pgbouncer} from '../helpers/pgbouncer.js';
import {describeWith} from '../helpers/tools.js';
import {until} from '../helpers/wait.js';

/** What a sign-in, a magic link or a refresh writes; everything else has to be as it was. */
const WRITTEN = ['sessions', 'refresh_tokens', 'mfa_amr_claims', 'one_time_tokens', 'audit_log_entries'];

describeWith('pgbouncer', 'a pooler in transaction mode', () => {
  let database: TestDatabase;
  let owner: Client;
  let auth: Client;
  let pooler: Pgbouncer;

  beforeAll(async () => {
    database = await createDatabase();
    [owner, auth] = [await database.connect(), await database.connect('supabase_auth_admin')];
    await install(owner);
    pooler = await startPgbouncer(database.port);
  });

  afterAll(async () => {
    await pooler.stop();
    await database.drop();
  });

  /** Runs the built program, in a folder without a project; throws what it says when it fails. */
  async function flush(...args: string[]): Promise<FlushResult> {
    const target = ['--db-url', pooler.url(database.name), '--confirm', '127.0.0.1'];
    const done = await cli(['flush', '--json', ...target, ...args], {
      cwd: HOME,
      env: {PGPASSWORD: 'postgres'},
    });
    if (done.code !== 0)
      throw new Error(`flush ended with exit code ${String(done.code)}: ${done.stdout}${done.stderr}`);
    return done.json as FlushResult;
  }

  async function exists(sessionId: string): Promise<boolean> {
    return (await owner.query('select from auth.sessions where id = $1', [sessionId])).rowCount === 1;
  }

  async function countRows(): Promise<Map<string, number>> {
    const {rows} = await owner.query<{name: string}>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname in ('auth', 'public', 'supasession') order by 1`,
    );
    const counts = new Map<string, number>();
    for (const {name} of rows) {
      const found = await owner.query<{count: string}>(`select count(*) from ${name}`);
      counts.set(name, Number(found.rows[0]?.count));
    }
    return counts;
  }

  /** The sessions in the order in which a flush comes to them. */
  const inOrder = (sessions: AuthSession[]): AuthSession[] =>
    sessions.toSorted((a, b) => (a.sessionId < b.sessionId ? -1 : 1));

  it('ends 100,000 sessions while sign-ins and refreshes go on, and nothing else', async () => {
    const users = await createUsers(auth, 20_000);
    const old = inOrder(
      await createSessions(
        auth,
        users.map(({userId}) => userId),
        5,
      ),
    );
    // Every other session has been refreshed once: two tokens.
    await auth.query(
      `insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, session_id)
       select instance_id, 'earlier-' || token, user_id, true, created_at, updated_at, session_id
       from auth.refresh_tokens where id % 2 = 0`,
    );
    await auth.query(
      `insert into auth.identities (id, provider_id, user_id, identity_data, provider, created_at, updated_at)
       select gen_random_uuid(), id, id, '{}', 'email', now(), now() from auth.users`,
    );
    await owner.query('create table public.notes as select id as user_id from auth.users');
    // Room for the old sessions and the new one: whatever goes was flushed.
    await owner.query("select supasession.set_config(true, 6, 'dequeue')");
    const before = await countRows();
    expect(before.get('auth.sessions')).toBe(100_000);
    expect(before.get('auth.refresh_tokens')).toBe(150_000);
    expect(before.get('auth.mfa_amr_claims')).toBe(100_000);

    // Three users are in the middle of signing out when the flush begins, and end only when it has been everywhere else.
    const first = old[0]!;
    const others = [old[500]!, old[50_000]!, old[99_990]!];
    const signOuts = await Promise.all(
      others.map(async (session) => {
        const steps = new Steps(await database.connect('supabase_auth_admin'), signOut(session));
        await steps.through('delete sessions');
        return steps;
      }),
    );

    let over = false;
    let began = Infinity;
    const signIns: {sessionId: string; startedAt: number}[] = [];
    const refreshed = {v1: 0, v2: 0};
    /** One browser after another, on a connection of Auth's, until the flush is over. */
    const keepOn = async (work: (client: Client, turn: number) => Promise<void>): Promise<void> => {
      const client = await database.connect('supabase_auth_admin');
      for (let turn = 0; !over; turn++) await work(client, turn);
    };
    const signIn = (offset: number, flow: (client: Client, user: AuthUser) => Promise<AuthSession>) =>
      keepOn(async (client, turn) => {
        const startedAt = performance.now();
        // Nobody twice: a second one would be over the limit.
        const user = users[turn * 3 + offset];
        if (user === undefined) throw new Error('more sign-ins than users');
        signIns.push({startedAt, sessionId: (await flow(client, user)).sessionId});
      });
    const refreshOld = (version: 'v1' | 'v2', offset: number) =>
      keepOn(async (client, turn) => {
        // Every session at most once, and all over the place.
        const session = old[(turn * 7919 + offset) % old.length]!;
        if (session === first || others.includes(session)) return;
        try {
          await run(client, version === 'v1' ? refreshV1(session) : refreshV2(session));
          refreshed[version]++;
        } catch (error) {
          // What Auth answers for a session that has been ended.
          if (!(error instanceof AuthError) || error.code !== 'refresh_token_not_found') throw error;
        }
      });

    const byPassword = (client: Client, {email}: AuthUser): Promise<AuthSession> => run(client, signInPassword(email));
    const byMagicLink = async (client: Client, {email}: AuthUser): Promise<AuthSession> =>
      run(client, verifyMagicLink(await run(client, generateMagicLink(email))));
    const traffic = Promise.all([
      signIn(0, byPassword),
      signIn(1, byPassword),
      signIn(2, byMagicLink),
      refreshOld('v1', 1),
      refreshOld('v2', 50_000),
    ]);
    const watch = async (): Promise<void> => {
      await until('the flush has begun', async () => !(await exists(first.sessionId)), 30_000);
      began = performance.now();
      const last = old.at(-1)!;
      await until('the flush has been everywhere', async () => !(await exists(last.sessionId)), 60_000);
      await Promise.all(signOuts.map((steps) => steps.finish()));
    };
    const flushed = Promise.all([flush(), watch()]).finally(() => {
      over = true;
    });
    const [[result]] = await Promise.all([flushed, traffic]);

    const {matched} = result;
    expect(result).toMatchObject({deleted: matched - others.length, remaining: 0, dryRun: false, completed: true});
    expect(result.batches).toBeGreaterThanOrEqual(100);

    const {rows} = await owner.query<{id: string}>('select id from auth.sessions');
    const left = new Set(rows.map(({id}) => id));
    expect(old.filter(({sessionId}) => left.has(sessionId))).toEqual([]);
    const lost = signIns.filter(({sessionId}) => !left.has(sessionId));
    // Those that had signed in before the flush looked which sessions there are belong to what it matched.
    expect(lost.length).toBe(matched - 100_000);
    expect(lost.filter(({startedAt}) => startedAt >= began)).toEqual([]);
    expect(left.size).toBe(signIns.length - lost.length);

    const after = await countRows();
    expect(after.get('auth.refresh_tokens')).toBe(left.size);
    expect(after.get('auth.mfa_amr_claims')).toBe(left.size);
    for (const table of WRITTEN) [before, after].forEach((counts) => counts.delete(`auth.${table}`));
    // One line of history for the whole run.
    before.set('supasession.events', (before.get('supasession.events') ?? 0) + 1);
    expect(after).toEqual(before);
    const {rows: history} = await owner.query("select details from supasession.events where kind = 'flushed'");
    expect(history).toEqual([{details: {matched, deleted: matched - others.length, filter: {}}}]);
    expect(after.get('auth.identities')).toBe(20_000);

    // There was traffic to be disturbed.
    expect(signIns.filter(({startedAt}) => startedAt >= began).length).toBeGreaterThan(50);
    expect(Math.min(refreshed.v1, refreshed.v2)).toBeGreaterThan(20);
  }, 120_000);

  it('goes on after the pooler crashed, and after the server cut it off', async () => {
    await owner.query('delete from auth.sessions');
    await owner.query('select supasession.disable()');
    const sessions = inOrder(
      await createSessions(
        auth,
        (await createUsers(auth, 400)).map(({userId}) => userId),
        5,
      ),
    );
    const [quarter, half, last] = [sessions[500]!, sessions[1000]!, sessions[1999]!];
    // The flush cannot end before all this has happened.
    const locker = await database.connect('supabase_auth_admin');
    await locker.query('begin');
    await locker.query('select from auth.sessions where id = $1 for update', [last.sessionId]);

    const accidents = async (): Promise<void> => {
      await until('a quarter is gone', async () => !(await exists(quarter.sessionId)), 30_000);
      await pooler.kill();
      await pooler.start();
      await until('half are gone', async () => !(await exists(half.sessionId)), 30_000);
      const admin = await database.connect('supabase_admin');
      await until('the server has cut off a connection of the flush', async () => {
        const {rowCount} = await admin.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where application_name = 'supasession' and datname = current_database()`,
        );
        return rowCount !== null && rowCount > 0;
      });
      await locker.query('commit');
    };
    const [result] = await Promise.all([flush('--batch-size', '10'), accidents()]);

    expect(result).toMatchObject({matched: 2000, deleted: 2000, remaining: 0, completed: true});
    const counts = await countRows();
    expect(WRITTEN.slice(0, 3).map((table) => counts.get(`auth.${table}`))).toEqual([0, 0, 0]);
  });

  it('lists sessions page by page through it', async () => {
    const users = await createUsers(auth, 500);
    const sessions = await createSessions(
      auth,
      users.map(({userId}) => userId),
      5,
    );
    const target = ['--db-url', pooler.url(database.name)];
    const done = await cli(['sessions', 'list', '--json', '--limit', '10000', ...target], {
      cwd: HOME,
      env: {PGPASSWORD: 'postgres'},
    });
    const listed = (done.json as {sessions: {id: string}[]}).sessions.map(({id}) => id);
    expect(listed.sort()).toEqual(sessions.map(({sessionId}) => sessionId).sort());
  });
});
