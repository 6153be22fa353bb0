import chalk from 'chalk';
import {capital, count, plural, tokensText, printable} from '../../cli/text.js';
import type {FlushResult} from './flush.js';

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
/** @returns how a flush went */

export function flushedText(outcome: FlushResult): string {
  return `${chalk.green('Done:')} ${count(outcome.deleted, 'session')} ended in ${count(outcome.batches, 'batch').replace('batchs', 'batches')}, ${outcome.seconds} s.`;
}
