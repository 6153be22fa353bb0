import {type SessionState} from './types.js';

/** The state while nobody is signed in. */
export const NOBODY: SessionState = {
  sessionId: null,
  live: false,
  endsAt: null,
  limit: null,
  secondsLeft: null,
  reason: null,
  cause: null,
};
