import {listRevoked, readAccess, restoreAccess, revokeAccess, type Access, type RevokedUser} from './queries.js';
import type {Connection} from '../../database/connection.js';
import {type User, findUser, readGuardEnabled} from '../sessions/index.js';
import {requireInstalled} from '../install/index.js';

/** A user whose access is to change. */
export interface AccessPlan {
  user: User;
  access: Access;
  /** Whether the Data API refuses tokens of such a user at once. */
  guard: boolean;
}

/** @throws SupasessionError USER_NOT_FOUND, AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE */
export async function planAccess(connection: Connection, text: string): Promise<AccessPlan> {
  await requireInstalled(connection);
  const user = await findUser(connection, text);
  return {user, access: await readAccess(connection, user.id), guard: await readGuardEnabled(connection)};
}

/** Whether a revocation would do nothing: the access is revoked, no session is left, and no other reason is given. */
export function isRevoked({access}: AccessPlan, reason: string | undefined): boolean {
  const {revoked, sessions} = access;
  return revoked !== null && sessions === 0 && (reason === undefined || reason === revoked.reason);
}

/**
 * @param reason if none is given the present one stays
 * @returns how many sessions end
 */
export async function revoke(connection: Connection, plan: AccessPlan, reason: string | undefined): Promise<number> {
  return revokeAccess(connection, plan.user.id, reason ?? plan.access.revoked?.reason ?? null);
}

/** @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE */
export async function readRevoked(
  connection: Connection,
  limit: number,
): Promise<{users: RevokedUser[]; total: number}> {
  await requireInstalled(connection);
  return listRevoked(connection, limit);
}

/** @returns whether the user's access had been revoked */
export async function restore(connection: Connection, plan: AccessPlan): Promise<boolean> {
  return restoreAccess(connection, plan.user.id);
}
