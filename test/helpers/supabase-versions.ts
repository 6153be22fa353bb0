import {createClient as createNewest, type SupabaseClient} from '@supabase/supabase-js';
import {GoTrueClient as LowestAuth} from 'lowest-auth-js';
import {createClient as createLowest} from 'lowest-supabase-js';

interface Options {
  url: string;
  key: string;
  fetch: typeof fetch;
  userAgent: string;
}

/** Node 20 has no WebSocket for Realtime, and createClient wants one. */
const realtime = {transport: Object as never};

function lowest({url, key, fetch, userAgent}: Options): SupabaseClient {
  const headers = {'User-Agent': userAgent};
  const client = createLowest(url, key, {global: {fetch, headers}, auth: {autoRefreshToken: false}, realtime});
  const auth = new LowestAuth({
    url: `${url}/auth/v1`,
    headers: {...headers, apikey: key, Authorization: `Bearer ${key}`},
    ...{fetch, autoRefreshToken: false, detectSessionInUrl: false, storageKey: 'lowest'},
  });
  return Object.assign(client, {auth}) as unknown as SupabaseClient;
}

/** A client of the newest supabase-js, or of the lowest with the auth-js of its time: a device that refreshes when asked to. */
export const SUPABASE_VERSIONS = {
  newest: ({url, key, fetch, userAgent}: Options): SupabaseClient =>
    createNewest(url, key, {
      global: {fetch, headers: {'User-Agent': userAgent}},
      auth: {autoRefreshToken: false, detectSessionInUrl: false},
      realtime,
    }),
  lowest,
};
