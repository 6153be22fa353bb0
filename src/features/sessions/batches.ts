import type {Connection} from '../../database/connection.js';
import {toSupasessionError} from '../../database/errors.js';
import {SupasessionError} from '../../errors.js';

/** Work that is done in transactions of their own, and that may be begun again at any time. */
export interface Batches {
  /** Does the next batch; returns whether there is another. */
  step: () => Promise<boolean>;
  /** Aborted to stop after the batch that is running. */
  signal: AbortSignal;
  /** How far it has come, as a sentence. */
  words: () => string;
  /** The same as data, for `details`. */
  done: () => Record<string, unknown>;
}

/**
 * Does one batch after the other, to the last.
 * @param connection what they are done over
 * @param batches the work
 * @throws SupasessionError INTERRUPTED, LOCK_TIMEOUT, CONNECTION_LOST and what else the database reports, with how far it came
 */
export async function runBatches(connection: Connection, {step, signal, words, done}: Batches): Promise<void> {
  const stopped = (code: SupasessionError['code'], why: string, cause?: unknown) =>
    new SupasessionError(code, `${why}: ${words()}`, {
      suggestions: ['Run the command again to go on'],
      details: done(),
      cause,
    });
  for (;;) {
    if (signal.aborted) throw stopped('INTERRUPTED', 'Interrupted');
    try {
      if (!(await step())) return;
    } catch (error) {
      const {code, message} = toSupasessionError(error, connection.target);
      throw stopped(code, message.replace(/\.$/, ''), error);
    }
  }
}

/**
 * @returns tells the seconds since now, to the hundredth
 */
export function stopwatch(): () => number {
  const started = performance.now();
  return () => Math.round((performance.now() - started) / 10) / 100;
}
