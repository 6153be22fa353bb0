import type {Queryable} from '../../database/connection.js';
import {sqlstateOf} from '../../database/errors.js';

export interface Guard {
  /** Whether PostgREST is configured, in the database, to call it. */
  enabled: boolean;
  /** The project's own pre-request function as `schema.function`: called after the guard, or without the guard; null if there is none. */
  own: string | null;
  /** The roles of the Data API. */
  roles: string[];
}

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
  /** Whether the role may not set PostgREST's configuration. */
  permission: boolean;
  message: string;
  hint: string | null;
}

/** What enable_guard() and disable_guard() raise on purpose: no right, no such function, a setting that overrides the new one. */
const REFUSALS = ['42501', '42883', '55000'];

/**
 * Switches the guard and undoes that at once. Only this tells whether the role may, because hosted projects grant the right outside the catalog.
 * @returns why it fails; null if it works
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
