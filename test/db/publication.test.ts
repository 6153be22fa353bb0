/** A database whose every table is published (logical replication): all that writes to ours works, because each has a primary key. */
import type pg from 'pg';
import {readSql} from '../../src/database/sql.js';
import {
  createFactor,
  createSessions,
  createUser,
  liveSessions,
  mfaVerify,
  refresh,
  run,
  signInPassword,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install, installSql} from '../helpers/install.js';

let database: TestDatabase;
let postgres: pg.Client;
let auth: pg.Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase();
  [postgres, auth] = [await database.connect('postgres'), await database.connect('supabase_auth_admin')];
  const admin = await database.connect('supabase_admin');
  await admin.query('create publication everything for all tables');
  await install(postgres);
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

it('a table without a primary key could not be written here', async () => {
  await postgres.query('create table public.bare (id integer); insert into public.bare values (1)');
  await expect(postgres.query('update public.bare set id = 2')).rejects.toMatchObject({code: '55000'});
});

it('every table of ours has a replica identity', async () => {
  const {rows} = await postgres.query<{name: string}>(
    `select c.relname as name from pg_class c where c.relnamespace = 'supasession'::regnamespace and c.relkind = 'r'
       and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)`,
  );
  expect(rows).toEqual([]);
});

it('the migration runs once more', async () => {
  await configure(postgres, {enabled: true, max_sessions: 3});
  await install(postgres);
  const {rows} = await postgres.query('select enabled, max_sessions from supasession.get_config()');
  expect(rows).toEqual([{enabled: true, max_sessions: 3}]);
});

it('settings and rules are written', async () => {
  await postgres.query('select supasession.enable()');
  await postgres.query("select supasession.set_config(max_sessions => 4, strategy => 'reject')");
  await postgres.query("update supasession.config set timebox = '1 day'");
  await postgres.query('select supasession.disable()');
  await postgres.query('delete from supasession.config');
  await postgres.query('insert into supasession.config (enabled, max_sessions) values (false, 5)');
  await postgres.query("insert into supasession.rules (name, user_id, max_sessions) values ('own', $1, 2)", [
    user.userId,
  ]);
  await postgres.query("update supasession.rules set max_sessions = 3 where name = 'own'");
  await postgres.query("delete from supasession.rules where name = 'own'");
  const {rows} = await postgres.query('select max_sessions from supasession.get_config()');
  expect(rows).toEqual([{max_sessions: 5}]);
});

it('a sign-in ends the oldest session, a refresh the one that is over the limit', async () => {
  const [, second] = (await createSessions(postgres, [user.userId], 2)) as [AuthSession, AuthSession];
  await configure(postgres, {enabled: true, max_sessions: 2, timebox: '1 day', events_retention: '1 second'});
  const third = await run(auth, signInPassword(user.email, {notAfter: new Date(Date.now() + 9 * 86_400_000)}));
  expect(await liveSessions(postgres, user.userId)).toEqual([second.sessionId, third.sessionId]);
  await run(auth, refresh(third));
  await postgres.query('update supasession.config set max_sessions = 1');
  await run(auth, refresh(second));
  expect(await liveSessions(postgres, user.userId)).toEqual([third.sessionId]);
});

it('a sign-in is refused, with and without the hook', async () => {
  await createSessions(postgres, [user.userId], 1);
  await configure(postgres, {enabled: true, strategy: 'reject'});
  await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: 'PT403'});
  await configure(postgres, {enabled: true, strategy: 'reject', reject_in_hook: true});
  await expect(run(auth, signInPassword(user.email, {hook: 'supasession.access_token_hook'}))).rejects.toMatchObject({
    status: 403,
  });
  await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: 'PT403'});
});

it('a second factor ends the other session', async () => {
  const factor = await createFactor(postgres, user.userId);
  const [, second] = (await createSessions(postgres, [user.userId], 2)) as [AuthSession, AuthSession];
  await configure(postgres, {enabled: true});
  await run(auth, mfaVerify(second, factor));
  expect(await liveSessions(postgres, user.userId)).toEqual([second.sessionId]);
});

it('sessions are revoked, also one that is in use, and access is revoked and restored', async () => {
  const [first, second] = (await createSessions(postgres, [user.userId], 3)) as [AuthSession, AuthSession, AuthSession];
  const {rows} = await postgres.query('select supasession.revoke_session($1) as revoked', [first.sessionId]);
  expect(rows).toEqual([{revoked: true}]);
  await auth.query('begin');
  await auth.query('select from auth.sessions where id = $1 for update', [second.sessionId]);
  const ended = await postgres.query('select supasession.revoke_user_sessions($1) as ended', [user.userId]);
  await auth.query('commit');
  expect(ended.rows).toEqual([{ended: 2}]);
  await run(auth, refresh(second));
  expect(await liveSessions(postgres, user.userId)).toEqual([]);

  await postgres.query("select supasession.revoke_access($1, 'left')", [user.userId]);
  await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: 'PT403'});
  const restored = await postgres.query('select supasession.restore_access($1) as restored', [user.userId]);
  expect(restored.rows).toEqual([{restored: true}]);
});

it('enforce() and prune() bring order into existing sessions', async () => {
  await createSessions(postgres, [user.userId], 3);
  await configure(postgres, {
    enabled: true,
    max_sessions: 2,
    inactivity_timeout: '1 day',
    events_retention: '1 second',
  });
  const {rows} = await postgres.query<{evicted: number; deadlines: number}>(
    'select sum(evicted)::int as evicted from supasession.enforce()',
  );
  expect(rows[0]!.evicted).toBeGreaterThan(0);
  await postgres.query(
    "update auth.sessions set created_at = now() - interval '9 days', refreshed_at = now() - interval '9 days'",
  );
  const pruned = await postgres.query<{removed: number}>("select supasession.prune('1 day') as removed");
  expect(pruned.rows[0]!.removed).toBeGreaterThan(0);
});

it('a function of the project is chained, and let go', async () => {
  await postgres.query("select supasession._chain('access_token_hook', 'public', 'own_hook')");
  await postgres.query("select supasession._chain('access_token_hook', 'public', 'other_hook')");
  const {rows} = await postgres.query('select function_name from supasession.integration');
  expect(rows).toEqual([{function_name: 'other_hook'}]);
  await postgres.query("select supasession._chain('access_token_hook', null, null)");
  expect((await postgres.query('select from supasession.integration')).rowCount).toBe(0);
});

it('everything is taken out again', async () => {
  const target = await createDatabase();
  const client = await target.connect('postgres');
  await (await target.connect('supabase_admin')).query('create publication everything for all tables');
  await install(client);
  await installSql(client, await readSql('steps/uninstall.sql'));
  const {rows} = await client.query("select to_regnamespace('supasession') is null as gone");
  expect(rows).toEqual([{gone: true}]);
  await target.drop();
});
