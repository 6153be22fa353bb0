/** Who may do what with our objects, read from the catalog and tried. */
import type {Client} from 'pg';
import {createUser, liveSessions, refreshV2, run, signInPassword} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install} from '../helpers/install.js';

const SESSION = '5f0a3c1e-0000-4000-8000-000000000001';

let database: TestDatabase;
let postgres: Client;
let outsideBefore: unknown[];

/** Every object outside our schema, with the columns and constraints of tables; our triggers are left to a test of their own. */
async function objectsOutside(client: Client): Promise<unknown[]> {
  const {rows} = await client.query(
    `select n.nspname, 'relation' as kind, c.relname::text as name, c.relacl::text as acl,
       (select string_agg(a.attname, ',' order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0) as parts
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     union all select n.nspname, 'function', p.oid::regprocedure::text, p.proacl::text, p.prosrc
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     union all select n.nspname, 'type', t.typname, t.typacl::text, '' from pg_type t join pg_namespace n on n.oid = t.typnamespace
     union all select n.nspname, 'constraint', c.conname, '', pg_get_constraintdef(c.oid)
     from pg_constraint c join pg_namespace n on n.oid = c.connamespace
     union all select '', 'schema', nspname, nspacl::text, '' from pg_namespace
     union all select '', 'policy', polname, polrelid::regclass::text, '' from pg_policy
     union all select '', 'default privileges', defaclobjtype::text, defaclacl::text, defaclrole::regrole::text from pg_default_acl
     order by 1, 2, 3, 4`,
  );
  return rows
    .filter((row: {nspname: string; name: string}) => ![row.nspname, row.name].includes('supasession'))
    .filter((row: {nspname: string}) => !/^pg_(toast|temp)/.test(row.nspname));
}

beforeAll(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
  outsideBefore = await objectsOutside(postgres);
  await install(postgres);
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
       from pg_type where typnamespace = 'supasession'::regnamespace and typtype = 'e'
     ) as o cross join lateral aclexplode(o.acl) as a
     where a.grantee <> o.owner order by 1`,
  );
}

const GRANTS = [
  'anon EXECUTE sid',
  'anon USAGE schema',
  'authenticated EXECUTE sid',
  'authenticated USAGE schema',
  'service_role DELETE config',
  'service_role EXECUTE disable',
  'service_role EXECUTE enable',
  'service_role EXECUTE get_config',
  'service_role EXECUTE set_config',
  'service_role EXECUTE sid',
  'service_role INSERT config',
  'service_role SELECT config',
  'service_role SELECT installation',
  'service_role UPDATE config',
  'service_role USAGE enforcement_strategy',
  'service_role USAGE schema',
];

describe('catalog', () => {
  it('grants by name exactly what is needed, and nothing to PUBLIC', async () => {
    expect(await grants(postgres)).toEqual(GRANTS);
  });

  it('pins search_path to nothing in every function', async () => {
    const functions = await postgres.query<{name: string; pinned: boolean | null}>(
      `select oid::regprocedure::text as name, 'search_path=""' = any (proconfig) as pinned
       from pg_proc where pronamespace = 'supasession'::regnamespace`,
    );
    expect(functions.rows.length).toBeGreaterThan(5);
    expect(functions.rows.filter(({pinned}) => pinned !== true)).toEqual([]);
  });

  it('has definer functions only for the triggers', async () => {
    const definers = `select proname as item from pg_proc where pronamespace = 'supasession'::regnamespace and prosecdef order by 1`;
    expect(await list(postgres, definers)).toEqual(['_limiter', '_on_refresh']);
  });

  it('belongs to postgres, all of it', async () => {
    const owners = `select distinct owner::regrole::text as item from (
      select nspowner as owner from pg_namespace where nspname = 'supasession'
      union all select relowner from pg_class where relnamespace = 'supasession'::regnamespace
      union all select proowner from pg_proc where pronamespace = 'supasession'::regnamespace
      union all select typowner from pg_type where typnamespace = 'supasession'::regnamespace) as o`;
    expect(await list(postgres, owners)).toEqual(['postgres']);
  });

  it('has row security on every table, and no policy that opens one', async () => {
    const tables = `select relname as item from pg_class
      where relnamespace = 'supasession'::regnamespace and relkind = 'r' and relrowsecurity order by 1`;
    expect(await list(postgres, tables)).toEqual(['config', 'installation']);
    const others = `select relname as item from pg_class
      where relnamespace = 'supasession'::regnamespace and relkind not in ('i', 'r') or relnamespace = 'supasession'::regnamespace
        and relkind = 'r' and not relrowsecurity`;
    expect(await list(postgres, others)).toEqual([]);
    const policies = `select polname as item from pg_policy p join pg_class c on c.oid = p.polrelid
      where c.relnamespace = 'supasession'::regnamespace`;
    expect(await list(postgres, policies)).toEqual([]);
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
      where typnamespace = 'supasession'::regnamespace and typtype in ('e', 'd')
      union all select oid::regprocedure::text, obj_description(oid, 'pg_proc') from pg_proc
      where pronamespace = 'supasession'::regnamespace) as o where coalesce(comment, '') = ''`;
    expect(await list(postgres, bare)).toEqual([]);
  });

  it('puts nothing outside our schema but the two triggers on auth.sessions', async () => {
    expect(await objectsOutside(postgres)).toEqual(outsideBefore);
    const triggers = `select t.tgname || ' on ' || t.tgrelid::regclass as item from pg_trigger t
      join pg_proc p on p.oid = t.tgfoid where p.pronamespace = 'supasession'::regnamespace order by 1`;
    expect(await list(postgres, triggers)).toEqual([
      'supasession_interceptor on auth.sessions',
      'supasession_refresh on auth.sessions',
    ]);
  });

  it('is readable and writable by no role of Supabase but postgres and service_role', async () => {
    // Superusers and members of pg_read_all_data read everything; that is not ours to give or take.
    const may = `select concat_ws(' ', r.rolname, p.privilege, c.relname) as item
      from pg_roles r, pg_class c, unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'])
        as p (privilege)
      where c.relnamespace = 'supasession'::regnamespace and c.relkind = 'r'
        and not r.rolsuper and r.rolname !~ '^pg_' and r.rolname <> 'postgres'
        and not (p.privilege = 'select' and pg_has_role(r.oid, 'pg_read_all_data', 'usage'))
        and (has_table_privilege(r.oid, c.oid, p.privilege)
          or p.privilege in ('select', 'insert', 'update', 'references') and has_any_column_privilege(r.oid, c.oid, p.privilege))
      order by 1`;
    expect(await list(postgres, may)).toEqual([
      'service_role delete config',
      'service_role insert config',
      'service_role select config',
      'service_role select installation',
      'service_role update config',
    ]);
  });

  it('is the same where default privileges give every new object to the roles of the Data API', async () => {
    const open = await createDatabase();
    try {
      const client = await open.connect('postgres');
      for (const objects of ['functions', 'tables', 'sequences', 'types', 'schemas'])
        await client.query(`alter default privileges grant all on ${objects} to anon, authenticated, service_role`);
      await install(client);
      expect((await grants(client)).filter((grant) => /^(PUBLIC|anon|authenticated) /.test(grant))).toEqual(
        GRANTS.filter((grant) => /^(PUBLIC|anon|authenticated) /.test(grant)),
      );
      expect(await grants(client)).toEqual(GRANTS);
    } finally {
      await open.drop();
    }
  });
});

describe.each(['anon', 'authenticated'])('%s', (role) => {
  it.each([
    'select * from supasession.config',
    'update supasession.config set enabled = false where true',
    "insert into supasession.config (version) values ('2')",
    'delete from supasession.config where true',
    'truncate supasession.config',
    'select * from supasession.installation',
    'select supasession.enable()',
    'select supasession.disable()',
    'select supasession.get_config()',
    'select supasession.set_config(max_sessions => 9)',
    'select supasession._lock_user(gen_random_uuid())',
    "select * from supasession._live_sessions(gen_random_uuid(), 'oldest', now())",
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

  it('may not change what is recorded about the installation', async () => {
    const attempt = asRole('service_role', {}, async () =>
      postgres.query("update supasession.installation set version = '0.0.1' where true"),
    );
    await expect(attempt).rejects.toMatchObject({code: '42501'});
  });
});

describe('supabase_auth_admin', () => {
  it('has no right on our schema, tables or functions', async () => {
    const rights = `select 'schema' as item where has_schema_privilege('supabase_auth_admin', 'supasession', 'usage, create')
      union all select oid::regprocedure::text from pg_proc
      where pronamespace = 'supasession'::regnamespace and has_function_privilege('supabase_auth_admin', oid, 'execute')
      union all select relname from pg_class where relnamespace = 'supasession'::regnamespace and relkind = 'r'
        and has_table_privilege('supabase_auth_admin', oid, 'select, insert, update, delete')`;
    expect(await list(postgres, rights)).toEqual([]);
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
