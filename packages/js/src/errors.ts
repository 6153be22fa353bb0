import {type EndReason, type Result, type SessionError, type SessionErrorCode} from './types.js';

/** What to do. */
const MESSAGES: Partial<Record<SessionErrorCode, string>> = {
  signedOut: 'Nobody is signed in.',
  ended: 'The session has ended: sign in again.',
};

/** Whether the HTTP status of an answer (0 for none) says nothing but "try again". */
export const isUnreachable = (status: number): boolean => !status || status >= 500 || status === 429;

export const ok = <T>(data: T): Result<T> => ({data, error: null});

/** An error of this library. @param message for the codes that have none above, which few sessions meet. */
export function fail(
  code: SessionErrorCode,
  {
    status,
    reason,
    cause,
    message,
  }: Partial<Record<'cause' | 'message', string | null | undefined>> & {
    status?: number;
    reason?: EndReason | null;
  } = {},
): {data: null; error: SessionError} {
  const error = new Error(message ?? MESSAGES[code] ?? 'The project cannot be asked: try again.');
  const details = {status, reason: reason ?? undefined, cause: cause ?? undefined};
  return {data: null, error: Object.assign(error, {name: 'SessionError', code, ...details})};
}
