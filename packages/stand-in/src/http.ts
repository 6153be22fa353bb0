/** The gateway in front of both: cross-origin requests, API keys, and the paths of a project. */
import {Hono} from 'hono';
import {cors} from 'hono/cors';
import {proxy} from 'hono/proxy';
import {getConnInfo} from '@hono/node-server/conninfo';

/** What a project answers without an API key: links in e-mails, and keys that everybody may see. */
const OPEN = /^\/auth\/v1\/(verify|callback|authorize|\.well-known\/.*)$/;

/**
 * @param keys the API keys that are good
 * @param auth answers below /auth/v1
 * @param dataApi answers below /rest/v1
 */
export function gateway(keys: string[], auth: Hono, dataApi: Hono): Hono {
  const app = new Hono();
  app.use(cors({origin: '*', exposeHeaders: ['x-supabase-api-version', 'x-sb-error-code', 'content-range']}));
  app.use(async (c, next) => {
    if (OPEN.test(c.req.path)) return next();
    const key = c.req.header('apikey') ?? c.req.query('apikey');
    if (key === undefined) return c.json({message: 'No API key found in request'}, 401);
    if (!keys.includes(key)) return c.json({message: 'Invalid API key'}, 401);
    return next();
  });
  app.route('/auth/v1', auth);
  app.route('/rest/v1', dataApi);
  app.notFound((c) => c.json({message: `The stand-in has /auth/v1 and /rest/v1, and not ${c.req.path}.`}, 404));
  return app;
}

/** Passes what is below /auth/v1 to a real Auth server at this address. */
export function passOn(authUrl: string): Hono {
  const app = new Hono();
  app.all('*', async (c) => {
    const {pathname, search} = new URL(c.req.url);
    const forwarded = c.req.header('x-forwarded-for') ?? getConnInfo(c).remote.address ?? '';
    return proxy(`${authUrl.replace(/\/$/, '')}${pathname.replace('/auth/v1', '')}${search}`, {
      raw: c.req.raw,
      redirect: 'manual',
      headers: {...c.req.header(), 'x-forwarded-for': forwarded},
    });
  });
  return app;
}
