/** Every way to sign in that makes its session in its own order. */
import {createHash, randomInt, randomUUID} from 'node:crypto';
import {AuthError} from './run.js';
import {
  findUserByEmail,
  grantSession,
  requireNotBanned,
  userByEmail,
  userById,
  type Grant,
  type TokenOptions,
  type User,
} from './session.js';
import {
  audit,
  BEGIN,
  COMMIT,
  insert,
  INSTANCE,
  now,
  remove,
  select,
  update,
  type Flow,
  type Row,
  type Statement,
} from './statements.js';

/** What a sign-up says about the user. */
export interface Account {
  /** The hash of the password, in bcrypt where somebody will sign in with it. */
  encryptedPassword?: string;
  /** What the app wants in `user_metadata`. */
  data?: Row;
  /** Whether an administrator makes the user: then what the identity says is not in `user_metadata`, nor the other way round. */
  byAdmin?: boolean;
}

function insertUser(userId: string, email: string | null, {encryptedPassword = '', data = {}}: Account): Statement {
  return insert('users', {
    aud: 'authenticated',
    confirmation_token: '',
    created_at: now(),
    email,
    email_change: '',
    email_change_token_new: '',
    encrypted_password: encryptedPassword,
    id: userId,
    instance_id: INSTANCE,
    is_anonymous: email === null,
    is_sso_user: false,
    raw_app_meta_data: '{}',
    raw_user_meta_data: JSON.stringify(data),
    recovery_token: '',
    role: '',
    updated_at: now(),
  });
}

/** The row of the new user, read again as Auth does. */
function* createUser(userId: string, email: string | null, account: Account): Flow<Row> {
  yield insertUser(userId, email, account);
  yield update('users', userId, {role: 'authenticated', updated_at: now()});
  const [row] = yield select('users', 'users.id = $1', [userId]);
  return row ?? {};
}

/** A new user by e-mail and password, confirmed at once; not signed in. */
export function* createEmailUser(address: string, account: Account = {}): Flow<User> {
  const {data = {}, byAdmin = false} = account;
  const email = address.toLowerCase();
  const userId = randomUUID();
  yield select('identities', 'email = $1', [email]);
  if (yield* findUserByEmail(email)) {
    throw byAdmin
      ? new AuthError('email_exists', 422, 'A user with this email address has already been registered')
      : new AuthError('user_already_exists', 422, 'User already registered');
  }
  yield BEGIN;
  const row = yield* createUser(userId, email, account);
  yield select('identities', 'provider_id = $1 AND provider = $2', [userId, 'email']);
  const claims = {sub: userId, email, email_verified: false, phone_verified: false};
  const identityData = byAdmin ? claims : {...data, ...claims};
  const identity = {
    created_at: now(),
    id: randomUUID(),
    identity_data: JSON.stringify(identityData),
    last_sign_in_at: now(),
    provider: 'email',
    provider_id: userId,
    updated_at: now(),
    user_id: userId,
  };
  yield insert('identities', identity);
  let userData: Row = byAdmin ? data : identityData;
  yield update('users', userId, {raw_user_meta_data: JSON.stringify(userData), updated_at: now()});
  yield select('identities', 'user_id = $1', [userId]);
  const appData = {provider: 'email', providers: ['email']};
  yield update('users', userId, {raw_app_meta_data: JSON.stringify(appData), updated_at: now()});
  yield audit('user_signedup', userId);
  const confirmed = {confirmation_token: '', email_confirmed_at: now(), updated_at: now()};
  yield update('users', userId, confirmed);
  userData = {...userData, email_verified: true};
  yield update('users', userId, {raw_user_meta_data: JSON.stringify(userData), updated_at: now()});
  yield remove('one_time_tokens', 'user_id = $1', [userId]);
  yield COMMIT;
  return {
    ...{...row, ...confirmed, raw_app_meta_data: appData, raw_user_meta_data: userData, factors: []},
    identities: [{...identity, identity_data: identityData, email}],
  };
}

/** The same, and signed in. */
export function* signUp(email: string, options: TokenOptions & Account = {}): Flow<Grant> {
  const user = yield* createEmailUser(email, {encryptedPassword: 'not-a-hash', ...options});
  yield BEGIN;
  yield audit('login', String(user['id']));
  const grant = yield* grantSession(user, 'password', options);
  yield COMMIT;
  return grant;
}

/** Sign-in by password; the password itself is checked by `check`, which throws. */
export function* signInPassword(
  email: string,
  options: TokenOptions & {check?: (user: User) => void} = {},
): Flow<Grant> {
  const user = yield* userByEmail(email);
  requireNotBanned(user, 400, 'User is banned');
  options.check?.(user);
  yield BEGIN;
  yield audit('login', String(user['id']));
  const grant = yield* grantSession(user, 'password', options);
  yield COMMIT;
  return grant;
}

/** A new anonymous user, signed in. */
export function* signInAnonymous(options: TokenOptions & Account = {}): Flow<Grant> {
  yield BEGIN;
  const row = yield* createUser(randomUUID(), null, options);
  const grant = yield* grantSession({...row, factors: [], identities: []}, 'anonymous', options);
  yield COMMIT;
  return grant;
}

/** The token hash of a code that is sent to an address. */
export const hashCode = (email: string, code: string): string =>
  createHash('sha224')
    .update(email + code)
    .digest('hex');

/** Six digits. */
export const randomCode = (): string => String(randomInt(1_000_000)).padStart(6, '0');

/** Asks for a magic link. Returns the token hash that its link carries; an earlier link of the user is void from now on. */
export function* generateMagicLink(email: string): Flow<string> {
  return yield* sendRecoveryToken(yield* userByEmail(email), hashCode(email, randomCode()));
}

/** What magic link and password recovery have in common: to the database they are the same but for the flow state of PKCE. */
export function* sendRecoveryToken(user: User, hash: string): Flow<string> {
  const userId = String(user['id']);
  yield BEGIN;
  yield audit('user_recovery_requested', userId);
  yield update('users', userId, {recovery_sent_at: now(), recovery_token: hash, updated_at: now()});
  yield remove('one_time_tokens', 'token_type = $1 and user_id = $2', ['recovery_token', userId]);
  yield insert('one_time_tokens', {
    created_at: now(),
    id: randomUUID(),
    relates_to: user['email'],
    token_hash: hash,
    token_type: 'recovery_token',
    updated_at: now(),
    user_id: userId,
  });
  yield COMMIT;
  return hash;
}

/** Follows a magic link, or one of recovery. Unlike a password sign-in it holds the user's row already when it inserts the session. */
export function* verifyMagicLink(tokenHash: string, options: TokenOptions = {}): Flow<Grant> {
  yield BEGIN;
  const user = yield* useRecoveryToken(tokenHash);
  const grant = yield* grantSession(user, 'otp', options);
  yield COMMIT;
  return grant;
}

/** Uses a token up, in the transaction of the caller. Returns whose it was. */
export function* useRecoveryToken(tokenHash: string): Flow<User> {
  const where = 'token_type = $1 and token_hash = $2';
  const [token] = yield select('one_time_tokens', where, ['recovery_token', tokenHash]);
  if (!token) throw new AuthError('otp_expired', 403, 'Email link is invalid or has expired');
  const userId = String(token['user_id']);
  const user = yield* userById(userId);
  requireNotBanned(user, 403, 'User is banned');
  yield update('users', userId, {recovery_token: '', updated_at: now()});
  yield remove('one_time_tokens', 'user_id = $1', [userId]);
  yield audit('login', userId);
  yield select('identities', 'user_id = $1', [userId]);
  const appData = {provider: 'email', providers: ['email']};
  yield update('users', userId, {raw_app_meta_data: JSON.stringify(appData), updated_at: now()});
  const [row] = yield select('users', 'users.id = $1', [userId]);
  return {...user, ...row};
}
