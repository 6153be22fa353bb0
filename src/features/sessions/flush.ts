import {setTimeout as wait} from 'node:timers/promises';

import type {Connection} from '../../database/connection.js';
import {isConnectionLost, isLockTimeout, toSupasessionError} from '../../database/errors.js';
import {countPresent, deleteSessions, recordFlush} from './queries.js';
import {readInstalled} from '../install/index.js';
import {countSessions, readSessionIds, revokeUserSessions, type SessionFilter} from './queries.js';
import {SupasessionError} from '../../errors.js';
import {stopwatch} from './batches.js';
import {readSelection, type FilterFlags, type Selection} from './sessions.js';

/** How long to come back for sessions that stay locked, in milliseconds: a refresh holds one for a fraction of a second. */
const LOCKED_PATIENCE = 30_000;
/** Between two looks at locked sessions, in milliseconds; doubles from the first to the longest. */
const FIRST_LOOK = 100;
const LONGEST_LOOK = 2000;
/** Waits before each new attempt to connect and go on after a connection was lost, in milliseconds. */
const RECONNECT_WAITS = [500, 1000, 2000, 4000, 8000];

export interface FlushProgress {
  matched: number;
  deleted: number;
  batches: number;
}

export interface FlushResult extends FlushProgress {
  /** Sessions of those matched that are still there. */
  remaining: number;
  seconds: number;
  /** Whether none is left. */
  completed: boolean;
}

export interface FlushOptions {
  /** Which sessions; looked for once, at the start. */
  filter: SessionFilter;
  /** Opens another connection to the same target, for when the first is lost. */
  reconnect: () => Promise<Connection>;
  /** Sessions a transaction deletes at most. */
  batchSize: number;
  /** Aborted to stop after the batch that is running. */
  signal: AbortSignal;
  onProgress: (progress: FlushProgress) => void;
  /** How long to come back for sessions that stay locked, in milliseconds; half a minute by default. */
  patience?: number;
  /** Waits before each new attempt after a connection was lost, in milliseconds; a quarter of a minute together by default. */
  reconnectWaits?: readonly number[];
}

/**
 * @param connection an open connection
 * @param flags which sessions, as typed
 * @returns which sessions that is, how many a flush would end, and of how many users
 * @throws SupasessionError what `readSelection` throws
 */
export async function planFlush(
  connection: Connection,
  flags: FilterFlags,
): Promise<{selection: Selection; found: {sessions: number; users: number}}> {
  const selection = await readSelection(connection, flags);
  return {selection, found: await countSessions(connection, selection.filter)};
}

/** A flush under way: what is left to do, and over which connection. */
class Flush {
  deleted = 0;
  batches = 0;
  /** Of the deleted ones those that have an event of their own. */
  #revoked = 0;
  readonly #seconds = stopwatch();
  #connection: Connection;
  readonly #ids: string[];
  /** Users of whom nothing is to be left, not even a sign-in that is under way. */
  readonly #users: string[];
  readonly #options: FlushOptions;
  /** Sessions of batches whose outcome a lost connection kept from us: the server may still be at work on such a batch. */
  readonly #unsure = new Set<string>();

  constructor(connection: Connection, {ids, users}: {ids: string[]; users: string[]}, options: FlushOptions) {
    this.#connection = connection;
    this.#ids = ids;
    this.#users = users;
    this.#options = options;
  }

  get progress(): FlushProgress {
    return {matched: this.#ids.length, deleted: this.deleted, batches: this.batches};
  }

  result(remaining: number): FlushResult {
    return {...this.progress, remaining, seconds: this.#seconds(), completed: remaining === 0};
  }

  async run(): Promise<FlushResult> {
    try {
      return await this.#run();
    } finally {
      const {matched, deleted} = this.progress;
      const {filter} = this.#options;
      // What has been done stays done where the history cannot be written, or the connection is gone.
      const unrecorded = deleted - this.#revoked;
      if (unrecorded > 0) await recordFlush(this.#connection, {matched, deleted: unrecorded, filter}).catch(() => {});
    }
  }

  async #run(): Promise<FlushResult> {
    let left = await this.#pass(this.#ids);
    if (this.#users.length > 0 && !this.#options.signal.aborted) left = await this.#revokeRest(left);
    let look = FIRST_LOOK;
    const deadline = performance.now() + (this.#options.patience ?? LOCKED_PATIENCE);
    while (left.length > 0 && performance.now() < deadline && !this.#options.signal.aborted) {
      // Ends early when the user presses Ctrl-C.
      await wait(look, undefined, {signal: this.#options.signal}).catch(() => {});
      look = Math.min(look * 2, LONGEST_LOOK);
      left = await this.#pass(left);
    }

    if (this.#options.signal.aborted) {
      const remaining = left.length === 0 ? 0 : await this.#countPresent(left);
      if (remaining > 0)
        throw new SupasessionError('INTERRUPTED', this.#stopped('Interrupted', remaining), this.#again(remaining));
    } else if (left.length > 0) {
      throw new SupasessionError(
        'LOCK_TIMEOUT',
        this.#stopped('Some sessions stay locked', left.length),
        this.#again(left.length),
      );
    }

    return this.result(0);
  }

  #stopped(why: string, remaining: number): string {
    return `${why}: ${this.deleted} of ${this.#ids.length} sessions have been ended, ${remaining} are left.`;
  }

  #again(remaining: number): {suggestions: string[]; details: Record<string, unknown>} {
    return {suggestions: ['Run the command again to end the rest'], details: {...this.result(remaining)}};
  }

  /** One look at each of some sessions; hands back those that are still there. */
  async #pass(ids: string[]): Promise<string[]> {
    const left: string[] = [];
    for (let start = 0; start < ids.length; start += this.#options.batchSize) {
      if (this.#options.signal.aborted) return [...left, ...ids.slice(start)];
      const batch = ids.slice(start, start + this.#options.batchSize);
      left.push(...(await this.#delete(batch, left.length + ids.length - start)));
      this.#options.onProgress(this.progress);
    }

    return left;
  }

  async #delete(batch: string[], remaining: number): Promise<string[]> {
    // Of one batch: a pooler takes connections also while the database behind it is gone, so a new one alone is no success.
    const waits = [...(this.#options.reconnectWaits ?? RECONNECT_WAITS)];
    for (;;) {
      try {
        const {deleted, left} = await deleteSessions(this.#connection, batch);
        const unsure = this.#unsure.size > 0 && batch.some((id) => this.#unsure.has(id));
        // What we deleted without being told so counts as well.
        const ended = unsure ? batch.length - left.length : deleted;
        this.deleted += ended;
        if (ended > 0) this.batches++;
        return left;
      } catch (error) {
        // Of a session nobody holds, something is held that goes with it (a refresh token), or the table itself is.
        if (isLockTimeout(error)) return batch;
        if (!isConnectionLost(error)) throw this.#failed(error, remaining);
        for (const id of batch) this.#unsure.add(id);
        await this.#reconnect(waits, error, remaining);
      }
    }
  }

  /** Ends what is left of some users, and what has come meanwhile. A session in use counts as ended, and ends with its refresh. */
  async #revokeRest(left: string[]): Promise<string[]> {
    try {
      for (const user of this.#users) {
        const ended = await revokeUserSessions(this.#connection, user, []);
        this.deleted += ended;
        this.#revoked += ended;
      }
    } catch (error) {
      throw this.#failed(error, left.length);
    }

    return [];
  }

  async #countPresent(ids: string[]): Promise<number> {
    return countPresent(this.#connection, ids).catch(() => ids.length);
  }

  async #reconnect(waits: number[], lost: unknown, remaining: number): Promise<void> {
    const {signal} = this.#options;
    await this.#connection.close();
    for (let pause = waits.shift(); pause !== undefined; pause = waits.shift()) {
      await wait(pause, undefined, {signal}).catch(() => {});
      if (signal.aborted) {
        const message = this.#stopped('Interrupted while the connection was lost', remaining);
        throw new SupasessionError('INTERRUPTED', message, this.#again(remaining));
      }

      try {
        this.#connection = await this.#options.reconnect();
        return;
      } catch {
        // The next attempt, or the error below.
      }
    }

    throw this.#failed(lost, remaining);
  }

  #failed(error: unknown, remaining: number): SupasessionError {
    const {code, message} = toSupasessionError(error, this.#connection.target);
    return new SupasessionError(code, this.#stopped(message.replace(/\.$/, ''), remaining), {
      ...this.#again(remaining),
      cause: error,
    });
  }
}

/**
 * Ends the sessions that match when it is called; those of later sign-ins stay, but where all of some users are meant and supasession is installed.
 * They are deleted in batches by key, each a short
 * transaction, because one long one would block refreshes and sign-outs. Locked ones are skipped and looked at again; a lost connection is replaced.
 * @param connection an open connection, closed when it is lost
 * @param options which sessions, batch size, and where progress goes
 * @returns how it went
 * @throws SupasessionError INTERRUPTED, LOCK_TIMEOUT, CONNECTION_LOST and what else the database reports; `details` are a FlushResult
 */
export async function flush(connection: Connection, options: FlushOptions): Promise<FlushResult> {
  const {filter} = options;
  const whole = filter.userIds !== undefined && Object.keys(filter).length === 1;
  const users = whole && (await readInstalled(connection)).version !== null ? filter.userIds! : [];
  return new Flush(connection, {ids: await readSessionIds(connection, filter), users}, options).run();
}

/**
 * @param matched sessions there are
 * @returns a FlushResult for a run that ended nothing
 */
export function untouched(matched: number): FlushResult {
  return {matched, deleted: 0, remaining: matched, batches: 0, seconds: 0, completed: matched === 0};
}
