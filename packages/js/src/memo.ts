import {type EndReason, type Limit, type SharedStorage} from './types.js';

/** When a session ends, in Unix milliseconds, and by what. */
export interface Deadline {
  at: number;
  limit: Limit | null;
}

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

export interface Memos {
  readonly key: string;
  /** The memo of a session, or the last one; one that begins now if there is none, or none that can be read. */
  load(id?: string): Memo;
  save(memo: Memo): void;
}

const instant = (value: unknown): number => (Number.isFinite(value) ? (value as number) : 0);

/** @param project tells projects of one origin apart. */
export function createMemos(project: string, storage?: SharedStorage): Memos {
  const key = `supasession:${project}`;
  /** For where there is no storage, or a full or forbidden one, or one that holds another tab's session. */
  let own: Partial<Memo> | null = null;
  const read = (): Partial<Memo> | null => {
    try {
      return JSON.parse((storage ?? localStorage).getItem(key)!) as Partial<Memo> | null;
    } catch {
      return null;
    }
  };
  const load = (id?: string): Memo => {
    const fits = (memo: Partial<Memo> | null): boolean => typeof memo?.id === 'string' && (id ?? memo.id) === memo.id;
    const found = [read(), own].find(fits) ?? {};
    const now = Math.max(Date.now(), instant(found.now));
    return {
      id: found.id ?? id ?? '',
      now,
      start: instant(found.start) || now,
      active: instant(found.active) || now,
      asked: instant(found.asked),
      server: instant(found.server?.at) ? found.server! : null,
      ended: found.ended?.reason ? found.ended : null,
    };
  };
  const save = (memo: Memo): void => {
    own = memo;
    try {
      (storage ?? localStorage).setItem(key, JSON.stringify(memo));
    } catch {
      // This tab remembers alone.
    }
  };
  return {key, load, save};
}
