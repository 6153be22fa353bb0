/** Enrolling and verifying a second factor. */
import {randomUUID} from 'node:crypto';
import {AuthError} from './run.js';
import {
  authenticate,
  insertAmrClaim,
  insertRefreshToken,
  issueToken,
  sessionById,
  userById,
  type Grant,
  type Origin,
  type SessionIds,
  type TokenOptions,
} from './session.js';
import {
  audit,
  BEGIN,
  COMMIT,
  INSTANCE,
  insert,
  now,
  remove,
  select,
  update,
  type Flow,
  type Row,
} from './statements.js';

/** Enrols a TOTP factor; it counts only once `mfaVerify` has verified it. Returns the factor's id. */
export function* mfaEnroll(
  session: SessionIds,
  {secret = 'not-a-secret', friendlyName}: {secret?: string; friendlyName?: string} = {},
): Flow<string> {
  const {userId} = session;
  const factorId = randomUUID();
  yield* authenticate(session);
  yield {
    name: 'delete mfa_factors',
    sql: `delete from mfa_factors where status != 'verified' and not exists (select * from "mfa_challenges" where "mfa_factors".id = "mfa_challenges".factor_id ) and created_at + interval '300 seconds' < current_timestamp`,
  };
  const factors = yield select('mfa_factors', 'user_id = $1', [userId]);
  if (factors.some((factor) => factor['friendly_name'] === friendlyName)) {
    const message = `A factor with the friendly name "${friendlyName ?? ''}" for this user already exists`;
    throw new AuthError('mfa_factor_name_conflict', 422, message);
  }
  yield BEGIN;
  yield insert('mfa_factors', {
    created_at: now(),
    factor_type: 'totp',
    friendly_name: friendlyName ?? factorId,
    id: factorId,
    secret,
    status: 'unverified',
    updated_at: now(),
    user_id: userId,
  });
  yield audit('factor_enrolled', userId);
  yield COMMIT;
  return factorId;
}

function* factorById({userId}: SessionIds, factorId: string): Flow<Row> {
  const [factor] = yield select('mfa_factors', 'user_id = $1 AND id = $2', [userId, factorId]);
  if (!factor) throw new AuthError('mfa_factor_not_found', 404, 'Factor not found');
  return factor;
}

/** Challenges a factor. Returns the id of the challenge, which is good for one successful `mfaVerify`. */
export function* mfaChallenge(session: SessionIds, factorId: string, {ip = '127.0.0.1'}: Origin = {}): Flow<string> {
  const challengeId = randomUUID();
  yield* authenticate(session);
  yield* factorById(session, factorId);
  yield BEGIN;
  yield insert('mfa_challenges', {created_at: now(), factor_id: factorId, id: challengeId, ip_address: ip});
  yield update('mfa_factors', factorId, {last_challenged_at: now(), updated_at: now()});
  yield audit('challenge_created', session.userId);
  yield COMMIT;
  return challengeId;
}

export interface VerifyOptions extends TokenOptions {
  /** Default: a challenge of its own. */
  challengeId?: string;
  /** Checks the code with the factor's row, and throws; every code is good when left out. */
  check?: (factor: Row) => void;
}

/** The factor of a challenge that is still open. */
function* openChallenge(session: SessionIds, factorId: string, challengeId: string, {check}: VerifyOptions): Flow<Row> {
  yield* authenticate(session);
  const factor = yield* factorById(session, factorId);
  const [challenge] = yield select('mfa_challenges', 'id = $1 and factor_id = $2', [challengeId, factorId]);
  if (!challenge)
    throw new AuthError('mfa_factor_not_found', 422, 'MFA factor with the provided challenge ID not found');
  if (challenge['verified_at'] !== null)
    throw new AuthError('mfa_ip_address_mismatch', 422, 'Challenge and verify IP addresses mismatch.');
  check?.(factor);
  return factor;
}

/** Replaces the session's refresh token (algorithm 1; null by the other). */
function* swapToken({userId, sessionId}: SessionIds): Flow<string | null> {
  const open = 'instance_id = $1 and session_id = $2 and revoked = false';
  const [token] = yield select('refresh_tokens', open, [INSTANCE, sessionId]);
  yield audit('token_revoked', userId);
  if (!token) return null;
  yield update('refresh_tokens', token['id'], {revoked: true, updated_at: now()});
  const refreshToken = yield* insertRefreshToken(userId, sessionId, String(token['token']));
  yield update('users', userId, {last_sign_in_at: now(), updated_at: now()});
  return refreshToken;
}

/** Challenges a factor (or takes the challenge given) and verifies it: the session rises to aal2 and Auth ends the user's sessions below that. */
export function* mfaVerify(session: SessionIds, factorId: string, options: VerifyOptions = {}): Flow<Grant> {
  const {userId, sessionId} = session;
  const challengeId = options.challengeId ?? (yield* mfaChallenge(session, factorId, options));
  const factor = yield* openChallenge(session, factorId, challengeId, options);
  yield BEGIN;
  yield audit('verification_attempted', userId);
  yield update('mfa_challenges', challengeId, {verified_at: now()});
  if (factor['status'] !== 'verified') yield update('mfa_factors', factorId, {status: 'verified', updated_at: now()});
  const user = yield* userById(userId);
  yield* insertAmrClaim(sessionId, 'totp');
  const [locked] = yield select('sessions', 'id = $1', [sessionId], true);
  if (!locked) throw new AuthError('session_not_found', 403, 'Session not found');
  yield* sessionById(sessionId);
  yield select('identities', 'user_id = $1', [userId]);
  const refreshToken = yield* swapToken(session);
  yield update('sessions', sessionId, {aal: 'aal2', factor_id: factorId, updated_at: now()});
  const claims = yield* issueToken(user, sessionId, 'totp', options);
  yield remove('sessions', 'user_id = $1 AND aal < $2', [userId, 'aal2']);
  yield remove('mfa_factors', 'user_id = $1 and status = $2 and factor_type = $3', [userId, 'unverified', 'totp']);
  yield COMMIT;
  return {sessionId, userId, refreshToken, user, claims};
}

/** Removes a verified factor: Auth takes the sessions that rose by it down to aal1. */
export function* mfaUnenroll(session: SessionIds, factorId: string): Flow<void> {
  yield* authenticate(session);
  yield* factorById(session, factorId);
  yield BEGIN;
  yield remove('mfa_factors', 'mfa_factors.id = $1', [factorId]);
  yield audit('factor_unenrolled', session.userId);
  const risen = yield select('sessions', 'factor_id = $1', [factorId]);
  for (const {id} of risen)
    yield remove('mfa_amr_claims', 'session_id = $1 AND authentication_method = $2', [id, 'totp']);
  yield {
    name: 'update sessions',
    sql: 'UPDATE sessions set aal = $1, factor_id = $2 WHERE user_id = $3 AND factor_id = $4',
    values: ['aal1', null, session.userId, factorId],
  };
  yield COMMIT;
}
