import type {Connection} from '../../database/connection.js';
import {listEvents, type EventFilter, type EventKind, type EventRow} from './history-queries.js';
import {currentSettings} from '../settings/index.js';
import {requireOurs} from '../install/index.js';
import {parseSpan} from '../../database/spans.js';
import {findUser, isId} from './users.js';

/** Which events, as typed. */
export interface HistoryFlags {
  user?: string | undefined;
  since?: string | undefined;
  kind?: EventKind[] | undefined;
  limit: number;
}

export interface History {
  /** The newest first. */
  events: EventRow[];
  /** Whether what happens is written down. */
  recording: boolean;
}

/**
 * @param connection an open connection
 * @param flags which events
 * @returns them
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE; USER_NOT_FOUND for an address; SETTING_INVALID for a span of time
 */
export async function readHistory(connection: Connection, flags: HistoryFlags): Promise<History> {
  await requireOurs(connection);
  const {user, since, kind, limit} = flags;
  const filter: EventFilter = {};
  // The history outlives users: an id needs none.
  if (user !== undefined) filter.userId = isId(user) ? user : (await findUser(connection, user)).id;
  if (since !== undefined) filter.since = (await parseSpan(connection, '--since', since)).text;
  if (kind !== undefined) filter.kinds = kind;
  const {settings} = await currentSettings(connection);
  return {events: await listEvents(connection, filter, limit), recording: settings?.record_events ?? true};
}
