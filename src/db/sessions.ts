import type {Queryable} from './connection.js';

/** Which sessions; what is not given does not matter. */
export interface SessionFilter {
  userIds?: string[];
  exceptUserIds?: string[];
  /** Those that the limit would end now; knows rules, pools and the order, and so needs our SQL. */
  overLimit?: boolean;
  /** Signed in longer ago, as Postgres reads spans of time. */
  olderThan?: string;
  /** Neither signed in nor refreshed for so long. */
  idle?: string;
  /** Past their deadline: Auth refuses their next refresh. */
  expired?: boolean;
  /** Signed in with one factor. */
  aal1?: boolean;
  /** Of this OAuth client. */
  clientId?: string;
}

/** When a session was last signed in or refreshed. Auth keeps refreshed_at without time zone, in UTC. */
const LAST_USED = "coalesce(s.refreshed_at at time zone 'UTC', s.created_at)";

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
  /** Whether the deadline has not passed. */
  live: boolean;
}

/** The condition on `auth.sessions s`, and the values of its parameters. */
function condition(filter: SessionFilter): {where: string; values: unknown[]} {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const {userIds, exceptUserIds, overLimit, olderThan, idle, expired, aal1, clientId} = filter;
  const conditions = [
    ...(userIds === undefined ? [] : [`s.user_id = any (${parameter(userIds)}::uuid[])`]),
    ...(exceptUserIds === undefined ? [] : [`s.user_id <> all (${parameter(exceptUserIds)}::uuid[])`]),
    ...(overLimit ? ['s.id in (select session_id from supasession.sessions_over_limit())'] : []),
    ...(olderThan === undefined ? [] : [`s.created_at < now() - ${parameter(olderThan)}::interval`]),
    ...(idle === undefined ? [] : [`${LAST_USED} < now() - ${parameter(idle)}::interval`]),
    ...(expired ? ['s.not_after <= now()'] : []),
    ...(aal1 ? ["coalesce(s.aal::text, 'aal1') = 'aal1'"] : []),
    ...(clientId === undefined ? [] : [`s.oauth_client_id = ${parameter(clientId)}::uuid`]),
  ];
  return {where: conditions.length === 0 ? 'true' : conditions.join(' and '), values};
}

/**
 * @param db an open connection
 * @param filter which sessions
 * @param limit how many at most
 * @returns the sessions, the last used first
 */
export async function listSessions(db: Queryable, filter: SessionFilter, limit: number): Promise<SessionRow[]> {
  const {where, values} = condition(filter);
  // The users only of those that are shown.
  const {rows} = await db.query<SessionRow>(
    `select s.id, s.user_id, nullif(u.email, '') as email, nullif(u.phone, '') as phone, s.created_at, s.last_used,
      s.user_agent, host(s.ip) as ip, coalesce(s.aal::text, 'aal1') as aal, s.not_after, s.oauth_client_id,
      s.not_after is null or s.not_after > now() as live
    from (
      select s.*, ${LAST_USED} as last_used
      from auth.sessions s
      where ${where}
      order by ${LAST_USED} desc nulls last, s.id
      limit $${values.length + 1}
    ) s
    join auth.users u on u.id = s.user_id
    order by s.last_used desc nulls last, s.id`,
    [...values, limit],
  );
  return rows.map(({created_at, last_used, not_after, ...row}) => ({
    ...row,
    created_at: isoTime(created_at),
    last_used: isoTime(last_used),
    not_after: isoTime(not_after),
  }));
}

/** The driver hands timestamps over as Date. */
function isoTime(time: unknown): string | null {
  return time instanceof Date ? time.toISOString() : null;
}

/**
 * @param db an open connection
 * @param filter which sessions; by default all, ended ones included
 * @returns how many there are, and of how many users
 */
export async function countSessions(
  db: Queryable,
  filter: SessionFilter = {},
): Promise<{sessions: number; users: number}> {
  const {where, values} = condition(filter);
  const {rows} = await db.query<{sessions: string; users: string}>(
    `select count(*) as sessions, count(distinct s.user_id) as users from auth.sessions s where ${where}`,
    values,
  );
  return {sessions: Number(rows[0]!.sessions), users: Number(rows[0]!.users)};
}

/**
 * @param db an open connection
 * @param filter which sessions; by default all
 * @returns their ids at this moment
 */
export async function readSessionIds(db: Queryable, filter: SessionFilter = {}): Promise<string[]> {
  const {where, values} = condition(filter);
  const {rows} = await db.query<{id: string}>(`select s.id from auth.sessions s where ${where} order by s.id`, values);
  return rows.map((row) => row.id);
}
