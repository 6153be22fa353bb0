/** What other features may use of this one. */
export {readGuardEnabled} from './queries.js';
export {findUser, isId, userName} from './users.js';
export type {User} from './users-queries.js';
