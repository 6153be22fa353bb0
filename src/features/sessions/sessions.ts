import type {Connection, Queryable} from '../../database/connection.js';
import type {SessionFilter} from './filter.js';
import {countSessions, listSessions, pageSessions, type SessionRow} from './queries.js';

/** How many there are, of how many users. */
export interface Matched {
  sessions: number;
  users: number;
}

/** Sessions, as far as they are shown, and how many there are. */
export interface SessionList {
  rows: SessionRow[];
  matched: Matched;
}

function usersOf(rows: SessionRow[]): number {
  return new Set(rows.map(({user_id: id}) => id)).size;
}

/** @param limit how many are shown at most: the last used of them */
export async function readSessions(db: Queryable, filter: SessionFilter, limit: number): Promise<SessionList> {
  const rows = await listSessions(db, filter, {limit});
  // All of them are here: no need to look once more.
  if (rows.length < limit) return {rows, matched: {sessions: rows.length, users: usersOf(rows)}};
  return {rows, matched: await countSessions(db, filter)};
}

/**
 * Hands over any number of sessions, the last used first, as they were at one moment.
 * @param page counts from 1
 * @param onRows is waited for; returns whether to go on
 * @returns how many there are in all
 */
export async function streamSessions(
  connection: Connection,
  filter: SessionFilter,
  {limit, page}: {limit: number; page: number},
  onRows: (rows: SessionRow[]) => Promise<boolean>,
): Promise<Matched> {
  return connection.snapshot(async (db) => {
    let read = 0;
    let users: number | undefined;
    await pageSessions(db, filter, {limit, offset: (page - 1) * limit}, async (rows) => {
      // Users are counted only if all rows are on one page.
      users = read === 0 ? usersOf(rows) : undefined;
      read += rows.length;
      return onRows(rows);
    });
    const all = page === 1 && read < limit && (read === 0 || users !== undefined);
    return all ? {sessions: read, users: users ?? 0} : countSessions(db, filter);
  });
}
