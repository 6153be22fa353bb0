import type {Connection} from '../db/connection.js';
import {readInstalled} from '../db/queries.js';
import type {SessionFilter} from '../db/sessions.js';
import {SupasessionError} from '../errors.js';
import {authMissing, notInstalled} from './installed.js';
import {parseSpan} from './spans.js';
import {findUser, isId, userName} from './users.js';

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

/**
 * Understands the flags that say which sessions are meant.
 * @param connection an open connection
 * @param flags as typed
 * @returns what they mean here
 * @throws SupasessionError AUTH_SCHEMA_MISSING; USER_NOT_FOUND; SETTING_INVALID for a span of time; USAGE for what is no id; NOT_INSTALLED for --over-limit
 */
export async function readSelection(connection: Connection, flags: FilterFlags): Promise<Selection> {
  const installed = await readInstalled(connection);
  if (!installed.auth) throw authMissing(connection.target);
  if (flags['over-limit'] && installed.version === null) throw notInstalled(connection.target);
  const filter: SessionFilter = {};
  const words: string[] = [];

  const {user, except, 'older-than': olderThan, idle, client} = flags;
  if (user !== undefined) {
    const users = await Promise.all(user.map(async (text) => findUser(connection, text)));
    filter.userIds = users.map(({id}) => id);
    words.push(`of ${users.map((found) => userName(found)).join(', ')}`);
  }

  if (flags['over-limit']) {
    filter.overLimit = true;
    words.push('over the limit');
  }

  if (olderThan !== undefined) {
    filter.olderThan = (await parseSpan(connection, '--older-than', olderThan)).text;
    words.push(`older than ${filter.olderThan}`);
  }

  if (idle !== undefined) {
    filter.idle = (await parseSpan(connection, '--idle', idle)).text;
    words.push(`not used for ${filter.idle}`);
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
    const users = await Promise.all(except.map(async (text) => findUser(connection, text)));
    filter.exceptUserIds = users.map(({id}) => id);
    words.push(`but those of ${users.map((found) => userName(found)).join(', ')}`);
  }

  return {filter, words};
}
