import bcrypt from 'bcryptjs';

/** The least that bcrypt allows: a real Auth server reads it as well, and the tests sign in by the hundred. */
const COST = 4;

export const hashPassword = (password: string): string => bcrypt.hashSync(password, COST);

export function isPassword(password: string, hash: unknown): boolean {
  return typeof hash === 'string' && hash !== '' && bcrypt.compareSync(password, hash);
}
