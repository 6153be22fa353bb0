export {createSessionClient, type SessionClient, type SessionClientOptions} from './client.js';
export {isLimitError} from './limit-error.js';
export type * from './types.js';
export {watchFetch, type WatchedFetch} from './watch-fetch.js';
