/** Signing up, signing in, refreshing, following a link. */
import {Hono, type Context} from 'hono';
import {refreshV1} from '../flows/refresh.js';
import {AuthError} from '../flows/run.js';
import type {Grant, User} from '../flows/session.js';
import {signInAnonymous, signInPassword, signUp, verifyMagicLink} from '../flows/sign-in.js';
import type {Flow, Row} from '../flows/statements.js';
import {sessionJson} from './answers.js';
import {hashPassword, isPassword} from './passwords.js';
import {bodyOf, originOf, send, textIn, type AuthSettings} from './requests.js';

const LINKS = ['magiclink', 'recovery', 'email'];

export function signInRoutes({pool, tokens, hook, jwtExpiry, reuseInterval}: AuthSettings): Hono {
  const app = new Hono();
  const optionsOf = (c: Context) => ({...originOf(c), jwtExpiry, ...(hook === null ? {} : {hook})});
  const granted = async (flow: Flow<Grant>): Promise<Row> => sessionJson(await send(pool, flow), tokens);

  app.post('/signup', async (c) => {
    const body = await bodyOf(c);
    const email = textIn(body, 'email');
    const options = {...optionsOf(c), data: (body['data'] ?? {}) as Row};
    if (email === undefined) return c.json(await granted(anonymously(signInAnonymous(options))));
    const password = textIn(body, 'password');
    if (password === undefined) throw new AuthError('validation_failed', 400, 'Signup requires a valid password');
    return c.json(await granted(signUp(email, {...options, encryptedPassword: hashPassword(password)})));
  });

  app.post('/token', async (c) => {
    const body = await bodyOf(c);
    const grantType = c.req.query('grant_type');
    if (grantType === 'refresh_token') {
      const refreshToken = textIn(body, 'refresh_token') ?? '';
      return c.json(await granted(refreshV1({refreshToken}, {...optionsOf(c), reuseInterval})));
    }
    if (grantType !== 'password') {
      throw new AuthError('not_in_stand_in', 400, `The stand-in for Auth does not know grant_type=${grantType ?? ''}.`);
    }
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
    return c.json(await granted(verifyMagicLink(textIn(body, 'token_hash') ?? '', optionsOf(c))));
  });

  // As a link in an e-mail: the session is in the fragment of the address that it leads to.
  app.get('/verify', async (c) => {
    const target = c.req.query('redirect_to') ?? '/';
    const session = await granted(verifyMagicLink(c.req.query('token') ?? '', optionsOf(c)));
    delete session['user'];
    const fragment = new URLSearchParams(
      Object.entries(session).map(([name, value]): [string, string] => [name, String(value)]),
    );
    fragment.set('type', c.req.query('type') ?? 'magiclink');
    return c.redirect(`${target}#${fragment.toString()}`, 303);
  });
  return app;
}

/** Auth says nothing of why an anonymous sign-in failed. */
function* anonymously(flow: Flow<Grant>): Flow<Grant> {
  try {
    return yield* flow;
  } catch (error) {
    const {sqlstate, cause} = error instanceof AuthError ? error : {sqlstate: undefined, cause: error};
    const database = {sqlstate, cause, statement: 'anonymous'};
    throw new AuthError('unexpected_failure', 500, 'Database error creating anonymous user', database);
  }
}
