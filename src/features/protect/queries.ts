import type {Queryable} from '../../database/connection.js';

/** Case-sensitive, without quotes. */
export interface TableName {
  schema: string;
  table: string;
}

export interface TableState extends TableName {
  kind: 'foreign table' | 'partitioned table' | 'table' | 'view';
  /** Whether row level security is enabled: without it no policy does anything. */
  rls: boolean;
  owner: string;
  /** Whether the connection's role counts as the owner, and so may create policies. */
  owned: boolean;
}

export async function readTable(db: Queryable, {schema, table}: TableName): Promise<TableState | undefined> {
  const {rows} = await db.query<TableState>(
    `select
      n.nspname::text as schema,
      c.relname::text as "table",
      case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'f' then 'foreign table' else 'view' end as kind,
      c.relrowsecurity as rls,
      pg_get_userbyid(c.relowner)::text as owner,
      pg_has_role(c.relowner, 'usage') as owned
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'f', 'v', 'm')`,
    [schema, table],
  );
  return rows[0];
}

/** Tables whose names differ in case only, or that are in another schema. */
export async function readLikeTables(db: Queryable, {schema, table}: TableName): Promise<TableName[]> {
  const {rows} = await db.query<TableName>(
    `select n.nspname::text as schema, c.relname::text as "table"
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where lower(c.relname) = lower($2)
      and c.relkind in ('r', 'p')
      and n.nspname not in ('pg_catalog', 'information_schema')
    order by lower(n.nspname) = lower($1) desc, 1, 2
    limit 3`,
    [schema, table],
  );
  return rows;
}

/** A policy that uses supasession, or has a name that `protect add` gives. */
export interface Policy extends TableName {
  name: string;
  permissive: boolean;
  /** Sorted. */
  roles: string[];
  command: 'all' | 'delete' | 'insert' | 'select' | 'update';
  /** As Postgres prints it; null for none. */
  using: string | null;
  check: string | null;
  /** Whether row level security is enabled on the table. */
  rls: boolean;
}

/** The policies that use supasession's functions or begin with `prefix`, by table and name. */
export async function readPolicies(db: Queryable, prefix: string): Promise<Policy[]> {
  const {rows} = await db.query<Policy>(
    `select
      n.nspname::text as schema,
      c.relname::text as "table",
      p.polname::text as name,
      p.polpermissive as permissive,
      array(
        select case r.oid when 0 then 'public' else pg_get_userbyid(r.oid)::text end
        from unnest(p.polroles) r (oid)
        order by 1
      ) as roles,
      case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
      pg_get_expr(p.polqual, p.polrelid) as using,
      pg_get_expr(p.polwithcheck, p.polrelid) as check,
      c.relrowsecurity as rls
    from pg_catalog.pg_policy p
    join pg_catalog.pg_class c on c.oid = p.polrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where starts_with(p.polname, $1)
      or exists (
        select
        from pg_catalog.pg_depend d
        join pg_catalog.pg_proc f on f.oid = d.refobjid
        where d.classid = 'pg_catalog.pg_policy'::regclass
          and d.objid = p.oid
          and d.refclassid = 'pg_catalog.pg_proc'::regclass
          and f.pronamespace = 'supasession'::regnamespace
      )
    order by 1, 2, 3`,
    [prefix],
  );
  return rows;
}

/** The tables in these schemas on which anon or authenticated have rights, by name. */
export async function readApiTables(db: Queryable, schemas: readonly string[]): Promise<TableName[]> {
  const {rows} = await db.query<TableName>(
    `select n.nspname::text as schema, c.relname::text as "table"
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any ($1)
      and c.relkind in ('r', 'p')
      and exists (
        select
        from pg_catalog.pg_roles r
        where r.rolname in ('anon', 'authenticated')
          and has_schema_privilege(r.oid, n.oid, 'usage')
          -- Rights on single columns count; delete has none.
          and (has_any_column_privilege(r.oid, c.oid, 'select, insert, update') or has_table_privilege(r.oid, c.oid, 'delete'))
      )
    order by 1, 2`,
    [schemas],
  );
  return rows;
}
