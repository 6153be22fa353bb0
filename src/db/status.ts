import type {Queryable} from './connection.js';
import {readRoleSchemas} from './wiring.js';

/** How many users have so many live sessions. */
export interface HistogramEntry {
  sessions: number;
  users: number;
}

/** What there is, whatever the limit. */
export interface SessionCounts {
  /** Users with live sessions, by how many they have, the fewest first. */
  histogram: HistogramEntry[];
  /** Rows of sessions past their deadline. */
  ended: number;
}

/** The same, with whom limit and deadlines concern; null while limits are off. */
export interface Overview extends SessionCounts {
  overLimit: {users: number; sessions: number} | null;
  /** Live sessions that a deadline ends at their next refresh. */
  expiring: number | null;
}

/**
 * Works without our SQL too.
 * @param db an open connection
 * @returns what there is
 */
export async function readSessionCounts(db: Queryable): Promise<SessionCounts> {
  const {rows} = await db.query<{live: string | null; users: string | null; ended: string}>(
    `select by_number.live, by_number.users, ended.sessions as ended
    from (select count(*) as sessions from auth.sessions where not_after <= now()) ended
    left join (
      select live, count(*) as users
      from (
        select count(*) as live
        from auth.sessions
        where not_after is null or not_after > now()
        group by user_id
      ) counted
      group by live
    ) by_number on true
    order by by_number.live`,
  );
  return {
    // One row without them where nobody has any.
    histogram: rows.flatMap(({live, users}) => (live === null ? [] : [{sessions: Number(live), users: Number(users)}])),
    ended: Number(rows[0]!.ended),
  };
}

interface OverviewRow {
  histogram: HistogramEntry[];
  ended: string;
  users_over: string | null;
  sessions_over: string | null;
  sessions_expiring: string | null;
}

/**
 * @param db an open connection to a database with our SQL
 * @returns what there is
 */
export async function readOverview(db: Queryable): Promise<Overview> {
  const {rows} = await db.query<OverviewRow>('select * from supasession.overview()');
  const {histogram, ended, users_over: users, sessions_over: sessions, sessions_expiring: expiring} = rows[0]!;
  return {
    histogram,
    ended: Number(ended),
    overLimit: users === null ? null : {users: Number(users), sessions: Number(sessions)},
    expiring: expiring === null ? null : Number(expiring),
  };
}

/** What the database itself knows of how we are tied into the project. */
export interface DatabaseWiring {
  /** The project's own hook that ours calls, as schema.function. */
  nextHook: string | null;
  /** Whether the Data API is configured to ask the guard. */
  guard: boolean;
  /** Schemas that the Data API exposes; null where that is configured elsewhere. */
  schemas: string[] | null;
  /** Users who may not use the app. */
  barred: number;
}

/**
 * @param db an open connection to a database with our SQL
 * @returns what is wired, and how many users are barred
 */
export async function readDatabaseWiring(db: Queryable): Promise<DatabaseWiring> {
  const {rows} = await db.query<{next_hook: string | null; guard: boolean; barred: string}>(
    `select
      (select format('%I.%I', next_hook_schema, next_hook_function) from supasession.wiring where next_hook_function is not null) as next_hook,
      supasession._guard_wired() as guard,
      (select count(*) from supasession.revoked) as barred`,
  );
  const {next_hook: nextHook, guard, barred} = rows[0]!;
  return {nextHook, guard, schemas: await readRoleSchemas(db), barred: Number(barred)};
}

/** What `supasession.health()` says about one thing. */
export interface HealthRow {
  check: string;
  ok: boolean;
  detail: string | null;
  /** What to do; null where all is well. */
  fix: string | null;
}

/**
 * @param db an open connection to a database with our SQL
 * @param counting whether sessions are looked at too, which reads them all
 * @returns what is right and what is not, the most urgent first
 */
export async function readHealth(db: Queryable, counting: boolean): Promise<HealthRow[]> {
  const {rows} = await db.query<HealthRow>('select * from supasession.health($1)', [counting]);
  return rows;
}
