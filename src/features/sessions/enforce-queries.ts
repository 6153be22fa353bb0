import {readSql} from '../../database/sql.js';
import type {Queryable} from '../../database/connection.js';

/** What enforce() did to a batch of users. */
export interface EnforcedBatch {
  /** Users looked at. */
  users: number;
  /** Sessions over the limit that ended. */
  evicted: number;
  /** Sessions past a deadline that ended. */
  expired: number;
  /** Sessions that got a deadline, or an earlier one. */
  deadlines: number;
  /** Users who were signing in at that moment. */
  skipped: number;
  /** Where the next batch goes on, which may be the same user again; null after the last one. */
  last_user: string | null;
}

/** Brings a batch of users in line, in one transaction; `after`: the last user of the batch before. */
export async function enforceBatch(db: Queryable, batch: number, after: string | null): Promise<EnforcedBatch> {
  const {rows} = await db.query<EnforcedBatch>('select * from supasession.enforce($1::integer, $2::uuid)', [
    batch,
    after,
  ]);
  return rows[0]!;
}

/** Sessions that have ended, or have not been used, for some time. */
export interface Prunable {
  /** Past their deadline. */
  ended: number;
  /** Only not used: these sign somebody out. */
  live: number;
  /** Users of those. */
  users: number;
}

/**
 * @param before when they ended, or were last used, at the latest
 * @param ending ids of sessions that count as ended
 * Counts what prune() would remove.
 */
export async function readPrunable(db: Queryable, before: string, ending: string[]): Promise<Prunable> {
  const {rows} = await db.query<{ended: string; live: string; users: string}>(await readSql('queries/prunable.sql'), [
    before,
    ending,
  ]);
  const {ended, live, users} = rows[0]!;
  return {ended: Number(ended), live: Number(live), users: Number(users)};
}

/**
 * Removes a batch of such sessions, in one transaction.
 * @returns how many were removed
 */
export async function pruneBatch(db: Queryable, before: string, batch: number): Promise<number> {
  const {rows} = await db.query<{removed: number}>(
    // In seconds: a day of the database's time zone may have 23 hours.
    `select supasession.prune(make_interval(secs => extract(epoch from clock_timestamp() - $1::timestamptz)::float8), $2::integer) as removed`,
    [before, batch],
  );
  return rows[0]!.removed;
}
