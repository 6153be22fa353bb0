/**
 * A project for the real supabase-js: a Postgres with supasession in it, and the stand-in for Auth and the Data API before it. With
 * SUPASESSION_TEST_AUTH_URL a real Auth server takes the place of the stand-in's; it runs on the database SUPASESSION_TEST_AUTH_DATABASE
 * (a URL of role postgres, supasession installed), signs with SUPASESSION_TEST_JWT_SECRET, and has our access token hook.
 */
import {randomUUID} from 'node:crypto';
import {createClient, type Session, type SupabaseClient, type SupabaseClientOptions} from '@supabase/supabase-js';
import pg from 'pg';
import {startStandIn, type StandIn, type StandInOptions} from '../../packages/stand-in/src/index.js';
import {configure, type Settings} from './install.js';
import {startServer, type TestServer} from './server.js';

export const HOOK = 'supasession.access_token_hook';

export interface AppUser {
  id: string;
  email: string;
  password: string;
}

type Options = SupabaseClientOptions<'public'> & {
  /** What the device calls itself. */
  userAgent?: string;
};

export interface App extends StandIn {
  /** Connected as role postgres. */
  database: pg.Client;
  /** A URL of the database for a login role (default `postgres`). */
  databaseUrl: (role?: string) => string;
  /** Sets the settings that are given and all others to their defaults; with limits enabled unless told otherwise. */
  configure: (settings?: Settings) => Promise<void>;
  /** Enables or disables the guard. */
  setGuard: (enabled: boolean) => Promise<void>;
  /** A client of its own, as of another device: nothing is shared, and it refreshes only when it is asked to. */
  createClient: (options?: Options) => SupabaseClient;
  /** A client with the service key. */
  admin: SupabaseClient;
  /** A new confirmed user, not signed in. */
  newUser: () => Promise<AppUser>;
  /** Signs a user in on a device of its own. Throws if Auth refuses. */
  signIn: (user: AppUser, options?: Options) => Promise<{client: SupabaseClient; session: Session}>;
  /** Whether a real Auth server answers. */
  realAuth: boolean;
  stop: () => Promise<void>;
}

/** Realtime is not part of the stand-in; Node 20 has no WebSocket for it, and supabase-js wants one. */
function noWebSocket(): never {
  throw new Error('The stand-in has no Realtime.');
}

function clientOf(url: string, key: string, {userAgent, ...options}: Options = {}): SupabaseClient {
  const headers = {...options.global?.headers, ...(userAgent === undefined ? {} : {'User-Agent': userAgent})};
  return createClient(url, key, {
    ...options,
    auth: {autoRefreshToken: false, detectSessionInUrl: false, ...options.auth},
    global: {...options.global, headers},
    realtime: {transport: noWebSocket as never},
  });
}

/** The server of the test file, or the one that a real Auth server is on. */
async function findServer(): Promise<Pick<TestServer, 'url' | 'stop'> & {auth: Partial<StandInOptions>}> {
  const authUrl = process.env['SUPASESSION_TEST_AUTH_URL'];
  if (authUrl === undefined) {
    const server = await startServer();
    await server.reset('supasession_template');
    return {...server, auth: {}};
  }
  const database = process.env['SUPASESSION_TEST_AUTH_DATABASE'];
  const jwtSecret = process.env['SUPASESSION_TEST_JWT_SECRET'];
  if (database === undefined || jwtSecret === undefined)
    throw new Error('SUPASESSION_TEST_AUTH_URL needs SUPASESSION_TEST_AUTH_DATABASE and SUPASESSION_TEST_JWT_SECRET.');
  return {
    url: (role = 'postgres') => {
      const url = new URL(database);
      url.username = role;
      return url.href;
    },
    stop: async () => undefined,
    auth: {authUrl, jwtSecret},
  };
}

/**
 * Starts it all, with schema supasession exposed and the access token hook on.
 *
 * @param options of the stand-in, if they should differ
 */
export async function startApp(options: Partial<StandInOptions> = {}): Promise<App> {
  const server = await findServer();
  const standIn = await startStandIn({
    databaseUrl: server.url(),
    hook: HOOK,
    exposedSchemas: ['public', 'supasession'],
    ...server.auth,
    ...options,
  });
  const database = new pg.Client({connectionString: server.url()});
  database.on('error', () => undefined);
  await database.connect();
  const {url, anonKey, serviceKey} = standIn;
  const admin = clientOf(url, serviceKey, {auth: {persistSession: false}});
  const ofDevice = (settings?: Options): SupabaseClient => clientOf(url, anonKey, settings);
  return {
    ...standIn,
    ...{database, admin, createClient: ofDevice, databaseUrl: server.url, realAuth: server.auth.authUrl !== undefined},
    configure: async (settings = {}) => configure(database, {enabled: true, ...settings}),
    setGuard: async (enabled) => {
      await database.query(`select supasession.${enabled ? 'enable' : 'disable'}_guard()`);
    },
    newUser: async () => {
      const [email, password] = [`${randomUUID()}@example.com`, 'correct horse battery'];
      const {data, error} = await admin.auth.admin.createUser({email, password, email_confirm: true});
      if (error) throw error;
      return {id: data.user.id, email, password};
    },
    signIn: async ({email, password}, settings) => {
      const client = ofDevice(settings);
      const {data, error} = await client.auth.signInWithPassword({email, password});
      if (error) throw error;
      return {client, session: data.session};
    },
    stop: async () => {
      await database.end();
      await standIn.close();
      await server.stop();
    },
  };
}
