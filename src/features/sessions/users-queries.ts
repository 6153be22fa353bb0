import type {Queryable} from '../../database/connection.js';

/** A user, as a person knows one. */
export interface User {
  id: string;
  email: string | null;
  phone: string | null;
}

const COLUMNS = "id, nullif(email, '') as email, nullif(phone, '') as phone";

export async function readUser(db: Queryable, id: string): Promise<User | undefined> {
  const {rows} = await db.query<User>(`select ${COLUMNS} from auth.users where id = $1::uuid`, [id]);
  return rows[0];
}

/**
 * @param email in any case: Auth keeps addresses in lower case
 * @returns several if they came by single sign-on, where addresses are not unique
 */
export async function readUsersByEmail(db: Queryable, email: string): Promise<User[]> {
  const {rows} = await db.query<User>(`select ${COLUMNS} from auth.users where email = lower($1) order by id`, [email]);
  return rows;
}

/**
 * Addresses like one that nobody has, by the index that makes them unique, however many users there are.
 * @param likely looked up as they are
 * @param address its neighbours in alphabetical order begin like it: that finds slips at its end
 */
export async function readAddressesNear(db: Queryable, likely: string[], address: string): Promise<string[]> {
  const {rows} = await db.query<{email: string}>(
    `select email from auth.users where email = any ($1::text[]) and is_sso_user = false
    union
    (select email from auth.users where email > $2 and is_sso_user = false order by email limit 50)
    union
    (select email from auth.users where email < $2 and is_sso_user = false order by email desc limit 50)`,
    [likely, address],
  );
  return rows.map(({email}) => email);
}

/**
 * @param text the beginning of an address, a phone number or an id
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
