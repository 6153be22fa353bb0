import type {Connection} from '../../database/connection.js';
import {parseMoment, type Moment} from '../../database/moments.js';
import {requireInstalled} from '../install/index.js';
import {readEnding} from '../settings/index.js';
import {runBatches, stopwatch, type BatchOptions} from './batches.js';
import {pruneBatch, readPrunable, type Prunable} from './enforce-queries.js';

/** Nobody who was there today is to be signed out, in seconds. */
const SHORTEST = 86_400;

/** What would be removed. */
export interface PrunePlan {
  olderThan: Moment;
  found: Prunable;
}

/**
 * @param text for how long, or since when, sessions have ended or not been used, as typed
 * @throws SupasessionError SETTING_INVALID for less than a day, AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE
 */
export async function planPrune(connection: Connection, text: string): Promise<PrunePlan> {
  await requireInstalled(connection);
  const olderThan = await parseMoment(connection, '--older-than', text, {shortest: SHORTEST});
  return {olderThan, found: await readPrunable(connection, olderThan.at, await readEnding(connection))};
}

export interface PruneResult {
  removed: number;
  /** Whether none is left, apart from those that somebody was using at that moment. */
  completed: boolean;
  seconds: number;
}

/**
 * Removes sessions that have ended, or have not been used, for so long; may be begun again at any time.
 * @param options batchSize: sessions a transaction removes at most
 * @throws SupasessionError INTERRUPTED, LOCK_TIMEOUT, CONNECTION_LOST and what else the database reports; `details` are a PruneResult
 */
export async function prune(
  connection: Connection,
  {olderThan}: PrunePlan,
  options: BatchOptions & {batchSize: number},
): Promise<PruneResult> {
  const {batchSize, signal, onProgress} = options;
  const seconds = stopwatch();
  let removed = 0;
  await runBatches(connection.target, {
    signal,
    step: async () => {
      const batch = await pruneBatch(connection, olderThan.at, batchSize);
      removed += batch;
      onProgress(removed);
      return batch === batchSize;
    },
    soFar: async () => ({
      words: `${removed} sessions have been removed.`,
      details: {removed, completed: false, seconds: seconds()},
      unfinished: true,
    }),
  });
  return {removed, completed: true, seconds: seconds()};
}
