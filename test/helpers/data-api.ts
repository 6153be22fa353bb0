/** A stand-in for PostgREST: every request runs in the order of its statements, on a connection of role authenticator. */
import type {Client} from 'pg';
import type {AuthSession} from './auth.js';

export interface Request {
  /** The role that the token names, which the connection becomes. */
  role?: string;
  /** The claims of the token; text goes to the database as it is, whatever it says. */
  claims?: object | string;
  /** Whether it is a reading request, which runs in a read-only transaction. */
  readOnly?: boolean;
  /** The pre-request function, as `schema.function`; none when left out. */
  preRequest?: string;
}

/** The claims that Auth puts into an access token of this session. */
export function claimsOf(session: AuthSession): Record<string, unknown> {
  const issued = Math.floor(Date.now() / 1000);
  return {
    ...{sub: session.userId, session_id: session.sessionId, role: 'authenticated', aal: 'aal1'},
    ...{iat: issued, exp: issued + 3600, is_anonymous: false, app_metadata: {}, user_metadata: {}},
  };
}

/** Sends one request: its settings, the pre-request function, then `work`. Commits, or rolls back what fails. */
export async function send<T>(client: Client, request: Request, work: () => Promise<T>): Promise<T> {
  const {role = 'authenticated', claims = {role}, readOnly = false, preRequest} = request;
  await client.query(`begin isolation level read committed read ${readOnly ? 'only' : 'write'}`);
  try {
    await client.query(
      `select set_config('search_path', '"public", "extensions"', true), set_config('role', $1, true),
         set_config('request.jwt.claims', $2, true), set_config('request.method', $3, true), set_config('request.path', '/', true),
         set_config('request.headers', '{"user-agent": "node"}', true), set_config('request.cookies', '{}', true)`,
      [role, typeof claims === 'string' ? claims : JSON.stringify(claims), readOnly ? 'GET' : 'POST'],
    );
    if (preRequest !== undefined) {
      const name = preRequest.split('.').map((part) => `"${part}"`);
      await client.query(`select ${name.join('.')}()`);
    }
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

/** The rows of one statement sent as a request. */
export async function ask<T extends object>(
  client: Client,
  request: Request,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  return send(client, request, async () => (await client.query<T>(sql, values)).rows);
}
