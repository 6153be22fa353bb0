import chalk from 'chalk';

import {configOn} from '../database/target.js';
import type {FlushResult} from '../features/sessions/flush.js';
import {settingFlag} from '../features/settings/changes.js';
import type {Connection} from '../database/connection.js';
import {address} from '../database/errors.js';
import type {SupasessionError} from '../errors.js';
import type {Settings, Target} from '../types.js';

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
 * @param time a moment, as JSON has it; null where it is not known
 * @param now what counts as now, in milliseconds of the epoch
 * @returns how long ago it was, in few characters
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

/** @returns under what a judgement of settings stands, as the end of a sentence; empty where they are in force */
export function unlessInForce({mode, enabled}: Settings): string {
  if (mode === 'observe') return ' (but in observe mode nothing is done)';
  return enabled ? '' : ' (once the limit is on)';
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

/** More sessions of one user than this do not end in one sign-in. */
const MOST_AT_SIGN_IN = 100;

/**
 * @param settings the settings that are judged
 * @param mostOver the most sessions that one user is over the limit by
 * @returns that these end only by and by; null where a sign-in is enough
 */
export function drainText({strategy}: Pick<Settings, 'strategy'>, mostOver: number): string | null {
  if (mostOver <= MOST_AT_SIGN_IN) return null;
  const signIn = strategy === 'dequeue' ? `a sign-in ends at most ${MOST_AT_SIGN_IN}, ` : '';
  return `One user is over the limit by ${count(mostOver, 'session')}. They end only by and by, and stay live until then: ${signIn}a refresh ends only its own session.`;
}

/** @returns the last line of every run while the limit is off */
export function limitsOff(target: Target): string {
  return notInForce({enabled: false, mode: 'enforce'}, target)!;
}

/**
 * @param jwtExpiry lifetime of an access token in seconds, or null where it is not known
 * @param guarded whether the guard is wired; not given where nobody has looked
 * @returns what becomes of the access tokens of sessions that end
 */
export function tokensText(jwtExpiry: number | null, guarded?: boolean): string {
  const tokens =
    jwtExpiry === null
      ? 'for as long as the project has set (jwt_expiry, 1 hour by default)'
      : `for up to ${span(jwtExpiry)} (jwt_expiry)`;
  if (guarded)
    return `The guard refuses their access tokens at once in the Data API; elsewhere they go on working ${tokens}.`;
  return `Access tokens that have been issued go on working ${tokens}.${guarded === undefined ? '' : '\nThe guard would cut them off at once: {bin} guard:enable'}`;
}

/**
 * @param found sessions and users that a flush concerns
 * @param words which sessions they are, after "sessions"; empty for all
 * @param jwtExpiry lifetime of an access token in seconds, or null where it is not known
 * @returns what a flush does, before it is confirmed
 */
export function flushWarning(
  found: {sessions: number; users: number},
  words: string[],
  jwtExpiry: number | null,
): string {
  if (found.sessions === 0) return `There are no ${selected(words)}.`;
  const which = words.length === 0 ? '' : `${capital(selected(words))}:\n`;
  return `${which}${chalk.bold(count(found.sessions, 'session'))} of ${chalk.bold(count(found.users, 'user'))} ${plural(found.sessions, 'ends', 'end')}. This cannot be undone.
${tokensText(jwtExpiry)}`;
}

/** @returns "sessions", and which */
export function selected(words: string[]): string {
  return printable(['sessions', ...words].join(' '));
}

/** @returns the text with a capital letter at its start */
export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** @returns how a flush went */
export function flushedText(outcome: FlushResult): string {
  return `${chalk.green('Done:')} ${count(outcome.deleted, 'session')} ended in ${count(outcome.batches, 'batch').replace('batchs', 'batches')}, ${outcome.seconds} s.`;
}

/** @returns where the sandbox listens */
export function sandboxText(sandbox: {url: string; dataDir: string}): string {
  return `${chalk.green('Ready:')} ${chalk.bold(sandbox.url)}\n  Data in ${sandbox.dataDir}\n  Ctrl-C stops it.`;
}
