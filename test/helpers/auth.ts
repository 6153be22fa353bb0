/**
 * A stand-in for the database side of Supabase Auth: every flow sends the statements that Auth sends, in Auth's order and with
 * Auth's locks, on a connection of role supabase_auth_admin. Used by the tests and by the demo.
 */
export {deleteUser, signOut, updatePassword} from './auth/account.js';
export {createFactor, createSessions, createUser, createUsers, liveSessions, type AuthUser} from './auth/bulk.js';
export {mfaChallenge, mfaEnroll, mfaUnenroll, mfaVerify} from './auth/mfa.js';
export {exchangeCode, requestPkceLink, verifyPkceLink} from './auth/pkce.js';
export {refresh, refreshV1, refreshV2} from './auth/refresh.js';
export {AuthError, run, Steps} from './auth/run.js';
export {createSamlUser, samlAcs, startSamlPkce} from './auth/saml.js';
export type {AuthSession} from './auth/session.js';
export {generateMagicLink, signInAnonymous, signInPassword, signUp, verifyMagicLink} from './auth/sign-in.js';
export type {Flow} from './auth/statements.js';
