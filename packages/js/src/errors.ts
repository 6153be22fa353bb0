import {type EndReason, type Result, type SessionError, type SessionErrorCode} from './types.js';

/** What to do. */
const MESSAGES: Partial<Record<SessionErrorCode, string>> = {
  notExposed: 'Run `supasession api enable`: the Data API does not expose the schema supasession.',
  outdated: 'Run `supasession upgrade`: the database has an older supasession.',
  signedOut: 'Nobody is signed in.',
  ended: 'The session has ended: sign in again.',
};

export const ok = <T>(data: T): Result<T> => ({data, error: null});

/** An error of this library. @param message for the codes of the server's side, which the browser does not carry. */
export function fail(
  code: SessionErrorCode,
  {status, reason, message}: {status?: number; reason?: EndReason | null; message?: string} = {},
): {data: null; error: SessionError} {
  const error = new Error(message ?? MESSAGES[code] ?? `The project cannot be asked (${status}): try again.`);
  return {data: null, error: Object.assign(error, {name: 'SessionError', code, status, reason: reason ?? undefined})};
}
