import type {Connection} from '../../database/connection.js';
import {SupasessionError} from '../../errors.js';
import {requireInstalled} from '../install/index.js';
import {revokeSession, revokeSessions, revokeUserSessions} from './end-queries.js';
import {listSessions, readGuardEnabled, readSessionIds} from './queries.js';
import {readSessions, type SessionList} from './sessions.js';
import {findUser, isId, userName} from './users.js';
import type {User} from './users-queries.js';

/** Sessions that are shown before they end. */
const SHOWN = 50;
/** Sessions of a user that one transaction ends, which holds up the sign-ins of that user: far below a second. */
const BATCH = 1000;

/** Which sessions somebody wants to end: some by their ids, or those of a user except some. */
export type RevokeRequest = {ids: string[]} | {user: string; keep: string[]};

/** What is going to end. */
export interface RevokePlan {
  /** All of them, also those that are not shown. */
  ids: string[];
  /** If they are those of a user: that user, and the ids of the sessions that stay. */
  of: {user: User; keep: string[]} | null;
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

/**
 * @returns what was typed; undefined if nothing was
 * @throws SupasessionError USAGE if ids and a user are given
 */
export function revokeRequest(
  ids: string[],
  {user, keep}: {user?: string | undefined; keep?: string[] | undefined},
): RevokeRequest | undefined {
  if (ids.length === 0) return user === undefined ? undefined : {user, keep: keep ?? []};
  if (user === undefined) return {ids};
  throw new SupasessionError('USAGE', 'Ids and --user are both given.', {suggestions: ['Give one of them']});
}

/** Ids as the database writes them, each once. */
function readIds(texts: string[]): string[] {
  const wrong = texts.find((text) => !isId(text));
  if (wrong !== undefined) {
    throw new SupasessionError('USAGE', `${wrong} is not the id of a session.`, {suggestions: ['{bin} sessions:list']});
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
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE; USAGE for what is no id; USER_NOT_FOUND; SESSION_NOT_FOUND if none
 * of the ids is a session, or one that shall stay is not that user's
 */
export async function planRevoke(connection: Connection, request: RevokeRequest): Promise<RevokePlan> {
  const ids = readIds('ids' in request ? request.ids : request.keep);
  await requireInstalled(connection);
  const plan = 'ids' in request ? await ofIds(connection, ids) : await ofUser(connection, request.user, ids);
  return {...plan, guarded: await readGuardEnabled(connection)};
}

async function ofIds(connection: Connection, ids: string[]): Promise<Omit<RevokePlan, 'guarded'>> {
  const {rows, matched} = await readSessions(connection, {ids}, ids.length + 1);
  const present = new Set(rows.map(({id}) => id));
  const notFound = ids.filter((id) => !present.has(id));
  if (present.size === 0) {
    throw sessionNotFound(
      ids.length === 1 ? `Session ${ids[0]!} does not exist, or has ended.` : 'None of these sessions exists any more.',
      notFound,
    );
  }

  const list = {rows: rows.slice(0, SHOWN), matched};
  return {ids: ids.filter((id) => present.has(id)), of: null, list, notFound};
}

async function ofUser(connection: Connection, text: string, keep: string[]): Promise<Omit<RevokePlan, 'guarded'>> {
  const user = await findUser(connection, text);
  const kept = new Set(
    (await listSessions(connection, {userIds: [user.id], ids: keep}, {limit: keep.length})).map(({id}) => id),
  );
  const notFound = keep.filter((id) => !kept.has(id));
  // A slip in the id would end the very session that shall stay.
  if (notFound.length > 0)
    throw sessionNotFound(`${userName(user)} has no session ${notFound.join(', ')}. Nothing was changed.`, notFound);
  const filter = {userIds: [user.id], exceptIds: keep};
  return {
    ids: await readSessionIds(connection, filter),
    of: {user, keep},
    list: await readSessions(connection, filter, SHOWN),
    notFound: [],
  };
}

/**
 * Ends what was planned: sessions by their ids one by one, each in a transaction of its own; those of a user by the
 * thousand, and at last whatever has come meanwhile, so that no sign-in that is under way is left.
 * @param signal aborted to stop after the session that is being ended
 * @param outcome filled in as it goes, so that it holds what was done also if this throws
 * @throws SupasessionError INTERRUPTED; what the driver throws
 */
export async function revoke(
  connection: Connection,
  {ids, of}: Pick<RevokePlan, 'ids' | 'of'>,
  signal: AbortSignal,
  outcome: RevokeOutcome,
): Promise<void> {
  const size = of === null ? 1 : BATCH;
  for (let start = 0; start < ids.length; start += size) {
    if (signal.aborted) {
      const rest = of === null ? ids.slice(start).join(' ') : `--user ${of.user.id}`;
      throw new SupasessionError(
        'INTERRUPTED',
        `Interrupted: ${outcome.revoked.length} of ${ids.length} sessions have ended.`,
        {suggestions: [`{bin} sessions:revoke ${rest}`]},
      );
    }

    const batch = ids.slice(start, start + size);
    let found = true;
    if (of === null) found = await revokeSession(connection, batch[0]!);
    else await revokeSessions(connection, of.user.id, batch);
    (found ? outcome.revoked : outcome.notFound).push(...batch);
  }

  if (of !== null) await revokeUserSessions(connection, of.user.id, of.keep);
}
