import type {Queryable} from '../../database/connection.js';
import {readUser, readUsersByEmail, type User} from './users-queries.js';
import {SupasessionError} from '../../errors.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * @param text anything
 * @returns whether it has the form of an id
 */
export function isId(text: string): boolean {
  return UUID.test(text);
}

/**
 * Finds the user that somebody means.
 * @param db an open connection
 * @param text an email address or an id
 * @returns the user
 * @throws SupasessionError USER_NOT_FOUND, also where several have that address (`details.users` are their ids)
 */
export async function findUser(db: Queryable, text: string): Promise<User> {
  if (isId(text)) {
    const user = await readUser(db, text);
    if (user !== undefined) return user;
    throw new SupasessionError('USER_NOT_FOUND', `There is no user with the id ${text}.`);
  }

  const users = await readUsersByEmail(db, text);
  if (users.length === 1) return users[0]!;
  const ids = users.map(({id}) => id);
  throw users.length === 0
    ? new SupasessionError('USER_NOT_FOUND', `There is no user with the address ${text}.`, {
        suggestions: ['Give the whole address, or the id'],
      })
    : new SupasessionError('USER_NOT_FOUND', `${users.length} users have the address ${text}.`, {
        suggestions: ['Give one of their ids:', ...ids],
        details: {users: ids},
      });
}

/**
 * Finds the users that somebody means.
 * @param db an open connection
 * @param texts an email address or an id each
 * @returns the users, each once
 * @throws SupasessionError USER_NOT_FOUND for the first that is none, or several
 */
export async function findUsers(db: Queryable, texts: string[]): Promise<User[]> {
  const users = new Map<string, User>();
  for (const text of texts) {
    const user = await findUser(db, text);
    users.set(user.id, user);
  }

  return [...users.values()];
}

/**
 * @param user a user
 * @returns what a person calls them by
 */
export function userName({id, email, phone}: User): string {
  return email ?? phone ?? id;
}
