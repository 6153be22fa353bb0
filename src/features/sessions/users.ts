import {distance} from 'fastest-levenshtein';

import {printable} from '../../cli/text.js';
import type {Queryable} from '../../database/connection.js';
import {SupasessionError} from '../../errors.js';
import {readAddressesNear, readUser, readUsersByEmail, type User} from './users-queries.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Addresses that are suggested at most. */
const SUGGESTED = 3;
/** Characters that may be wrong, for each before the @. */
const TOLERANCE = 0.34;

/** Whether the text has the form of an id. */
export function isId(text: string): boolean {
  return UUID.test(text);
}

/**
 * Finds the user that somebody means.
 * @param text an email address or an id
 * @throws SupasessionError USER_NOT_FOUND, also if several have that address (`details.users` are their ids)
 */
export async function findUser(db: Queryable, text: string): Promise<User> {
  if (isId(text)) {
    const user = await readUser(db, text);
    if (user !== undefined) return user;
    throw new SupasessionError('USER_NOT_FOUND', `There is no user with the id ${text}.`);
  }

  const users = await readUsersByEmail(db, text);
  if (users.length === 1) return users[0]!;
  if (users.length === 0) throw await addressNotFound(db, text);
  const ids = users.map(({id}) => id);
  throw new SupasessionError('USER_NOT_FOUND', `${users.length} users have the address ${text}.`, {
    suggestions: ['Give one of their ids:', ...ids],
    details: {users: ids},
  });
}

async function addressNotFound(db: Queryable, text: string): Promise<SupasessionError> {
  const near = nearest(text.toLowerCase(), await readAddressesNear(db, typos(text.toLowerCase()), text.toLowerCase()));
  return new SupasessionError('USER_NOT_FOUND', `There is no user with the address ${text}.`, {
    suggestions:
      near.length === 0
        ? ['Give the whole address, or the id']
        : near.map((address) => `Did you mean ${printable(address)}?`),
  });
}

/** A beginning that says whose address it is, in characters. */
const SHORTEST_BEGINNING = 3;
/** What an address can have in it. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789.-_+@';
/** Longer ones would have too many neighbours to look up; in characters. */
const LONGEST = 64;

/** Every address that is one slip away: a letter too many, too few, wrong, or swapped with its neighbour. */
function typos(address: string): string[] {
  if (address.length > LONGEST) return [];
  const found = new Set<string>();
  for (let index = 0; index <= address.length; index++) {
    const [before, here, after] = [address.slice(0, index), address.charAt(index), address.slice(index + 1)];
    found.add(before + after);
    found.add(before + after.charAt(0) + here + after.slice(1));
    for (const letter of LETTERS) {
      found.add(before + letter + after);
      found.add(before + letter + here + after);
    }
  }

  found.delete(address);
  return [...found];
}

/** @returns the addresses that differ least, if they do not differ too much */
function nearest(typed: string, addresses: string[]): string[] {
  return [...new Set(addresses)]
    .map((address) => ({address, wrong: distance(typed, address)}))
    .filter(
      ({address, wrong}) =>
        wrong <= Math.ceil(localPart(address).length * TOLERANCE) ||
        (typed.length >= SHORTEST_BEGINNING && address.startsWith(typed)),
    )
    .sort((a, b) => a.wrong - b.wrong || (a.address < b.address ? -1 : 1))
    .slice(0, SUGGESTED)
    .map(({address}) => address);
}

function localPart(address: string): string {
  return address.slice(0, Math.max(address.lastIndexOf('@'), 0));
}

/** Each user once. */
export async function findUsers(db: Queryable, texts: string[]): Promise<User[]> {
  const users = new Map<string, User>();
  for (const text of texts) {
    const user = await findUser(db, text);
    users.set(user.id, user);
  }

  return [...users.values()];
}

/** What a person calls them by. */
export function userName({id, email, phone}: User): string {
  return email ?? phone ?? id;
}
