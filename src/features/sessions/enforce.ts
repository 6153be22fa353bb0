import type {Connection} from '../../database/connection.js';
import {enforceBatch, type EnforcedBatch} from './enforce-queries.js';
import {requireInstalled} from '../install/index.js';
import {countSessions} from './queries.js';
import {type ImpactReport, NO_IMPACT, readBasis, readImpact} from '../settings/index.js';
import type {Settings} from '../../types.js';
import {runBatches, stopwatch, type BatchOptions} from './batches.js';

/** What has been done to all users so far, or would be. */
export type Enforced = Omit<EnforcedBatch, 'last_user'>;

/** What enforce would do, counted by the same rule. */
export interface EnforcePlan extends ImpactReport {
  /** False if nothing is installed: then the default settings were counted with. */
  installed: boolean;
  settings: Settings;
  /** As a run would report it. */
  found: EnforceResult;
}

export interface EnforceOptions extends BatchOptions {
  /** Users a transaction takes at most. */
  batchSize: number;
}

/** How a run went. */
export interface EnforceResult extends Enforced {
  /** Whether all users have been looked at, and nothing is left to do. */
  completed: boolean;
  seconds: number;
}

const NOTHING: EnforceResult = {
  ...{users: 0, evicted: 0, expired: 0, deadlines: 0, skipped: 0},
  ...{completed: false, seconds: 0},
};

/** Whether there is nothing to do. */
export function inLine({evicted, expired, deadlines}: Enforced): boolean {
  return evicted + expired + deadlines === 0;
}

/**
 * Counts what enforcing would do; with limits off nothing, without an installation what the defaults would do.
 * @param dryRun a dry run needs no installation
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NEWER_RELEASE; NOT_INSTALLED, except for a dry run
 */
export async function planEnforce(connection: Connection, dryRun: boolean): Promise<EnforcePlan> {
  const {version} = await requireInstalled(connection, dryRun ? 'not newer' : 'installed');
  const seconds = stopwatch();
  const basis = await readBasis(connection);
  const {settings} = basis;
  const installed = version !== null;
  if (installed && !settings.enabled) return {...NO_IMPACT, installed, settings, found: NOTHING};
  const report = await readImpact(connection, basis);
  const {users} = await countSessions(connection);
  const counted: Enforced = {users, ...report.due, skipped: 0};
  return {...report, installed, settings, found: {...counted, completed: inLine(counted), seconds: seconds()}};
}

/**
 * Brings the existing sessions in line with settings and rules, batch after batch; may be begun again at any time. A user who signs in at that moment
 * is skipped: sessions over the limit there end at their own refresh.
 * @throws SupasessionError INTERRUPTED, LOCK_TIMEOUT, CONNECTION_LOST and what else the database reports; `details` are an EnforceResult
 */
export async function enforce(connection: Connection, options: EnforceOptions): Promise<EnforceResult> {
  const {batchSize, signal, onProgress} = options;
  const seconds = stopwatch();
  const total: Enforced = {users: 0, evicted: 0, expired: 0, deadlines: 0, skipped: 0};
  let after: string | null = null;
  await runBatches(connection.target, {
    signal,
    step: async () => {
      const {last_user: last, ...batch} = await enforceBatch(connection, batchSize, after);
      for (const name of Object.keys(batch) as (keyof Enforced)[]) total[name] += batch[name];
      after = last;
      onProgress(total.users);
      return last !== null;
    },
    soFar: async () => ({
      words: `${total.users} users are done: ${total.evicted + total.expired} sessions have ended, and ${total.deadlines} got a deadline.`,
      details: {...total, completed: false, seconds: seconds()},
      unfinished: true,
    }),
  });
  return {...total, completed: true, seconds: seconds()};
}
