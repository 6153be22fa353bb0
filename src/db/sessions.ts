import type {Queryable} from './connection.js';

/** Which sessions; what is not given does not matter. */
export interface SessionFilter {
  ids?: string[];
  exceptIds?: string[];
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
  /** Whether it is at aal1 while its user has a verified second factor. */
  pending: boolean;
  /** Whether the deadline has not passed. */
  live: boolean;
}

/** The condition on `auth.sessions s`, and the values of its parameters. */
function condition(filter: SessionFilter): {where: string; values: unknown[]} {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const {ids, exceptIds, userIds, exceptUserIds, overLimit, olderThan, idle, expired, aal1, clientId} = filter;
  const conditions = [
    ...(ids === undefined ? [] : [`s.id = any (${parameter(ids)}::uuid[])`]),
    ...(exceptIds === undefined ? [] : [`s.id <> all (${parameter(exceptIds)}::uuid[])`]),
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
  // Users and factors only of those that are shown.
  const {rows} = await db.query<SessionRow>(
    `select s.id, s.user_id, nullif(u.email, '') as email, nullif(u.phone, '') as phone, s.created_at, s.last_used,
      s.user_agent, host(s.ip) as ip, coalesce(s.aal::text, 'aal1') as aal, s.not_after, s.oauth_client_id,
      coalesce(s.aal::text, 'aal1') = 'aal1'
        and exists (select from auth.mfa_factors f where f.user_id = s.user_id and f.status = 'verified') as pending,
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
    // By hash: count(distinct) would sort them all. Of the id, which no index on user_id has: an index alone tells as much right after a
    // vacuum, and takes five times as long when a tenth of the rows has been refreshed since (measured at 1,000,000).
    `select coalesce(sum(sessions), 0) as sessions, count(*) as users
    from (select count(s.id) as sessions from auth.sessions s where ${where} group by s.user_id) users`,
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

/**
 * Ends a session, and waits for its user's row: one that is being refreshed at this moment ends with that refresh.
 * @param db an open connection to where our SQL is
 * @param id the session
 * @returns whether there was one
 */
export async function revokeSession(db: Queryable, id: string): Promise<boolean> {
  const {rows} = await db.query<{found: boolean}>('select supasession.revoke_session($1::uuid) as found', [id]);
  return rows[0]!.found;
}

/**
 * Ends all sessions of a user in one transaction, which waits for a sign-in that is under way and ends that one as well.
 * @param db an open connection to where our SQL is
 * @param userId the user
 * @param except sessions that stay
 * @returns the ids of the sessions that there were when it began to wait
 */
export async function revokeUserSessions(db: Queryable, userId: string, except: string[]): Promise<string[]> {
  const {rows} = await db.query<{ids: string[]}>(
    `select
      array(select s.id from auth.sessions s where s.user_id = $1::uuid and s.id <> all ($2::uuid[]) order by s.id) as ids,
      supasession.revoke_user_sessions($1::uuid, $2::uuid[])`,
    [userId, except],
  );
  return rows[0]!.ids;
}
