/** What this library reads in an access token. Nothing here is verified: the server decides. */
export interface Claims {
  session_id?: string;
  /** Unix seconds. */
  exp?: unknown;
  /** The methods of the sign-in, with their times in Unix seconds: a refresh does not move these. */
  amr?: unknown;
  aal?: unknown;
}

/** Reads a token without verifying it; no claims for what is none. */
export function readToken(jwt: string | null | undefined): Claims {
  try {
    // Bytes of UTF-8 become single characters: the claims that are read are ASCII.
    return JSON.parse(atob(jwt!.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))) as Claims;
  } catch {
    return {};
  }
}

/** The times of a sign-in, in Unix milliseconds. */
export const signInTimes = ({amr}: Claims): number[] =>
  (Array.isArray(amr) ? (amr as ({timestamp?: unknown} | null)[]) : [])
    .map((entry) => Number(entry?.timestamp) * 1000)
    .filter((time) => time > 0);
