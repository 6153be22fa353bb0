/** What signed-in users do to their account. */
import {Hono} from 'hono';
import {signOut, updatePassword} from '../flows/account.js';
import {AuthError} from '../flows/run.js';
import {authenticate, type User} from '../flows/session.js';
import {userJson} from './answers.js';
import {hashPassword, isPassword} from './passwords.js';
import {bodyOf, caller, send, textIn, userOf, type AuthSettings} from './requests.js';

export function accountRoutes({pool, tokens}: AuthSettings): Hono {
  const app = new Hono();

  app.get('/user', async (c) => c.json(userJson(await send(pool, authenticate(await userOf(c, tokens))))));

  app.put('/user', async (c) => {
    const ids = await caller(c, tokens);
    const password = textIn(await bodyOf(c), 'password');
    if (password === undefined)
      throw new AuthError('not_in_stand_in', 400, 'The stand-in for Auth changes passwords, and nothing else.');
    const hashFor = (user: User): string => {
      if (!isPassword(password, user['encrypted_password'])) return hashPassword(password);
      throw new AuthError('same_password', 422, 'New password should be different from the old password.');
    };
    return c.json(userJson(await send(pool, updatePassword(ids, hashFor))));
  });

  app.post('/logout', async (c) => {
    const ids = await caller(c, tokens);
    const scope = c.req.query('scope') ?? 'global';
    if (scope !== 'global' && scope !== 'local' && scope !== 'others')
      throw new AuthError('validation_failed', 400, `Unsupported logout scope "${scope}"`);
    await send(pool, signOut(ids, scope));
    return c.body(null, 204);
  });
  return app;
}
