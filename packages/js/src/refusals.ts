import {type Answer, type Api, type Standing} from './api.js';
import {fail, isUnreachable, ok} from './errors.js';
import {end} from './memo.js';
import {type Result, type SessionErrorCode} from './types.js';
import {isOver, REASONS} from './watch-fetch.js';

/** Where Auth says who has a token. */
export const USER = '/auth/v1/user';

const CODES: Partial<Record<string, SessionErrorCode>> = {
  PGRST106: 'notExposed',
  PGRST202: 'outdated',
  PT401: 'ended',
};

/** What to do. */
const MESSAGES: Partial<Record<SessionErrorCode, string>> = {
  notExposed: 'Run `supasession api enable`: the Data API does not expose the schema supasession.',
  outdated: 'Run `supasession upgrade`: the database has an older supasession.',
};

/** The error of an answer without the data that was asked for. */
export function toError({status, code}: Answer): ReturnType<typeof fail> {
  const known = isUnreachable(status) ? 'unreachable' : (CODES[code] ?? 'unexpected');
  return fail(known, {status, message: MESSAGES[known]});
}

/** Asks Auth whether a session lives, if the database does not say. The session client loads this file at such an answer. */
export async function askAuth(api: Api, token: string, answer: Answer): Promise<Result<Standing>> {
  const failure = toError(answer);
  const {message} = failure.error;
  // eslint-disable-next-line no-console -- Nobody else sees why reasons and deadlines are missing.
  if (answer.status === 406 || answer.status === 404) console.warn(message);
  else if (answer.status !== 401) return failure;
  const {code} = await api.ask(USER, token);
  return isOver(code) ? ok({live: false, end: end(REASONS[code] ?? 'sessionMissing')}) : failure;
}
