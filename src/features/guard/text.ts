import chalk from 'chalk';

import type {GuardPlan, GuardState} from './guard.js';
import {commandOn} from '../../database/target.js';
import type {Target} from '../../types.js';
import {span} from '../../cli/text.js';

function line(label: string, text: string): string {
  return `  ${label.padEnd(14)}${text}`;
}

/** `jwtExpiry`: lifetime of an access token in seconds; null if it is not known. */
export function guardText({wanted, chained, roles}: GuardPlan, jwtExpiry: number | null): string {
  const own = chained === null ? 'none' : `${chained}()`;
  if (wanted === 'enabled') {
    return [
      line('Data API', `before every request, PostgREST calls ${chalk.bold('supasession.check_request()')}`),
      line('Own function', chained === null ? own : `${own} is kept, and called after it`),
      line('Roles', `${roles.join(', ')}: may call it`),
      line(
        'For the app',
        'a token of an ended session gets 401 (PT401 "Session has ended") at once, for reads and writes',
      ),
      line(
        'Not covered',
        'Storage, Realtime and Edge Functions; "supasession protect" covers the first two with policies',
      ),
    ].join('\n');
  }

  const until = jwtExpiry === null ? 'until they expire' : `until they expire, up to ${span(jwtExpiry)}`;
  return [
    line(
      'Data API',
      chained === null ? 'PostgREST calls no function before a request' : `PostgREST calls ${own} again`,
    ),
    line('For the app', `${chalk.yellow('tokens of ended sessions pass')} ${until}`),
  ].join('\n');
}

export function guardAlready(wanted: GuardState): string {
  return `Nothing to do: the guard is already ${wanted}.`;
}

export function guardDone(wanted: GuardState, target: Target): string {
  const undo = commandOn(target, `guard:${wanted === 'enabled' ? 'disable' : 'enable'} --apply`);
  const state = wanted === 'enabled' ? chalk.green('The guard is ON.') : chalk.yellow('The guard is OFF.');
  return `${state} PostgREST reloads its configuration. Undo: ${undo}`;
}
