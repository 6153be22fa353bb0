import chalk from 'chalk';

import type {EnforcePlan, EnforceResult} from './enforce.js';
import type {PrunePlan, PruneResult} from './prune.js';
import {spanWords} from '../../database/spans.js';
import {count, plural, tokensText} from '../../cli/text.js';
import {drainText} from '../settings/index.js';

/**
 * @param plan what would be done
 * @param jwtExpiry lifetime of an access token in seconds, or null where it is not known
 * @returns it in words, before it is confirmed
 */
export function enforcePlanText({found, settings, mostOver}: EnforcePlan, jwtExpiry: number | null): string {
  const {users, evicted, expired, deadlines} = found;
  const lines = [
    `${count(users, 'user')} with sessions:`,
    `  ${chalk.bold(count(evicted, 'session'))} over the limit ${plural(evicted, 'ends', 'end')}`,
    `  ${chalk.bold(count(expired, 'session'))} past a deadline ${plural(expired, 'ends', 'end')}`,
    `  ${chalk.bold(count(deadlines, 'session'))} ${plural(deadlines, 'gets', 'get')} a deadline, or an earlier one`,
  ];
  const drain = drainText(settings, mostOver);
  if (drain !== null) lines.push(`Without this command: ${drain}`);
  if (evicted + expired > 0) lines.push(`This cannot be undone. ${tokensText(jwtExpiry)}`);
  return lines.join('\n');
}

/** @returns what a run did */
export function enforcedText(result: EnforceResult): string {
  const {users, evicted, expired, deadlines, skipped, seconds} = result;
  const done = `${chalk.green('Done:')} ${count(evicted + expired, 'session')} ended and ${deadlines} given a deadline, of ${count(users, 'user')}, ${seconds} s.`;
  return skipped === 0
    ? done
    : `${done}\n  ${count(skipped, 'user')} ${plural(skipped, 'was', 'were')} signing in at that moment: there the limit holds at the next refresh.`;
}

/**
 * @param plan what would be removed
 * @param jwtExpiry lifetime of an access token in seconds, or null where it is not known
 * @returns the same in words, before it is confirmed
 */
export function pruneText({olderThan, found}: PrunePlan, jwtExpiry: number | null): string {
  const {ended, live, users} = found;
  const words = spanWords(olderThan.text);
  if (ended + live === 0) return `No session has ended, or has not been used, for ${words}.`;
  const lines = [
    `  ${chalk.bold(count(ended, 'session'))} that ${plural(ended, 'has', 'have')} ended`,
    `  ${chalk.bold(count(live, 'session'))} of ${count(users, 'user')}, not used for ${words}, that could go on`,
  ];
  if (live > 0)
    lines.push(
      `${chalk.yellow(`Removing ${plural(live, 'that one', 'those')} signs somebody out.`)} This cannot be undone. ${tokensText(jwtExpiry)}`,
    );
  return lines.join('\n');
}

/** @returns what a run removed */
export function prunedText({removed, seconds}: PruneResult): string {
  return `${chalk.green('Done:')} ${count(removed, 'session')} removed, ${seconds} s.`;
}
