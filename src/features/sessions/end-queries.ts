import type {Queryable} from '../../database/connection.js';
import {readInstalled} from '../install/index.js';
import type {SessionFilter} from './filter.js';

/**
 * Ends a session, and waits for its user's row: one that is being refreshed at this moment ends with that refresh.
 * @returns whether it existed
 */
export async function revokeSession(db: Queryable, id: string): Promise<boolean> {
  const {rows} = await db.query<{found: boolean}>('select supasession.revoke_session($1::uuid) as found', [id]);
  return rows[0]!.found;
}

/** Ends some sessions of a user in one transaction, which waits for a sign-in that is under way. */
export async function revokeSessions(db: Queryable, userId: string, ids: string[]): Promise<void> {
  await db.query(
    `select supasession._revoke(u.id, $2::uuid[], null)
    from (select a.id from auth.users a where a.id = $1::uuid for no key update) u`,
    [userId, ids],
  );
}

/**
 * Ends all sessions of a user in one transaction, which waits for a sign-in that is under way and ends that one as well.
 * @param except sessions that stay
 * @returns how many end
 */
export async function revokeUserSessions(db: Queryable, userId: string, except: string[]): Promise<number> {
  const {rows} = await db.query<{ended: number}>(
    'select supasession.revoke_user_sessions($1::uuid, $2::uuid[]) as ended',
    [userId, except],
  );
  return rows[0]!.ended;
}

/**
 * Deletes those of some sessions that nobody has locked, in one short transaction. A locked one is being refreshed or signed out.
 * @param ids ones that are gone already are no error
 * @returns how many were deleted, and the ids that are still there
 */
export async function deleteSessions(db: Queryable, ids: string[]): Promise<{deleted: number; left: string[]}> {
  // One statement is one transaction, also through a pooler in transaction mode. Its snapshot still shows the deleted rows: so the
  // remaining ones are those of the snapshot without the deleted.
  const {rows} = await db.query<{deleted: string; left: string[]}>(
    `with gone as (
      delete from auth.sessions
      where id in (select id from auth.sessions where id = any ($1::uuid[]) order by id for update skip locked)
      returning id
    )
    select
      (select count(*) from gone) as deleted,
      array(
        select id from auth.sessions where id = any ($1::uuid[])
        except
        select id from gone
      ) as left`,
    [ids],
  );
  return {deleted: Number(rows[0]!.deleted), left: rows[0]!.left};
}

export async function countPresent(db: Queryable, ids: string[]): Promise<number> {
  const {rows} = await db.query<{present: string}>(
    'select count(*) as present from auth.sessions where id = any ($1::uuid[])',
    [ids],
  );
  return Number(rows[0]!.present);
}

/** Writes a flush into the history, if supasession is installed and keeps one. */
export async function recordFlush(
  db: Queryable,
  outcome: {matched: number; deleted: number; filter: SessionFilter},
): Promise<void> {
  const {version} = await readInstalled(db);
  if (version === null) return;
  await db.query(
    `insert into supasession.events (kind, reason, caused_by, details)
    select 'flushed', 'supasession flush', session_user::text, $1
    from supasession.get_config() c
    where c.record_events is not false`,
    [JSON.stringify(outcome)],
  );
}
