/**
 * Signing in by SAML. The tables of identity providers and relay states are left out: none of these statements touches what a
 * sign-in has to do with sessions.
 */
import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import {createUser, type AuthUser} from './bulk.js';
import {insertFlowState} from './pkce.js';
import {AuthError} from './run.js';
import {grantSession, userById, type AuthSession, type TokenOptions} from './session.js';
import {audit, BEGIN, COMMIT, now, select, update, type Flow} from './statements.js';

const PROVIDER = 'sso:00000000-0000-0000-0000-00000000005a';

/** Makes a user who has signed in by SAML before, on a connection that may write auth tables. */
export async function createSamlUser(client: Client): Promise<AuthUser> {
  const user = await createUser(client);
  await client.query('update auth.users set is_sso_user = true where id = $1', [user.userId]);
  await client.query(
    `insert into auth.identities (id, user_id, provider, provider_id, identity_data, created_at, updated_at)
     values (gen_random_uuid(), $1, $2, $3, jsonb_build_object('sub', $3::text), now(), now())`,
    [user.userId, PROVIDER, user.email],
  );
  return user;
}

/** Goes to the identity provider with a code challenge. Returns the code of the flow, good once the provider has answered. */
export function* startSamlPkce(): Flow<string> {
  const code = randomUUID();
  yield insertFlowState('sso/saml', null, code);
  return code;
}

/**
 * The provider's answer (at the ACS). Without a code the session made here is the user's; with the code of a flow it is one
 * that nobody holds, and the user gets another one by `exchangeCode`.
 */
export function* samlAcs(user: AuthUser, options: TokenOptions & {code?: string} = {}): Flow<AuthSession> {
  const {userId, email} = user;
  yield BEGIN;
  const byProvider = 'provider_id = $1 AND provider = $2';
  const [identity] = yield select('identities', byProvider, [email, PROVIDER]);
  if (!identity) throw new AuthError('unexpected_failure', 500, 'no such user here: use createSamlUser');
  const found = yield* userById(userId);
  yield update('identities', identity['id'], {identity_data: JSON.stringify({sub: email}), updated_at: now()});
  yield update('users', userId, {raw_user_meta_data: JSON.stringify({sub: email}), updated_at: now()});
  yield select('identities', 'user_id = $1', [userId]);
  yield update('users', userId, {raw_app_meta_data: JSON.stringify({provider: PROVIDER}), updated_at: now()});
  yield audit('login', userId);
  if (options.code !== undefined) {
    const [flow] = yield select('flow_state', 'auth_code = $1', [options.code], true);
    if (!flow || flow['user_id'] !== null)
      throw new AuthError('flow_state_already_used', 400, 'State has already been used');
    yield update('flow_state', flow['id'], {user_id: userId, updated_at: now()});
  }
  const session = yield* grantSession(found, 'sso/saml', options);
  yield COMMIT;
  return session;
}
