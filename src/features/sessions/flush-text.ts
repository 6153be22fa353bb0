import chalk from 'chalk';

import {capital, count, plural, tokensText} from '../../cli/text.js';
import type {FlushResult} from './flush.js';
import type {Matched} from './sessions.js';
import {selected} from './text.js';

/**
 * What a flush does, before it is confirmed.
 * @param words which sessions they are, after "sessions"; empty for all
 * @param jwtExpiry lifetime of an access token in seconds, or null if it is not known
 */
export function flushWarning(found: Matched, words: string[], jwtExpiry: number | null): string {
  if (found.sessions === 0) return `There are no ${selected(words)}.`;
  const which = words.length === 0 ? '' : `${capital(selected(words))}:\n`;
  return `${which}${chalk.bold(count(found.sessions, 'session'))} of ${chalk.bold(count(found.users, 'user'))} ${plural(found.sessions, 'ends', 'end')}. This cannot be undone.
${tokensText(jwtExpiry)}`;
}

export function flushedText({deleted, batches, seconds}: FlushResult): string {
  return `${chalk.green('Done:')} ${count(deleted, 'session')} ended in ${batches} ${plural(batches, 'batch', 'batches')}, ${seconds} s.`;
}
