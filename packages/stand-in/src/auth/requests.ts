/** What the requests to Auth have in common. */
import {getConnInfo} from '@hono/node-server/conninfo';
import type {Context} from 'hono';
import type {Pool} from 'pg';
import {AuthError, run} from '../flows/run.js';
import type {Origin, SessionIds, TokenOptions} from '../flows/session.js';
import type {Flow, Row} from '../flows/statements.js';
import {bearer, type Tokens} from '../tokens.js';

export interface AuthSettings {
  /** Connections of role supabase_auth_admin. */
  pool: Pool;
  tokens: Tokens;
  /** Access token hook as `schema.function`; null for none. */
  hook: string | null;
  /** How long an access token is good, in seconds. */
  jwtExpiry: number;
  /** For how long a used refresh token is good once more, in seconds. */
  reuseInterval: number;
}

/** Sends a flow on a connection of the pool. */
export async function send<T>(pool: Pool, flow: Flow<T>): Promise<T> {
  const client = await pool.connect();
  try {
    return await run(client, flow);
  } finally {
    client.release();
  }
}

/** Address and user agent of a request, as Auth writes them into the session. */
export function originOf(c: Context): Required<Origin> {
  const forwarded = c.req.header('x-forwarded-for')?.split(',')[0]?.trim();
  return {
    ip: forwarded ?? getConnInfo(c).remote.address ?? '127.0.0.1',
    userAgent: c.req.header('user-agent') ?? null,
  };
}

/** What the flow of a sign-in has to know of a request and of the settings. */
export function optionsOf(c: Context, {hook, jwtExpiry}: AuthSettings): TokenOptions {
  return {...originOf(c), jwtExpiry, ...(hook === null ? {} : {hook})};
}

/** The body of a request, which has to be an object. */
export async function bodyOf(c: Context): Promise<Row> {
  const body: unknown = await c.req.json().catch(() => undefined);
  if (body !== null && typeof body === 'object') return body as Row;
  throw new AuthError('bad_json', 400, 'Could not parse request body as JSON');
}

/** A text in a body; undefined if it is left out or empty. */
export function textIn(body: Row, name: string): string | undefined {
  const value = body[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

async function claimsOf(c: Context, tokens: Tokens): Promise<Row> {
  const token = bearer(c.req.header('authorization'));
  if (token === undefined) throw new AuthError('no_authorization', 401, 'This endpoint requires a valid Bearer token');
  return tokens.verify(token).catch((error: unknown) => {
    const why = (error as {code?: string}).code;
    const said =
      why === 'ERR_JWT_EXPIRED'
        ? 'token has invalid claims: token is expired'
        : 'token signature is invalid: signature is invalid';
    throw new AuthError('bad_jwt', 403, `invalid JWT: unable to parse or verify signature, ${said}`);
  });
}

interface Caller {
  userId: string;
  sessionId: string | null;
  email: string;
}

/** The user that the request's token names, and the session if it names one. */
export async function userOf(c: Context, tokens: Tokens): Promise<Caller> {
  const {sub, session_id: sessionId, email} = await claimsOf(c, tokens);
  if (typeof sub !== 'string') throw new AuthError('bad_jwt', 403, 'invalid claim: missing sub claim');
  return {
    userId: sub,
    sessionId: typeof sessionId === 'string' ? sessionId : null,
    email: typeof email === 'string' ? email : '',
  };
}

/** The user and the session that the request's token names. */
export async function caller(c: Context, tokens: Tokens): Promise<Caller & SessionIds> {
  const {sessionId, ...user} = await userOf(c, tokens);
  if (sessionId !== null) return {...user, sessionId};
  throw new AuthError('not_in_stand_in', 400, 'The stand-in for Auth wants a token with a session_id here.');
}

/** Lets nobody but service_role pass. */
export async function requireAdmin(c: Context, tokens: Tokens): Promise<void> {
  const {role} = await claimsOf(c, tokens);
  if (role !== 'service_role') throw new AuthError('not_admin', 403, 'User not allowed');
}
