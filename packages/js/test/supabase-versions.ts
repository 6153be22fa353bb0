import {createClient as createNewest, type SupabaseClient} from '@supabase/supabase-js';
import {GoTrueClient as LowestAuth} from 'lowest-auth-js';
import {createClient as createLowest} from 'lowest-supabase-js';
import {type SharedStorage} from '../src/index.js';

export interface Options {
  url: string;
  key: string;
  fetch: typeof fetch;
  userAgent?: string;
  storage?: SharedStorage;
  storageKey?: string;
  autoRefreshToken?: boolean;
}

/** Node 20 has no WebSocket for Realtime, and createClient wants one. */
const realtime = {transport: Object as never};

const readOptions = ({userAgent, storage, storageKey = 'auth', autoRefreshToken = false}: Options) => ({
  headers: {...(userAgent !== undefined && {'User-Agent': userAgent})},
  auth: {autoRefreshToken, detectSessionInUrl: false, persistSession: true, storageKey, ...(storage && {storage})},
});

function newest(options: Options): SupabaseClient {
  const {headers, auth} = readOptions(options);
  return createNewest(options.url, options.key, {global: {fetch: options.fetch, headers}, auth, realtime});
}

/** The lowest supabase-js, with the auth-js of its time instead of the newest that its range allows. */
function lowest(options: Options): SupabaseClient {
  const {url, key, fetch} = options;
  const {headers, auth} = readOptions(options);
  const client = createLowest(url, key, {global: {fetch, headers}, auth: {autoRefreshToken: false}, realtime});
  const own = new LowestAuth({url: `${url}/auth/v1`, headers: {...headers, apikey: key}, fetch, ...auth});
  return Object.assign(client, {auth: own}) as unknown as SupabaseClient;
}

export const SUPABASE_VERSIONS = {newest, lowest};
export type Version = keyof typeof SUPABASE_VERSIONS;
