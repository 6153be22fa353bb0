import type {Queryable} from './connection.js';

/** The version of a server. */
export interface ServerVersion {
  major: number;
  /** As the server prints it: "17.4". */
  text: string;
}

/**
 * @param db an open connection
 * @returns the version of the server
 */
export async function readServerVersion(db: Queryable): Promise<ServerVersion> {
  const {rows} = await db.query<{number: string; text: string}>(
    `select current_setting('server_version_num') as number, current_setting('server_version') as text`,
  );
  const {number, text} = rows[0]!;
  return {major: Math.floor(Number(number) / 10_000), text: text.split(' ', 1)[0]!};
}

/** A function in our schema, as the catalog has it. */
export interface InstalledFunction {
  name: string;
  body: string;
  /** Whether it runs with the rights of its owner. */
  definer: boolean;
  /** Whether it sets a search_path of its own. */
  searchPath: boolean;
}

/**
 * @param db an open connection
 * @returns the functions in our schema; none where it is not there
 */
export async function readFunctions(db: Queryable): Promise<InstalledFunction[]> {
  const {rows} = await db.query<InstalledFunction>(`
    select
      p.proname::text as name,
      p.prosrc as body,
      p.prosecdef as definer,
      exists (select from unnest(p.proconfig) c (entry) where c.entry like 'search\\_path=%') as "searchPath"
    from pg_catalog.pg_proc p
    where p.pronamespace = to_regnamespace('supasession')
    order by p.proname`);
  return rows;
}

/** Where a role's setting is made; for one database beats for the whole server. */
export type SettingScope = 'database' | 'server';

/** The pre-request function that PostgREST is given by the role it connects as. */
export interface PreRequest {
  /** As it is set: `schema.function`, or a bare name. */
  value: string;
  scope: SettingScope;
  /** Whether there is such a function; null for a bare name, which may stand in any schema. */
  found: boolean | null;
}

/**
 * @param db an open connection; our SQL need not be there
 * @returns the setting that counts; null where none does, or the empty name
 */
export async function readPreRequest(db: Queryable): Promise<PreRequest | null> {
  // As PostgREST takes it: what stands before the first dot is the schema, to the letter.
  const {rows} = await db.query<PreRequest>(`
    select
      p.value,
      p.scope,
      case when p.value like '%.%' then exists (
        select
        from pg_catalog.pg_proc f
        join pg_catalog.pg_namespace n on n.oid = f.pronamespace
        where n.nspname = split_part(p.value, '.', 1)
          and f.proname = substr(p.value, strpos(p.value, '.') + 1)
          and f.pronargs = f.pronargdefaults
      ) end as found
    from (
      select
        substr(o.entry, length('pgrst.db_pre_request=') + 1) as value,
        case when s.setdatabase = 0 then 'server' else 'database' end as scope
      from pg_catalog.pg_db_role_setting s
      join pg_catalog.pg_roles r on r.oid = s.setrole
      cross join lateral unnest(s.setconfig) o (entry)
      where r.rolname = 'authenticator'
        and s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
        and o.entry like 'pgrst.db\\_pre\\_request=%'
      order by s.setdatabase desc
      limit 1
    ) p
    where p.value <> ''`);
  return rows[0] ?? null;
}

/**
 * Takes the pre-request function out of what PostgREST is given, and tells it.
 * @param db an open connection
 * @param scope where it is set
 * @throws what the driver throws: 42501 where the role may not
 */
export async function resetPreRequest(db: Queryable, scope: SettingScope): Promise<void> {
  const where = scope === 'server' ? '' : ' in database %I';
  await db.query(`
    do $$
    begin
      execute format('alter role authenticator${where} reset pgrst.db_pre_request', current_database());
    end
    $$;
    notify pgrst, 'reload config'`);
}

/**
 * @param db an open connection
 * @returns whether our schema is there, with whatever is left in it
 */
export async function hasSchema(db: Queryable): Promise<boolean> {
  const {rows} = await db.query<{there: boolean}>(`select to_regnamespace('supasession') is not null as there`);
  return rows[0]!.there;
}

/**
 * Runs our SQL once more, in one transaction, as the role that owns our schema: what a superuser made would be a superuser's.
 * @param db an open connection
 * @param script our SQL, as it was installed
 * @throws what the driver throws: 55P03 where it does not get its locks in time
 */
export async function runInstallation(db: Queryable, script: string): Promise<void> {
  await db.query(`
    select set_config('role', r.rolname, true)
    from pg_catalog.pg_namespace n
    join pg_catalog.pg_roles r on r.oid = n.nspowner
    where n.nspname = 'supasession';
    ${script}`);
}
