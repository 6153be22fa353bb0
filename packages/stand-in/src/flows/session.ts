/** What the flows share: who asks, the session that a sign-in makes, the claims of its token, the token hook. */
import {randomBytes, randomUUID} from 'node:crypto';
import {AuthError} from './run.js';
import {INSTANCE, insert, now, select, update, type Flow, type Row} from './statements.js';

export interface AuthSession {
  sessionId: string;
  userId: string;
  /** Refresh token algorithm 1 only: version 2 keeps no row of it. */
  refreshToken: string | null;
}

/** Whose token it is. */
export interface SessionIds {
  userId: string;
  sessionId: string;
}

/** What a sign-in or a refresh gives: the user as Auth answers, and the claims of the access token. */
export interface Grant extends AuthSession {
  user: User;
  claims: Row;
}

/** A row of auth.users, and what Auth reads beside it. */
export type User = Row & {factors: Row[]; identities: Row[]};

/** A row of auth.sessions with its AMR claims. */
export type Session = Row & {amr: Row[]};

/** Where a request comes from. */
export interface Origin {
  /** Default `127.0.0.1`. */
  ip?: string;
  /** Default `node`; null for a request without one. */
  userAgent?: string | null;
}

export interface TokenOptions extends Origin {
  /** Refresh token algorithm; 1 is what projects have unless they chose otherwise. */
  algorithm?: 1 | 2;
  /** Custom access token hook as `schema.function`; none when left out. */
  hook?: string;
  /** The OAuth client (a row of auth.oauth_clients) that the session is made for; none when left out. */
  oauthClientId?: string;
  /** What an identity provider allows at most (SAML: SessionNotOnOrAfter); nothing when left out. */
  notAfter?: Date;
  /** How long an access token is good, in seconds; default an hour. */
  jwtExpiry?: number;
}

/** The user of this address, if there is one. */
export function* findUserByEmail(email: string): Flow<User | undefined> {
  const [user] = yield select('users', 'instance_id = $1 and LOWER(email) = $2 and aud = $3 and is_sso_user = false', [
    INSTANCE,
    email.toLowerCase(),
    'authenticated',
  ]);
  return user && (yield* withDetails(user));
}

export function* userByEmail(email: string): Flow<User> {
  const user = yield* findUserByEmail(email);
  if (!user) throw new AuthError('invalid_credentials', 400, 'Invalid login credentials');
  return user;
}

function* withDetails(user: Row): Flow<User> {
  const factors = yield select('mfa_factors', 'user_id = $1', [user['id']]);
  const identities = yield select('identities', 'user_id = $1', [user['id']]);
  return {...user, factors, identities};
}

export function* userById(
  userId: unknown,
  missing = new AuthError('user_not_found', 404, 'User not found'),
): Flow<User> {
  const [user] = yield select('users', 'instance_id = $1 and id = $2', [INSTANCE, userId]);
  if (!user) throw missing;
  return yield* withDetails(user);
}

/** Throws for a user who is banned now. */
export function requireNotBanned(user: User, status: 400 | 403, message: string): void {
  const until = user['banned_until'];
  if (until instanceof Date && until.getTime() > Date.now()) throw new AuthError('user_banned', status, message);
}

export function* sessionById(sessionId: string): Flow<Session | undefined> {
  const [session] = yield select('sessions', 'id = $1', [sessionId]);
  const amr = yield select('mfa_amr_claims', 'session_id = $1', [sessionId]);
  return session && {...session, amr};
}

/** The start of every request that carries an access token: user and session of the token. */
export function* authenticate(session: {userId: string; sessionId: string | null}): Flow<User> {
  const noUser = new AuthError('user_not_found', 403, 'User from sub claim in JWT does not exist');
  const user = yield* userById(session.userId, noUser);
  // A token that somebody else has made may name none.
  if (session.sessionId !== null && !(yield* sessionById(session.sessionId)))
    throw new AuthError('session_not_found', 403, 'Session from session_id claim in JWT does not exist');
  requireNotBanned(user, 403, 'User is banned');
  return user;
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

const seconds = (date: unknown): number => Math.floor((date as Date).getTime() / 1000);

function claimsOf(user: User, session: Session, jwtExpiry: number): Row {
  const iat = Math.floor(Date.now() / 1000);
  const amr = session.amr
    .map((row) => ({method: row['authentication_method'], timestamp: seconds(row['updated_at'])}))
    .sort((a, b) => b.timestamp - a.timestamp);
  return {
    sub: user['id'],
    aud: user['aud'],
    exp: iat + jwtExpiry,
    iat,
    email: user['email'] ?? '',
    phone: user['phone'] ?? '',
    app_metadata: user['raw_app_meta_data'] ?? {},
    user_metadata: user['raw_user_meta_data'] ?? {},
    role: user['role'],
    aal: amr.some(({method}) => method === 'totp') ? 'aal2' : 'aal1',
    amr,
    session_id: session['id'],
    is_anonymous: user['is_anonymous'],
  };
}

function* callHook(hook: string, user: User, claims: Row, method: string): Flow<Row> {
  const event = {user_id: user['id'], claims, authentication_method: method};
  yield {name: 'set', sql: "set local statement_timeout TO '2000'"};
  const name = hook.split('.').map((part) => `"${part}"`);
  const [row] = yield {name: 'hook', sql: `select ${name.join('.')}($1)`, values: [JSON.stringify(event)]};
  yield {name: 'set', sql: 'set local statement_timeout TO default'};
  const answer = (Object.values(row ?? {})[0] ?? {}) as {error?: {http_code?: number; message?: string}; claims?: Row};
  if (answer.error?.message) throw new AuthError('unknown', answer.error.http_code ?? 500, answer.error.message);
  return answer.claims ?? claims;
}

/** The claims of an access token: as Auth makes them, then as the hook wants them. */
export function* issueToken(
  user: User,
  sessionId: string,
  method: string,
  {hook, jwtExpiry = 3600}: TokenOptions,
): Flow<Row> {
  const session = yield* sessionById(sessionId);
  if (!session) throw new AuthError('unexpected_failure', 500, 'error generating jwt token');
  const claims = claimsOf(user, session, jwtExpiry);
  return hook === undefined ? claims : yield* callHook(hook, user, claims, method);
}

/** Everything from the session's row to the claims of its token; the same in every way to sign in. */
export function* grantSession(user: User, method: string, options: TokenOptions): Flow<Grant> {
  const {algorithm = 1, oauthClientId, notAfter, ip = '127.0.0.1', userAgent = 'node'} = options;
  const sessionId = randomUUID();
  const userId = String(user['id']);
  yield insert('sessions', {
    aal: 'aal1',
    created_at: now(),
    factor_id: null,
    id: sessionId,
    ip,
    not_after: notAfter ?? null,
    oauth_client_id: oauthClientId ?? null,
    refresh_token_counter: algorithm === 2 ? 0 : null,
    refresh_token_hmac_key: algorithm === 2 ? randomBytes(32).toString('base64') : null,
    refreshed_at: null,
    scopes: null,
    tag: null,
    updated_at: now(),
    user_agent: userAgent,
    user_id: userId,
  });
  const refreshToken = algorithm === 1 ? yield* insertRefreshToken(userId, sessionId, null) : null;
  const signedIn = {last_sign_in_at: now(), updated_at: now()};
  yield update('users', userId, signedIn);
  yield* insertAmrClaim(sessionId, method);
  const granted = {...user, ...signedIn};
  const claims = yield* issueToken(granted, sessionId, method, options);
  return {sessionId, userId, refreshToken, user: granted, claims};
}
