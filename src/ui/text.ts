import chalk from 'chalk';

import type {ConfigPlan, SavedSettings} from '../core/config.js';
import {targetFlag} from '../core/target.js';
import type {FlushResult} from '../core/flush.js';
import {settingFlag, undoFlags} from '../core/settings.js';
import type {Connection} from '../db/connection.js';
import {address} from '../db/errors.js';
import type {Impact} from '../db/queries.js';
import type {SupasessionError} from '../errors.js';
import {DEFAULT_SETTINGS, type Settings, type Target} from '../types.js';

/** @returns a count with its noun: "1 session", "1,204 sessions" */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}

/** @returns a span of time as people say it; the largest unit that is not below 1 */
export function span(seconds: number): string {
  for (const [unit, length] of [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const) {
    if (seconds >= length) {
      const number = Math.round((seconds / length) * 10) / 10;
      return `${number} ${unit}${number === 1 ? '' : 's'}`;
    }
  }

  return `${seconds} second${seconds === 1 ? '' : 's'}`;
}

/** @returns the target in words */
export function targetName(target: Target): string {
  switch (target.kind) {
    case 'local': {
      return `local database ${address(target)}`;
    }

    case 'linked': {
      return `hosted project ${target.projectRef} (${address(target)})`;
    }

    case 'url': {
      return `database "${target.database}" at ${address(target)}`;
    }
  }
}

/** @returns the line that says where a command works, and how well that connection is protected */
export function targetLine({target, encrypted, verified}: Connection): string {
  const local = target.tls === 'disable' && target.kind !== 'url';
  const protection = verified
    ? ', encrypted and verified'
    : encrypted
      ? chalk.yellow(', encrypted, server NOT verified (set PGSSLROOTCERT to its certificate)')
      : local
        ? ''
        : chalk.yellow(', NOT encrypted');
  return `${chalk.bold('Target')}   ${targetName(target)}${protection}`;
}

/** @returns an error as the terminal shows it; `{bin}` is left for the caller to fill in */
export function errorText(error: SupasessionError): string {
  const lines = [`${chalk.red('Error:')} ${error.message} ${chalk.dim(`[${error.code}]`)}`];
  if (error.suggestions.length > 0) {
    lines.push(...error.suggestions.map((suggestion) => `  ${chalk.cyan('→')} ${suggestion}`));
  }

  return lines.join('\n');
}

/**
 * @param settings the settings as they will be
 * @param impact who is over and at the limit
 * @param jwtExpiry lifetime of an access token in seconds, or null where it is not known
 * @returns what the settings do to the sessions that exist
 */
export function impactText(settings: Settings, impact: Impact, jwtExpiry: number | null): string {
  const {overLimit, atLimit} = impact;
  const lines: string[] = [];
  const condition =
    settings.mode === 'observe'
      ? ' (but in observe mode nothing is done)'
      : settings.enabled
        ? ''
        : ' (once the limit is on)';
  if (overLimit.sessions === 0) {
    lines.push(`  No user is over the limit: no session ends${condition}.`);
  } else {
    const who = `${count(overLimit.sessions, 'session')} of ${count(overLimit.users, 'user')} ${overLimit.sessions === 1 ? 'is' : 'are'} over the limit`;
    // The refresh that finds it still gets its token, and the one after that is refused.
    const lifetime = jwtExpiry === null ? 'two access token lifetimes' : span(2 * jwtExpiry);
    const atRefresh = `at their next refresh, with access ending within ${lifetime}`;
    const when =
      settings.strategy === 'dequeue'
        ? settings.enforce_on_refresh
          ? `They end at the user's next sign-in, else ${atRefresh}.`
          : "They end at the user's next sign-in."
        : settings.enforce_on_refresh
          ? `They end ${atRefresh}.`
          : 'They stay until they are signed out.';
    lines.push(`  ${who}${condition}. ${when}`);
  }

  if (settings.strategy === 'reject') {
    const full = overLimit.users + atLimit.users;
    lines.push(
      full === 0
        ? `  No user is at the limit: everybody can sign in again${condition}.`
        : `  ${count(full, 'user')} at or over the limit ${chalk.yellow('cannot sign in again')} before one of their sessions ends${condition}.`,
    );
  }

  return lines.join('\n');
}

/** @returns what everybody should know who chooses `reject` */
export function rejectWarning(): string {
  return `${chalk.yellow('Warning:')} reject counts sessions that nobody can sign out: a lost phone, a closed private window or cleared storage\nkeeps its place until it is ended, so such a user stays locked out. dequeue makes room instead.`;
}

/** @returns the last line of every run while the limit is off */
export function limitsOff(target: Target): string {
  const flag = targetFlag(target);
  return `${chalk.yellow('Limits are OFF.')} Switch them on: {bin} config${flag === '' ? '' : ` ${flag}`} ${settingFlag('enabled', true)}`;
}

/** @returns where the settings were saved */
export function savedText({file, written}: SavedSettings, settings: Settings): string {
  if (!written) return `supabase/migrations/${file} says the same already.`;
  const pushes = settings.enabled
    ? '\n  The next "supabase db push" brings them to the linked project, where sessions above the limit then end.'
    : '';
  return `${chalk.green('Saved')} to supabase/migrations/${file}.${pushes}`;
}

/** @returns that the change was made, and how to take it back */
export function changedText(plan: ConfigPlan, target: Target, dryRun: boolean): string {
  if (plan.changed.length === 0) return 'Nothing to change: the settings are like this already.';
  if (dryRun) return 'Dry run: nothing was changed.';
  const flag = targetFlag(target);
  const undo = undoFlags(plan.before ?? DEFAULT_SETTINGS, plan.changed);
  return `${chalk.green('Changed.')} Undo: {bin} config${flag === '' ? '' : ` ${flag}`} ${undo}`;
}

/**
 * @param found sessions and users that a flush concerns
 * @param jwtExpiry lifetime of an access token in seconds, or null where it is not known
 * @returns what a flush does, before it is confirmed
 */
export function flushWarning(found: {sessions: number; users: number}, jwtExpiry: number | null): string {
  if (found.sessions === 0) return 'There are no sessions.';
  const tokens =
    jwtExpiry === null
      ? 'for as long as the project has set (jwt_expiry, 1 hour by default)'
      : `for up to ${span(jwtExpiry)} (jwt_expiry)`;
  return `${chalk.bold(count(found.sessions, 'session'))} of ${chalk.bold(count(found.users, 'user'))} end${found.sessions === 1 ? 's' : ''}. This cannot be undone.
Access tokens that have been issued go on working ${tokens}.`;
}

/** @returns how a flush went */
export function flushedText(outcome: FlushResult): string {
  return `${chalk.green('Done:')} ${count(outcome.deleted, 'session')} ended in ${count(outcome.batches, 'batch').replace('batchs', 'batches')}, ${outcome.seconds} s.`;
}

/** @returns where the sandbox listens */
export function sandboxText(sandbox: {url: string; dataDir: string}): string {
  return `${chalk.green('Ready:')} ${chalk.bold(sandbox.url)}\n  Data in ${sandbox.dataDir}\n  Ctrl-C stops it.`;
}
