/** The second factor: TOTP. */
import {Hono} from 'hono';
import {Secret, TOTP} from 'otpauth';
import {mfaChallenge, mfaEnroll, mfaVerify} from '../flows/mfa.js';
import {AuthError} from '../flows/run.js';
import type {Row} from '../flows/statements.js';
import {sessionJson} from './answers.js';
import {bodyOf, caller, optionsOf, originOf, send, textIn, type AuthSettings} from './requests.js';

/** How long a challenge is good, in seconds. */
const CHALLENGE_LIFE = 300;

/** Throws for a code that is not the factor's now, or half a minute before or after. */
function checkCode(factor: Row, code: string): void {
  const totp = new TOTP({secret: String(factor['secret'])});
  if (totp.validate({token: code, window: 1}) === null)
    throw new AuthError('mfa_verification_failed', 422, 'Invalid TOTP code entered');
}

export function factorRoutes(settings: AuthSettings): Hono {
  const {pool, tokens} = settings;
  const app = new Hono();

  app.post('/factors', async (c) => {
    const ids = await caller(c, tokens);
    const body = await bodyOf(c);
    if (textIn(body, 'factor_type') !== 'totp')
      throw new AuthError('not_in_stand_in', 400, 'The stand-in for Auth has factors of type totp only.');
    const secret = new Secret({size: 20});
    const friendlyName = textIn(body, 'friendly_name') ?? '';
    const id = await send(pool, mfaEnroll(ids, {secret: secret.base32, friendlyName}));
    const uri = new TOTP({secret, issuer: textIn(body, 'issuer') ?? 'stand-in', label: ids.email});
    const totp = {qr_code: '', secret: secret.base32, uri: uri.toString()};
    return c.json({id, type: 'totp', friendly_name: friendlyName, totp});
  });

  app.post('/factors/:id/challenge', async (c) => {
    const ids = await caller(c, tokens);
    const id = await send(pool, mfaChallenge(ids, c.req.param('id'), originOf(c)));
    return c.json({id, type: 'totp', expires_at: Math.floor(Date.now() / 1000) + CHALLENGE_LIFE});
  });

  app.post('/factors/:id/verify', async (c) => {
    const ids = await caller(c, tokens);
    const body = await bodyOf(c);
    const grant = await send(
      pool,
      mfaVerify(ids, c.req.param('id'), {
        ...optionsOf(c, settings),
        challengeId: textIn(body, 'challenge_id') ?? '',
        check: (factor) => checkCode(factor, textIn(body, 'code') ?? ''),
      }),
    );
    return c.json(await sessionJson(grant, tokens));
  });
  return app;
}
