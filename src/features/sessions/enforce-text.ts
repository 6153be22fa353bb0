import chalk from 'chalk';

import type {EnforcePlan, EnforceResult} from './enforce.js';
import type {PrunePlan, PruneResult} from './prune.js';
import {momentWords} from '../../database/moments.js';
import {count, plural, tokensText} from '../../cli/text.js';
import {drainText} from '../settings/index.js';

/** What a run will do, or what it would do in enforce mode; `jwtExpiry` in seconds, null if unknown. */
export function enforcePlanText({found, settings, mostOver}: EnforcePlan, jwtExpiry: number | null): string {
  const {users, evicted, expired, deadlines} = found;
  const observing = settings.mode === 'observe';
  const end = (sessions: number) => (observing ? 'would end' : plural(sessions, 'ends', 'end'));
  const get = observing ? 'would get' : plural(deadlines, 'gets', 'get');
  const lines = [
    `${count(users, 'user')} with sessions${observing ? '. `enforce` does nothing in observe mode. In enforce mode:' : ':'}`,
    `  ${chalk.bold(count(evicted, 'session'))} over the limit ${end(evicted)}`,
    `  ${chalk.bold(count(expired, 'session'))} past a deadline ${end(expired)}`,
    `  ${chalk.bold(count(deadlines, 'session'))} ${get} a deadline or an earlier one`,
  ];
  if (observing) return lines.join('\n');
  const drain = drainText(settings, mostOver);
  if (drain !== null) lines.push(`Without this command: ${drain}`);
  if (evicted + expired > 0) lines.push(`This cannot be undone. ${tokensText(jwtExpiry)}`);
  return lines.join('\n');
}

export function enforcedText(result: EnforceResult): string {
  const {users, evicted, expired, deadlines, skipped, seconds} = result;
  const done = `${chalk.green('Done:')} ${count(evicted + expired, 'session')} ended and ${deadlines} given a deadline, of ${count(users, 'user')}, in ${seconds} s.`;
  return skipped === 0
    ? done
    : `${done}\n  ${count(skipped, 'user')} ${plural(skipped, 'was', 'were')} signing in at that moment and skipped: their sessions are checked at the next refresh.`;
}

/** What a run will remove; `jwtExpiry` in seconds, null if unknown. */
export function pruneText({olderThan, found}: PrunePlan, jwtExpiry: number | null): string {
  const {ended, live, users} = found;
  const unused = momentWords(
    olderThan,
    (span) => `for ${span}`,
    (date) => `since ${date}`,
  );
  if (ended + live === 0) {
    return `No session ended ${momentWords(
      olderThan,
      (span) => `more than ${span} ago`,
      (date) => `before ${date}`,
    )}, and none has been unused ${unused}.`;
  }

  const lines = [
    `  ${chalk.bold(count(ended, 'session'))} that ${plural(ended, 'has', 'have')} ended`,
    `  ${chalk.bold(count(live, 'session'))} of ${count(users, 'user')}, not used ${unused}, that still ${plural(live, 'works', 'work')}`,
  ];
  if (live > 0) {
    const signsOut = chalk.yellow(
      `That signs ${count(users, 'user')} out on ${plural(live, 'that device', 'those devices')}.`,
    );
    lines.push(`${signsOut} This cannot be undone. ${tokensText(jwtExpiry)}`);
  }

  return lines.join('\n');
}

export function prunedText({removed, seconds}: PruneResult): string {
  return `${chalk.green('Done:')} ${count(removed, 'session')} removed in ${seconds} s.`;
}
