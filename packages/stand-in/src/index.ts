/**
 * A stand-in for Supabase Auth and the Data API, for tests and the demo: the endpoints that an app needs to sign in, to go on and to be
 * signed out, on a Postgres with Supabase's roles and auth tables.
 */
import type {AddressInfo} from 'node:net';
import {promisify} from 'node:util';
import {createAdaptorServer} from '@hono/node-server';
import pg from 'pg';
import {authRoutes} from './auth/index.js';
import {dataApiRoutes} from './data-api/index.js';
import {gateway, passOn} from './http.js';
import {Tokens} from './tokens.js';

/** The secret of `supabase start`: known to everybody, and good for nothing but tests. */
const JWT_SECRET = 'super-secret-jwt-token-with-at-least-32-characters-long';

export interface StandInOptions {
  /** Of a Postgres whose roles supabase_auth_admin and authenticator log in with the password in it. */
  databaseUrl: string;
  /** On 127.0.0.1; default 0, a free one. */
  port?: number;
  /** Signs all tokens (HS256). */
  jwtSecret?: string;
  /** How long an access token is good, in seconds; default an hour. */
  jwtExpiry?: number;
  /** For how long a used refresh token is good once more, in seconds; default 10. */
  reuseInterval?: number;
  /** The access token hook, as `schema.function`; default none. */
  hook?: string | null;
  /** The pre-request function, as `schema.function`; default: what the database says of role authenticator, as for PostgREST. */
  preRequest?: string | null;
  /** Default: what the database says of role authenticator, else `public`. */
  exposedSchemas?: string[];
  /** A real Auth server on the same database, with the same secret: it gets what is below /auth/v1. */
  authUrl?: string;
}

export interface StandIn {
  /** To be given to `createClient`. */
  url: string;
  anonKey: string;
  serviceKey: string;
  /** What all tokens are signed with. */
  jwtSecret: string;
  /** Ends all connections. */
  close: () => Promise<void>;
}

function poolOf(databaseUrl: string, role: string): pg.Pool {
  const url = new URL(databaseUrl);
  url.username = role;
  const pool = new pg.Pool({connectionString: url.href, max: 10});
  // A connection that the server ends fails its request, and the next request opens another one; neither ends this process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/**
 * Starts the stand-in on 127.0.0.1.
 *
 * @returns when it takes requests
 */
export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const {databaseUrl, jwtExpiry = 3600, reuseInterval = 10, hook = null, preRequest, exposedSchemas} = options;
  const jwtSecret = options.jwtSecret ?? JWT_SECRET;
  const tokens = new Tokens(jwtSecret);
  const authPool = poolOf(databaseUrl, 'supabase_auth_admin');
  const apiPool = poolOf(databaseUrl, 'authenticator');
  const [anonKey, serviceKey] = [await tokens.key('anon'), await tokens.key('service_role')];
  const auth =
    options.authUrl === undefined
      ? authRoutes({pool: authPool, tokens, hook, jwtExpiry, reuseInterval})
      : passOn(options.authUrl);
  const app = gateway([anonKey, serviceKey], auth, dataApiRoutes({pool: apiPool, tokens, preRequest, exposedSchemas}));
  const server = createAdaptorServer({fetch: app.fetch});
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const {port} = server.address() as AddressInfo;
  return {
    ...{url: `http://127.0.0.1:${port}`, anonKey, serviceKey, jwtSecret},
    close: async () => {
      const closed = promisify(server.close.bind(server))();
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
      await Promise.all([authPool.end(), apiPool.end()]);
    },
  };
}
