/**
 * A stand-in for the database side of Supabase Auth: every flow sends the statements that Auth sends, in Auth's order and with
 * Auth's locks, on a connection of role supabase_auth_admin. Used by the tests and by the demo.
 */
export {deleteUser, signOut, updatePassword} from '../../packages/stand-in/src/flows/account.js';
export {
  createFactor,
  createSessions,
  createUser,
  createUsers,
  liveSessions,
  type AuthUser,
} from '../../packages/stand-in/src/flows/bulk.js';
export {mfaChallenge, mfaEnroll, mfaUnenroll, mfaVerify} from '../../packages/stand-in/src/flows/mfa.js';
export {exchangeCode, requestPkceLink, verifyPkceLink} from '../../packages/stand-in/src/flows/pkce.js';
export {refresh, refreshV1, refreshV2} from '../../packages/stand-in/src/flows/refresh.js';
export {AuthError, run, Steps} from '../../packages/stand-in/src/flows/run.js';
export {createSamlUser, samlAcs, startSamlPkce} from '../../packages/stand-in/src/flows/saml.js';
export type {AuthSession} from '../../packages/stand-in/src/flows/session.js';
export {
  generateMagicLink,
  signInAnonymous,
  signInPassword,
  signUp,
  verifyMagicLink,
} from '../../packages/stand-in/src/flows/sign-in.js';
export type {Flow} from '../../packages/stand-in/src/flows/statements.js';
