import {type EndReason, type Limit, type SharedStorage} from './types.js';

/** When a session ends, in Unix milliseconds, and by what. */
export interface Deadline {
  at: number;
  limit: Limit | null;
}

/** Why a session ended. */
export interface End {
  reason: EndReason;
  cause: string | null;
}

/** What the tabs of a browser know of a session together. Instants are Unix milliseconds. */
export interface Memo {
  /** The `session_id`. */
  id: string;
  /** The latest instant that was seen: a clock that is set back revives nothing. */
  now: number;
  /** The `now` that is stored; 0 for none. */
  noted: number;
  /** When it was first seen. */
  start: number;
  /** When somebody last used the page. */
  active: number;
  /** When the server was last asked; 0 for never. */
  asked: number;
  /** The server's deadline. */
  server: Deadline | null;
  ended: End | null;
}

export const end = (reason: EndReason, cause: string | null = null): End => ({reason, cause});

export interface Memos {
  readonly key: string;
  /** The memo of a session, or the last one; one that begins now if there is none, or none that can be read. */
  load(id?: string): Memo;
  save(memo: Memo): void;
}

/** @param project tells projects of one origin apart. */
export function createMemos(project: string, storage?: SharedStorage): Memos {
  const key = `supasession:${project}`;
  /** For where there is no storage, or a full or forbidden one, or one that holds another tab's session. */
  let own: Memo | null = null;
  const shared = <T>(use: (store: SharedStorage) => T): T | null => {
    try {
      return use(storage ?? localStorage);
    } catch {
      // This tab remembers alone.
      return null;
    }
  };
  const load = (id?: string): Memo => {
    const fits = (memo: Memo | null): boolean =>
      memo !== null &&
      (id ?? memo.id) === memo.id &&
      [memo.now, memo.start, memo.active, memo.asked].every(Number.isFinite);
    const time = Date.now();
    const begun = {id: id ?? '', now: 0, start: time, active: time, asked: 0, server: null, ended: null};
    const memo = [shared((store) => JSON.parse(store.getItem(key)!) as Memo | null), own].find(fits) ?? begun;
    return {...memo, now: Math.max(time, memo.now), noted: memo.now};
  };
  const save = (memo: Memo): void => {
    own = memo;
    shared((store) => store.setItem(key, JSON.stringify(memo)));
  };
  return {key, load, save};
}
