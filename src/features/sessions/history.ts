import type {Connection} from '../../database/connection.js';
import {parseMoment} from '../../database/moments.js';
import {SupasessionError} from '../../errors.js';
import {requireInstalled} from '../install/index.js';
import {currentSettings} from '../settings/index.js';
import {listEvents, type EventFilter, type EventKind, type EventRow} from './history-queries.js';
import {findUser, isId} from './users.js';

/** Which events, as typed. */
export interface HistoryFlags {
  user?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
  kind?: EventKind[] | undefined;
  limit: number;
}

export interface History {
  /** The newest first. */
  events: EventRow[];
  /** Whether events are being recorded. */
  recording: boolean;
}

/** @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE; USER_NOT_FOUND for an address; SETTING_INVALID for a span or a date */
export async function readHistory(connection: Connection, flags: HistoryFlags): Promise<History> {
  await requireInstalled(connection);
  const {user, since, until, kind, limit} = flags;
  const filter: EventFilter = {};
  // The history outlives users: an id needs none.
  if (user !== undefined) filter.userId = isId(user) ? user : (await findUser(connection, user)).id;
  if (since !== undefined) filter.since = (await parseMoment(connection, '--since', since)).at;
  if (until !== undefined) filter.until = (await parseMoment(connection, '--until', until)).at;
  if (filter.since !== undefined && filter.until !== undefined && filter.since >= filter.until)
    throw new SupasessionError('USAGE', '--since is not before --until: no event can match.');
  if (kind !== undefined) filter.kinds = kind;
  const {settings} = await currentSettings(connection);
  return {events: await listEvents(connection, filter, limit), recording: settings?.record_events ?? true};
}
