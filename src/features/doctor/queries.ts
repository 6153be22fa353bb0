import type {Queryable} from '../../database/connection.js';
import type {RoleSetting} from '../../database/role-settings.js';

export interface ServerVersion {
  major: number;
  /** As the server prints it: "17.4". */
  text: string;
}

export async function readServerVersion(db: Queryable): Promise<ServerVersion> {
  const {rows} = await db.query<{number: string; text: string}>(
    `select current_setting('server_version_num') as number, current_setting('server_version') as text`,
  );
  const {number, text} = rows[0]!;
  return {major: Math.floor(Number(number) / 10_000), text: text.split(' ', 1)[0]!};
}

/** A function of schema supasession. */
export interface InstalledFunction {
  name: string;
  body: string;
  /** `security definer`: it runs with the rights of its owner. */
  definer: boolean;
}

/** None if the schema is missing. */
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

/** PostgREST takes what is before the first dot of `value` as the schema, without unquoting it. */
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
 * Resets the pre-request setting, and lets PostgREST read its settings again.
 * @throws what the driver throws: 42501 if the role may not
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

/** True even if parts of the schema are missing. */
export async function hasSchema(db: Queryable): Promise<boolean> {
  const {rows} = await db.query<{there: boolean}>(`select to_regnamespace('supasession') is not null as there`);
  return rows[0]!.there;
}

/**
 * Runs the installed SQL again, in one transaction, as the owner of the schema: a superuser must not own what it creates.
 * @throws what the driver throws: 55P03 if it does not get its locks in time
 */
export async function runInstallation(db: Queryable, script: string): Promise<void> {
  await db.query(`
    select set_config('role', r.rolname, true)
    from pg_catalog.pg_namespace n
    join pg_catalog.pg_roles r on r.oid = n.nspowner
    where n.nspname = 'supasession';
    ${script}`);
}
