import {createServerClient} from '@supabase/ssr';
import type {SupabaseClient} from '@supabase/supabase-js';
import type {Context} from 'hono';
import {getCookie, setCookie} from 'hono/cookie';

/** Where the project is: its URL and its publishable (anon) key. */
export interface Project {
  url: string;
  key: string;
}

/** A client for one request, with its session in cookies that no script can read. */
export function clientFor(c: Context, {url, key}: Project): SupabaseClient {
  const client: unknown = createServerClient(url, key, {
    cookieOptions: {httpOnly: true, sameSite: 'lax', path: '/', secure: c.req.url.startsWith('https:')},
    cookies: {
      getAll: () => Object.entries(getCookie(c)).map(([name, value]) => ({name, value})),
      setAll: (cookies, headers) => {
        for (const {name, value, options} of cookies)
          setCookie(c, name, value, options as Parameters<typeof setCookie>[3]);
        for (const [name, value] of Object.entries(headers)) c.header(name, value);
      },
    },
    // Auth stores it with the session, and the list of devices shows it.
    global: {headers: {'user-agent': c.req.header('user-agent') ?? ''}},
    // Node 20 has no WebSocket, and supabase-js wants one. Realtime is not used here.
    realtime: {transport: Object as never},
  });
  // Its types are those of the CommonJS build, which TypeScript takes for another class.
  return client as SupabaseClient;
}
