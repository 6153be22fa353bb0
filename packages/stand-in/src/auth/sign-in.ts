/** Signing up, signing in, refreshing. */
import {Hono} from 'hono';
import {refreshV1} from '../flows/refresh.js';
import {AuthError} from '../flows/run.js';
import type {Grant, User} from '../flows/session.js';
import {signInAnonymous, signInPassword, signUp} from '../flows/sign-in.js';
import type {Flow, Row} from '../flows/statements.js';
import {sessionJson} from './answers.js';
import {hashPassword, isPassword} from './passwords.js';
import {bodyOf, optionsOf, send, textIn, type AuthSettings} from './requests.js';

/** Of a refresh token of algorithm 1; one that cannot be one is not looked for. */
const TOKEN_LENGTH = 12;

export function signInRoutes(settings: AuthSettings): Hono {
  const {pool, tokens, reuseInterval} = settings;
  const app = new Hono();
  const granted = async (flow: Flow<Grant>): Promise<Row> => sessionJson(await send(pool, flow), tokens);

  app.post('/signup', async (c) => {
    const body = await bodyOf(c);
    const email = textIn(body, 'email');
    const options = {...optionsOf(c, settings), data: (body['data'] ?? {}) as Row};
    if (email === undefined) {
      const session = granted(signInAnonymous(options)).catch((error: unknown) => {
        // Auth keeps to itself why, also for a refusal by the hook.
        throw new AuthError('unexpected_failure', 500, 'Database error creating anonymous user', error);
      });
      return c.json(await session);
    }
    const password = textIn(body, 'password');
    if (password === undefined) throw new AuthError('validation_failed', 400, 'Signup requires a valid password');
    return c.json(await granted(signUp(email, {...options, encryptedPassword: hashPassword(password)})));
  });

  app.post('/token', async (c) => {
    const body = await bodyOf(c);
    const grantType = c.req.query('grant_type');
    if (grantType === 'refresh_token') {
      const refreshToken = textIn(body, 'refresh_token') ?? '';
      if (refreshToken.length !== TOKEN_LENGTH)
        throw new AuthError('validation_failed', 400, 'Refresh token is not valid');
      return c.json(await granted(refreshV1({refreshToken}, {...optionsOf(c, settings), reuseInterval})));
    }
    if (grantType !== 'password') throw new AuthError('invalid_credentials', 400, 'unsupported_grant_type');
    const check = (user: User): void => {
      if (isPassword(textIn(body, 'password') ?? '', user['encrypted_password'])) return;
      throw new AuthError('invalid_credentials', 400, 'Invalid login credentials');
    };
    const session = await granted(signInPassword(textIn(body, 'email') ?? '', {...optionsOf(c, settings), check}));
    return c.json({...session, weak_password: null});
  });
  return app;
}
