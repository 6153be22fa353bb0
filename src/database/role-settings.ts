import type {Queryable} from './connection.js';

/** A setting that the role of PostgREST is given in the database, which beats its configuration. */

export interface RoleSetting {
  value: string;
  /** Where it is made: for this database alone, which beats the other, or for the whole server. */
  scope: 'database' | 'server';
}
/**
 * @param db an open connection
 * @param name of the setting
 * @returns the one that counts; null if it is not set
 */

export async function readRoleSetting(db: Queryable, name: string): Promise<RoleSetting | null> {
  const {rows} = await db.query<RoleSetting>(
    `select
      substr(o.entry, length($1) + 2) as value,
      case when s.setdatabase = 0 then 'server' else 'database' end as scope
    from pg_catalog.pg_db_role_setting s
    join pg_catalog.pg_roles r on r.oid = s.setrole
    cross join lateral unnest(s.setconfig) o (entry)
    where r.rolname = 'authenticator'
      and s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
      and starts_with(o.entry, $1 || '=')
    order by s.setdatabase desc
    limit 1`,
    [name],
  );
  return rows[0] ?? null;
}
/**
 * @param db an open connection
 * @returns the schemas that the role of PostgREST is given in the database, which beats its configuration; null if nothing is set
 */

export async function readRoleSchemas(db: Queryable): Promise<string[] | null> {
  const setting = await readRoleSetting(db, 'pgrst.db_schemas');
  if (setting === null) return null;
  return setting.value
    .split(',')
    .map((name) => name.trim().replace(/^"(.*)"$/, '$1'))
    .filter((name) => name !== '');
}
