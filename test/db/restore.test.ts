/**
 * A database restored from what the supabase CLI dumps: our schema with its functions and data, Auth's data, and no trigger on a table of Auth. Made
 * by hand here, since the machine's pg_dump may be older than the server: our SQL without its last part but one, and the data copied as a
 * restore copies it, past all triggers.
 */
import type {Client} from 'pg';
import {
  createSessions,
  createUsers,
  liveSessions,
  refresh,
  run,
  signInPassword,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {install, installSql, readParts} from '../helpers/install.js';

interface Finding {
  check: string;
  ok: boolean;
  fix: string | null;
}

/** In an order in which their foreign keys allow it. */
const AUTH_TABLES = ['users', 'identities', 'sessions', 'mfa_amr_claims', 'refresh_tokens'];
const OUR_TABLES = ['config', 'rules', 'events', 'ceilings', 'condemned', 'revoked', 'installation', 'wiring'];

let source: TestDatabase;
let restored: TestDatabase;
let postgres: Client;
let auth: Client;
let users: AuthUser[];

/** Copies the rows of a table as they are; columns that are generated are left to the other side. */
async function copy(from: Client, to: Client, table: string): Promise<void> {
  const {rows: columns} = await from.query<{names: string}>(
    `select string_agg(quote_ident(attname), ', ' order by attnum) as names
     from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [table],
  );
  const names = columns[0]!.names;
  const {rows} = await from.query<{data: string}>(`select coalesce(json_agg(t), '[]') as data from ${table} t`);
  await to.query(`delete from ${table}`);
  await to.query(
    `insert into ${table} (${names}) overriding system value select ${names} from json_populate_recordset(null::${table}, $1)`,
    [JSON.stringify(rows[0]!.data)],
  );
}

beforeEach(async () => {
  [source, restored] = await Promise.all([createDatabase(), createDatabase()]);
  const original = await source.connect('postgres');
  await install(original);
  users = await createUsers(original, 2);
  await createSessions(
    original,
    users.map(({userId}) => userId),
    4,
  );
  await original.query(`insert into supasession.rules (name, user_id, max_sessions) values ('the second', $1, 3)`, [
    users[1]!.userId,
  ]);
  await original.query(
    "update supasession.config set enabled = true, max_sessions = 2, timebox = '30 days' where true",
  );

  const parts = await readParts();
  const triggers = parts.findIndex((part) => part.includes('supasession_interceptor BEFORE INSERT'));
  postgres = await restored.connect('postgres');
  await installSql(postgres, parts.toSpliced(triggers, 1).join('\n'));
  const [from, to] = [await source.connect('supabase_admin'), await restored.connect('supabase_admin')];
  await to.query('set session_replication_role = replica');
  for (const table of AUTH_TABLES) await copy(from, to, `auth.${table}`);
  for (const table of OUR_TABLES) await copy(from, to, `supasession.${table}`);
  for (const [table, column] of [
    ['auth.refresh_tokens', 'id'],
    ['supasession.events', 'id'],
  ]) {
    await to.query(`select setval(pg_get_serial_sequence($1, $2), (select max(id) from ${table}))`, [table, column]);
  }
  auth = await restored.connect('supabase_auth_admin');
});

afterEach(async () => {
  await Promise.all([source.drop(), restored.drop()]);
});

async function findings(): Promise<Finding[]> {
  const {rows} = await postgres.query<Finding>('select "check", ok, fix from supasession.health() where not ok');
  return rows;
}

it('nothing is enforced, and health() names each trigger that is missing and the way out', async () => {
  await run(auth, signInPassword(users[0]!.email));
  expect(await liveSessions(postgres, users[0]!.userId)).toHaveLength(5);
  const missing = (await findings()).filter(({check}) => check.startsWith('trigger '));
  expect(missing.map(({check}) => check).sort()).toEqual(
    ['aal', 'account', 'factor', 'interceptor', 'recovery', 'refresh', 'saml'].map(
      (name) => `trigger supasession_${name}`,
    ),
  );
  for (const {fix} of missing) expect(fix).toBe('put it back: supasession doctor --fix');
});

it('the migration once more enforces again, with settings, rules and history as they were', async () => {
  await install(postgres);
  const kept = await postgres.query('select enabled, max_sessions, timebox::text from supasession.config');
  expect(kept.rows).toEqual([{enabled: true, max_sessions: 2, timebox: '30 days'}]);
  expect((await postgres.query("select from supasession.rules where name = 'the second'")).rowCount).toBe(1);
  expect(
    (await postgres.query("select from supasession.events where kind = 'settings_changed'")).rowCount,
  ).toBeGreaterThan(0);
  expect((await findings()).map(({check}) => check).sort()).toEqual(['deadlines', 'users over the limit']);

  // What was restored is brought in line by enforce(), as the finding says.
  const {rows} = await postgres.query<{evicted: number; deadlines: number}>(
    'select evicted, deadlines from supasession.enforce()',
  );
  expect(rows).toEqual([{evicted: 3, deadlines: 5}]);
  expect(await findings()).toEqual([]);
  await run(auth, signInPassword(users[0]!.email));
  expect(await liveSessions(postgres, users[0]!.userId)).toHaveLength(2);
});

it('without enforce(), restored sessions are brought in line by their own refreshes', async () => {
  await install(postgres);
  const {rows} = await postgres.query<{id: string; token: string}>(
    `select s.id, t.token from auth.sessions s join auth.refresh_tokens t on t.session_id = s.id where s.user_id = $1 order by s.created_at`,
    [users[0]!.userId],
  );
  for (const {id, token} of rows) {
    await run(auth, refresh({sessionId: id, userId: users[0]!.userId, refreshToken: token}));
  }
  expect(await liveSessions(postgres, users[0]!.userId)).toEqual(rows.slice(2).map(({id}) => id));
});

it('events go on after those that were restored', async () => {
  await install(postgres);
  await postgres.query('update supasession.config set max_sessions = 1 where true');
  const {rows} = await postgres.query<{kind: string}>('select kind from supasession.events order by id desc limit 1');
  expect(rows).toEqual([{kind: 'settings_changed'}]);
});
