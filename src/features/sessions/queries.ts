import type {Queryable} from '../../database/connection.js';
import {type Condition, condition, LAST_USED, type SessionFilter} from './filter.js';

/** A session with its user. */
export interface SessionRow {
  id: string;
  user_id: string;
  email: string | null;
  phone: string | null;
  created_at: string | null;
  /** Last sign-in or refresh. */
  last_used: string | null;
  user_agent: string | null;
  ip: string | null;
  aal: string;
  /** Deadline; null for none. */
  not_after: string | null;
  oauth_client_id: string | null;
  /** Whether it is at aal1 while its user has a verified second factor. */
  pending: boolean;
  /** Whether the deadline has not passed. */
  live: boolean;
}

/** A part of the sessions, the last used first. */
export interface Slice {
  limit: number;
  offset?: number;
}

/** Rows that are fetched at once: fewer take longer, more take memory. */
const PAGE = 250;

/** As JSON has it. The database writes it: a Date for each would take as long as the rest of a row. */
const isoTime = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** The query has two parameters more than the condition: limit and offset. */
function listQuery({with: verdicts, where, values}: Condition): string {
  // Users and factors only of those that are shown.
  return `${verdicts}select s.id, s.user_id, nullif(u.email, '') as email, nullif(u.phone, '') as phone,
      ${isoTime('s.created_at')} as created_at, ${isoTime('s.last_used')} as last_used, s.user_agent, host(s.ip) as ip,
      coalesce(s.aal::text, 'aal1') as aal, ${isoTime('s.not_after')} as not_after, s.oauth_client_id,
      coalesce(s.aal::text, 'aal1') = 'aal1'
        and exists (select from auth.mfa_factors f where f.user_id = s.user_id and f.status = 'verified') as pending,
      s.not_after is null or s.not_after > now() as live
    from (
      select s.*, ${LAST_USED} as last_used
      from auth.sessions s
      where ${where}
      order by ${LAST_USED} desc nulls last, s.id
      limit $${values.length + 1} offset $${values.length + 2}
    ) s
    join auth.users u on u.id = s.user_id
    order by s.last_used desc nulls last, s.id`;
}

export async function listSessions(db: Queryable, filter: SessionFilter, slice: Slice): Promise<SessionRow[]> {
  const found = await condition(db, filter, {ended: false});
  const {rows} = await db.query<SessionRow>(listQuery(found), [...found.values, slice.limit, slice.offset ?? 0]);
  return rows;
}

/**
 * The same for any number of sessions: hands them over page by page.
 * @param db a transaction, which the cursor lives in: a pooler in transaction mode knows nothing longer
 * @param onPage is waited for; returns whether to go on
 */
export async function pageSessions(
  db: Queryable,
  filter: SessionFilter,
  slice: Slice,
  onPage: (rows: SessionRow[]) => Promise<boolean>,
): Promise<void> {
  const found = await condition(db, filter, {ended: false});
  await db.query(`declare listed no scroll cursor for ${listQuery(found)}`, [
    ...found.values,
    slice.limit,
    slice.offset ?? 0,
  ]);
  const fetch = async () => {
    const page = db.query<SessionRow>(`fetch ${PAGE} from listed`);
    // It may fail while the page before is being written; whoever waits for it hears of it.
    page.catch(() => {});
    return page;
  };
  for (let next = fetch(), more = true; more;) {
    const {rows} = await next;
    more = rows.length === PAGE;
    // The database works on the next page meanwhile.
    if (more) next = fetch();
    if (rows.length > 0 && !(await onPage(rows))) return;
  }
}

/** @param filter by default all, ended ones included */
export async function countSessions(
  db: Queryable,
  filter: SessionFilter = {},
): Promise<{sessions: number; users: number}> {
  const {with: verdicts, where, values} = await condition(db, filter, {ended: false});
  const {rows} = await db.query<{sessions: string; users: string}>(
    // By hash: count(distinct) would sort them all. Of the id, which no index on user_id has: an index alone tells as much right after a
    // vacuum, and takes five times as long when a tenth of the rows has been refreshed since (measured at 1,000,000).
    `${verdicts}select coalesce(sum(sessions), 0) as sessions, count(*) as users
    from (select count(s.id) as sessions from auth.sessions s where ${where} group by s.user_id) users`,
    values,
  );
  return {sessions: Number(rows[0]!.sessions), users: Number(rows[0]!.users)};
}

/** Also of sessions that are ended and only wait for their last refresh. */
export async function readSessionIds(db: Queryable, filter: SessionFilter = {}): Promise<string[]> {
  const {with: verdicts, where, values} = await condition(db, filter, {ended: true});
  const {rows} = await db.query<{id: string}>(
    `${verdicts}select s.id from auth.sessions s where ${where} order by s.id`,
    values,
  );
  return rows.map((row) => row.id);
}

/** Whether the Data API is configured to call the guard, which refuses tokens of ended sessions at once. Needs an installation. */
export async function readGuardEnabled(db: Queryable): Promise<boolean> {
  const {rows} = await db.query<{enabled: boolean}>('select supasession._guard_enabled() as enabled');
  return rows[0]!.enabled;
}
