import {setTimeout as wait} from 'node:timers/promises';

import type {Connection} from '../../database/connection.js';
import {isConnectionLost, isLockTimeout} from '../../database/errors.js';
import {SupasessionError} from '../../errors.js';
import {readInstalled} from '../install/index.js';
import {runBatches, stopwatch, type BatchOptions, type SoFar} from './batches.js';
import {countPresent, deleteSessions, recordFlush, revokeUserSessions} from './end-queries.js';
import type {SessionFilter} from './filter.js';
import {countSessions, readSessionIds} from './queries.js';
import {readSelection, type FilterFlags, type Selection} from './selection.js';
import type {Matched} from './sessions.js';

/** How long to come back for sessions that stay locked, in milliseconds: a refresh holds one for a fraction of a second. */
const LOCKED_PATIENCE = 30_000;
/** Between two looks at locked sessions, in milliseconds; doubles from the first to the longest. */
const FIRST_LOOK = 100;
const LONGEST_LOOK = 2000;
/** Waits before each new attempt to connect and go on after a connection was lost, in milliseconds. */
const RECONNECT_WAITS = [500, 1000, 2000, 4000, 8000];

export interface FlushResult {
  matched: number;
  deleted: number;
  batches: number;
  /** Sessions of those matched that are still there. */
  remaining: number;
  seconds: number;
  /** Whether none is left. */
  completed: boolean;
}

export interface FlushOptions extends BatchOptions {
  /** Which sessions; looked for once, at the start. */
  filter: SessionFilter;
  /** Opens another connection to the same target, for when the first is lost. */
  reconnect: () => Promise<Connection>;
  /** Sessions a transaction deletes at most. */
  batchSize: number;
  /** How long to come back for sessions that stay locked, in milliseconds. */
  patience?: number;
  /** Waits before each new attempt after a connection was lost, in milliseconds. */
  reconnectWaits?: readonly number[];
}

export async function planFlush(
  connection: Connection,
  flags: FilterFlags,
): Promise<{selection: Selection; found: Matched}> {
  const selection = await readSelection(connection, flags);
  return {selection, found: await countSessions(connection, selection.filter)};
}

/** A flush under way: what is left to do, and over which connection. */
class Flush {
  #deleted = 0;
  #batches = 0;
  /** Deleted sessions that have their own event. */
  #revoked = 0;
  #connection: Connection;
  readonly #matched: number;
  /** What this pass looks at, and how far it has come. */
  #todo: string[];
  #next = 0;
  /** What was looked at in this pass and is still there. */
  #left: string[] = [];
  /** Users of whom nothing is to be left, not even a sign-in that is under way. */
  #users: string[];
  #look = FIRST_LOOK;
  #deadline: number | undefined;
  /** Sessions of batches whose outcome a lost connection hid: the server may still be at work on such a batch. */
  readonly #unsure = new Set<string>();
  readonly #seconds = stopwatch();
  readonly #options: FlushOptions;

  constructor(connection: Connection, {ids, users}: {ids: string[]; users: string[]}, options: FlushOptions) {
    this.#connection = connection;
    this.#matched = ids.length;
    this.#todo = ids;
    this.#users = users;
    this.#options = options;
  }

  async run(): Promise<FlushResult> {
    try {
      if (this.#unfinished) {
        await runBatches(this.#connection.target, {
          signal: this.#options.signal,
          step: async () => this.#step(),
          soFar: async () => this.#soFar(),
        });
      }

      return this.#result(0);
    } finally {
      const {filter} = this.#options;
      const deleted = this.#deleted - this.#revoked;
      // What has been done stays done if the history cannot be written, or the connection is gone.
      if (deleted > 0) await recordFlush(this.#connection, {matched: this.#matched, deleted, filter}).catch(() => {});
    }
  }

  get #unfinished(): boolean {
    return this.#next < this.#todo.length || this.#left.length + this.#users.length > 0;
  }

  #result(remaining: number): FlushResult {
    return {
      ...{matched: this.#matched, deleted: this.#deleted, batches: this.#batches, remaining},
      ...{seconds: this.#seconds(), completed: remaining === 0},
    };
  }

  async #soFar(): Promise<SoFar> {
    const ids = this.#left.concat(this.#todo.slice(this.#next));
    // Some may have gone by themselves.
    const remaining = ids.length === 0 ? 0 : await countPresent(this.#connection, ids).catch(() => ids.length);
    return {
      words: `${this.#deleted} of ${this.#matched} sessions have ended, ${remaining} are left.`,
      details: {...this.#result(remaining)},
      unfinished: remaining + this.#users.length > 0,
    };
  }

  /** A batch; after the last one what is left of the users that are meant as a whole, else another look at what was locked. */
  async #step(): Promise<boolean> {
    if (this.#next < this.#todo.length) {
      const batch = this.#todo.slice(this.#next, this.#next + this.#options.batchSize);
      for (const id of await this.#delete(batch)) this.#left.push(id);
      this.#next += batch.length;
      this.#options.onProgress(this.#deleted);
    } else if (this.#users.length > 0) await this.#revokeRest();
    else await this.#waitForLocks();
    return this.#unfinished;
  }

  /** Ends what is left of some users, and what has come meanwhile. A session in use counts as ended, and ends with its refresh. */
  async #revokeRest(): Promise<void> {
    for (const user of this.#users) {
      const ended = await revokeUserSessions(this.#connection, user, []);
      this.#deleted += ended;
      this.#revoked += ended;
    }

    [this.#users, this.#left] = [[], []];
  }

  async #waitForLocks(): Promise<void> {
    this.#deadline ??= performance.now() + (this.#options.patience ?? LOCKED_PATIENCE);
    if (performance.now() >= this.#deadline) throw new SupasessionError('LOCK_TIMEOUT', 'Some sessions stay locked');
    await this.#pause(this.#look);
    this.#look = Math.min(this.#look * 2, LONGEST_LOOK);
    [this.#todo, this.#left, this.#next] = [this.#left, [], 0];
  }

  /** Ends early when the user presses Ctrl-C. */
  async #pause(milliseconds: number): Promise<void> {
    await wait(milliseconds, undefined, {signal: this.#options.signal}).catch(() => {});
  }

  /** @returns those that are still there */
  async #delete(batch: string[]): Promise<string[]> {
    // Per batch: a pooler accepts connections even if the database behind it is gone, so a new connection alone is no success.
    const waits = [...(this.#options.reconnectWaits ?? RECONNECT_WAITS)];
    for (;;) {
      try {
        const {deleted, left} = await deleteSessions(this.#connection, batch);
        const unsure = this.#unsure.size > 0 && batch.some((id) => this.#unsure.has(id));
        // What was deleted without an answer counts as well.
        const ended = unsure ? batch.length - left.length : deleted;
        this.#deleted += ended;
        if (ended > 0) this.#batches++;
        return left;
      } catch (error) {
        // Nobody holds the session, but something that goes with it (a refresh token), or the table itself.
        if (isLockTimeout(error)) return batch;
        if (!isConnectionLost(error)) throw error;
        for (const id of batch) this.#unsure.add(id);
        await this.#reconnect(waits, error);
      }
    }
  }

  async #reconnect(waits: number[], lost: unknown): Promise<void> {
    await this.#connection.close();
    for (let pause = waits.shift(); pause !== undefined; pause = waits.shift()) {
      await this.#pause(pause);
      if (this.#options.signal.aborted)
        throw new SupasessionError('INTERRUPTED', 'Interrupted while the connection was lost');
      try {
        this.#connection = await this.#options.reconnect();
        return;
      } catch {
        // The next attempt, or the error below.
      }
    }

    throw lost;
  }
}

/**
 * Ends the sessions that match when it is called. Those of later sign-ins stay, unless the filter means users as a whole and supasession is
 * installed. They are deleted in batches by key, each a short transaction, because one long one would block refreshes and sign-outs. Locked ones
 * are skipped and looked at again; a lost connection is replaced.
 * @param connection closed when it is lost
 * @throws SupasessionError INTERRUPTED, LOCK_TIMEOUT, CONNECTION_LOST and what else the database reports; `details` are a FlushResult
 */
export async function flush(connection: Connection, options: FlushOptions): Promise<FlushResult> {
  const {filter} = options;
  const whole = filter.userIds !== undefined && Object.keys(filter).length === 1;
  const users = whole && (await readInstalled(connection)).version !== null ? filter.userIds! : [];
  return new Flush(connection, {ids: await readSessionIds(connection, filter), users}, options).run();
}

export function untouched(matched: number): FlushResult {
  return {matched, deleted: 0, remaining: matched, batches: 0, seconds: 0, completed: matched === 0};
}
