import chalk from 'chalk';

import type {AccessPlan} from './access.js';
import type {RevokedUser} from './queries.js';
import {userName} from '../sessions/index.js';
import {GAP, table} from '../../cli/table.js';
import {ago, count, plural, printable, span} from '../../cli/text.js';

function who({user}: AccessPlan): string {
  const name = printable(userName(user));
  return name === user.id ? chalk.bold(name) : `${chalk.bold(name)} (${user.id})`;
}

/** What a revocation does and what still works, before it is confirmed; `jwtExpiry`: lifetime of an access token in seconds, null if it is not known. */
export function revokeText(plan: AccessPlan, jwtExpiry: number | null): string {
  const {access, guard} = plan;
  const tokens =
    jwtExpiry === null
      ? 'until they expire (jwt_expiry, 1 hour by default)'
      : `for up to ${span(jwtExpiry)} (jwt_expiry)`;
  const lines = [
    who(plan),
    `  Sessions       ${access.sessions === 0 ? 'none' : `${count(access.sessions, 'session')} ${plural(access.sessions, 'ends', 'end')}`}`,
    '  From now on    refused at sign-in and at every refresh',
    guard
      ? '  Data API       cut off at once, by the guard'
      : `  Data API       access tokens already issued still work ${tokens}: the guard is not enabled`,
    `  Elsewhere      Storage, Realtime and your own servers accept issued tokens ${tokens}, unless a policy calls supasession.has_access()`,
  ];
  return lines.join('\n');
}

/** @returns that the user has no access already, since when and why; null if the user has access */
export function revokedText({access: {revoked}, ...plan}: AccessPlan): string | null {
  if (revoked === null) return null;
  const reason = revoked.reason === null ? '' : `. Reason: ${printable(revoked.reason)}`;
  return `${printable(userName(plan.user))} has had no access since ${new Date(revoked.at).toISOString()}${reason}.`;
}

export function accessText({user}: AccessPlan): string {
  return `${printable(userName(user))} has access. Nothing to do.`;
}

/** @returns what restoring access does, before it is confirmed */
export function restoreText(plan: AccessPlan): string {
  return `${who(plan)}\n  From now on    can sign in again; sessions that ended stay ended`;
}

const SINCE_WIDTH = 9;
/** The table is made for a terminal of 80; wider than this it would not be easier to read. */
const NARROWEST = 80;
const WIDEST = 140;

/**
 * A table of users without access.
 * @param view width of the terminal in characters, and what ages count from in milliseconds of the epoch
 */
export function revokedList(
  {users, total}: {users: RevokedUser[]; total: number},
  view: {width: number; now: number},
): string {
  if (total === 0) return 'No access is revoked.';
  const rest = Math.min(Math.max(view.width, NARROWEST), WIDEST) - SINCE_WIDTH - 2 * GAP.length;
  const rows = users.map(({user_id: id, at, reason, ...user}) => [
    printable(userName({id, ...user})),
    ago(at, view.now),
    printable(reason ?? ''),
  ]);
  const width = Math.max(36, Math.floor(rest * 0.55));
  const widths = [width, SINCE_WIDTH, rest - width];
  const amount =
    users.length < total ? `${users.length} of ${count(total, 'user')}; --limit shows more` : count(total, 'user');
  return `${table(['User', 'Revoked', 'Reason'], rows, {widths, indent: ''})}\n\n${chalk.bold(amount)}.`;
}
