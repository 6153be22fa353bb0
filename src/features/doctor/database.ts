import type {Installed} from '../install/installed.js';
import type {HealthRow} from '../install/health.js';
import type {SupasessionError} from '../../errors.js';
import type {Settings, Target} from '../../types.js';
import {authMissing, newerInstalled} from '../install/installed.js';
import {compareReleases, type ShippedSql} from '../install/migration.js';
import {fixHere} from '../status/status.js';
import {commandOn} from '../../database/target.js';
import type {ImpactReport} from '../settings/verdicts.js';
import {count} from '../../cli/text.js';
import {found, passed, type Finding, type Repair, type Severity} from './finding.js';

/** @returns that the database was not reached */
export function notReached({message, suggestions}: SupasessionError): Finding {
  return found('database', 'error', 'reachable', {
    detail: `${message} Not looked at: what is installed, applied and called.`,
    fix: suggestions,
  });
}

function ofError(severity: Severity, check: string, {message, suggestions}: SupasessionError): Finding {
  return found('database', severity, check, {detail: message, fix: suggestions});
}

/**
 * @param installed what of ours is there
 * @param shipped our SQL
 * @param options removed: whether the project's newest migration of ours takes it out; target: where; repair: whether --fix can run our SQL again
 * @returns whether the database can work with this package
 */
export function judgeInstalled(
  {auth, schema, version}: Installed,
  shipped: ShippedSql,
  {removed, target, repair}: {removed: boolean; target: Target; repair: Repair | null},
): Finding[] {
  const reached = passed('database', 'reachable');
  if (!auth) return [reached, ofError('error', 'Auth', authMissing(target))];
  const there = [reached, passed('database', 'Auth')];
  if (version === null) {
    if (removed && !schema) return [...there, passed('database', 'installed', 'taken out')];
    const fix = [commandOn(target, repair === null ? 'init --apply' : 'doctor --fix')];
    const detail = schema
      ? 'supasession is there without a record of its release: 0.1.2, or half of a restored dump.'
      : 'supasession is not installed: nothing is limited.';
    return [...there, found('database', 'error', 'installed', {detail, fix, repair})];
  }

  return compareReleases(version, shipped.version) > 0
    ? [...there, ofError('error', 'installed', newerInstalled(version, shipped.version))]
    : [...there, passed('database', 'installed', version)];
}

/**
 * @param settings the settings in force
 * @param target where
 * @returns whether anything is limited at all
 */
export function judgeSwitch({enabled, mode}: Settings, target: Target): Finding {
  if (!enabled) {
    return found('database', 'info', 'limits', {
      detail: 'Limits are OFF.',
      fix: [commandOn(target, 'config --enable')],
    });
  }

  if (mode === 'observe') {
    return found('database', 'info', 'limits', {
      detail: 'Observe mode: nothing is ended or refused; the history records what would happen.',
      fix: [commandOn(target, 'config --mode enforce')],
    });
  }

  return passed('database', 'limits', 'ON');
}

/** What only the history knows so far; null if nothing is observed. */
export function judgeObserved({mode}: Settings, {impact}: ImpactReport, target: Target): Finding | null {
  if (mode !== 'observe') return null;
  const check = 'observed sessions';
  const {overLimit, expiring} = impact;
  if (overLimit.sessions + expiring.sessions === 0) return passed('database', check, 'none would end');
  return found('database', 'info', check, {
    detail: `${count(overLimit.sessions, 'session')} of ${count(overLimit.users, 'user')} over the limit and ${count(expiring.sessions, 'session')} past a deadline. In observe mode they stay; under --mode enforce they would end.`,
    fix: [commandOn(target, 'config --mode enforce --dry-run')],
  });
}

/** What does not mean that limits fail, or requests. */
const WARNINGS = new Set(['deadlines', 'settings', 'settings kept', 'users over the limit']);
const AGAIN = 'restore it: supasession doctor --fix';

/**
 * @param rows what health.sql says, or what is wrong with sessions
 * @param target where
 * @param repair whether --fix can run our SQL again
 * @returns the same as findings
 */
export function judgeHealth(rows: HealthRow[], target: Target, repair: Repair | null): Finding[] {
  return rows.map(({check, ok, detail, fix}) => {
    if (ok) return passed('database', check, detail);
    const again = fix === AGAIN;
    return found('database', WARNINGS.has(check) ? 'warning' : 'error', check, {
      detail: detail ?? check,
      fix: again
        ? [commandOn(target, repair === null ? 'upgrade' : 'doctor --fix')]
        : fix === null
          ? []
          : [fixHere(fix, target)],
      repair: again ? repair : null,
    });
  });
}
