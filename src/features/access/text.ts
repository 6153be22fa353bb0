import chalk from 'chalk';

import type {AccessPlan} from './access.js';
import {userName} from '../sessions/index.js';
import {count, plural, printable, span} from '../../cli/text.js';

function who({user}: AccessPlan): string {
  const name = printable(userName(user));
  return name === user.id ? chalk.bold(name) : `${chalk.bold(name)} (${user.id})`;
}

/**
 * @param plan the user
 * @param jwtExpiry lifetime of an access token in seconds, or null where it is not known
 * @returns what a revocation does and what goes on working, before it is confirmed
 */
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
      : `  Data API       issued access tokens go on working ${tokens}: the guard is not wired`,
    `  Elsewhere      Storage, Realtime and your own servers take issued tokens ${tokens}, but where a policy asks supasession.has_access()`,
  ];
  return lines.join('\n');
}

/** @returns that the user has no access already, since when and why */
export function revokedText({access: {revoked}, ...plan}: AccessPlan): string | null {
  if (revoked === null) return null;
  const reason = revoked.reason === null ? '' : `, because of: ${printable(revoked.reason)}`;
  return `${printable(userName(plan.user))} has had no access since ${new Date(revoked.at).toISOString()}${reason}.`;
}

/** @returns that the user has access already */
export function accessText({user}: AccessPlan): string {
  return `${printable(userName(user))} has access. Nothing to do.`;
}

/** @returns what giving access back does, before it is confirmed */
export function restoreText(plan: AccessPlan): string {
  return `${who(plan)}\n  From now on    can sign in again; sessions that were ended stay ended`;
}
