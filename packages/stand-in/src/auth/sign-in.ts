/** Signing up, signing in, refreshing, following a link. */
import {Hono, type Context} from 'hono';
import {refreshV1} from '../flows/refresh.js';
import {AuthError} from '../flows/run.js';
import type {Grant, User} from '../flows/session.js';
import {hashCode, signInAnonymous, signInPassword, signUp, verifyMagicLink} from '../flows/sign-in.js';
import type {Flow, Row} from '../flows/statements.js';
import {sessionJson} from './answers.js';
import {hashPassword, isPassword} from './passwords.js';
import {bodyOf, originOf, send, textIn, type AuthSettings} from './requests.js';

/** Of a refresh token of algorithm 1; one that cannot be one is not looked for. */
const TOKEN_LENGTH = 12;

/** What a link is good for. */
const LINKS = ['magiclink', 'recovery', 'email'];

export function signInRoutes({pool, tokens, hook, jwtExpiry, reuseInterval}: AuthSettings): Hono {
  const app = new Hono();
  const optionsOf = (c: Context) => ({...originOf(c), jwtExpiry, ...(hook === null ? {} : {hook})});
  const granted = async (flow: Flow<Grant>): Promise<Row> => sessionJson(await send(pool, flow), tokens);

  app.post('/signup', async (c) => {
    const body = await bodyOf(c);
    const email = textIn(body, 'email');
    const options = {...optionsOf(c), data: (body['data'] ?? {}) as Row};
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
      return c.json(await granted(refreshV1({refreshToken}, {...optionsOf(c), reuseInterval})));
    }
    if (grantType !== 'password') throw new AuthError('invalid_credentials', 400, 'unsupported_grant_type');
    const check = (user: User): void => {
      if (isPassword(textIn(body, 'password') ?? '', user['encrypted_password'])) return;
      throw new AuthError('invalid_credentials', 400, 'Invalid login credentials');
    };
    const session = await granted(signInPassword(textIn(body, 'email') ?? '', {...optionsOf(c), check}));
    return c.json({...session, weak_password: null});
  });

  app.post('/verify', async (c) => {
    const body = await bodyOf(c);
    if (!LINKS.includes(textIn(body, 'type') ?? ''))
      throw new AuthError('validation_failed', 400, 'Invalid email verification type');
    const [email, code] = [textIn(body, 'email') ?? '', textIn(body, 'token') ?? ''];
    const hash = textIn(body, 'token_hash') ?? hashCode(email.toLowerCase(), code);
    return c.json(await granted(verifyMagicLink(hash, optionsOf(c))));
  });

  // As a link in an e-mail: the session, or why there is none, is in the fragment of the address that it leads to.
  app.get('/verify', async (c) => {
    const said = await granted(verifyMagicLink(c.req.query('token') ?? '', optionsOf(c))).then(
      ({user: _user, ...session}): Row => ({...session, type: c.req.query('type'), sb: ''}),
      (error: unknown): Row => {
        if (!(error instanceof AuthError)) throw error;
        return {error: 'access_denied', error_code: error.code, error_description: error.message, sb: ''};
      },
    );
    const fragment = Object.entries(said).map(([name, value]): [string, string] => [name, String(value)]);
    return c.redirect(`${c.req.query('redirect_to') ?? '/'}#${new URLSearchParams(fragment).toString()}`, 303);
  });
  return app;
}
