import chalk from 'chalk';

import {configOn} from '../core/target.js';
import type {FlushResult} from '../core/flush.js';
import {settingFlag} from '../core/changes.js';
import type {Connection} from '../db/connection.js';
import {address} from '../db/errors.js';
import type {SupasessionError} from '../errors.js';
import type {Settings, Target} from '../types.js';

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
 * @param settings the settings in force
 * @param target where
 * @returns that nothing is enforced, and how to change that, for the end of a run; null where it is
 */
export function notInForce(settings: Pick<Settings, 'enabled' | 'mode'>, target: Target): string | null {
  const config = configOn(target);
  if (!settings.enabled)
    return `${chalk.yellow('Limits are OFF.')} Switch them on: ${config} ${settingFlag('enabled', true)}`;
  if (settings.mode === 'observe')
    return `${chalk.yellow('OBSERVE MODE: nothing is enforced.')} Change that: ${config} ${settingFlag('mode', 'enforce')}`;
  return null;
}

/** @returns the last line of every run while the limit is off */
export function limitsOff(target: Target): string {
  return notInForce({enabled: false, mode: 'enforce'}, target)!;
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
