import type {Connection, Queryable} from '../../database/connection.js';
import {authMissing, readInstalled, requireOurs} from '../install/index.js';
import {countSessions, listSessions, type SessionFilter, type SessionRow} from './queries.js';
import {SupasessionError} from '../../errors.js';
import {parseSpan, spanWords} from '../../database/spans.js';
import {findUsers, isId, userName} from './users.js';

/** Which sessions, as typed. */
export interface FilterFlags {
  user?: string[] | undefined;
  except?: string[] | undefined;
  'over-limit'?: boolean;
  'older-than'?: string | undefined;
  idle?: string | undefined;
  expired?: boolean;
  aal1?: boolean;
  client?: string | undefined;
}

/** Which sessions, understood. */
export interface Selection {
  filter: SessionFilter;
  /** What was understood, in words that follow "sessions"; empty where all are meant. */
  words: string[];
}

/** Sessions, as far as they are shown, and how many there are. */
export interface SessionList {
  rows: SessionRow[];
  matched: {sessions: number; users: number};
}

/**
 * Understands the flags that say which sessions are meant.
 * @param connection an open connection
 * @param flags as typed
 * @returns what they mean here
 * @throws SupasessionError AUTH_SCHEMA_MISSING; USER_NOT_FOUND; SETTING_INVALID for a span of time; USAGE for what is no id; for --over-limit
 * NOT_INSTALLED and NEWER_RELEASE
 */
export async function readSelection(connection: Connection, flags: FilterFlags): Promise<Selection> {
  if (flags['over-limit']) await requireOurs(connection);
  else if (!(await readInstalled(connection)).auth) throw authMissing(connection.target);
  const filter: SessionFilter = {};
  const words: string[] = [];

  const {user, except, 'older-than': olderThan, idle, client} = flags;
  if (user !== undefined) {
    const users = await findUsers(connection, user);
    filter.userIds = users.map(({id}) => id);
    words.push(`of ${users.map((found) => userName(found)).join(', ')}`);
  }

  if (flags['over-limit']) {
    filter.overLimit = true;
    words.push('over the limit');
  }

  if (olderThan !== undefined) {
    const span = await parseSpan(connection, '--older-than', olderThan);
    filter.olderThan = span.text;
    words.push(`older than ${spanWords(span.text)}`);
  }

  if (idle !== undefined) {
    const span = await parseSpan(connection, '--idle', idle);
    filter.idle = span.text;
    words.push(`not used for ${spanWords(span.text)}`);
  }

  if (flags.expired) {
    filter.expired = true;
    words.push('past their deadline');
  }

  if (flags.aal1) {
    filter.aal1 = true;
    words.push('with one factor only (aal1)');
  }

  if (client !== undefined) {
    if (!isId(client)) throw new SupasessionError('USAGE', `--client ${client}: the id of an OAuth client is a UUID.`);
    filter.clientId = client;
    words.push(`of the OAuth client ${client}`);
  }

  if (except !== undefined) {
    const users = await findUsers(connection, except);
    filter.exceptUserIds = users.map(({id}) => id);
    words.push(`but those of ${users.map((found) => userName(found)).join(', ')}`);
  }

  return {filter, words};
}

/**
 * @param db an open connection
 * @param filter which sessions
 * @param limit how many are shown at most
 * @returns the last used of them, and how many there are
 */
export async function readSessions(db: Queryable, filter: SessionFilter, limit: number): Promise<SessionList> {
  const rows = await listSessions(db, filter, limit);
  // All of them are here: no need to look once more.
  if (rows.length < limit)
    return {rows, matched: {sessions: rows.length, users: new Set(rows.map(({user_id}) => user_id)).size}};
  return {rows, matched: await countSessions(db, filter)};
}
