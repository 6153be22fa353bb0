import type {Queryable} from '../../database/connection.js';
import type {RoleSetting} from '../../database/role-settings.js';

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
      p.prosecdef as definer
    from pg_catalog.pg_proc p
    where p.pronamespace = to_regnamespace('supasession')
    order by p.proname`);
  return rows;
}

/**
 * @param db an open connection
 * @param value a pre-request function as PostgREST takes it: what stands before the first dot is the schema, to the letter
 * @returns whether there is such a function
 */
export async function hasRequestFunction(db: Queryable, value: string): Promise<boolean> {
  const {rows} = await db.query<{there: boolean}>(
    `select exists (
      select
      from pg_catalog.pg_proc f
      join pg_catalog.pg_namespace n on n.oid = f.pronamespace
      where n.nspname = split_part($1, '.', 1)
        and f.proname = substr($1, strpos($1, '.') + 1)
        and f.pronargs = f.pronargdefaults
    ) as there`,
    [value],
  );
  return rows[0]!.there;
}

/**
 * Takes the pre-request function out of what PostgREST is given, and tells it.
 * @param db an open connection
 * @param scope where it is set
 * @throws what the driver throws: 42501 where the role may not
 */
export async function resetPreRequest(db: Queryable, scope: RoleSetting['scope']): Promise<void> {
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
