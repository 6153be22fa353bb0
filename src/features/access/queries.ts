import type {Queryable} from '../../database/connection.js';

/** Whether a user may use the app, and what would end. */
export interface Access {
  /** Since when and why not; null if the user may. */
  revoked: {at: string; reason: string | null} | null;
  /** All sessions of the user, ended ones included: a revocation removes them all. */
  sessions: number;
}

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
 * @returns how many sessions end
 */
export async function revokeAccess(db: Queryable, userId: string, reason: string | null): Promise<number> {
  const {rows} = await db.query<{ended: number}>('select supasession.revoke_access($1::uuid, $2) as ended', [
    userId,
    reason,
  ]);
  return rows[0]!.ended;
}

/** @returns whether the user's access had been revoked */
export async function restoreAccess(db: Queryable, userId: string): Promise<boolean> {
  const {rows} = await db.query<{restored: boolean}>('select supasession.restore_access($1::uuid) as restored', [
    userId,
  ]);
  return rows[0]!.restored;
}

/** A user whose access is revoked; `email` and `phone` are null for one who has been deleted, too. */
export interface RevokedUser {
  user_id: string;
  email: string | null;
  phone: string | null;
  /** Since when. */
  at: string;
  reason: string | null;
}

/** The latest first; `total`: how many there are in all. */
export async function listRevoked(db: Queryable, limit: number): Promise<{users: RevokedUser[]; total: number}> {
  const {rows} = await db.query<Omit<RevokedUser, 'at'> & {at: Date}>(
    `select r.user_id, nullif(u.email, '') as email, nullif(u.phone, '') as phone, r.at, r.reason
    from (select * from supasession.revoked order by at desc, user_id limit $1) r
    left join auth.users u on u.id = r.user_id
    order by r.at desc, r.user_id`,
    [limit],
  );
  const counted = await db.query<{total: string}>('select count(*) as total from supasession.revoked');
  return {users: rows.map(({at, ...row}) => ({...row, at: at.toISOString()})), total: Number(counted.rows[0]!.total)};
}
