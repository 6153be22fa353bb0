import {createApi, readStanding, type Api, type Standing} from './api.js';
import {fail, isUnreachable, ok} from './errors.js';
import {end, type End} from './memo.js';
import {toError, USER} from './refusals.js';
import {milliseconds} from './span.js';
import {readToken, signInTimes, type Claims} from './token.js';
import {type Limit, type Result, type SessionError, type Span, type Tokens} from './types.js';
import {isOver} from './watch-fetch.js';

export type {Result, SessionError} from './types.js';

/** What is used of a client of supabase-js, with or without a session: `@supabase/ssr`'s server client, or one per request or process. */
export interface ServerSupabase {
  auth: {
    /** Since supabase-js 2.50; before that the server of Auth is asked for the user. */
    getClaims?(jwt: string): Promise<{data: {claims: Claims} | null; error: AuthFailure | null}>;
    getSession(): Promise<{data: {session: Tokens | null}}>;
  };
}

interface AuthFailure {
  name?: string;
  status?: number | undefined;
  code?: string | undefined;
}

export interface VerifyOptions {
  /** The access token of the request; without it that of the client's session (`@supabase/ssr`: the cookies). */
  jwt?: string;
  /** How old the answer "this session lives" may be; 0 unless told, which asks the database each time. */
  maxStale?: Span;
}

export interface VerifiedSession {
  /** The verified claims of the token. */
  claims: Claims & Record<string, unknown>;
  sessionId: string | null;
  /** When the user last proved who they are; null if the token does not say. A refresh does not move it. */
  signedInAt: Date | null;
  endsAt: Date | null;
  limit: Limit | null;
}

/** Sessions whose last answer is remembered, for `maxStale`. */
const REMEMBERED = 1_000;

const remembered = new Map<string, {at: number; standing: Standing & {live: true}}>();

function ended({reason, cause}: End): {data: null; error: SessionError} {
  if (reason === 'accessRevoked') return fail('revoked', {reason, message: "The user's access is revoked."});
  return fail('ended', {reason, cause});
}

const why = async (api: Api, jwt: string): Promise<End> =>
  (await api.whyEnded(readToken(jwt).session_id ?? '')) ?? end('sessionMissing');

async function refused(api: Api, jwt: string, {name = '', status = 0, code = ''}: AuthFailure): Promise<Result<never>> {
  if (isUnreachable(status)) return fail('unreachable', {status});
  if (code === 'user_banned') return ended(end('accessRevoked'));
  // auth-js turns `session_not_found` into this one.
  const gone = name === 'AuthSessionMissingError' || isOver(code);
  if (!gone) return fail('signedOut', {status});
  return ended(await why(api, jwt));
}

/** Verifies the signature, and that the token has not expired. */
async function verifyToken({auth}: ServerSupabase, api: Api, jwt: string): Promise<Result<Claims>> {
  if (auth.getClaims) {
    const {data, error} = await auth.getClaims(jwt);
    return error ? refused(api, jwt, error) : data ? ok(data.claims) : fail('signedOut');
  }
  const answer = await api.ask(USER, jwt);
  return answer.status === 200 ? ok(readToken(jwt)) : refused(api, jwt, answer);
}

async function askStanding(api: Api, jwt: string, key: string, maxStale: number): Promise<Result<Standing>> {
  const at = Date.now();
  const known = remembered.get(key);
  // A clock that was set back makes an answer too old, not younger.
  if (known && at >= known.at && at - known.at < maxStale) return ok(known.standing);
  const answer = await api.call('session_state', {}, jwt);
  const standing = readStanding(answer);
  remembered.delete(key);
  if (answer.code === 'PT401') return ok({live: false, end: await why(api, jwt)});
  if (!standing) return toError(answer);
  if (standing.live && maxStale > 0) remembered.set(key, {at, standing});
  for (const [oldest] of remembered) if (remembered.size > REMEMBERED) remembered.delete(oldest);
  return ok(standing);
}

async function verify(supabase: ServerSupabase, {jwt, maxStale = 0}: VerifyOptions): Promise<Result<VerifiedSession>> {
  const stale = milliseconds(maxStale);
  const token = jwt ?? (await supabase.auth.getSession()).data.session?.access_token;
  if (!token) return fail('signedOut');
  const api = createApi({anon: supabase});
  const verified = await verifyToken(supabase, api, token);
  if (verified.error) return verified;
  const claims = verified.data;
  const {data, error} = await askStanding(api, token, `${api.host} ${claims.session_id ?? token}`, stale);
  if (error) return {data: null, error};
  if (!data.live) return ended(data.end);
  const times = signInTimes(claims);
  return ok({
    claims: claims as VerifiedSession['claims'],
    sessionId: claims.session_id ?? null,
    signedInAt: times.length > 0 ? new Date(Math.max(...times)) : null,
    endsAt: data.deadline && new Date(data.deadline.at),
    limit: data.deadline?.limit ?? null,
  });
}

/**
 * Whether the session of a request is genuine and lives: the signature by `getClaims`, then the database.
 *
 * @returns the claims, or an error: `signedOut` (no token, or none that is valid), `ended` (with the reason, and what took the place as `cause`), `revoked`,
 *   `unreachable` (nobody knows), `notExposed` or `outdated` (what to run). Nothing is thrown.
 */
export async function verifySession(
  supabase: ServerSupabase,
  options: VerifyOptions = {},
): Promise<Result<VerifiedSession>> {
  try {
    return await verify(supabase, options);
  } catch (error) {
    return fail('unexpected', {message: String(error)});
  }
}

/**
 * As `verifySession`, for a sensitive action: the user has to have proved who they are within `maxAge`. The times come
 * from the token's `amr`, which a refresh does not move.
 *
 * @param options.aal 'aal2' asks for the second factor, too.
 * @returns also the error `stale`: sign in again, or pass the second factor.
 */
export async function requireFresh(
  supabase: ServerSupabase,
  {maxAge, aal, ...options}: VerifyOptions & {maxAge: Span; aal?: 'aal2'},
): Promise<Result<VerifiedSession>> {
  let limit;
  try {
    limit = milliseconds(maxAge);
  } catch (error) {
    return fail('unexpected', {message: String(error)});
  }
  const result = await verifySession(supabase, options);
  if (result.error) return result;
  const {claims, signedInAt} = result.data;
  if (aal && claims.aal !== aal) return fail('stale', {message: 'This needs the second factor.'});
  const age = signedInAt ? Date.now() - signedInAt.getTime() : Infinity;
  return age < limit ? result : fail('stale', {message: 'The sign-in is too old for this. Sign in again.'});
}
