import type {Queryable} from '../../database/connection.js';

/** A user, as a person knows one. */
export interface User {
  id: string;
  email: string | null;
  phone: string | null;
}

const COLUMNS = "id, nullif(email, '') as email, nullif(phone, '') as phone";

/**
 * @param db an open connection
 * @param id a user's id
 * @returns the user; undefined where there is none
 */
export async function readUser(db: Queryable, id: string): Promise<User | undefined> {
  const {rows} = await db.query<User>(`select ${COLUMNS} from auth.users where id = $1::uuid`, [id]);
  return rows[0];
}

/**
 * @param db an open connection
 * @param email an address, in any case: Auth keeps them in lower case
 * @returns the users that have it; several where they came by single sign-on, where addresses are not unique
 */
export async function readUsersByEmail(db: Queryable, email: string): Promise<User[]> {
  const {rows} = await db.query<User>(`select ${COLUMNS} from auth.users where email = lower($1) order by id`, [email]);
  return rows;
}

/**
 * @param db an open connection
 * @param text the beginning of an address, a phone number or an id
 * @param limit how many at most
 * @returns users that have sessions
 */
export async function searchUsers(db: Queryable, text: string, limit: number): Promise<User[]> {
  const {rows} = await db.query<User>(
    `select ${COLUMNS}
    from auth.users u
    where (starts_with(u.email, lower($1)) or starts_with(u.phone, $1) or starts_with(u.id::text, lower($1)))
      and exists (select from auth.sessions s where s.user_id = u.id)
    order by u.email, u.id
    limit $2`,
    [text, limit],
  );
  return rows;
}
