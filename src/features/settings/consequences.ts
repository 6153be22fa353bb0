import type {ImpactReport} from './verdicts.js';
import type {SettingName, Settings} from '../../types.js';
import {inForce} from '../../types.js';
import {spanSeconds} from '../../database/spans.js';

/**
 * Why a change of settings ends sessions or refuses sign-ins: sessions over the limit (overLimit) or past a deadline (expiring), see `signsOutAll()`,
 * users at the limit who cannot sign in again (lockedOut).
 */
export type Consequence = 'overLimit' | 'expiring' | 'signsOutAll' | 'lockedOut';

/** Whether a span of time, as Postgres prints it, is shorter than before; null is none. */
export function tightened(before: string | null, after: string | null): boolean {
  if (after === null || before === after) return false;
  const [was, is] = [before === null ? null : spanSeconds(before), spanSeconds(after)];
  return was === null || is === null || is < was;
}

/**
 * A session is refreshed when its access token expires: an inactivity timeout that is not longer ends it while its user is at work.
 * @param jwtExpiry lifetime of an access token in seconds; null if unknown
 */
export function signsOutAll(settings: Settings, jwtExpiry: number | null): boolean {
  if (settings.inactivity_timeout === null || jwtExpiry === null) return false;
  const seconds = spanSeconds(settings.inactivity_timeout);
  return seconds !== null && seconds <= jwtExpiry;
}

/**
 * If it returns any, a target that is not local has to be confirmed by name.
 * @param report for the settings after the change
 * @param jwtExpiry in seconds; null if unknown
 */
export function consequences(
  before: Settings,
  after: Settings,
  {impact}: Pick<ImpactReport, 'impact'>,
  jwtExpiry: number | null,
): Consequence[] {
  if (!inForce(after)) return [];
  const starts = !inForce(before);
  const changed = (...names: SettingName[]) => names.some((name) => before[name] !== after[name]);
  const shorter = (...names: ('inactivity_timeout' | 'low_aal_timeout' | 'timebox')[]) =>
    starts || names.some((name) => tightened(before[name], after[name]));
  const countsMore =
    starts || after.max_sessions < before.max_sessions || changed('strategy', 'oauth_clients', 'reject_ignores_idle');

  const found: Consequence[] = [];
  if (impact.overLimit.sessions > 0 && countsMore) found.push('overLimit');
  const full = impact.overLimit.users + impact.atLimit.users;
  if (after.strategy === 'reject' && full > 0 && countsMore) found.push('lockedOut');
  if (impact.expiring.sessions > 0 && shorter('timebox', 'inactivity_timeout', 'low_aal_timeout'))
    found.push('expiring');
  if (signsOutAll(after, jwtExpiry) && shorter('inactivity_timeout')) found.push('signsOutAll');
  return found;
}
