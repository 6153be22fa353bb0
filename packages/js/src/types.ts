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
