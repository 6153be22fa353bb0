/** Signing in by a code that is exchanged for the session later on (PKCE). */
import {createHash, randomBytes, randomUUID} from 'node:crypto';
import {AuthError} from './run.js';
import {grantSession, userByEmail, userById, type AuthSession, type TokenOptions} from './session.js';
import {hashCode, sendRecoveryToken, useRecoveryToken} from './sign-in.js';
import {audit, BEGIN, COMMIT, insert, now, remove, select, update, type Flow, type Statement} from './statements.js';

/** The start of a flow; its code is good once Auth knows the user. */
export function insertFlowState(method: string, userId: string | null, code: string): Statement {
  return insert('flow_state', {
    auth_code: code,
    auth_code_issued_at: null,
    authentication_method: method,
    code_challenge: createHash('sha256').update(randomBytes(16)).digest('base64url'),
    code_challenge_method: 's256',
    created_at: now(),
    id: randomUUID(),
    provider_access_token: '',
    provider_refresh_token: '',
    provider_type: method,
    updated_at: now(),
    user_id: userId,
  });
}

/** Asks for a magic link or a recovery link with a code challenge. Returns the token hash that it carries. */
export function* requestPkceLink(email: string, method: 'magiclink' | 'recovery'): Flow<string> {
  const user = yield* userByEmail(email);
  yield insertFlowState(method, String(user['id']), randomUUID());
  return yield* sendRecoveryToken(user, `pkce_${hashCode(email, randomUUID())}`);
}

/** Follows such a link. Returns the code to be exchanged; there is no session yet. */
export function* verifyPkceLink(tokenHash: string, method: 'magiclink' | 'recovery'): Flow<string> {
  yield BEGIN;
  const {id: userId} = yield* useRecoveryToken(tokenHash);
  const flows = yield select('flow_state', 'user_id = $1 and authentication_method = $2 order by created_at desc', [
    userId,
    method,
  ]);
  const flow = flows[0];
  if (!flow) throw new AuthError('flow_state_not_found', 422, 'No valid flow state found for user.');
  yield update('flow_state', flow['id'], {auth_code_issued_at: now(), updated_at: now()});
  yield COMMIT;
  return String(flow['auth_code']);
}

/** Exchanges a code for a session. The flow goes with it, in the same transaction. */
export function* exchangeCode(authCode: string, options: TokenOptions = {}): Flow<AuthSession> {
  const [flow] = yield select('flow_state', 'auth_code = $1', [authCode]);
  const userId = flow?.['user_id'];
  if (!flow || typeof userId !== 'string')
    throw new AuthError('flow_state_not_found', 404, 'invalid flow state, no valid flow state found');
  const user = yield* userById(userId);
  yield BEGIN;
  yield audit('login', userId);
  const session = yield* grantSession(user, String(flow['authentication_method']), options);
  yield remove('flow_state', 'flow_state.id = $1', [flow['id']]);
  yield COMMIT;
  return session;
}
