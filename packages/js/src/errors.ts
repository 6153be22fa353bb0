import {type EndReason, type Result, type SessionError, type SessionErrorCode} from './types.js';

const MESSAGES: Partial<Record<SessionErrorCode, string>> = {
  signedOut: 'Nobody is signed in.',
  ended: 'The session has ended. Sign in again.',
  unreachable: 'The project cannot be reached. Try again.',
  notExposed: 'The Data API does not expose supasession: run `supasession api enable`.',
  outdated: 'The database has an older supasession: run `supasession upgrade`.',
};

export const ok = <T>(data: T): Result<T> => ({data, error: null});

/** An error of this library. @param message for the codes of the server's side, which the browser does not carry. */
export function fail(
  code: SessionErrorCode,
  {status, reason, message}: {status?: number; reason?: EndReason | null; message?: string} = {},
): {data: null; error: SessionError} {
  const error = new Error(message ?? MESSAGES[code] ?? `The project gave an unknown answer (${status}).`);
  return {data: null, error: Object.assign(error, {name: 'SessionError', code, status, reason: reason ?? undefined})};
}
