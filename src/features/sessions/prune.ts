import type {Connection} from '../../database/connection.js';
import {pruneBatch, readPrunable, type Prunable} from './enforce-queries.js';
import type {Span} from '../../database/read-span.js';
import {readEnding} from '../settings/index.js';
import {runBatches, stopwatch} from './batches.js';
import {requireOurs} from '../install/index.js';
import {parseSpan} from '../../database/spans.js';

/** Nobody who was there today is to be signed out, in seconds. */
const SHORTEST = 86_400;

/** What would be removed. */
export interface PrunePlan {
  olderThan: Span;
  found: Prunable;
}

/**
 * @param connection an open connection
 * @param text for how long sessions have ended or not been used, as typed
 * @returns what would be removed
 * @throws SupasessionError SETTING_INVALID for a span under a day, AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE
 */
export async function planPrune(connection: Connection, text: string): Promise<PrunePlan> {
  await requireOurs(connection);
  const olderThan = await parseSpan(connection, '--older-than', text, {shortest: SHORTEST});
  return {olderThan, found: await readPrunable(connection, olderThan.text, await readEnding(connection))};
}

export interface PruneResult {
  removed: number;
  /** Whether none is left but those that somebody was using at that moment. */
  completed: boolean;
  seconds: number;
}

/**
 * Removes sessions that have ended, or have not been used, for so long; may be begun again at any time.
 * @param connection an open connection
 * @param plan what to remove
 * @param options batchSize: sessions a transaction removes at most; signal: aborted to stop after the batch that is running
 * @returns what was removed
 * @throws SupasessionError INTERRUPTED, LOCK_TIMEOUT, CONNECTION_LOST and what else the database reports; `details` are a PruneResult
 */
export async function prune(
  connection: Connection,
  {olderThan}: PrunePlan,
  options: {batchSize: number; signal: AbortSignal; onProgress: (removed: number) => void},
): Promise<PruneResult> {
  const {batchSize, signal, onProgress} = options;
  const seconds = stopwatch();
  let removed = 0;
  await runBatches(connection, {
    signal,
    step: async () => {
      const batch = await pruneBatch(connection, olderThan.text, batchSize);
      removed += batch;
      onProgress(removed);
      return batch === batchSize;
    },
    words: () => `${removed} sessions have been removed.`,
    done: () => ({removed, completed: false, seconds: seconds()}),
  });
  return {removed, completed: true, seconds: seconds()};
}
