/** Who may do what with our objects, read from the catalog and tried. */
import type {Client} from 'pg';
import {createSessions, createUser, liveSessions, refreshV2, run, signInPassword} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install} from '../helpers/install.js';

const SESSION = '5f0a3c1e-0000-4000-8000-000000000001';

let database: TestDatabase;
let postgres: Client;

/**
 * Every object outside our schema, with the columns and constraints of tables, and every setting of a role; our triggers are left to a
 * test of their own.
 */
async function objectsOutside(client: Client): Promise<unknown[]> {
  const {rows} = await client.query(
    `select n.nspname, 'relation' as kind, c.relname::text as name, c.relacl::text as acl,
       (select string_agg(concat_ws(' ', a.attname, a.attacl, pg_get_expr(d.adbin, d.adrelid)), ',' order by a.attnum)
        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0) as parts
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     union all select n.nspname, 'function', p.oid::regprocedure::text, p.proacl::text, p.prosrc
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     union all select n.nspname, 'type', t.typname, t.typacl::text, '' from pg_type t join pg_namespace n on n.oid = t.typnamespace
     union all select n.nspname, 'constraint', c.conname, '', pg_get_constraintdef(c.oid)
     from pg_constraint c join pg_namespace n on n.oid = c.connamespace
     union all select '', 'schema', nspname, nspacl::text, '' from pg_namespace
     union all select '', 'policy', polname, polrelid::regclass::text, '' from pg_policy
     union all select '', 'event trigger', evtname, evtfoid::regprocedure::text, '' from pg_event_trigger
     union all select '', 'role settings', setrole::text, setdatabase::text, setconfig::text from pg_db_role_setting
     where setdatabase in (0, (select oid from pg_database where datname = current_database()))
     union all select '', 'default privileges', defaclobjtype::text, defaclacl::text, defaclrole::regrole::text from pg_default_acl
     order by 1, 2, 3, 4`,
  );
  return rows
    .filter((row: {nspname: string; name: string}) => ![row.nspname, row.name].includes('supasession'))
    .filter((row: {nspname: string}) => !/^pg_(toast|temp)/.test(row.nspname));
}

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
});

afterAll(async () => database.drop());

async function list(client: Client, sql: string, values: unknown[] = []): Promise<string[]> {
  const {rows} = await client.query<{item: string}>(sql, values);
  return rows.map(({item}) => item);
}

/** Runs `work` as a role of the Data API, with the claims of a request, and undoes it. */
async function asRole<T>(role: string, claims: object, work: () => Promise<T>): Promise<T> {
  await postgres.query('begin');
  try {
    await postgres.query("select set_config('request.jwt.claims', $1, true)", [JSON.stringify(claims)]);
    await postgres.query(`set local role ${role}`);
    return await work();
  } finally {
    await postgres.query('rollback');
  }
}

/** The functions of ours without exactly that search_path. */
async function unpinned(client: Client): Promise<string[]> {
  return list(
    client,
    `select oid::regprocedure::text as item from pg_proc where pronamespace = 'supasession'::regnamespace
       and ('search_path=pg_catalog, pg_temp' = any (proconfig)) is not true order by 1`,
  );
}

/** What depends on an object in schema auth, a column, type or function among them. */
async function dependsOnAuth(client: Client): Promise<string[]> {
  return list(
    client,
    `select pg_describe_object(d.classid, d.objid, d.objsubid) || ' needs '
         || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) as item
     from pg_depend d
     where d.refclassid = 'pg_class'::regclass and d.refobjid in (select oid from pg_class where relnamespace = 'auth'::regnamespace)
       or d.refclassid = 'pg_type'::regclass and d.refobjid in (select oid from pg_type where typnamespace = 'auth'::regnamespace)
       or d.refclassid = 'pg_proc'::regclass and d.refobjid in (select oid from pg_proc where pronamespace = 'auth'::regnamespace)
     order by 1`,
  );
}

/** Every grant on an object of ours to anyone but its owner, as "grantee privilege object". */
async function grants(client: Client): Promise<string[]> {
  return list(
    client,
    `select concat_ws(' ', case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end, a.privilege_type, o.name,
         case when a.is_grantable then 'with grant option' end) as item
     from (
       select 'schema' as name, nspowner as owner, coalesce(nspacl, acldefault('n', nspowner)) as acl
       from pg_namespace where nspname = 'supasession'
       union all select proname, proowner, coalesce(proacl, acldefault('f', proowner))
       from pg_proc where pronamespace = 'supasession'::regnamespace
       union all select relname, relowner, coalesce(relacl, acldefault('r', relowner))
       from pg_class where relnamespace = 'supasession'::regnamespace and relkind in ('r', 'v', 'm', 'p', 'S')
       union all select c.relname || '.' || a.attname, c.relowner, a.attacl
       from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relnamespace = 'supasession'::regnamespace
       union all select typname, typowner, coalesce(typacl, acldefault('T', typowner))
       from pg_type where typnamespace = 'supasession'::regnamespace
         and (typtype = 'e' or typrelid in (select oid from pg_class where relkind = 'c'))
     ) as o cross join lateral aclexplode(o.acl) as a
     where a.grantee <> o.owner order by 1`,
  );
}

/** Who may do what, beside the owner: tables by privilege, and functions. */
const TABLE_GRANTS = {
  service_role: {
    config: ['DELETE', 'INSERT', 'SELECT', 'UPDATE'],
    events: ['SELECT'],
    revoked: ['SELECT'],
    rules: ['DELETE', 'INSERT', 'SELECT', 'UPDATE'],
  },
};
// For policies and functions of the project, and the guard.
const REQUEST = ['_pre_request', 'check_request', 'device_label', 'has_access', 'is_live', 'session_age', 'sid'];
const FUNCTION_GRANTS = {
  anon: [...REQUEST, 'why_ended'],
  authenticated: [
    ...[...REQUEST, 'my_sessions', 'revoke_my_other_sessions', 'revoke_my_session'],
    ...['session_state', 'why_ended'],
  ],
  service_role: [
    ...REQUEST,
    'disable',
    'enable',
    'enforce',
    'get_config',
    'prune',
    'restore_access',
    'revoke_access',
    'revoke_session',
    'revoke_user_sessions',
    'set_config',
  ],
  supabase_auth_admin: ['_hook_answer', 'access_token_hook'],
};
const GRANTS = [
  ...Object.keys(FUNCTION_GRANTS).map((role) => `${role} USAGE schema`),
  ...Object.entries(FUNCTION_GRANTS).flatMap(([role, names]) => names.map((name) => `${role} EXECUTE ${name}`)),
  ...Object.entries(TABLE_GRANTS.service_role).flatMap(([table, privileges]) =>
    privileges.map((privilege) => `service_role ${privilege} ${table}`),
  ),
  'service_role USAGE enforcement_strategy',
].sort();
const TABLES = [
  'config',
  'events',
  'foreign_deadlines',
  'integration',
  'pending_ends',
  'pending_rejections',
  'revoked',
  'rules',
];
const TRIGGERS = [
  'config_history on supasession.config',
  'config_write on supasession.config',
  'refuse_at_commit on supasession.pending_rejections',
  'rules_history on supasession.rules',
  'supasession_interceptor on auth.sessions',
  'supasession_refresh on auth.sessions',
];
// They read or write auth tables, or tables of ours, for roles that may not: Auth in the triggers and the hook, the roles of the Data API.
const DEFINERS = [
  '_hook_answer',
  '_limiter',
  '_on_refresh',
  '_on_settings_change',
  '_pre_request',
  '_record',
  'enforce',
  'has_access',
  'is_live',
  'my_sessions',
  'prune',
  'restore_access',
  'revoke_access',
  'revoke_my_other_sessions',
  'revoke_my_session',
  'revoke_session',
  'revoke_user_sessions',
  'session_age',
  'session_state',
  'why_ended',
];

describe.each([
  ['as Supabase has it', ''],
  [
    'where default privileges give every new object to the roles of the Data API, Auth and everybody',
    ['functions', 'tables', 'sequences', 'types', 'schemas']
      .map(
        (kind) =>
          `alter default privileges grant all on ${kind} to public, anon, authenticated, service_role, supabase_auth_admin;`,
      )
      .join(' '),
  ],
])('catalog, %s', (_, before) => {
  let own: TestDatabase;
  let client: Client;
  let outsideBefore: unknown[];
  let dependentBefore: string[];

  beforeAll(async () => {
    own = await createDatabase();
    client = await own.connect('postgres');
    await client.query(before);
    outsideBefore = await objectsOutside(client);
    dependentBefore = await dependsOnAuth(client);
    await install(client);
  });

  afterAll(async () => own.drop());

  it('grants by name exactly what is needed, and nothing to PUBLIC', async () => {
    const granted = await grants(client);
    expect(granted.sort()).toEqual(GRANTS);
    expect(granted.filter((grant) => grant.startsWith('PUBLIC'))).toEqual([]);
  });

  it('has one function of each name, so that the names above say which', async () => {
    const overloaded = `select proname as item from pg_proc where pronamespace = 'supasession'::regnamespace
      group by proname having count(*) > 1`;
    expect(await list(client, overloaded)).toEqual([]);
  });

  it('pins the search_path of every function, pg_temp last', async () => {
    expect(await unpinned(client)).toEqual([]);
    const all = "select oid::regprocedure::text as item from pg_proc where pronamespace = 'supasession'::regnamespace";
    expect((await list(client, all)).length).toBeGreaterThan(50);
  });

  it.each([
    ['access_token_hook', 'supasession.access_token_hook(jsonb)'],
    ['pre_request', 'supasession.check_request()'],
  ])("unpins what calls the project's own %s for as long as there is one", async (kind, caller) => {
    await client.query("select supasession._chain($1, 'public', 'mine')", [kind]);
    expect(await unpinned(client)).toEqual([caller]);
    await install(client);
    expect(await unpinned(client)).toEqual([caller]);
    await client.query('select supasession._chain($1, null, null)', [kind]);
    expect(await unpinned(client)).toEqual([]);
    await install(client);
    expect(await unpinned(client)).toEqual([]);
  });

  it('has definer functions only where a role needs our rights', async () => {
    const definers = `select proname as item from pg_proc where pronamespace = 'supasession'::regnamespace and prosecdef`;
    expect((await list(client, definers)).sort()).toEqual(DEFINERS);
  });

  it('belongs to postgres, all of it', async () => {
    const owners = `select distinct owner::regrole::text as item from (
      select nspowner as owner from pg_namespace where nspname = 'supasession'
      union all select relowner from pg_class where relnamespace = 'supasession'::regnamespace
      union all select proowner from pg_proc where pronamespace = 'supasession'::regnamespace
      union all select typowner from pg_type where typnamespace = 'supasession'::regnamespace) as o`;
    expect(await list(client, owners)).toEqual(['postgres']);
  });

  it('has row security on every table, and no policy that opens one', async () => {
    const tables = `select relname as item from pg_class
      where relnamespace = 'supasession'::regnamespace and relkind = 'r' and relrowsecurity order by 1`;
    expect(await list(client, tables)).toEqual(TABLES);
    const others = `select concat_ws(' ', relkind, relname) as item from pg_class
      where relnamespace = 'supasession'::regnamespace and relkind not in ('i', 'r') or relnamespace = 'supasession'::regnamespace
        and relkind = 'r' and not relrowsecurity`;
    expect((await list(client, others)).sort()).toEqual(['S events_id_seq', 'c policy']);
    const policies = `select polname as item from pg_policy p join pg_class c on c.oid = p.polrelid
      where c.relnamespace = 'supasession'::regnamespace`;
    expect(await list(client, policies)).toEqual([]);
  });

  it('has a primary key on every table, which a publication of all tables needs', async () => {
    const keys = `select conrelid::regclass::text as item from pg_constraint
      where connamespace = 'supasession'::regnamespace and contype = 'p' order by 1`;
    expect(await list(client, keys)).toEqual(TABLES.map((table) => `supasession.${table}`));
  });

  it('has a comment on the schema and on every table, column, type and function', async () => {
    const bare = `select item from (
      select 'schema' as item, obj_description('supasession'::regnamespace, 'pg_namespace') as comment
      union all select relname, obj_description(oid, 'pg_class') from pg_class
      where relnamespace = 'supasession'::regnamespace and relkind in ('r', 'v', 'm', 'p')
      union all select c.relname || '.' || a.attname, col_description(c.oid, a.attnum) from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'supasession'::regnamespace and c.relkind in ('r', 'v', 'm', 'p')
      union all select typname, obj_description(oid, 'pg_type') from pg_type
      where typnamespace = 'supasession'::regnamespace
        and (typtype in ('e', 'd') or typrelid in (select oid from pg_class where relkind = 'c'))
      union all select oid::regprocedure::text, obj_description(oid, 'pg_proc') from pg_proc
      where pronamespace = 'supasession'::regnamespace) as o where coalesce(comment, '') = ''`;
    expect(await list(client, bare)).toEqual([]);
  });

  it('puts nothing outside our schema but two triggers on auth.sessions', async () => {
    expect(await objectsOutside(client)).toEqual(outsideBefore);
    const triggers = `select t.tgname || ' on ' || t.tgrelid::regclass as item from pg_trigger t
      join pg_proc p on p.oid = t.tgfoid where p.pronamespace = 'supasession'::regnamespace order by 1`;
    expect(await list(client, triggers)).toEqual(TRIGGERS);
  });

  it('names no column of Auth in a trigger, and nothing else depends on anything of Auth', async () => {
    const triggers = `select concat_ws(' ', t.tgname, nullif(t.tgattr::text, ''), pg_get_expr(t.tgqual, t.tgrelid)) as item
      from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where not t.tgisinternal and c.relnamespace = 'auth'::regnamespace order by 1`;
    expect(await list(client, triggers)).toEqual(['supasession_interceptor', 'supasession_refresh']);
    const added = (await dependsOnAuth(client)).filter((line) => !dependentBefore.includes(line));
    expect(added).toEqual(
      ['supasession_interceptor', 'supasession_refresh'].map(
        (name) => `trigger ${name} on table auth.sessions needs table auth.sessions`,
      ),
    );
  });

  it('leaves no other trigger in schema auth', async () => {
    const triggers = `select t.tgname || ' on ' || t.tgrelid::regclass as item from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where not t.tgisinternal and c.relnamespace = 'auth'::regnamespace order by 1`;
    expect(await list(client, triggers)).toEqual(TRIGGERS.filter((trigger) => trigger.includes(' on auth.')));
  });

  it('is readable and writable by no role of Supabase but postgres and service_role', async () => {
    // Superusers and members of pg_read_all_data read everything; that is not ours to give or take. `postgres.<ref>` and
    // `<role>_test_<name>` are logins that other test files make on the same server.
    const may = `select concat_ws(' ', r.rolname, p.privilege, c.relname) as item
      from pg_roles r, pg_class c,
        unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger', 'maintain']) as p (privilege)
      where c.relnamespace = 'supasession'::regnamespace and c.relkind = 'r'
        and not r.rolsuper and r.rolname !~ '^(pg_|postgres\\.)|_test_' and r.rolname <> 'postgres'
        and not (p.privilege = 'select' and pg_has_role(r.oid, 'pg_read_all_data', 'usage'))
        and (has_table_privilege(r.oid, c.oid, p.privilege)
          or p.privilege in ('select', 'insert', 'update', 'references') and has_any_column_privilege(r.oid, c.oid, p.privilege))`;
    expect((await list(client, may)).sort()).toEqual(
      GRANTS.filter((grant) => TABLES.some((table) => grant.endsWith(` ${table}`)))
        .map((grant) => grant.replace(/ [A-Z]+ /, (privilege) => privilege.toLowerCase()))
        .sort(),
    );
    const numbers = `select rolname as item from pg_roles r where not rolsuper and rolname !~ '^(pg_|postgres\\.)|_test_' and rolname <> 'postgres'
      and has_sequence_privilege(r.oid, 'supasession.events_id_seq', 'usage, update')`;
    expect(await list(client, numbers)).toEqual([]);
  });

  it('stays so after a second installation', async () => {
    await install(client);
    expect((await grants(client)).sort()).toEqual(GRANTS);
  });
});

describe.each(['anon', 'authenticated'])('%s', (role) => {
  it.each([
    'select * from supasession.config',
    'update supasession.config set enabled = false where true',
    "insert into supasession.config (version) values ('2')",
    'delete from supasession.config where true',
    'truncate supasession.config',
    'select supasession.enable()',
    'select supasession.disable()',
    'select supasession.get_config()',
    'select supasession.set_config(max_sessions => 9)',
    'select * from supasession.rules',
    "insert into supasession.rules (name, user_id, unlimited) values ('mine', gen_random_uuid(), true)",
    'select * from supasession.events',
    'delete from supasession.events where true',
    'select * from supasession.revoked',
    'delete from supasession.revoked where true',
    'select * from supasession.foreign_deadlines',
    'select * from supasession.pending_ends',
    'delete from supasession.pending_ends where true',
    'select * from supasession.pending_rejections',
    'delete from supasession.pending_rejections where true',
    'select * from supasession.integration',
    "insert into supasession.integration values ('pre_request', 'public', 'mine')",
    'select * from supasession._claims()',
    'select supasession.enforce()',
    "select supasession.prune('1 day')",
    'select supasession.revoke_session(gen_random_uuid())',
    'select supasession.revoke_user_sessions(gen_random_uuid())',
    'select supasession.revoke_access(gen_random_uuid())',
    'select supasession.restore_access(gen_random_uuid())',
    'select supasession.enable_guard()',
    'select supasession.disable_guard()',
    "select supasession.access_token_hook('{}')",
    'select supasession._hook_answer(gen_random_uuid())',
    "select supasession._chain('pre_request', 'public', 'mine')",
    'select supasession._session_end(gen_random_uuid(), gen_random_uuid())',
  ])('may not: %s', async (sql) => {
    const attempt = asRole(role, {session_id: SESSION, role}, async () => postgres.query(sql));
    await expect(attempt).rejects.toMatchObject({code: '42501'});
  });

  it('calls sid() in a policy and in a function of the project', async () => {
    const table = `notes_${role}`;
    await postgres.query(`
      create table public.${table} (note text, session_id uuid default supasession.sid());
      alter table public.${table} enable row level security;
      create policy own_device on public.${table} to ${role}
        using (session_id = supasession.sid()) with check (session_id = supasession.sid());
      grant select, insert on public.${table} to ${role};
      create function public.device_${role}() returns uuid language sql stable as 'select supasession.sid()';
      grant execute on function public.device_${role}() to ${role};
      insert into public.${table} values ('of another device', gen_random_uuid())`);
    const seen = await asRole(role, {session_id: SESSION, role}, async () => {
      await postgres.query(`insert into public.${table} (note) values ('mine')`);
      const notes = await postgres.query(
        `select note, session_id, public.device_${role}() as device from public.${table}`,
      );
      return notes.rows as unknown;
    });
    expect(seen).toEqual([{note: 'mine', session_id: SESSION, device: SESSION}]);
    const none = await asRole(
      role,
      {role},
      async () => (await postgres.query(`select * from public.${table}`)).rows as unknown,
    );
    expect(none).toEqual([]);
  });
});

it.each([
  'select * from supasession.my_sessions()',
  'select supasession.revoke_my_session(gen_random_uuid())',
  'select supasession.revoke_my_other_sessions()',
  'select supasession.session_state()',
])('anon may not: %s', async (sql) => {
  await expect(asRole('anon', {role: 'anon'}, async () => postgres.query(sql))).rejects.toMatchObject({code: '42501'});
});

it.each([
  ['anon', 'is_live, has_access', {role: 'anon'}, {live: true, access: true, age: false}],
  ['authenticated', 'all', {}, {live: true, access: true, age: true}],
  ['service_role', 'is_live, has_access', {role: 'service_role'}, {live: true, access: true, age: false}],
] as const)('%s calls what is made for requests, as the guard and policies do', async (role, _, claims, answer) => {
  const user = await createUser(postgres);
  const [session] = await createSessions(postgres, [user.userId], 1);
  const token = {role, sub: user.userId, session_id: session?.sessionId, ...claims};
  const answered = await asRole(role, role === 'authenticated' ? token : claims, async () => {
    await postgres.query('select supasession.check_request()');
    const {rows} = await postgres.query<object>(
      `select supasession.is_live() as live, supasession.has_access() as access,
         supasession.session_age() is not null as age`,
    );
    return rows;
  });
  expect(answered).toEqual([answer]);
});

describe('service_role', () => {
  it('reads and changes the settings, by table and by function', async () => {
    const seen = await asRole('service_role', {role: 'service_role'}, async () => {
      await postgres.query('update supasession.config set max_sessions = 4 where true');
      await postgres.query("select supasession.set_config(strategy => 'reject')");
      await postgres.query('select supasession.enable()');
      const {rows} = await postgres.query(
        'select enabled, max_sessions, strategy, supasession.sid() from supasession.get_config()',
      );
      return rows as unknown;
    });
    expect(seen).toEqual([{enabled: true, max_sessions: 4, strategy: 'reject', sid: null}]);
  });

  it('deletes the settings and makes them anew', async () => {
    const made = await asRole('service_role', {}, async () => {
      await postgres.query('delete from supasession.config where true');
      return (await postgres.query('insert into supasession.config (max_sessions) values (2)')).rowCount;
    });
    expect(made).toBe(1);
  });

  it.each([
    "comment on schema supasession is 'supasession 0.0.1'",
    "insert into supasession.events (kind) values ('evicted')",
    'delete from supasession.events where true',
    'insert into supasession.revoked (user_id) values (gen_random_uuid())',
    'delete from supasession.revoked where true',
    'select * from supasession.integration',
    "insert into supasession.integration values ('access_token_hook', 'public', 'mine')",
    "select supasession._chain('access_token_hook', 'public', 'mine')",
    'select * from supasession.foreign_deadlines',
    'select * from supasession.pending_ends',
    'select * from supasession.pending_rejections',
    'truncate supasession.config',
    'select supasession.enable_guard()',
    'select supasession.disable_guard()',
    'select supasession.my_sessions()',
    'select supasession.session_state()',
    'select supasession.why_ended(gen_random_uuid())',
    "select supasession.access_token_hook('{}')",
  ])('may not: %s', async (sql) => {
    await expect(asRole('service_role', {}, async () => postgres.query(sql))).rejects.toMatchObject({code: '42501'});
  });

  it('reads and changes rules, and reads the history and revoked users', async () => {
    const seen = await asRole('service_role', {role: 'service_role'}, async () => {
      await postgres.query(
        `insert into supasession.rules (name, app_metadata, max_sessions) values ('pro', '{"plan": "pro"}', 5)`,
      );
      await postgres.query("update supasession.rules set max_sessions = 6 where name = 'pro'");
      await postgres.query("delete from supasession.rules where name = 'pro'");
      await postgres.query('select from supasession.revoked');
      const {rows} = await postgres.query<object>(
        "select kind, reason from supasession.events where kind = 'rules_changed' order by id",
      );
      return rows;
    });
    expect(seen).toEqual(['insert', 'update', 'delete'].map((reason) => ({kind: 'rules_changed', reason})));
  });
});

describe('supabase_auth_admin', () => {
  it('may use the schema and call the hook with its helper, and has no other right', async () => {
    const rights = `select 'usage' as item where has_schema_privilege('supabase_auth_admin', 'supasession', 'usage')
      union all select 'create' where has_schema_privilege('supabase_auth_admin', 'supasession', 'create')
      union all select oid::regprocedure::text from pg_proc
      where pronamespace = 'supasession'::regnamespace and has_function_privilege('supabase_auth_admin', oid, 'execute')
      union all select relname from pg_class where relnamespace = 'supasession'::regnamespace and relkind = 'r'
        and has_table_privilege('supabase_auth_admin', oid, 'select, insert, update, delete')`;
    expect((await list(postgres, rights)).sort()).toEqual([
      'supasession._hook_answer(uuid)',
      'supasession.access_token_hook(jsonb)',
      'usage',
    ]);
  });

  it('signs in and refreshes under the limit all the same', async () => {
    const auth = await database.connect('supabase_auth_admin');
    const user = await createUser(postgres);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    await run(auth, signInPassword(user.email));
    const session = await run(auth, signInPassword(user.email, {algorithm: 2}));
    await run(auth, refreshV2(session));
    expect(await liveSessions(postgres, user.userId)).toEqual([session.sessionId]);
    await configure(postgres, {enabled: false});
  });
});

it('a role of the project that has been given the schema may call sid(), after a new installation too', async () => {
  const role = `project_role_${process.pid}`;
  await postgres.query(`create role ${role}; grant ${role} to postgres; grant usage on schema supasession to ${role}`);
  try {
    await install(postgres);
    const sid = await asRole(
      role,
      {session_id: SESSION},
      async () => (await postgres.query('select supasession.sid()')).rows as unknown,
    );
    expect(sid).toEqual([{sid: SESSION}]);
  } finally {
    await postgres.query(`drop owned by ${role}; drop role ${role}`);
  }
});
