import type {Queryable} from '../db/connection.js';
import {countPendingPast, countRevoked, readImpact, type Impact} from '../db/queries.js';
import type {SettingName, Settings} from '../types.js';
import {inForce} from './settings.js';
import {spanSeconds} from './spans.js';

/** What the target says of a change before it is made. */
export interface Judgement {
  impact: Impact;
  /** Sessions that miss their second factor and are past their deadline. */
  pendingPast: number;
  /** Users whose access is revoked. */
  revoked: number;
  /** Lifetime of an access token in seconds; null where it is not known. */
  jwtExpiry: number | null;
}

/** Of settings that concern nobody. */
export const NOBODY: Omit<Judgement, 'jwtExpiry'> = {
  impact: {overLimit: {users: 0, sessions: 0}, atLimit: {users: 0}, expiring: {sessions: 0}},
  pendingPast: 0,
  revoked: 0,
};

/**
 * Works without our SQL too.
 * @param db an open connection
 * @param settings the settings to judge
 * @param options installed: whether our SQL is there; jwtExpiry: lifetime of an access token in seconds, null where it is not known
 * @returns whom they concern
 */
export async function judge(
  db: Queryable,
  settings: Settings,
  options: {installed: boolean; jwtExpiry: number | null},
): Promise<Judgement> {
  return {
    impact: await readImpact(db, settings, options.installed),
    pendingPast: await countPendingPast(db, settings),
    revoked: options.installed ? await countRevoked(db) : 0,
    jwtExpiry: options.jwtExpiry,
  };
}

/**
 * What ends sessions that would otherwise go on, or keeps people out, by a change of settings.
 * overLimit, expiring, pending, revoked: sessions above the limit, past a deadline, past that of a missing second factor, of users whose access is
 * revoked. signsOutAll: see `signsOutAll()`. lockedOut: users at the limit, who cannot sign in again.
 */
export type Consequence = 'overLimit' | 'expiring' | 'pending' | 'signsOutAll' | 'lockedOut' | 'revoked';

/**
 * @param before a span of time as Postgres prints it; null for none
 * @param after another
 * @returns whether the second ends sooner than the first
 */
export function tightened(before: string | null, after: string | null): boolean {
  if (after === null || before === after) return false;
  const [was, is] = [before === null ? null : spanSeconds(before), spanSeconds(after)];
  return was === null || is === null || is < was;
}

/**
 * The trap of the inactivity timeout: a session is refreshed when its access token runs out, so one that may not be unused for as long as
 * that ends while its user is at work.
 * @param settings settings
 * @param jwtExpiry lifetime of an access token in seconds; null where it is not known
 * @returns whether they sign everybody out
 */
export function signsOutAll(settings: Settings, jwtExpiry: number | null): boolean {
  if (settings.inactivity_timeout === null || jwtExpiry === null) return false;
  const seconds = spanSeconds(settings.inactivity_timeout);
  return seconds !== null && seconds <= jwtExpiry;
}

/**
 * @param before settings as they are
 * @param after settings as they will be
 * @param judgement what the target says of them
 * @returns what the change does to sessions and users; where there is anything it has to be confirmed by name on a target that is not local
 */
export function consequences(before: Settings, after: Settings, judgement: Judgement): Consequence[] {
  const {impact, pendingPast, revoked, jwtExpiry} = judgement;
  const found: Consequence[] = [];
  // Independent of limits and mode.
  if (revoked > 0 && after.block_revoked && !before.block_revoked) found.push('revoked');
  if (!inForce(after)) return found;

  const starts = !inForce(before);
  const changed = (...names: SettingName[]) => names.some((name) => before[name] !== after[name]);
  const countsMore =
    starts ||
    after.max_sessions < before.max_sessions ||
    changed('strategy', 'oauth_clients', 'count_pending_mfa', 'reject_ignores_idle');

  // Under reject a sign-in ends nothing: only a refresh does.
  const reached = after.strategy === 'dequeue' || after.enforce_on_refresh;
  const newlyReached = after.enforce_on_refresh && !before.enforce_on_refresh;
  if (impact.overLimit.sessions > 0 && reached && (countsMore || newlyReached)) found.push('overLimit');

  const full = impact.overLimit.users + impact.atLimit.users;
  const closed = before.recovery_makes_room && !after.recovery_makes_room;
  if (after.strategy === 'reject' && full > 0 && (countsMore || closed)) found.push('lockedOut');

  const idle = tightened(before.inactivity_timeout, after.inactivity_timeout);
  if (impact.expiring.sessions > 0 && (starts || idle || tightened(before.timebox, after.timebox)))
    found.push('expiring');
  if (signsOutAll(after, jwtExpiry) && (starts || idle)) found.push('signsOutAll');
  if (
    pendingPast > 0 &&
    (starts || changed('count_pending_mfa') || tightened(before.low_aal_timeout, after.low_aal_timeout))
  )
    found.push('pending');
  return found;
}
