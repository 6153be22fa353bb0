/** Every way to sign in that makes its session in its own order. */
import {createHash, randomBytes, randomUUID} from 'node:crypto';
import {AuthError} from './run.js';
import {grantSession, userByEmail, userById, type AuthSession, type TokenOptions} from './session.js';
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
  type Statement,
} from './statements.js';

function insertUser(userId: string, email: string | null): Statement {
  return insert('users', {
    aud: 'authenticated',
    confirmation_token: '',
    created_at: now(),
    email,
    email_change: '',
    email_change_token_new: '',
    encrypted_password: email === null ? '' : 'not-a-hash',
    id: userId,
    instance_id: INSTANCE,
    is_anonymous: email === null,
    is_sso_user: false,
    raw_app_meta_data: '{}',
    raw_user_meta_data: '{}',
    recovery_token: '',
    role: '',
    updated_at: now(),
  });
}

/** A new user by e-mail and password, confirmed at once and signed in. */
export function* signUp(email: string, options: TokenOptions = {}): Flow<AuthSession> {
  const userId = randomUUID();
  yield select('identities', 'email = $1', [email]);
  yield select('users', 'instance_id = $1 and LOWER(email) = $2 and aud = $3 and is_sso_user = false', [
    INSTANCE,
    email,
    'authenticated',
  ]);
  yield BEGIN;
  yield insertUser(userId, email);
  yield update('users', userId, {role: 'authenticated', updated_at: now()});
  yield select('users', 'users.id = $1', [userId]);
  yield select('identities', 'provider_id = $1 AND provider = $2', [userId, 'email']);
  yield insert('identities', {
    created_at: now(),
    id: randomUUID(),
    identity_data: JSON.stringify({sub: userId, email}),
    last_sign_in_at: now(),
    provider: 'email',
    provider_id: userId,
    updated_at: now(),
    user_id: userId,
  });
  yield update('users', userId, {raw_user_meta_data: JSON.stringify({sub: userId, email}), updated_at: now()});
  yield select('identities', 'user_id = $1', [userId]);
  yield update('users', userId, {raw_app_meta_data: JSON.stringify({provider: 'email'}), updated_at: now()});
  yield audit('user_signedup', userId);
  yield update('users', userId, {confirmation_token: '', email_confirmed_at: now(), updated_at: now()});
  yield update('users', userId, {raw_user_meta_data: JSON.stringify({email_verified: true}), updated_at: now()});
  yield remove('one_time_tokens', 'user_id = $1', [userId]);
  yield COMMIT;
  yield BEGIN;
  yield audit('login', userId);
  const session = yield* grantSession(userId, 'password', options);
  yield COMMIT;
  return session;
}

/** Sign-in by password; the password itself is not checked here. */
export function* signInPassword(email: string, options: TokenOptions = {}): Flow<AuthSession> {
  const userId = yield* userByEmail(email);
  yield BEGIN;
  yield audit('login', userId);
  const session = yield* grantSession(userId, 'password', options);
  yield COMMIT;
  return session;
}

/** A new anonymous user, signed in. */
export function* signInAnonymous(options: TokenOptions = {}): Flow<AuthSession> {
  const userId = randomUUID();
  yield BEGIN;
  yield insertUser(userId, null);
  yield update('users', userId, {role: 'authenticated', updated_at: now()});
  yield select('users', 'users.id = $1', [userId]);
  const session = yield* grantSession(userId, 'anonymous', options);
  yield COMMIT;
  return session;
}

/** Asks for a magic link. Returns the token hash that its link carries; an earlier link of the user is void from now on. */
export function* generateMagicLink(email: string): Flow<string> {
  const userId = yield* userByEmail(email);
  return yield* sendRecoveryToken(userId, email);
}

/** What magic link and password recovery have in common: to the database they are the same but for the flow state of PKCE. */
export function* sendRecoveryToken(userId: string, email: string, prefix = ''): Flow<string> {
  const hash = prefix + createHash('sha224').update(randomBytes(16)).digest('hex');
  yield BEGIN;
  yield audit('user_recovery_requested', userId);
  yield update('users', userId, {recovery_sent_at: now(), recovery_token: hash, updated_at: now()});
  yield remove('one_time_tokens', 'token_type = $1 and user_id = $2', ['recovery_token', userId]);
  yield insert('one_time_tokens', {
    created_at: now(),
    id: randomUUID(),
    relates_to: email,
    token_hash: hash,
    token_type: 'recovery_token',
    updated_at: now(),
    user_id: userId,
  });
  yield COMMIT;
  return hash;
}

/** Follows a magic link, or one of recovery. Unlike a password sign-in it holds the user's row already when it inserts the session. */
export function* verifyMagicLink(tokenHash: string, options: TokenOptions = {}): Flow<AuthSession> {
  yield BEGIN;
  const userId = yield* useRecoveryToken(tokenHash);
  const session = yield* grantSession(userId, 'otp', options);
  yield COMMIT;
  return session;
}

/** Uses a token up, in the transaction of the caller. Returns whose it was. */
export function* useRecoveryToken(tokenHash: string): Flow<string> {
  const where = 'token_type = $1 and token_hash = $2';
  const [token] = yield select('one_time_tokens', where, ['recovery_token', tokenHash]);
  if (!token) throw new AuthError('otp_expired', 403, 'Email link is invalid or has expired');
  const userId = String(token['user_id']);
  yield* userById(userId);
  yield update('users', userId, {recovery_token: '', updated_at: now()});
  yield remove('one_time_tokens', 'user_id = $1', [userId]);
  yield audit('login', userId);
  yield select('identities', 'user_id = $1', [userId]);
  yield update('users', userId, {raw_app_meta_data: JSON.stringify({provider: 'email'}), updated_at: now()});
  yield select('users', 'users.id = $1', [userId]);
  return userId;
}
