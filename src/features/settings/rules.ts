import type {Queryable} from '../../database/connection.js';
import type {Settings} from '../../types.js';

/** A row of supasession.rules; null means "as in the settings". One of the three matches is set. */
export interface Rule {
  name: string;
  priority: number;
  user_id: string | null;
  app_metadata: Record<string, unknown> | null;
  oauth_client_id: string | null;
  max_sessions: number | null;
  unlimited: boolean;
  strategy: Settings['strategy'] | null;
  /** Intervals as Postgres prints them. */
  timebox: string | null;
  inactivity_timeout: string | null;
  no_deadline: boolean;
}
/** The columns of supasession.rules. */

export const RULE_COLUMNS = [
  ...(['name', 'priority', 'user_id', 'app_metadata', 'oauth_client_id', 'max_sessions', 'unlimited'] as const),
  ...(['strategy', 'timebox', 'inactivity_timeout', 'no_deadline'] as const),
] satisfies (keyof Rule)[];
/** A rule with its user, if it is for one who still exists. */

export interface ListedRule extends Rule {
  email: string | null;
  phone: string | null;
}
// to_jsonb prints intervals as Postgres does.
export const LISTED = `select to_jsonb(r) || jsonb_build_object('email', nullif(u.email, ''), 'phone', nullif(u.phone, '')) as rule
  from supasession.rules r
  left join auth.users u on u.id = r.user_id`;
/** As _apply_rule() in SQL: the user's own rule first, then by priority and name. */
export const ORDER = 'order by r.user_id is null, r.priority, r.name';
/** In the order in which they are tried. */
export async function readRules(db: Queryable): Promise<ListedRule[]> {
  const {rows} = await db.query<{rule: ListedRule}>(`${LISTED} ${ORDER}`);
  return rows.map(({rule}) => rule);
}
