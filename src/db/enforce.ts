import type {Queryable} from './connection.js';

/** What enforce() did to a batch of users, or would do. */
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
  /** Where the next batch goes on; null after the last one. */
  last_user: string | null;
}

/**
 * Brings a batch of users in line, in one transaction.
 * @param db an open connection
 * @param batch how many users
 * @param after the last user of the batch before, or null
 * @param dryRun whether to only count
 * @returns what was done
 */
export async function enforceBatch(
  db: Queryable,
  batch: number,
  after: string | null,
  dryRun: boolean,
): Promise<EnforcedBatch> {
  const {rows} = await db.query<EnforcedBatch>('select * from supasession.enforce($1::integer, $2::uuid, $3)', [
    batch,
    after,
    dryRun,
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
 * @param db an open connection
 * @param olderThan for how long, as Postgres reads spans of time
 * @returns what prune() would remove
 */
export async function readPrunable(db: Queryable, olderThan: string): Promise<Prunable> {
  const {rows} = await db.query<{ended: string; live: string; users: string}>(
    'select ended, live, users from supasession.prunable($1::interval)',
    [olderThan],
  );
  const {ended, live, users} = rows[0]!;
  return {ended: Number(ended), live: Number(live), users: Number(users)};
}

/**
 * Removes a batch of such sessions, in one transaction.
 * @param db an open connection
 * @param olderThan for how long
 * @param batch how many
 * @returns how many were removed
 */
export async function pruneBatch(db: Queryable, olderThan: string, batch: number): Promise<number> {
  const {rows} = await db.query<{removed: number}>('select supasession.prune($1::interval, $2::integer) as removed', [
    olderThan,
    batch,
  ]);
  return rows[0]!.removed;
}
