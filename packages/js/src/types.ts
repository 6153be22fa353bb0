/** A span of time: milliseconds, or a number with a unit (`'90s'`, `'30m'`, `'12h'`, `'7d'`). */
export type Span = number | `${number}${'s' | 'm' | 'h' | 'd'}`;

/**
 * Why a session ended. The first three are named as in supabase-flutter; the others are what the database knows.
 * `sessionMissing`: it is gone, and nobody can say why (a sign-out elsewhere, a deleted user, a history that was pruned).
 */
export type EndReason =
  | 'userInitiated'
  | 'sessionExpired'
  | 'sessionMissing'
  | 'evicted'
  | 'revoked'
  | 'accessRevoked'
  | 'inactivity'
  | 'timebox'
  | 'mfaRequired'
  | 'tokenReuse';

/** What sets the deadline: a limit of the server (`timebox`, `inactivity`, `mfa`) or one of the app (`idle`, `maxAge`). */
export type Limit = 'timebox' | 'inactivity' | 'mfa' | 'idle' | 'maxAge';

export interface SessionState {
  /** The `session_id` of the token; null when nobody is signed in. Stays after the end, until the next sign-in. */
  sessionId: string | null;
  live: boolean;
  /** The earliest deadline that is known, of the server or of the app. */
  endsAt: Date | null;
  /** What sets `endsAt`; null if the deadline was set by somebody else (such as a SAML provider), or if there is none. */
  limit: Limit | null;
  /** Seconds until `endsAt`, rounded up, from `warnBefore` on; null before. */
  secondsLeft: number | null;
  reason: EndReason | null;
  /** What took the place of an evicted session: "Safari on iPhone". */
  cause: string | null;
}

export type SessionEvent =
  | {type: 'warning'; endsAt: Date; limit: Limit | null; secondsLeft: number}
  | {type: 'extended'; endsAt: Date | null}
  | {type: 'ended'; reason: EndReason; cause: string | null; otherTab: boolean};

export interface Device {
  id: string;
  current: boolean;
  /** "Safari on iPhone"; "Unknown device" when the sign-in said nothing. */
  label: string;
  ip: string | null;
  createdAt: Date;
  lastSeenAt: Date;
  endsAt: Date | null;
}

/** Why a call has no data; `message` says what to do. */
export type SessionErrorCode =
  /** Nobody is signed in. */
  | 'signedOut'
  /** The session has ended: see `reason`. */
  | 'ended'
  /** The network, a time-out, a 5xx or a 429: nobody knows, and nobody is signed out. */
  | 'unreachable'
  /** The schema `supasession` is not in the Data API. */
  | 'notExposed'
  /** The database has a release of supasession without this function. */
  | 'outdated'
  /** On a server: the sign-in is too long ago, or without the second factor. */
  | 'stale'
  /** On a server: the user's access is revoked. */
  | 'revoked'
  /** An answer that nobody expects; `status` has its HTTP status. */
  | 'unexpected';

export interface SessionError extends Error {
  readonly code: SessionErrorCode;
  /** The HTTP status of the answer, if there was one. */
  readonly status: number | undefined;
  /** Why the session ended, with the code `ended` or `revoked`. */
  readonly reason: EndReason | undefined;
  /** With the code `ended`: what took the place of an evicted session, "Safari on iPhone". */
  readonly cause: string | undefined;
}

export type Result<T> = {data: T; error: null} | {data: null; error: SessionError};

/** What the tabs of a browser share; `localStorage` fits. It has to answer at once. */
export interface SharedStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The two tokens of a Session of supabase-js. */
export interface Tokens {
  access_token: string;
  refresh_token: string;
}

/** What is used of a client of supabase-js: every version and every `Database` type fits. */
export interface SupabaseLike {
  auth: {
    onAuthStateChange(callback: (event: string, session: Tokens | null) => void): {
      data: {subscription: {unsubscribe(): void}};
    };
    signOut(options: {scope: 'local'}): Promise<unknown>;
    refreshSession(): Promise<{error: unknown}>;
    getSession(): Promise<{data: {session: Tokens | null}}>;
  };
}

/** Where to ask: the project's URL and its publishable (anon) key, or a client that has both. No user's token is read from it. */
export type Project = {url: string; key: string} | {anon: object};
