import {type EndReason, type Result, type SessionError, type SessionErrorCode} from './types.js';

const MESSAGES: Record<SessionErrorCode, string> = {
  signedOut: 'Nobody is signed in.',
  ended: 'The session has ended. Sign in again.',
  unreachable: 'The project cannot be reached. Try again.',
  notExposed: 'The Data API does not expose the schema "supasession". Run `supasession api enable`.',
  outdated: 'The installed supasession is older than this library. Run `supasession upgrade`.',
  stale: 'The sign-in is too old for this. Sign in again.',
  revoked: "The user's access is revoked.",
  unexpected: 'The project gave an answer that this library does not know.',
};

class SupasessionError extends Error implements SessionError {
  override readonly name = 'SessionError';
  constructor(
    readonly code: SessionErrorCode,
    readonly status: number | undefined,
    readonly reason: EndReason | undefined,
  ) {
    super(MESSAGES[code]);
  }
}

export const ok = <T>(data: T): Result<T> => ({data, error: null});

export const fail = (
  code: SessionErrorCode,
  status?: number,
  reason?: EndReason,
): {data: null; error: SessionError} => ({
  data: null,
  error: new SupasessionError(code, status, reason),
});
