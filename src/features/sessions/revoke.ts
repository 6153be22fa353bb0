import type {Connection} from '../../database/connection.js';
import {readGuardEnabled} from './queries.js';
import {listSessions, readSessionIds, revokeSession, revokeSessions, revokeUserSessions} from './queries.js';
import type {User} from './users-queries.js';
import {SupasessionError} from '../../errors.js';
import {requireOurs} from '../install/index.js';
import {readSessions, type SessionList} from './sessions.js';
import {findUser, isId, userName} from './users.js';

/** Sessions that are shown before they end. */
const SHOWN = 50;
/** Sessions of a user that one transaction ends, which holds up the sign-ins of that user: far below a second. */
const BATCH = 1000;

/** Which sessions somebody wants to end: some by their ids, or those of a user but some. */
export type RevokeRequest = {ids: string[]} | {user: string; except: string[]};

/** What is going to end. */
export interface RevokePlan {
  /** All of them, also those that are not shown. */
  ids: string[];
  /** Where they are those of a user, but some: that user, and the ids of those. */
  of: {user: User; except: string[]} | null;
  list: SessionList;
  /** Ids that were given and are no sessions, or no longer. */
  notFound: string[];
  /** Whether the Data API refuses tokens of ended sessions at once. */
  guarded: boolean;
}

/** What has ended. */
export interface RevokeOutcome {
  revoked: string[];
  notFound: string[];
}

/** Ids as the database writes them, each once. */
function readIds(texts: string[]): string[] {
  for (const text of texts) {
    if (!isId(text)) {
      throw new SupasessionError('USAGE', `${text} is not the id of a session.`, {
        suggestions: ['{bin} sessions:list'],
      });
    }
  }

  return [...new Set(texts.map((text) => text.toLowerCase()))];
}

function sessionNotFound(message: string, notFound: string[]): SupasessionError {
  return new SupasessionError('SESSION_NOT_FOUND', message, {
    suggestions: ['{bin} sessions:list'],
    details: {notFound},
  });
}

/**
 * Looks at what somebody wants to end; changes nothing.
 * @param connection an open connection
 * @param request which sessions
 * @returns what would end
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE; USAGE for what is no id; USER_NOT_FOUND; SESSION_NOT_FOUND where none
 * of the ids is a session, or one to be spared is none of that user's
 */
export async function planRevoke(connection: Connection, request: RevokeRequest): Promise<RevokePlan> {
  const ids = readIds('ids' in request ? request.ids : request.except);
  await requireOurs(connection);
  if ('ids' in request) {
    const list = await readSessions(connection, {ids}, ids.length + 1);
    const present = new Set(list.rows.map(({id}) => id));
    const notFound = ids.filter((id) => !present.has(id));
    if (present.size === 0) {
      throw sessionNotFound(
        ids.length === 1
          ? `There is no session ${ids[0]!}, or no longer.`
          : 'None of these sessions is there, or no longer.',
        notFound,
      );
    }

    return {
      ids: ids.filter((id) => present.has(id)),
      of: null,
      list,
      notFound,
      guarded: await readGuardEnabled(connection),
    };
  }

  const user = await findUser(connection, request.user);
  const spared = await listSessions(connection, {userIds: [user.id], ids}, ids.length);
  if (spared.length < ids.length) {
    // A slip in the id would end the very session that was to be spared.
    const notFound = ids.filter((id) => !spared.some((session) => session.id === id));
    throw sessionNotFound(`${userName(user)} has no session ${notFound.join(', ')}: nothing was changed.`, notFound);
  }

  const filter = {userIds: [user.id], exceptIds: ids};
  return {
    ids: await readSessionIds(connection, filter),
    of: {user, except: ids},
    list: await readSessions(connection, filter, SHOWN),
    notFound: [],
    guarded: await readGuardEnabled(connection),
  };
}

/**
 * Ends what was planned: sessions by their ids one by one, each in a transaction of its own; those of a user by the
 * thousand, and at last whatever has come meanwhile, so that no sign-in that is under way is left.
 * @param connection an open connection
 * @param plan what was planned
 * @param signal aborted to stop after the session that is being ended
 * @param outcome filled in as it goes, so that it holds what was done also where this throws
 * @throws SupasessionError INTERRUPTED; what the driver throws
 */
export async function revoke(
  connection: Connection,
  {ids, of}: Pick<RevokePlan, 'ids' | 'of'>,
  signal: AbortSignal,
  outcome: RevokeOutcome,
): Promise<void> {
  if (of !== null) {
    for (let start = 0; start < ids.length; start += BATCH) {
      if (signal.aborted) throw interrupted(outcome, ids.length, [`{bin} sessions:revoke --user ${of.user.id}`]);
      const batch = ids.slice(start, start + BATCH);
      await revokeSessions(connection, of.user.id, batch);
      outcome.revoked.push(...batch);
    }

    await revokeUserSessions(connection, of.user.id, of.except);
    return;
  }

  for (const [index, id] of ids.entries()) {
    if (signal.aborted) throw interrupted(outcome, ids.length, [`{bin} sessions:revoke ${ids.slice(index).join(' ')}`]);
    if (await revokeSession(connection, id)) outcome.revoked.push(id);
    else outcome.notFound.push(id);
  }
}

function interrupted({revoked}: RevokeOutcome, all: number, suggestions: string[]): SupasessionError {
  return new SupasessionError('INTERRUPTED', `Interrupted: ${revoked.length} of ${all} sessions have been ended.`, {
    suggestions,
  });
}
