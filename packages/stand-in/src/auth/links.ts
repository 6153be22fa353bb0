/** Links in e-mails: making one, and following it. */
import {Hono} from 'hono';
import {AuthError} from '../flows/run.js';
import {findUserByEmail, type Grant, type User} from '../flows/session.js';
import {hashCode, randomCode, sendRecoveryToken, verifyMagicLink} from '../flows/sign-in.js';
import type {Flow, Row} from '../flows/statements.js';
import {sessionJson, userJson} from './answers.js';
import {bodyOf, optionsOf, requireAdmin, send, textIn, type AuthSettings} from './requests.js';

const TYPES = ['magiclink', 'recovery', 'email'];

/** A magic link or one of recovery, with this code in it. */
function* makeLink(email: string, code: string): Flow<{user: User; hash: string}> {
  const user = yield* findUserByEmail(email);
  if (!user) throw new AuthError('user_not_found', 404, 'User with this email not found');
  return {user, hash: yield* sendRecoveryToken(user, hashCode(String(user['email']), code))};
}

export function linkRoutes(settings: AuthSettings): Hono {
  const {pool, tokens} = settings;
  const app = new Hono();
  const granted = async (flow: Flow<Grant>): Promise<Row> => sessionJson(await send(pool, flow), tokens);

  app.post('/admin/generate_link', async (c) => {
    await requireAdmin(c, tokens);
    const body = await bodyOf(c);
    const type = textIn(body, 'type');
    if (type !== 'magiclink' && type !== 'recovery')
      throw new AuthError('not_in_stand_in', 400, 'The stand-in for Auth makes links of magiclink and recovery only.');
    const code = randomCode();
    const {user, hash} = await send(pool, makeLink(textIn(body, 'email') ?? '', code));
    const target = textIn(body, 'redirect_to') ?? '';
    const query = new URLSearchParams({token: hash, type, redirect_to: target});
    const link = {
      action_link: `${new URL(c.req.url).origin}/auth/v1/verify?${query.toString()}`,
      email_otp: code,
      hashed_token: hash,
      verification_type: type,
      redirect_to: target,
    };
    return c.json({...userJson({...user, recovery_sent_at: new Date()}), ...link});
  });

  app.post('/verify', async (c) => {
    const body = await bodyOf(c);
    if (!TYPES.includes(textIn(body, 'type') ?? ''))
      throw new AuthError('validation_failed', 400, 'Invalid email verification type');
    const [email, code] = [textIn(body, 'email') ?? '', textIn(body, 'token') ?? ''];
    const hash = textIn(body, 'token_hash') ?? hashCode(email.toLowerCase(), code);
    return c.json(await granted(verifyMagicLink(hash, optionsOf(c, settings))));
  });

  // As a link in an e-mail: the session, or why there is none, is in the fragment of the address that it leads to.
  app.get('/verify', async (c) => {
    const said = await granted(verifyMagicLink(c.req.query('token') ?? '', optionsOf(c, settings))).then(
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
