/** What the flows share: who asks, the session that a sign-in makes, the token hook. */
import {randomBytes, randomUUID} from 'node:crypto';
import {AuthError} from './run.js';
import {INSTANCE, insert, now, select, update, type Flow, type Row} from './statements.js';

export interface AuthSession {
  sessionId: string;
  userId: string;
  /** Refresh token algorithm 1 only: version 2 keeps no row of it. */
  refreshToken: string | null;
}

export interface TokenOptions {
  /** Refresh token algorithm; 1 is what projects have unless they chose otherwise. */
  algorithm?: 1 | 2;
  /** Custom access token hook as `schema.function`; none when left out. */
  hook?: string;
  /** The OAuth client (a row of auth.oauth_clients) that the session is made for; none when left out. */
  oauthClientId?: string;
  /** What an identity provider allows at most (SAML: SessionNotOnOrAfter); nothing when left out. */
  notAfter?: Date;
}

export function* userByEmail(email: string): Flow<string> {
  const [user] = yield select('users', 'instance_id = $1 and LOWER(email) = $2 and aud = $3 and is_sso_user = false', [
    INSTANCE,
    email,
    'authenticated',
  ]);
  if (!user) throw new AuthError('invalid_credentials', 400, 'Invalid login credentials');
  yield* userDetails(String(user['id']));
  return String(user['id']);
}

export function* userDetails(userId: string): Flow<void> {
  yield select('mfa_factors', 'user_id = $1', [userId]);
  yield select('identities', 'user_id = $1', [userId]);
}

export function* userById(userId: string): Flow<void> {
  const [user] = yield select('users', 'instance_id = $1 and id = $2', [INSTANCE, userId]);
  if (!user) throw new AuthError('user_not_found', 404, 'User not found');
  yield* userDetails(userId);
}

export function* sessionById(sessionId: string): Flow<Row | undefined> {
  const [session] = yield select('sessions', 'id = $1', [sessionId]);
  yield select('mfa_amr_claims', 'session_id = $1', [sessionId]);
  return session;
}

/** The start of every request that carries an access token: user and session of the token. */
export function* authenticate(session: AuthSession): Flow<void> {
  yield* userById(session.userId);
  const found = yield* sessionById(session.sessionId);
  if (!found) throw new AuthError('session_not_found', 403, 'Session from session_id claim in JWT does not exist');
}

export function* insertRefreshToken(userId: string, sessionId: string, parent: string | null): Flow<string> {
  const token = randomBytes(9).toString('base64url');
  yield insert('refresh_tokens', {
    created_at: now(),
    instance_id: INSTANCE,
    parent,
    revoked: false,
    session_id: sessionId,
    token,
    updated_at: now(),
    user_id: userId,
  });
  return token;
}

export function* insertAmrClaim(sessionId: string, method: string): Flow<void> {
  const at = now();
  const claim = insert('mfa_amr_claims', {
    id: randomUUID(),
    session_id: sessionId,
    created_at: at,
    updated_at: at,
    authentication_method: method,
  });
  const conflict =
    'ON CONFLICT ON CONSTRAINT mfa_amr_claims_session_id_authentication_method_pkey DO UPDATE SET updated_at = $6';
  yield {...claim, sql: `${claim.sql} ${conflict}`, values: [...(claim.values ?? []), at]};
}

export function* callHook(hook: string | undefined, session: AuthSession, method: string): Flow<void> {
  if (hook === undefined) return;
  const claims = {sub: session.userId, session_id: session.sessionId, role: 'authenticated', aal: 'aal1'};
  const event = {user_id: session.userId, claims, authentication_method: method};
  yield {name: 'set', sql: "set local statement_timeout TO '2000'"};
  const name = hook.split('.').map((part) => `"${part}"`);
  const [row] = yield {name: 'hook', sql: `select ${name.join('.')}($1)`, values: [JSON.stringify(event)]};
  yield {name: 'set', sql: 'set local statement_timeout TO default'};
  const {error} = (Object.values(row ?? {})[0] ?? {}) as {error?: {http_code?: number; message: string}};
  if (error) throw new AuthError('unknown', error.http_code ?? 500, error.message);
}

/** Everything from the session's row to the access token; the same in every way to sign in. */
export function* grantSession(
  userId: string,
  method: string,
  {algorithm = 1, hook, oauthClientId, notAfter}: TokenOptions,
): Flow<AuthSession> {
  const sessionId = randomUUID();
  yield insert('sessions', {
    aal: 'aal1',
    created_at: now(),
    factor_id: null,
    id: sessionId,
    ip: '127.0.0.1',
    not_after: notAfter ?? null,
    oauth_client_id: oauthClientId ?? null,
    refresh_token_counter: algorithm === 2 ? 0 : null,
    refresh_token_hmac_key: algorithm === 2 ? randomBytes(32).toString('base64') : null,
    refreshed_at: null,
    scopes: null,
    tag: null,
    updated_at: now(),
    user_agent: 'node',
    user_id: userId,
  });
  const refreshToken = algorithm === 1 ? yield* insertRefreshToken(userId, sessionId, null) : null;
  yield update('users', userId, {last_sign_in_at: now(), updated_at: now()});
  yield* insertAmrClaim(sessionId, method);
  yield* sessionById(sessionId);
  const session = {sessionId, userId, refreshToken};
  yield* callHook(hook, session, method);
  return session;
}
