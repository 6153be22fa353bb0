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

export function notReached({message, suggestions}: SupasessionError): Finding {
  return found('database', 'error', 'reachable', {
    detail: `${message} Not checked: what is installed and applied, and the functions that Auth and the Data API call.`,
    fix: suggestions,
  });
}

function ofError(severity: Severity, check: string, {message, suggestions}: SupasessionError): Finding {
  return found('database', severity, check, {detail: message, fix: suggestions});
}

/** `removed`: the project's newest migration of supasession uninstalls it. */
export function judgeInstalled(
  {auth, schema, version}: Installed,
  shipped: ShippedSql,
  {removed, target, repair}: {removed: boolean; target: Target; repair: Repair | null},
): Finding[] {
  const reached = passed('database', 'reachable');
  if (!auth) return [reached, ofError('error', 'Auth', authMissing(target))];
  const there = [reached, passed('database', 'Auth')];
  if (version === null) {
    if (removed && !schema) return [...there, passed('database', 'installed', 'removed')];
    const fix = [commandOn(target, repair === null ? 'init --apply' : 'doctor --fix')];
    const detail = schema
      ? 'supasession is installed without a record of its release: it is 0.1.2, or a dump was restored only in part.'
      : 'supasession is not installed: nothing is limited.';
    return [...there, found('database', 'error', 'installed', {detail, fix, repair})];
  }

  return compareReleases(version, shipped.version) > 0
    ? [...there, ofError('error', 'installed', newerInstalled(version, shipped.version))]
    : [...there, passed('database', 'installed', version)];
}

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

/** Null outside observe mode. */
export function judgeObserved({mode}: Settings, {impact}: ImpactReport, target: Target): Finding | null {
  if (mode !== 'observe') return null;
  const check = 'observed sessions';
  const {overLimit, expiring} = impact;
  if (overLimit.sessions + expiring.sessions === 0) return passed('database', check, 'none would end');
  return found('database', 'info', check, {
    detail: `${count(overLimit.sessions, 'session')} of ${count(overLimit.users, 'user')} over the limit and ${count(expiring.sessions, 'session')} past a deadline. They stay in observe mode, and would end in enforce mode.`,
    fix: [commandOn(target, 'config --mode enforce --dry-run')],
  });
}

/** Checks whose failure breaks neither limits nor requests. */
const WARNINGS = new Set(['deadlines', 'settings', 'settings kept', 'users over the limit']);
/** As health.sql has it. */
const AGAIN = 'restore it: supasession doctor --fix';

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
