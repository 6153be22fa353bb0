/** Refreshing a session, by both of Auth's refresh token algorithms. */
import {AuthError} from './run.js';
import {
  insertRefreshToken,
  issueToken,
  requireNotBanned,
  sessionById,
  userById,
  type AuthSession,
  type Grant,
  type Origin,
  type TokenOptions,
  type User,
} from './session.js';
import {audit, BEGIN, COMMIT, now, ROLLBACK, select, update, type Flow, type Row} from './statements.js';

/** How long Auth tries again for a locked refresh token or session before it answers 409, in milliseconds. */
const RETRY_FOR = 5000;

/** How long a used token may be used once more, in seconds: what projects have unless they chose otherwise. */
const REUSE_INTERVAL = 10;

export interface RefreshOptions extends TokenOptions {
  /** In seconds; default 10. */
  reuseInterval?: number;
}

function checkNotAfter(session: Row): void {
  const notAfter = session['not_after'];
  if (notAfter instanceof Date && notAfter.getTime() < Date.now())
    throw new AuthError('session_expired', 400, 'Invalid Refresh Token: Session Expired');
}

const tokenGone = (): AuthError =>
  new AuthError('refresh_token_not_found', 400, 'Invalid Refresh Token: Refresh Token Not Found');

/** Repeats `attempt` as Auth does while it finds the rows locked by someone else (undefined). */
function* retryWhileLocked<T>(attempt: () => Flow<T | undefined>): Flow<T> {
  const until = Date.now() + RETRY_FOR;
  while (Date.now() < until) {
    const result = yield* attempt();
    if (result !== undefined) return result;
    yield ROLLBACK;
    yield {name: 'pause', sql: 'select pg_sleep(0.01)'};
  }
  throw new AuthError(
    'conflict',
    409,
    'Too many concurrent token refresh requests on the same session or refresh token',
  );
}

function* touchSession(sessionId: string, {ip = '127.0.0.1', userAgent = 'node'}: Origin): Flow<void> {
  yield update('sessions', sessionId, {ip, refreshed_at: now(), updated_at: now(), user_agent: userAgent});
}

/** What is known of a token before anything is locked. Throws if the user or the session may not go on. */
function* checkUse(userId: unknown, sessionId: string): Flow<void> {
  requireNotBanned(yield* userById(userId), 400, 'Invalid Refresh Token: User Banned');
  const session = yield* sessionById(sessionId);
  if (!session) throw tokenGone();
  checkNotAfter(session);
}

/**
 * A used token comes again. Returns the token that took its place, if the client missed just that answer; undefined within the reuse
 * interval, in which it is good once more. After it, all tokens of the session are revoked, which is committed.
 */
function* reuse(token: Row, sessionId: string, reuseInterval: number): Flow<string | undefined> {
  const unused = 'session_id = $1 and revoked is false order by id desc';
  const [active] = yield select('refresh_tokens', unused, [sessionId]);
  if (active?.['parent'] === token['token']) return String(active?.['token']);
  if (Date.now() <= (token['updated_at'] as Date).getTime() + reuseInterval * 1000) return undefined;
  yield {
    name: 'update refresh_tokens',
    sql: 'update refresh_tokens set revoked = true, updated_at = now() where session_id = $1 and revoked = false',
    values: [sessionId],
  };
  yield COMMIT;
  throw new AuthError('refresh_token_already_used', 400, 'Invalid Refresh Token: Already Used');
}

function* swapToken(token: Row, user: User, sessionId: string): Flow<{refreshToken: string; user: User}> {
  const userId = String(user['id']);
  yield audit('token_revoked', userId);
  yield update('refresh_tokens', token['id'], {revoked: true, updated_at: now()});
  const refreshToken = yield* insertRefreshToken(userId, sessionId, String(token['token']));
  const signedIn = {last_sign_in_at: now(), updated_at: now()};
  yield update('users', userId, signedIn);
  return {refreshToken, user: {...user, ...signedIn}};
}

/** Refresh by algorithm 1: its token's row, then its session's row, then the user's row. Returns the session with its new token. */
export function* refreshV1(
  {refreshToken}: Pick<AuthSession, 'refreshToken'>,
  options: RefreshOptions = {},
): Flow<Grant> {
  return yield* retryWhileLocked(function* () {
    const byToken = ['token = $1', [refreshToken]] as const;
    const [known] = yield select('refresh_tokens', byToken[0], [...byToken[1]]);
    if (!known) throw tokenGone();
    const sessionId = String(known['session_id']);
    yield* checkUse(known['user_id'], sessionId);
    yield BEGIN;
    const [locked] = yield select('refresh_tokens', byToken[0], [...byToken[1]], true);
    if (!locked) return undefined;
    yield select('refresh_tokens', byToken[0], [...byToken[1]]);
    const found = yield* userById(known['user_id']);
    const [row] = yield select('sessions', 'id = $1', [sessionId], true);
    if (!row) return undefined;
    yield* sessionById(sessionId);
    const active =
      locked['revoked'] === true ? yield* reuse(locked, sessionId, options.reuseInterval ?? REUSE_INTERVAL) : undefined;
    yield audit('token_refreshed', String(found['id']));
    const next =
      active === undefined ? yield* swapToken(locked, found, sessionId) : {refreshToken: active, user: found};
    const claims = yield* issueToken(next.user, sessionId, 'token_refresh', options);
    yield* touchSession(sessionId, options);
    yield COMMIT;
    return {...next, sessionId, userId: String(found['id']), claims};
  });
}

/** Refresh by algorithm 2: the session's row only; it never touches the user's. */
export function* refreshV2(session: AuthSession, options: RefreshOptions = {}): Flow<Grant> {
  const {sessionId, userId} = session;
  return yield* retryWhileLocked(function* () {
    const before = yield* sessionById(sessionId);
    if (!before) throw tokenGone();
    checkNotAfter(before);
    yield* userById(userId);
    yield BEGIN;
    const [locked] = yield select('sessions', 'id = $1', [sessionId], true);
    if (!locked) return undefined;
    yield* sessionById(sessionId);
    const user = yield* userById(userId);
    const counter = Number(locked['refresh_token_counter'] ?? 0) + 1;
    yield update('sessions', sessionId, {refresh_token_counter: counter, updated_at: now()});
    yield audit('token_refreshed', userId);
    const claims = yield* issueToken(user, sessionId, 'token_refresh', options);
    yield* touchSession(sessionId, options);
    yield COMMIT;
    return {...session, user, claims};
  });
}

/** Refresh by the algorithm that the session was made with. */
export function refresh(session: AuthSession, options: RefreshOptions = {}): Flow<Grant> {
  return session.refreshToken === null ? refreshV2(session, options) : refreshV1(session, options);
}
