import {errors, jwtVerify, SignJWT, type JWTPayload} from 'jose';

/** Ten years, in seconds: how long the two keys of a project are good. */
const KEY_LIFE = 10 * 365 * 24 * 3600;

/** Signs and checks tokens by a shared secret (HS256). */
export class Tokens {
  readonly #secret: Uint8Array;

  constructor(secret: string) {
    this.#secret = new TextEncoder().encode(secret);
  }

  async sign(claims: JWTPayload): Promise<string> {
    return new SignJWT(claims).setProtectedHeader({alg: 'HS256', typ: 'JWT'}).sign(this.#secret);
  }

  /**
   * @param token what stands after "Bearer "
   * @param leeway for how many seconds after its end a token is still good
   * @returns its claims; rejects with an error of jose
   */
  async verify(token: string, leeway = 0): Promise<JWTPayload> {
    return (await jwtVerify(token, this.#secret, {algorithms: ['HS256'], clockTolerance: leeway})).payload;
  }

  /** The API key of a role: `anon` or `service_role`. */
  async key(role: string): Promise<string> {
    const iat = Math.floor(Date.now() / 1000);
    return this.sign({iss: 'supabase', ref: 'stand-in', role, iat, exp: iat + KEY_LIFE});
  }
}

export const isExpired = (error: unknown): boolean => error instanceof errors.JWTExpired;

/** The token of an Authorization header; undefined without one. */
export function bearer(header: string | undefined): string | undefined {
  return /^bearer\s+(\S+)$/i.exec(header ?? '')?.[1];
}
