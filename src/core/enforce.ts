import type {Connection} from '../db/connection.js';
import {enforceBatch, type EnforcedBatch} from '../db/enforce.js';
import {runBatches, stopwatch} from './batches.js';

/** What has been done to all users so far, or would be. */
export type Enforced = Omit<EnforcedBatch, 'last_user'>;

export interface EnforceOptions {
  /** Users a transaction takes at most. */
  batchSize: number;
  dryRun: boolean;
  /** Aborted to stop after the batch that is running. */
  signal: AbortSignal;
  onProgress: (so: Enforced) => void;
}

/** How a run went. */
export interface EnforceResult extends Enforced {
  /** Whether all users have been looked at, and nothing is left to do. */
  completed: boolean;
  seconds: number;
}

/** @returns a result of nothing done */
export function nothingEnforced(): EnforceResult {
  return {users: 0, evicted: 0, expired: 0, deadlines: 0, skipped: 0, completed: false, seconds: 0};
}

/**
 * @param enforced what was counted
 * @returns whether there was nothing to do
 */
export function inLine({evicted, expired, deadlines}: Enforced): boolean {
  return evicted + expired + deadlines === 0;
}

/**
 * Brings the existing sessions in line with settings and rules, user after user; may be begun again at any time. A user who signs in at that moment is
 * skipped: what is over the limit there ends at its own refresh.
 * @param connection an open connection
 * @param options batch size, whether to only count, and where progress goes
 * @returns what was done
 * @throws SupasessionError INTERRUPTED, LOCK_TIMEOUT, CONNECTION_LOST and what else the database reports; `details` are an EnforceResult
 */
export async function enforce(connection: Connection, options: EnforceOptions): Promise<EnforceResult> {
  const {batchSize, dryRun, signal, onProgress} = options;
  const seconds = stopwatch();
  const total: Enforced = {users: 0, evicted: 0, expired: 0, deadlines: 0, skipped: 0};
  let after: string | null = null;
  await runBatches(connection, {
    signal,
    step: async () => {
      const {last_user: last, ...batch} = await enforceBatch(connection, batchSize, after, dryRun);
      for (const name of Object.keys(batch) as (keyof Enforced)[]) total[name] += batch[name];
      after = last;
      onProgress(total);
      return last !== null;
    },
    words: () =>
      dryRun
        ? `${total.users} users have been counted, and nothing was changed.`
        : `${total.users} users have been looked at, ${total.evicted + total.expired} sessions ended and ${total.deadlines} given a deadline.`,
    done: () => ({...total, completed: false, seconds: seconds()}),
  });
  return {...total, completed: !dryRun || inLine(total), seconds: seconds()};
}
