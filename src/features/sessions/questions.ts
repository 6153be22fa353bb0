import type {Asker} from '../../cli/asker.js';

/** What there is to choose from, with the words for it. */
export interface SessionChoices {
  users: (text: string) => Promise<Array<{value: string; name: string; description: string}>>;
  sessions: (userId: string) => Promise<Array<{value: string; name: string; short: string}>>;
}

/** What to give instead of answering. */
const FLAG = '<id...> or --user <email|id>';

/**
 * Asks for sessions: first for a user, found by typing, then for some of that user's.
 * @param ask where answers come from
 * @param choices what there is
 * @returns ids of the sessions; empty where none was ticked
 * @throws SupasessionError ANSWER_REQUIRED, INTERRUPTED
 */
export async function askSessions(ask: Asker, choices: SessionChoices): Promise<string[]> {
  const user = await ask.find({
    flag: FLAG,
    message: 'Whose sessions? (type an address, phone number or id)',
    source: choices.users,
  });
  return ask.tick({flag: FLAG, message: 'Which of them?', choices: await choices.sessions(user)});
}
