/** What this library reads in an access token. Nothing here is verified: the server decides. */
export interface Token {
  sessionId: string | null;
  /** Unix milliseconds; 0 if the token does not say. */
  expiresAt: number;
  /** When each method of the sign-in was used, in Unix milliseconds, the earliest first. A refresh does not move these. */
  signedInAt: number[];
}

interface Claims {
  session_id?: unknown;
  exp?: unknown;
  amr?: unknown;
}

/** Reads the times of a token's claims. */
export function readClaims({session_id: id, exp, amr}: Claims): Token {
  const times = (Array.isArray(amr) ? amr : []).map((entry: {timestamp?: unknown} | null) => Number(entry?.timestamp));
  return {
    sessionId: typeof id === 'string' ? id : null,
    expiresAt: (Number(exp) || 0) * 1000,
    signedInAt: times
      .filter((time) => time > 0)
      .sort((a, b) => a - b)
      .map((time) => time * 1000),
  };
}

/** Reads an access token without verifying it; null for what is none. */
export function readToken(jwt: string | null | undefined): Token | null {
  try {
    const payload = jwt!.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    // Bytes of UTF-8 become single characters: the claims that are read are ASCII.
    return readClaims(JSON.parse(atob(payload)) as Claims);
  } catch {
    return null;
  }
}
