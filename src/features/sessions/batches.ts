import {toSupasessionError} from '../../database/errors.js';
import {SupasessionError} from '../../errors.js';
import type {Target} from '../../types.js';

/** How a run of batches is watched and stopped. */
export interface BatchOptions {
  /** Aborted to stop after the batch that is running. */
  signal: AbortSignal;
  /** Told after each batch how much is done. */
  onProgress: (done: number) => void;
}

/** How far a run has come. */
export interface SoFar {
  words: string;
  /** The same as data, for `details`. */
  details: Record<string, unknown>;
  /** Whether something is left to do. */
  unfinished: boolean;
}

/** Work that is done in transactions of their own, and that may be begun again at any time. */
export interface Batches {
  /** Does the next batch; returns whether there is another. */
  step: () => Promise<boolean>;
  signal: AbortSignal;
  soFar: () => Promise<SoFar>;
}

/**
 * Does one batch after the other, to the last.
 * @throws SupasessionError INTERRUPTED, LOCK_TIMEOUT, CONNECTION_LOST and what else the database reports, with how far it came
 */
export async function runBatches(target: Target, {step, signal, soFar}: Batches): Promise<void> {
  const stopped = (error: SupasessionError, {words, details}: SoFar) =>
    new SupasessionError(error.code, `${error.message.replace(/\.$/, '')}: ${words}`, {
      suggestions: ['Run the command again to continue'],
      details,
      cause: error.cause ?? error,
    });
  for (;;) {
    if (signal.aborted) {
      const so = await soFar();
      if (!so.unfinished) return;
      throw stopped(new SupasessionError('INTERRUPTED', 'Interrupted'), so);
    }

    try {
      if (!(await step())) return;
    } catch (error) {
      throw stopped(toSupasessionError(error, target), await soFar());
    }
  }
}

/** Seconds since the call, to the hundredth. */
export function stopwatch(): () => number {
  const started = performance.now();
  return () => Math.round((performance.now() - started) / 10) / 100;
}
