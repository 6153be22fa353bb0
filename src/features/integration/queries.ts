import type {Queryable} from '../../database/connection.js';
import {readRoleSchemas} from '../../database/role-settings.js';

/** A function by its schema and name, as the catalog has them. */
export interface FunctionName {
  schema: string;
  name: string;
}

/** The project's own hook, which supasession's hook calls. */
export async function readNextHook(db: Queryable): Promise<FunctionName | null> {
  const {rows} = await db.query<FunctionName>(
    `select i.schema_name as schema, i.function_name as name
    from supasession.integration i
    where i.kind = 'access_token_hook'`,
  );
  return rows[0] ?? null;
}

export interface HookFunction {
  /** Whether it returns one jsonb. */
  returnsJsonb: boolean;
  /** Whether Auth's role may call it. */
  executable: boolean;
}

/** Null if no function of this name takes one jsonb. */
export async function readHookFunction(db: Queryable, {schema, name}: FunctionName): Promise<HookFunction | null> {
  const {rows} = await db.query<HookFunction>(
    `select
      p.prorettype = 'pg_catalog.jsonb'::regtype and not p.proretset as "returnsJsonb",
      has_schema_privilege('supabase_auth_admin', n.oid, 'usage')
        and has_function_privilege('supabase_auth_admin', p.oid, 'execute') as executable
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = $1 and p.proname = $2 and p.proargtypes = '3802'::oidvector and p.prokind = 'f'`,
    [schema, name],
  );
  return rows[0] ?? null;
}

/** A function or table that the Data API offers once the schema is exposed, and to which roles. */
export interface Reachable {
  name: string;
  roles: string[];
}

const API_ROLES = "(values (1, 'anon'), (2, 'authenticated'), (3, 'service_role')) r (place, name)";

/** Those for most roles first. Functions that return a trigger cannot be called. */
export async function readCallableFunctions(db: Queryable): Promise<Reachable[]> {
  const {rows} = await db.query<Reachable>(`
    select
      format('%s(%s)', p.proname, oidvectortypes(p.proargtypes)) as name,
      array_agg(r.name order by r.place) as roles
    from pg_catalog.pg_proc p
    cross join ${API_ROLES}
    where p.pronamespace = 'supasession'::regnamespace
      and p.prokind = 'f'
      and p.prorettype <> 'pg_catalog.trigger'::regtype
      and has_schema_privilege(r.name, p.pronamespace, 'usage')
      and has_function_privilege(r.name, p.oid, 'execute')
    group by p.oid
    order by min(r.place), count(*) desc, 1`);
  return rows;
}

export async function readReadableTables(db: Queryable): Promise<Reachable[]> {
  const {rows} = await db.query<Reachable>(`
    select c.relname as name, array_agg(r.name order by r.place) as roles
    from pg_catalog.pg_class c
    cross join ${API_ROLES}
    where c.relnamespace = 'supasession'::regnamespace
      and c.relkind in ('r', 'p', 'v', 'm')
      and has_schema_privilege(r.name, c.relnamespace, 'usage')
      and has_table_privilege(r.name, c.oid, 'select')
    group by c.oid
    order by 1`);
  return rows;
}
/** What the database itself knows of the integration with Auth and the Data API. */
export interface DatabaseIntegration {
  /** The project's own hook, which supasession's hook calls, as schema.function. */
  nextHook: string | null;
  /** Whether PostgREST is configured, in the database, to call the guard. */
  guard: boolean;
  /** Schemas that the Data API exposes; null if they are configured elsewhere. */
  schemas: string[] | null;
}

export async function readDatabaseIntegration(db: Queryable): Promise<DatabaseIntegration> {
  const {rows} = await db.query<{next_hook: string | null; guard: boolean}>(
    `select
      (select format('%I.%I', schema_name, function_name) from supasession.integration where kind = 'access_token_hook') as next_hook,
      supasession._guard_enabled() as guard`,
  );
  const {next_hook: nextHook, guard} = rows[0]!;
  return {nextHook, guard, schemas: await readRoleSchemas(db)};
}
