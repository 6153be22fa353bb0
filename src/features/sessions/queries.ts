import {readSql} from '../../database/sql.js';
import type {Queryable} from '../../database/connection.js';
import {readBasis, readEnding, verdictValues} from '../settings/index.js';
import {readInstalled} from '../install/index.js';

/** Which sessions; what is not given does not matter. */
export interface SessionFilter {
  ids?: string[];
  exceptIds?: string[];
  userIds?: string[];
  exceptUserIds?: string[];
  /** Those that the limit would end now, by the settings and rules of the installation; none while limits are off. */
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

/** A condition on `auth.sessions s`. */
interface Condition {
  /** What comes before `select`. */
  with: string;
  where: string;
  /** The values of its parameters. */
  values: unknown[];
}

/** Which sessions; `ended`: whether those that count as ended, and are still in the table for their last refresh, are among them. */
async function condition(db: Queryable, filter: SessionFilter, {ended}: {ended: boolean}): Promise<Condition> {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const {ids, exceptIds, userIds, exceptUserIds, overLimit, olderThan, idle, expired, aal1, clientId} = filter;
  const conditions: string[] = [];
  let verdicts = '';
  if (overLimit) {
    const basis = await readBasis(db);
    // The query has its own parameters, which come first.
    values.push(...verdictValues(basis, userIds ?? null));
    verdicts = `with verdicts as (${await readSql('queries/verdicts.sql')}) `;
    conditions.push('s.id in (select v.session_id from verdicts v where v.over)', String(basis.settings.enabled));
  } else if (!ended) {
    const ending = await readEnding(db);
    if (ending.length > 0) conditions.push(`s.id <> all (${parameter(ending)}::uuid[])`);
  }

  conditions.push(
    ...(ids === undefined ? [] : [`s.id = any (${parameter(ids)}::uuid[])`]),
    ...(exceptIds === undefined ? [] : [`s.id <> all (${parameter(exceptIds)}::uuid[])`]),
    ...(userIds === undefined ? [] : [`s.user_id = any (${parameter(userIds)}::uuid[])`]),
    ...(exceptUserIds === undefined ? [] : [`s.user_id <> all (${parameter(exceptUserIds)}::uuid[])`]),
    ...(olderThan === undefined ? [] : [`s.created_at < now() - ${parameter(olderThan)}::interval`]),
    ...(idle === undefined ? [] : [`${LAST_USED} < now() - ${parameter(idle)}::interval`]),
    ...(expired ? ['s.not_after <= now()'] : []),
    ...(aal1 ? ["coalesce(s.aal::text, 'aal1') = 'aal1'"] : []),
    ...(clientId === undefined ? [] : [`s.oauth_client_id = ${parameter(clientId)}::uuid`]),
  );
  return {with: verdicts, where: conditions.length === 0 ? 'true' : conditions.join(' and '), values};
}

/**
 * @param db an open connection
 * @param filter which sessions
 * @param limit how many at most
 * @returns the sessions, the last used first
 */
export async function listSessions(db: Queryable, filter: SessionFilter, limit: number): Promise<SessionRow[]> {
  const {with: verdicts, where, values} = await condition(db, filter, {ended: false});
  // Users and factors only of those that are shown.
  const {rows} = await db.query<SessionRow>(
    `${verdicts}select s.id, s.user_id, nullif(u.email, '') as email, nullif(u.phone, '') as phone, s.created_at, s.last_used,
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

/**
 * @param db an open connection
 * @param filter which sessions; by default all
 * @returns their ids at this moment, also of those that only wait for their last refresh
 */
export async function readSessionIds(db: Queryable, filter: SessionFilter = {}): Promise<string[]> {
  const {with: verdicts, where, values} = await condition(db, filter, {ended: true});
  const {rows} = await db.query<{id: string}>(
    `${verdicts}select s.id from auth.sessions s where ${where} order by s.id`,
    values,
  );
  return rows.map((row) => row.id);
}

/**
 * Ends a session, and waits for its user's row: one that is being refreshed at this moment ends with that refresh.
 * @param db an open connection to an installation
 * @param id the session
 * @returns whether there was one
 */
export async function revokeSession(db: Queryable, id: string): Promise<boolean> {
  const {rows} = await db.query<{found: boolean}>('select supasession.revoke_session($1::uuid) as found', [id]);
  return rows[0]!.found;
}

/**
 * Ends some sessions of a user in one transaction, which waits for a sign-in that is under way.
 * @param db an open connection to an installation
 * @param userId the user
 * @param ids the sessions, all of that user
 */
export async function revokeSessions(db: Queryable, userId: string, ids: string[]): Promise<void> {
  await db.query(
    `select supasession._revoke(u.id, $2::uuid[], null)
    from (select a.id from auth.users a where a.id = $1::uuid for no key update) u`,
    [userId, ids],
  );
}

/**
 * Ends all sessions of a user in one transaction, which waits for a sign-in that is under way and ends that one as well.
 * @param db an open connection to an installation
 * @param userId the user
 * @param except sessions that stay
 * @returns how many end
 */
export async function revokeUserSessions(db: Queryable, userId: string, except: string[]): Promise<number> {
  const {rows} = await db.query<{ended: number}>(
    'select supasession.revoke_user_sessions($1::uuid, $2::uuid[]) as ended',
    [userId, except],
  );
  return rows[0]!.ended;
}
/**
 * Deletes those of some sessions that nobody has locked, in one short transaction. A locked one is being refreshed or signed out.
 * @param db an open connection
 * @param ids sessions to delete; ones that are gone already are no error
 * @returns how many were deleted, and the ids that are still there
 */

export async function deleteSessions(db: Queryable, ids: string[]): Promise<{deleted: number; left: string[]}> {
  // One statement is one transaction, also through a pooler in transaction mode. Its snapshot still shows the deleted rows: so the
  // remaining ones are those of the snapshot without the deleted.
  const {rows} = await db.query<{deleted: string; left: string[]}>(
    `with gone as (
      delete from auth.sessions
      where id in (select id from auth.sessions where id = any ($1::uuid[]) order by id for update skip locked)
      returning id
    )
    select
      (select count(*) from gone) as deleted,
      array(
        select id from auth.sessions where id = any ($1::uuid[])
        except
        select id from gone
      ) as left`,
    [ids],
  );
  return {deleted: Number(rows[0]!.deleted), left: rows[0]!.left};
}
/**
 * Writes a flush into the history, where our SQL is there and keeps one.
 * @param db an open connection
 * @param outcome what it did, and which sessions were meant
 */

export async function recordFlush(
  db: Queryable,
  outcome: {matched: number; deleted: number; filter: SessionFilter},
): Promise<void> {
  const {version} = await readInstalled(db);
  if (version === null) return;
  await db.query(
    `insert into supasession.events (kind, reason, caused_by, details)
    select 'flushed', 'supasession flush', session_user::text, $1
    from supasession.get_config() c
    where c.record_events is not false`,
    [JSON.stringify(outcome)],
  );
}
/**
 * @param db an open connection to where our SQL is
 * @returns whether the Data API is configured to call the guard, which refuses tokens of ended sessions at once
 */

export async function readGuardEnabled(db: Queryable): Promise<boolean> {
  const {rows} = await db.query<{enabled: boolean}>('select supasession._guard_enabled() as enabled');
  return rows[0]!.enabled;
}
/**
 * @param db an open connection
 * @param ids sessions to look for
 * @returns how many of them are there
 */

export async function countPresent(db: Queryable, ids: string[]): Promise<number> {
  const {rows} = await db.query<{present: string}>(
    'select count(*) as present from auth.sessions where id = any ($1::uuid[])',
    [ids],
  );
  return Number(rows[0]!.present);
}
