import type {Queryable} from '../../database/connection.js';

/** Whether a user may use the app, and what would end. */
export interface Access {
  /** Since when and why not; null where the user may. */
  revoked: {at: string; reason: string | null} | null;
  /** All sessions of the user, ended ones included: a revocation removes them all. */
  sessions: number;
}

/**
 * @param db an open connection
 * @param userId a user
 * @returns whether the user may use the app
 */
export async function readAccess(db: Queryable, userId: string): Promise<Access> {
  const {rows} = await db.query<{revoked: Access['revoked']; sessions: string}>(
    `select
      (select jsonb_build_object('at', r.at, 'reason', r.reason) from supasession.revoked r where r.user_id = $1::uuid) as revoked,
      (select count(*) from auth.sessions s where s.user_id = $1::uuid) as sessions`,
    [userId],
  );
  const {revoked, sessions} = rows[0]!;
  return {revoked, sessions: Number(sessions)};
}

/**
 * Ends all sessions of a user and refuses new ones.
 * @param db an open connection
 * @param userId a user
 * @param reason why, or null
 * @returns how many sessions end
 */
export async function revokeAccess(db: Queryable, userId: string, reason: string | null): Promise<number> {
  const {rows} = await db.query<{ended: number}>('select supasession.revoke_access($1::uuid, $2) as ended', [
    userId,
    reason,
  ]);
  return rows[0]!.ended;
}

/**
 * Lets a user whose access was revoked use the app again.
 * @param db an open connection
 * @param userId a user
 * @returns whether the user's access had been revoked
 */
export async function restoreAccess(db: Queryable, userId: string): Promise<boolean> {
  const {rows} = await db.query<{restored: boolean}>('select supasession.restore_access($1::uuid) as restored', [
    userId,
  ]);
  return rows[0]!.restored;
}
