/** Users and sessions by the thousand, straight into the tables, for tests that need what is there and not how it came. */
import type {Client} from 'pg';
import type {AuthSession} from './session.js';
import {INSTANCE} from './statements.js';

export interface AuthUser {
  userId: string;
  email: string;
}

/** Makes `count` confirmed users, on a connection that may write auth tables. */
export async function createUsers(client: Client, count: number): Promise<AuthUser[]> {
  const {rows} = await client.query<{id: string; email: string}>(
    `insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, confirmation_token,
       recovery_token, email_change_token_new, email_change, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
     select $1, id, 'authenticated', 'authenticated', id || '@example.com', '', now(), '', '', '', '', '{}', '{}', now(), now()
     from (select gen_random_uuid() as id from generate_series(1, $2)) as made
     returning id, email`,
    [INSTANCE, count],
  );
  return rows.map(({id, email}) => ({userId: id, email}));
}

/** Makes one confirmed user. */
export async function createUser(client: Client): Promise<AuthUser> {
  const [user] = await createUsers(client, 1);
  if (!user) throw new Error('no user was made');
  return user;
}

/**
 * Makes `perUser` sessions for each user, one minute apart, with refresh tokens (algorithm 1) and AMR claims. Switch limits off
 * first: they hold for these rows too. Returns the sessions of each user oldest first, user after user.
 */
export async function createSessions(client: Client, userIds: string[], perUser = 1): Promise<AuthSession[]> {
  const {rows} = await client.query<{session_id: string; user_id: string; token: string}>(
    `with made as materialized (
       select gen_random_uuid() as id, user_id, user_number, n, now() - ($2::int - n + 1) * interval '1 minute' as at
       from unnest($1::uuid[]) with ordinality as u (user_id, user_number), generate_series(1, $2::int) as n
     ), sessions as (
       insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
       select id, user_id, at, at, 'aal1', 'node', '127.0.0.1' from made order by at
     ), claims as (
       insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
       select gen_random_uuid(), id, at, at, 'password' from made
     ), tokens as (
       insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, session_id)
       select $3, replace(id::text, '-', ''), user_id, false, at, at, id from made
       returning session_id, token
     )
     select tokens.session_id, made.user_id, tokens.token from tokens join made on made.id = tokens.session_id
     order by made.user_number, made.n`,
    [userIds, perUser, INSTANCE],
  );
  return rows.map((row) => ({sessionId: row.session_id, userId: row.user_id, refreshToken: row.token}));
}

/** The ids of a user's live sessions, oldest first. */
export async function liveSessions(client: Client, userId: string): Promise<string[]> {
  const {rows} = await client.query<{id: string}>(
    `select id from auth.sessions where user_id = $1 and (not_after is null or not_after > clock_timestamp())
     order by created_at, id`,
    [userId],
  );
  return rows.map(({id}) => id);
}

/** Gives a user a second factor, on a connection that may write auth tables. Returns its id. */
export async function createFactor(
  client: Client,
  userId: string,
  status: 'verified' | 'unverified' = 'verified',
): Promise<string> {
  const {rows} = await client.query<{id: string}>(
    `insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret)
     select id, $1, id::text, 'totp', $2, now(), now(), 'not-a-secret' from (select gen_random_uuid() as id) as made
     returning id`,
    [userId, status],
  );
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('no factor was made');
  return id;
}
