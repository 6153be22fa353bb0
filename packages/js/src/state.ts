import {type SessionState} from './types.js';

/** The state while nobody is signed in. */
export const NOBODY: SessionState = Object.freeze({
  sessionId: null,
  live: false,
  endsAt: null,
  limit: null,
  secondsLeft: null,
  reason: null,
  cause: null,
});

export const sameState = (a: SessionState, b: SessionState): boolean => JSON.stringify(a) === JSON.stringify(b);
