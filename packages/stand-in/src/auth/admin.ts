/** What a server does with the service key. */
import {Hono, type Context} from 'hono';
import {banUser, deleteUser} from '../flows/account.js';
import {AuthError} from '../flows/run.js';
import {userById} from '../flows/session.js';
import {createEmailUser} from '../flows/sign-in.js';
import type {Row} from '../flows/statements.js';
import {userJson} from './answers.js';
import {hashPassword} from './passwords.js';
import {bodyOf, requireAdmin, send, textIn, type AuthSettings} from './requests.js';

/** Milliseconds of a unit of Go's durations. */
const UNITS: Record<string, number> = {h: 3_600_000, m: 60_000, s: 1000, ms: 1};

/** When a ban of this duration (`24h`, `1h30m`, `none`) ends; null for none. */
function banEnd(duration: string): Date | null {
  if (duration === 'none') return null;
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(duration))
    throw new AuthError('validation_failed', 400, `invalid format for ban duration: ${duration}`);
  const parts = [...duration.matchAll(/([\d.]+)(h|ms|m|s)/g)];
  return new Date(parts.reduce((end, [, count, unit]) => end + Number(count) * UNITS[unit!]!, Date.now()));
}

export function adminRoutes({pool, tokens}: AuthSettings): Hono {
  const app = new Hono();
  app.use('/admin/*', async (c: Context, next) => {
    await requireAdmin(c, tokens);
    await next();
  });

  // Auth makes such a user in another order; it has no session, so that shows nowhere here.
  app.post('/admin/users', async (c) => {
    const body = await bodyOf(c);
    const email = textIn(body, 'email');
    if (email === undefined)
      throw new AuthError('validation_failed', 400, 'Cannot create a user without either an email or phone');
    const password = textIn(body, 'password');
    const account = {
      data: (body['user_metadata'] ?? {}) as Row,
      byAdmin: true,
      ...(password === undefined ? {} : {encryptedPassword: hashPassword(password)}),
    };
    return c.json(userJson(await send(pool, createEmailUser(email, account))));
  });

  app.get('/admin/users/:id', async (c) => c.json(userJson(await send(pool, userById(c.req.param('id'))))));

  app.put('/admin/users/:id', async (c) => {
    const duration = textIn(await bodyOf(c), 'ban_duration');
    if (duration === undefined)
      throw new AuthError('not_in_stand_in', 400, 'The stand-in for Auth bans users, and changes nothing else.');
    return c.json(userJson(await send(pool, banUser(c.req.param('id'), banEnd(duration)))));
  });

  app.delete('/admin/users/:id', async (c) => {
    await send(pool, deleteUser(c.req.param('id')));
    return c.json({});
  });
  return app;
}
