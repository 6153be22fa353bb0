import type {Queryable} from '../../database/connection.js';

/** What can have happened. */
export const EVENT_KINDS = [
  'evicted',
  'expired',
  'revoked',
  'flushed',
  'access_revoked',
  'access_restored',
  'device_changed',
  'settings_changed',
  'rules_changed',
  'would_evict',
  'would_refuse',
  'would_expire',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** Those that ended sessions, or in observe mode would have. */
const ENDING_KINDS: readonly EventKind[] = [
  'evicted',
  'expired',
  'revoked',
  'flushed',
  'would_evict',
  'would_refuse',
  'would_expire',
];

/** Which events; what is not given does not matter. */
export interface EventFilter {
  userId?: string;
  /** At this time or later; times as Postgres reads them. */
  since?: string;
  /** Before this time. */
  until?: string;
  kinds?: readonly EventKind[];
}

/** An event, with the user if there still is one. */
export interface EventRow {
  id: number;
  at: string;
  kind: EventKind;
  user_id: string | null;
  email: string | null;
  phone: string | null;
  session_id: string | null;
  reason: string | null;
  caused_by: string | null;
  details: Record<string, unknown> | null;
}

/** The newest first; needs an installation. */
export async function listEvents(db: Queryable, filter: EventFilter, limit: number): Promise<EventRow[]> {
  const values: unknown[] = [];
  const parameter = (value: unknown): string => `$${values.push(value)}`;
  const {userId, since, until, kinds} = filter;
  const conditions = [
    ...(userId === undefined ? [] : [`e.user_id = ${parameter(userId)}::uuid`]),
    ...(since === undefined ? [] : [`e.at >= ${parameter(since)}::timestamptz`]),
    ...(until === undefined ? [] : [`e.at < ${parameter(until)}::timestamptz`]),
    ...(kinds === undefined ? [] : [`e.kind = any (${parameter(kinds)}::text[])`]),
  ];
  const {rows} = await db.query<Omit<EventRow, 'id' | 'at'> & {id: string; at: Date}>(
    `select e.id, e.at, e.kind, e.user_id, nullif(u.email, '') as email, nullif(u.phone, '') as phone, e.session_id,
      e.reason, e.caused_by, e.details
    from (
      select e.*
      from supasession.events e
      where ${conditions.length === 0 ? 'true' : conditions.join(' and ')}
      order by e.at desc, e.id desc
      limit ${parameter(limit)}
    ) e
    left join auth.users u on u.id = e.user_id
    order by e.at desc, e.id desc`,
    values,
  );
  return rows.map(({id, at, ...row}) => ({id: Number(id), at: at.toISOString(), ...row}));
}

/** How many sessions were ended, or in observe mode would have been, for one reason. */
export interface EndingCount {
  kind: EventKind;
  reason: string | null;
  /** Sessions; of those that would have ended at most one for a user and hour, as observe mode records them. */
  count: number;
}

/** What ended sessions in the last day, most first; needs an installation. */
export async function countEndings(db: Queryable): Promise<EndingCount[]> {
  const {rows} = await db.query<Omit<EndingCount, 'count'> & {count: string}>(
    `select kind, reason, sum(case when kind = 'flushed' then coalesce((details ->> 'deleted')::bigint, 0) else 1 end) as count
    from supasession.events
    where at > now() - interval '1 day' and kind = any ($1::text[])
    group by kind, reason
    order by count desc, kind, reason`,
    [ENDING_KINDS],
  );
  return rows.map(({kind, reason, count}) => ({kind, reason, count: Number(count)}));
}
