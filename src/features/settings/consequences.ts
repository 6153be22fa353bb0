import type {ImpactReport} from './verdicts.js';
import type {SettingName, Settings} from '../../types.js';
import {inForce} from '../../types.js';
import {spanSeconds} from '../../database/spans.js';

/**
 * What ends sessions that would otherwise go on, or keeps people out, by a change of settings.
 * overLimit, expiring: sessions above the limit, past a deadline. signsOutAll: see `signsOutAll()`. lockedOut: users at the limit, who cannot sign in
 * again.
 */
export type Consequence = 'overLimit' | 'expiring' | 'signsOutAll' | 'lockedOut';

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
 * @param report whom those concern
 * @param jwtExpiry lifetime of an access token in seconds; null where it is not known
 * @returns what the change does to sessions and users; where there is anything it has to be confirmed by name on a target that is not local
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
