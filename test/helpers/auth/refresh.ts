/** Refreshing a session, by both of Auth's refresh token algorithms. */
import {AuthError} from './run.js';
import {callHook, insertRefreshToken, sessionById, userById, type AuthSession, type TokenOptions} from './session.js';
import {audit, BEGIN, COMMIT, now, ROLLBACK, select, update, type Flow, type Row} from './statements.js';

/** How long Auth tries again for a locked refresh token or session before it answers 409, in milliseconds. */
const RETRY_FOR = 5000;

function checkNotAfter(session: Row): void {
  const notAfter = session['not_after'];
  if (notAfter instanceof Date && notAfter.getTime() <= Date.now())
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

function* touchSession(sessionId: string): Flow<void> {
  yield update('sessions', sessionId, {ip: '127.0.0.1', refreshed_at: now(), updated_at: now(), user_agent: 'node'});
}

/** Refresh by algorithm 1: its token's row, then its session's row, then the user's row. Returns the session with its new token. */
export function* refreshV1(session: AuthSession, {hook}: TokenOptions = {}): Flow<AuthSession> {
  const {sessionId, userId, refreshToken} = session;
  return yield* retryWhileLocked(function* () {
    const byToken = ['token = $1', [refreshToken]] as const;
    const [known] = yield select('refresh_tokens', byToken[0], [...byToken[1]]);
    if (!known) throw tokenGone();
    yield* userById(userId);
    const before = yield* sessionById(sessionId);
    if (!before) throw tokenGone();
    checkNotAfter(before);
    yield BEGIN;
    const [locked] = yield select('refresh_tokens', byToken[0], [...byToken[1]], true);
    if (!locked) return undefined;
    yield select('refresh_tokens', byToken[0], [...byToken[1]]);
    yield* userById(userId);
    const [row] = yield select('sessions', 'id = $1', [sessionId], true);
    if (!row) return undefined;
    yield* sessionById(sessionId);
    if (locked['revoked'] === true)
      throw new AuthError('refresh_token_already_used', 400, 'Invalid Refresh Token: Already Used');
    yield audit('token_revoked', userId);
    yield audit('token_refreshed', userId);
    yield update('refresh_tokens', locked['id'], {revoked: true, updated_at: now()});
    const next = {...session, refreshToken: yield* insertRefreshToken(userId, sessionId, refreshToken)};
    yield update('users', userId, {last_sign_in_at: now(), updated_at: now()});
    yield* sessionById(sessionId);
    yield* callHook(hook, next, 'token_refresh');
    yield* touchSession(sessionId);
    yield COMMIT;
    return next;
  });
}

/** Refresh by algorithm 2: the session's row only; it never touches the user's. */
export function* refreshV2(session: AuthSession, {hook}: TokenOptions = {}): Flow<AuthSession> {
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
    yield* userById(userId);
    const counter = Number(locked['refresh_token_counter'] ?? 0) + 1;
    yield update('sessions', sessionId, {refresh_token_counter: counter, updated_at: now()});
    yield audit('token_refreshed', userId);
    yield* sessionById(sessionId);
    yield* callHook(hook, session, 'token_refresh');
    yield* touchSession(sessionId);
    yield COMMIT;
    return session;
  });
}

/** Refresh by the algorithm that the session was made with. */
export function refresh(session: AuthSession, options: TokenOptions = {}): Flow<AuthSession> {
  return session.refreshToken === null ? refreshV2(session, options) : refreshV1(session, options);
}
