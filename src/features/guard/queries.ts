import type {Queryable} from '../../database/connection.js';
import {sqlstateOf} from '../../database/errors.js';

/** How the guard of the Data API stands in a database. */
export interface Guard {
  /** Whether PostgREST is configured, in the database, to call it. */
  enabled: boolean;
  /** The project's own pre-request function as `schema.function`: called after the guard, or in its place now; null where there is none. */
  own: string | null;
  /** The roles that the Data API works as. */
  roles: string[];
}

/**
 * @param db an open connection to a database that has our SQL
 * @returns how the guard stands
 */
export async function readGuard(db: Queryable): Promise<Guard> {
  const {rows} = await db.query<Guard>(`
    select
      g.enabled,
      case
        when g.enabled then (
          select i.schema_name || '.' || i.function_name from supasession.integration i where i.kind = 'pre_request'
        )
        else nullif(supasession._configured_pre_request(), '')
      end as own,
      array(
        select r.rolname::text
        from pg_catalog.pg_roles r
        where pg_has_role('authenticator', r.oid, 'member') and r.rolname <> 'authenticator'
        order by 1
      ) as roles
    from (select supasession._guard_enabled() as enabled) g`);
  return rows[0]!;
}

/** Why the guard cannot be switched. */
export interface GuardRefusal {
  /** Whether it is for want of the right to set what PostgREST reads. */
  permission: boolean;
  message: string;
  hint: string | null;
}

/** What enable_guard() and disable_guard() raise on purpose: no right, no such function, a setting that hides the one to be made. */
const REFUSALS = ['42501', '42883', '55000'];

/**
 * Switches the guard and takes that back at once: the only way to know whether the role may, as hosted projects give the right outside of the catalog.
 * @param db an open connection to a database that has our SQL
 * @param enable whether to switch it on
 * @returns why that fails; null where it works
 */
export async function rehearseGuard(db: Queryable, enable: boolean): Promise<GuardRefusal | null> {
  try {
    await db.query(
      `savepoint rehearsal; select supasession.${enable ? 'enable' : 'disable'}_guard(); rollback to savepoint rehearsal`,
    );
    return null;
  } catch (error) {
    const sqlstate = sqlstateOf(error);
    if (!(error instanceof Error) || sqlstate === undefined || !REFUSALS.includes(sqlstate)) throw error;
    const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : null;
    return {permission: sqlstate === '42501', message: error.message, hint};
  }
}
