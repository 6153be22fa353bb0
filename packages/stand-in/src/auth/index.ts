/** The endpoints of Auth that the tests and the demo need. */
import {Hono} from 'hono';
import {AuthError} from '../flows/run.js';
import {failure} from './answers.js';
import {accountRoutes} from './account.js';
import {adminRoutes} from './admin.js';
import {factorRoutes} from './factors.js';
import {linkRoutes} from './links.js';
import {signInRoutes} from './sign-in.js';
import type {AuthSettings} from './requests.js';

export function authRoutes(settings: AuthSettings): Hono {
  const app = new Hono();
  app.onError((error, c) => failure(c, error));
  // By a shared secret there is no key to show.
  app.get('/.well-known/jwks.json', (c) => c.json({keys: []}));
  app.get('/health', (c) =>
    c.json({name: 'stand-in for Auth', version: 'none', description: 'For tests and the demo'}),
  );
  app.get('/settings', (c) =>
    c.json({external: {anonymous_users: true, email: true}, disable_signup: false, mailer_autoconfirm: true}),
  );
  app.route('/', signInRoutes(settings));
  app.route('/', accountRoutes(settings));
  app.route('/', factorRoutes(settings));
  app.route('/', linkRoutes(settings));
  app.route('/', adminRoutes(settings));
  app.all('*', (c) => {
    throw new AuthError('not_in_stand_in', 404, `The stand-in for Auth does not have ${c.req.method} ${c.req.path}.`);
  });
  return app;
}
