import type {Asker} from '../../cli/asker.js';
import type {Connection} from '../../database/connection.js';
import {requireInstalled} from '../install/index.js';
import {listSessions} from './queries.js';
import {sessionChoice, userChoice} from './text.js';
import {searchUsers} from './users-queries.js';

/** What to give instead of answering. */
const FLAG = '<id...> or --user <email|id>';

/** How many users are offered while somebody types, and how many sessions to tick. */
const OFFERED_USERS = 10;
const OFFERED_SESSIONS = 200;

/**
 * Asks for sessions: first for a user, found by typing, then for some of that user's.
 * @param now what ages count from, in milliseconds of the epoch
 * @returns ids of the sessions; empty if none was selected
 * @throws SupasessionError NOT_INSTALLED and the like; ANSWER_REQUIRED, INTERRUPTED
 */
export async function askSessions(ask: Asker, connection: Connection, now: number): Promise<string[]> {
  await requireInstalled(connection);
  const user = await ask.find({
    flag: FLAG,
    message: 'Whose sessions? (type an address, phone number or id)',
    source: async (text) => (await searchUsers(connection, text, OFFERED_USERS)).map((found) => userChoice(found)),
  });
  const sessions = await listSessions(connection, {userIds: [user]}, {limit: OFFERED_SESSIONS});
  const choices = sessions.map((session) => sessionChoice(session, now));
  return ask.tick({flag: FLAG, message: 'Which of these sessions?', choices});
}
