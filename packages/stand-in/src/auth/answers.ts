/** What Auth answers: a user, a session, an error. */
import type {Context} from 'hono';
import type {ContentfulStatusCode} from 'hono/utils/http-status';
import {DatabaseError} from 'pg';
import {AuthError} from '../flows/run.js';
import type {Grant, User} from '../flows/session.js';
import type {Row} from '../flows/statements.js';
import type {Tokens} from '../tokens.js';

/** Whatever is not null. */
function present(row: Row, names: string[]): Row {
  return Object.fromEntries(names.flatMap((name) => (row[name] == null ? [] : [[name, row[name]]])));
}

const identityJson = (row: Row): Row => ({
  identity_id: row['id'],
  id: row['provider_id'],
  ...present(row, ['user_id', 'identity_data', 'provider', 'last_sign_in_at', 'created_at', 'updated_at', 'email']),
});

const factorJson = (row: Row): Row => ({
  ...present(row, ['id', 'created_at', 'updated_at', 'status', 'friendly_name', 'factor_type']),
  phone: row['phone'] ?? '',
  last_challenged_at: row['last_challenged_at'],
});

/** A user as Auth shows it to the user and to an administrator. */
export function userJson(user: User): Row {
  return {
    ...present(user, ['id', 'aud', 'role', 'email_confirmed_at', 'confirmed_at', 'recovery_sent_at']),
    ...present(user, ['last_sign_in_at', 'banned_until', 'created_at', 'updated_at', 'is_anonymous']),
    email: user['email'] ?? '',
    phone: user['phone'] ?? '',
    app_metadata: user['raw_app_meta_data'] ?? {},
    user_metadata: user['raw_user_meta_data'] ?? {},
    ...(user.factors.length > 0 ? {factors: user.factors.map(factorJson)} : {}),
    identities: user.identities.map(identityJson),
  };
}

/** The session that a sign-in or a refresh gives. */
export async function sessionJson({claims, refreshToken, user}: Grant, tokens: Tokens): Promise<Row> {
  const exp = Number(claims['exp']);
  return {
    access_token: await tokens.sign(claims),
    token_type: 'bearer',
    expires_in: exp - Math.floor(Date.now() / 1000),
    expires_at: exp,
    refresh_token: refreshToken,
    user: userJson(user),
  };
}

/** What failed in the database, by request and statement. Auth has no words for the rest. */
function databaseMessage({req: {method, path, url}}: Context, statement: string | undefined): string | undefined {
  if (statement === 'hook') return 'error generating jwt token';
  if (path.endsWith('/logout')) return 'Error logging out user';
  if (method === 'DELETE') return 'Database error deleting user';
  if (statement === 'insert users') return 'Database error saving new user';
  if (path.endsWith('/signup') && statement === 'update users') return 'Database error updating user';
  const refreshing = url.includes('grant_type=refresh_token');
  if (refreshing && statement === 'update sessions') return 'failed to update session information';
  const granting = /^(insert (sessions|refresh_tokens)|update users)$/.test(statement ?? '');
  return granting && !refreshing ? 'Database error granting user' : undefined;
}

/** Errors of Postgres that Auth shows to clients without an API version: PTxyz with its status, and those of constraints and `raise`. */
function publicStatus(sqlstate: string): number | undefined {
  if (/^PT\d{3}$/.test(sqlstate)) return Number(sqlstate.slice(2));
  return sqlstate === 'P0001' || /^23(000|001|502|503|505|514|P01)$/.test(sqlstate) ? 500 : undefined;
}

/** The answer to a request that failed, in the form that the client's API version asks for. */
export function failure(c: Context, error: unknown): Response {
  const {code, status, message, sqlstate, statement, cause} =
    error instanceof AuthError ? error : new AuthError('unexpected_failure', 500, String(error));
  const fromDatabase = sqlstate !== undefined || !(error instanceof AuthError);
  const known = databaseMessage(c, statement);
  const said = fromDatabase ? (known ?? 'Unexpected failure, please check server logs for more information') : message;
  // An error of the hook has no code of Auth's, and what Auth does not expect has no header.
  if (code !== 'unknown' && !(fromDatabase && known === undefined)) c.header('x-sb-error-code', code);
  const version = c.req.header('x-supabase-api-version') ?? '';
  if (version >= '2024-01-01') {
    c.header('x-supabase-api-version', '2024-01-01');
    return c.json({code, message: said}, status as ContentfulStatusCode);
  }
  const shown = known !== undefined && cause instanceof DatabaseError ? publicStatus(cause.code ?? '') : undefined;
  if (shown !== undefined && cause instanceof DatabaseError) {
    const {hint, detail} = cause;
    return c.json({code: cause.code, message: cause.message, hint, detail}, shown as ContentfulStatusCode);
  }
  return c.json({code: status, error_code: code, msg: said}, status as ContentfulStatusCode);
}
