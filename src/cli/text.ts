import chalk from 'chalk';

import type {Connection} from '../database/connection.js';
import {address} from '../database/errors.js';
import type {SupasessionError} from '../errors.js';
import type {HistoryMatch, Target} from '../types.js';

/** @returns a count with its noun: "1 session", "1,204 sessions" */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}

/** @returns the word for one, or for none and several */
export function plural(number: number, one: string, several: string): string {
  return number === 1 ? one : several;
}

/** @returns text that others wrote, without what would move the cursor or hide something */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '');
}

/** @returns a span of time in the fewest characters: "45m", "3h", "12d"; less than a minute is "1m" */
export function shortSpan(seconds: number): string {
  const minutes = Math.max(Math.floor(seconds / 60), 1);
  if (minutes < 60) return `${minutes}m`;
  return minutes < 1440 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`;
}

/**
 * @param time a moment, as JSON has it; null if unknown
 * @param now what counts as now, in milliseconds of the epoch
 */
export function ago(time: string | null, now: number): string {
  if (time === null) return 'unknown';
  const seconds = (now - Date.parse(time)) / 1000;
  return seconds < 60 ? 'just now' : `${shortSpan(seconds)} ago`;
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

/** The target, before it is reached. */
export function targetText(target: Target): string {
  return `${chalk.bold('Target')}   ${targetName(target)}`;
}

/** Why a database is taken for that of another project. */
export function noneOfIts({applied}: HistoryMatch): string {
  return `${applied === 1 ? 'its only migration is not' : `none of its ${applied} migrations is`} in supabase/migrations of this one`;
}

function historyText(history: HistoryMatch | undefined): string {
  if (history?.otherProject) return chalk.yellow(`, ANOTHER PROJECT'S database: ${noneOfIts(history)}`);
  if (!history?.unknown) return '';
  // None in common, and yet no other project: this one has no files.
  const whose = history.unknown === history.applied ? 'project' : 'branch';
  return chalk.yellow(
    `, with ${count(history.unknown, 'migration')} that this project has no file for (another ${whose}?)`,
  );
}

/** The target, and how well the connection is protected. */
export function targetLine({target, encrypted, verified}: Connection): string {
  const local = target.tls === 'disable' && target.kind !== 'url';
  const protection = verified
    ? ', encrypted and verified'
    : encrypted
      ? chalk.yellow(', encrypted, server NOT verified (set PGSSLROOTCERT to its certificate)')
      : local
        ? ''
        : chalk.yellow(', NOT encrypted');
  return `${targetText(target)}${protection}${historyText(target.history)}`;
}

/** @returns an error as the terminal shows it; `{bin}` is left for the caller to fill in */
export function errorText(error: SupasessionError): string {
  // Declining is not an error.
  if (error.code === 'DECLINED') return error.message;
  const lines = [`${chalk.red('Error:')} ${error.message} ${chalk.dim(`[${error.code}]`)}`];
  if (error.suggestions.length > 0) {
    lines.push(...error.suggestions.map((suggestion) => `  ${chalk.cyan('→')} ${suggestion}`));
  }

  return lines.join('\n');
}

/**
 * @param jwtExpiry lifetime of an access token in seconds, or null if unknown
 * @param guarded whether the guard is enabled; undefined if not checked
 */
export function tokensText(jwtExpiry: number | null, guarded?: boolean): string {
  const tokens =
    jwtExpiry === null
      ? 'for as long as the project has set (jwt_expiry, 1 hour by default)'
      : `for up to ${span(jwtExpiry)} (jwt_expiry)`;
  if (guarded)
    return `The guard refuses their access tokens at once in the Data API; elsewhere they keep working ${tokens}.`;
  return `Issued access tokens keep working ${tokens}.${guarded === undefined ? '' : '\nThe guard would cut them off at once: {bin} guard:enable'}`;
}

export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

export function sandboxText(sandbox: {url: string; dataDir: string}): string {
  return `${chalk.green('Ready:')} ${chalk.bold(sandbox.url)}\n  Data in ${sandbox.dataDir}\n  Ctrl-C stops it.`;
}
