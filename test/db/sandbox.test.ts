import type pg from 'pg';
import {createDatabase, type TestDatabase} from '../helpers/database.js';

// Starting and stopping it: test/slow/sandbox.test.ts.

describe('the database', () => {
  let database: TestDatabase;
  let postgres: pg.Client;

  beforeAll(async () => {
    database = await createDatabase();
    postgres = await database.connect();
  });
  afterAll(() => database.drop());

  /** The SQLSTATE that a statement of `postgres` fails with; undefined when it works. Nothing of it is kept. */
  async function refusal(sql: string, client = postgres): Promise<string | undefined> {
    await client.query('begin');
    const code = await client.query(sql).then(
      () => undefined,
      (error: unknown) => (error as pg.DatabaseError).code,
    );
    await client.query('rollback');
    return code;
  }

  test('postgres is no superuser, passes row security by, and may create databases and roles', async () => {
    const {rows} = await postgres.query(
      'select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication from pg_roles where rolname = current_user',
    );
    expect(rows).toEqual([
      {
        rolsuper: false,
        rolbypassrls: true,
        rolcreaterole: true,
        rolcreatedb: true,
        rolcanlogin: true,
        rolreplication: true,
      },
    ]);
  });

  test('the API roles, and who may become them', async () => {
    const {rows} = await postgres.query<{
      name: string;
      login: boolean;
      inherit: boolean;
      bypassrls: boolean;
      roles: string[];
    }>(
      `select rolname as name, rolcanlogin as login, rolinherit as inherit, rolbypassrls as bypassrls,
              array(select roleid::regrole::text from pg_auth_members where member = r.oid order by 1) as roles
       from pg_roles r where rolname in ('anon', 'authenticated', 'service_role', 'authenticator', 'supabase_auth_admin') order by 1`,
    );
    expect(rows).toEqual([
      {name: 'anon', login: false, inherit: true, bypassrls: false, roles: []},
      {name: 'authenticated', login: false, inherit: true, bypassrls: false, roles: []},
      {
        name: 'authenticator',
        login: true,
        inherit: false,
        bypassrls: false,
        roles: ['anon', 'authenticated', 'service_role'],
      },
      {name: 'service_role', login: false, inherit: true, bypassrls: true, roles: []},
      {name: 'supabase_auth_admin', login: true, inherit: false, bypassrls: false, roles: []},
    ]);
  });

  test("Auth's role works in its own schema and its timeouts are set, in a clone too", async () => {
    const auth = await database.connect('supabase_auth_admin');
    const {rows} = await auth.query(
      "select current_schemas(false)::text[] as path, current_setting('idle_in_transaction_session_timeout') as idle",
    );
    expect(rows).toEqual([{path: ['auth'], idle: '1min'}]);
  });

  test('the schemas belong to the same roles as on Supabase', async () => {
    const {rows} = await postgres.query<{name: string; owner: string}>(
      `select nspname as name, nspowner::regrole::text as owner from pg_namespace
       where nspname in ('auth', 'extensions', 'graphql_public', 'public', 'realtime', 'storage') order by 1`,
    );
    expect(Object.fromEntries(rows.map(({name, owner}) => [name, owner]))).toEqual({
      auth: 'supabase_admin',
      extensions: 'postgres',
      graphql_public: 'supabase_admin',
      public: 'pg_database_owner',
      realtime: 'supabase_admin',
      storage: 'supabase_admin',
    });
    const owner = await postgres.query(
      'select datdba::regrole::text as owner from pg_database where datname = current_database()',
    );
    expect(owner.rows).toEqual([{owner: 'postgres'}]);
  });

  test("every auth table is Auth's, and all but oauth_clients have row security", async () => {
    const {rows} = await postgres.query<{name: string; owner: string; rls: boolean}>(
      `select relname as name, relowner::regrole::text as owner, relrowsecurity as rls
       from pg_class where relnamespace = 'auth'::regnamespace and relkind = 'r' order by 1`,
    );
    expect(rows.map(({name}) => name)).toEqual([
      ...[
        'audit_log_entries',
        'flow_state',
        'identities',
        'instances',
        'mfa_amr_claims',
        'mfa_challenges',
        'mfa_factors',
      ],
      ...['oauth_clients', 'one_time_tokens', 'refresh_tokens', 'schema_migrations', 'sessions', 'users'],
    ]);
    expect(rows.filter(({owner}) => owner !== 'supabase_auth_admin')).toEqual([]);
    expect(rows.filter(({rls}) => !rls).map(({name}) => name)).toEqual(['oauth_clients']);
  });

  test('auth.sessions has the columns, constraints and indexes of Auth', async () => {
    const columns = await postgres.query<{column: string}>(
      `select attname || ' ' || format_type(atttypid, atttypmod) || case when attnotnull then ' not null' else '' end as column
       from pg_attribute where attrelid = 'auth.sessions'::regclass and attnum > 0 order by attnum`,
    );
    expect(columns.rows.map(({column}) => column)).toEqual([
      'id uuid not null',
      'user_id uuid not null',
      'created_at timestamp with time zone',
      'updated_at timestamp with time zone',
      'factor_id uuid',
      'aal auth.aal_level',
      'not_after timestamp with time zone',
      'refreshed_at timestamp without time zone',
      'user_agent text',
      'ip inet',
      'tag text',
      'oauth_client_id uuid',
      'refresh_token_hmac_key text',
      'refresh_token_counter bigint',
      'scopes text',
    ]);
    const constraints = await postgres.query<{text: string}>(
      `select conname || ': ' || pg_get_constraintdef(oid) as text
       from pg_constraint where conrelid = 'auth.sessions'::regclass order by 1`,
    );
    expect(constraints.rows.map(({text}) => text)).toEqual([
      'sessions_oauth_client_id_fkey: FOREIGN KEY (oauth_client_id) REFERENCES auth.oauth_clients(id) ON DELETE CASCADE',
      'sessions_pkey: PRIMARY KEY (id)',
      'sessions_scopes_length: CHECK ((char_length(scopes) <= 4096))',
      'sessions_user_id_fkey: FOREIGN KEY (user_id) REFERENCES auth.users(id) ON DELETE CASCADE',
    ]);
    const indexes = await postgres.query<{name: string}>(
      "select indexrelid::regclass::text as name from pg_index where indrelid = 'auth.sessions'::regclass order by 1",
    );
    expect(indexes.rows.map(({name}) => name)).toEqual([
      'auth.sessions_not_after_idx',
      'auth.sessions_oauth_client_id_idx',
      'auth.sessions_pkey',
      'auth.sessions_user_id_idx',
      'auth.user_id_created_at_idx',
    ]);
  });

  test("what hangs on a session goes with it: tokens, AMR claims; and a user's sessions with the user", async () => {
    const {rows} = await postgres.query<{text: string}>(
      `select conrelid::regclass || ' -> ' || confrelid::regclass as text from pg_constraint
       where contype = 'f' and confdeltype = 'c' and confrelid in ('auth.sessions'::regclass, 'auth.users'::regclass) order by 1`,
    );
    expect(rows.map(({text}) => text)).toEqual([
      'auth.identities -> auth.users',
      'auth.mfa_amr_claims -> auth.sessions',
      'auth.mfa_factors -> auth.users',
      'auth.one_time_tokens -> auth.users',
      'auth.refresh_tokens -> auth.sessions',
      'auth.sessions -> auth.users',
    ]);
  });

  test("postgres has every right on auth.sessions but the owner's; the API roles have none", async () => {
    const {rows} = await postgres.query<{text: string}>(
      `select grantee::regrole || ': ' || string_agg(lower(privilege_type) || case when is_grantable then '*' else '' end, ' ' order by privilege_type) as text
       from pg_class, aclexplode(relacl) where oid = 'auth.sessions'::regclass and grantee <> relowner group by grantee order by 1`,
    );
    expect(rows.map(({text}) => text)).toEqual([
      'dashboard_user: delete insert references select trigger truncate update',
      'postgres: delete insert references select* trigger truncate update',
    ]);
    const superuser = await database.connect('supabase_admin');
    for (const role of ['anon', 'authenticated', 'service_role']) {
      expect(await refusal(`set local role ${role}; select 1 from auth.sessions`, superuser)).toBe('42501');
    }
  });

  test('postgres may put triggers on auth.sessions, refer to it, read, write and lock it', async () => {
    await postgres.query(
      `create schema app; create function app.pass() returns trigger language plpgsql as 'begin return new; end'`,
    );
    for (const allowed of [
      'create trigger t before insert on auth.sessions for each row execute function app.pass()',
      'create constraint trigger t after insert on auth.sessions deferrable for each row execute function app.pass()',
      'create table app.t (id uuid references auth.sessions (id) on delete cascade)',
      'lock table auth.sessions in share row exclusive mode',
      'select 1 from auth.users for no key update',
      'delete from auth.sessions',
    ]) {
      expect([allowed, await refusal(allowed)]).toEqual([allowed, undefined]);
    }
  });

  test('postgres may not alter auth.sessions, drop or disable triggers on it, or act as Auth', async () => {
    const auth = await database.connect('supabase_auth_admin');
    await auth.query(`create function auth.pass() returns trigger language plpgsql as 'begin return new; end'`);
    await auth.query('create trigger theirs before insert on auth.sessions for each row execute function auth.pass()');
    for (const refused of [
      'alter table auth.sessions add column extra int',
      'alter table auth.sessions disable row level security',
      'alter table auth.sessions disable trigger theirs',
      'drop trigger theirs on auth.sessions',
      "comment on trigger theirs on auth.sessions is 'mine'",
      'create index on auth.sessions (tag)',
      'create policy p on auth.sessions using (true)',
      'set role supabase_auth_admin',
      'set role supabase_storage_admin',
      'set role supabase_admin',
      "insert into auth.schema_migrations values ('1')",
    ]) {
      expect([refused, await refusal(refused)]).toEqual([refused, '42501']);
    }
  });

  test('what postgres makes in public is open to the API roles, and in a schema of its own is not', async () => {
    await postgres.query('create schema own; create table public.open (id int); create table own.closed (id int)');
    const {rows} = await postgres.query(
      `select has_table_privilege('anon', 'public.open', 'insert') as open, has_table_privilege('anon', 'own.closed', 'select') as closed`,
    );
    expect(rows).toEqual([{open: true, closed: false}]);
  });

  test('postgres may hand the API roles on to roles of its own', async () => {
    expect(await refusal('create role app_role; grant authenticated to app_role')).toBeUndefined();
  });

  test('auth.uid(), role(), email() and jwt() read the claims of both spellings', async () => {
    const ask = 'select auth.uid() as uid, auth.role() as role, auth.email() as email, auth.jwt() as jwt';
    const none = {uid: null, role: null, email: null, jwt: null};
    expect((await postgres.query(ask)).rows).toEqual([none]);
    const claims = {sub: '00000000-0000-4000-8000-000000000001', role: 'authenticated', email: 'a@example.com'};
    await postgres.query("select set_config('request.jwt.claims', $1, false)", [JSON.stringify(claims)]);
    expect((await postgres.query(ask)).rows).toEqual([
      {uid: claims.sub, role: claims.role, email: claims.email, jwt: claims},
    ]);
    await postgres.query(
      "select set_config('request.jwt.claims', '', false), set_config('request.jwt.claim.sub', $1, false)",
      [claims.sub],
    );
    expect((await postgres.query(ask)).rows).toEqual([{...none, uid: claims.sub}]);
  });

  test('pgcrypto and uuid-ossp are there, in schema extensions', async () => {
    const {rows} = await postgres.query(
      'select length(extensions.gen_random_bytes(8)) as bytes, extensions.uuid_generate_v4() is not null as uuid',
    );
    expect(rows).toEqual([{bytes: 8, uuid: true}]);
  });

  test('a clone holds nothing of ours', async () => {
    const {rows} = await postgres.query("select to_regnamespace('supasession') as schema");
    expect(rows).toEqual([{schema: null}]);
  });

  test('a connection that the server ends fails its next query, and dropping the database still works', async () => {
    const other = await createDatabase();
    const client = await other.connect();
    const superuser = await database.connect('supabase_admin');
    const {rows} = await client.query<{pid: number}>('select pg_backend_pid() as pid');
    await superuser.query('select pg_terminate_backend($1, 5000)', [rows[0]?.pid]);
    await expect(client.query('select 1')).rejects.toThrow();
    const waiter = await other.connect();
    const waiting = waiter.query('select pg_sleep(60)').catch((error: unknown) => (error as pg.DatabaseError).code);
    await other.drop();
    expect(await waiting).toBe('57P01');
  });
});
