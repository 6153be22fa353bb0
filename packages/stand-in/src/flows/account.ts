/** What a signed-in user does to the account, and what an administrator does to the user. */
import {authenticate, userById, type SessionIds, type User} from './session.js';
import {audit, BEGIN, COMMIT, now, remove, update, type Flow} from './statements.js';

/**
 * A new password; it ends the user's other sessions and waits for a locked one, holding the user's row.
 *
 * @param hashFor gives the hash of the new password, or throws if the user may not have it
 */
export function* updatePassword(
  session: SessionIds,
  hashFor: (user: User) => string = () => 'not-a-hash-either',
): Flow<User> {
  const user = yield* authenticate(session);
  const encryptedPassword = hashFor(user);
  yield BEGIN;
  yield update('users', session.userId, {
    confirmation_sent_at: null,
    confirmation_token: '',
    email_change_sent_at: null,
    email_change_token_current: '',
    email_change_token_new: '',
    encrypted_password: encryptedPassword,
    phone_change_sent_at: null,
    phone_change_token: '',
    reauthentication_sent_at: null,
    reauthentication_token: '',
    recovery_sent_at: null,
    recovery_token: '',
    updated_at: now(),
  });
  yield remove('one_time_tokens', 'user_id = $1', [session.userId]);
  yield remove('sessions', 'id != $1 AND user_id = $2', [session.sessionId, session.userId]);
  yield audit('user_updated_password', session.userId);
  yield audit('user_modified', session.userId);
  yield COMMIT;
  return user;
}

/** Signs this session out, or the user's others, or all of them. */
export function* signOut(session: SessionIds, scope: 'local' | 'others' | 'global' = 'local'): Flow<void> {
  const {sessionId, userId} = session;
  yield* authenticate(session);
  yield BEGIN;
  yield audit('logout', userId);
  if (scope === 'local') yield remove('sessions', 'id = $1', [sessionId]);
  else if (scope === 'others') yield remove('sessions', 'id != $1 AND user_id = $2', [sessionId, userId]);
  else yield remove('sessions', 'user_id = $1', [userId]);
  yield COMMIT;
}

/** Deletes a user, as the admin API does. */
export function* deleteUser(userId: string): Flow<User> {
  const user = yield* userById(userId);
  yield BEGIN;
  yield audit('user_deleted', userId);
  yield remove('users', 'users.id = $1', [userId]);
  yield COMMIT;
  return user;
}

/** Bans a user until then, or lifts the ban (null), as the admin API does. */
export function* banUser(userId: string, until: Date | null): Flow<User> {
  const user = yield* userById(userId);
  yield BEGIN;
  yield update('users', userId, {banned_until: until, updated_at: now()});
  yield audit('user_modified', userId);
  yield COMMIT;
  return {...user, banned_until: until};
}
