import {milliseconds} from './span.js';
import {readToken, signInTimes, type Claims} from './token.js';
import {type Span} from './types.js';

/** A storage of auth-js: localStorage, AsyncStorage and the like. */
export interface AuthStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

export interface ExpiringStorageOptions {
  /** What is stored ends this long after the sign-in. A refresh does not move it. */
  deadline?: Span;
  /** What is stored ends after this time in which no tab read it. An open tab reads twice a minute. */
  inactivity?: Span;
  /** Asked at each write: false keeps the session in this tab alone, so that it ends with the browser. */
  remember?: () => boolean;
  /** Where it is kept; localStorage unless told, memory where there is none. */
  storage?: AuthStorage;
}

/** A session as it is stored. `start` is its sign-in in Unix milliseconds. */
interface Entry {
  id: string | undefined;
  start: number;
  session: string;
}

/** Milliseconds between two notes of a use. */
const NOTE_EVERY = 1_000;

/** The other keys of auth-js: PKCE verifiers, and the user without tokens. */
const isSession = (key: string): boolean => !/-(code-verifier|user)\b/.test(key);

function memory(): AuthStorage {
  const entries = new Map<string, string>();
  return {
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, value) => entries.set(key, value),
    removeItem: (key) => entries.delete(key),
  };
}

function usable(find: () => AuthStorage): AuthStorage {
  try {
    const storage = find();
    void storage.getItem('');
    return storage;
  } catch {
    return memory();
  }
}

/** The claims of what auth-js stores. */
const readClaims = (session: string): Claims =>
  readToken((JSON.parse(session) as {access_token?: string}).access_token);

/** Reads what was stored; null for what nobody here wrote, or what belongs to another session. */
function readEntry(text: string | null): Entry | null {
  try {
    const entry = JSON.parse(text!) as Entry;
    const claims = readClaims(entry.session);
    return claims.exp && claims.session_id === entry.id && Number.isFinite(entry.start) ? entry : null;
  } catch {
    return null;
  }
}

/**
 * A storage for `createClient(url, key, {auth: {storage}})` whose sessions end after a time, also while no tab is open.
 * Content that it did not write counts as signed out. A clock in the browser is a courtesy: the server's deadline is the
 * lock. `@supabase/ssr` ignores `auth.storage`.
 *
 * @throws RangeError for a span that is none.
 */
export function expiringStorage(options: ExpiringStorageOptions): {
  getItem(key: string): Promise<string | null>;
  setItem(key: string, value: string): Promise<void>;
  removeItem(key: string): Promise<void>;
} {
  const deadline = milliseconds(options.deadline ?? Infinity);
  const inactivity = milliseconds(options.inactivity ?? Infinity);
  const kept = options.storage ?? usable(() => localStorage);
  const ofTab = usable(() => sessionStorage);

  const read = async (key: string): Promise<string | null> => (await ofTab.getItem(key)) ?? kept.getItem(key);
  const write = async (key: string, value: string): Promise<void> => {
    const remember = options.remember?.() ?? true;
    await (remember ? kept : ofTab).setItem(key, value);
    await (remember ? ofTab : kept).removeItem(key);
  };
  const removeItem = async (key: string): Promise<void> => {
    for (const each of isSession(key) ? [key, `${key}-used`] : [key]) {
      await kept.removeItem(each);
      await ofTab.removeItem(each);
    }
  };

  return {
    getItem: async (key) => {
      const text = await read(key);
      if (text === null || !isSession(key)) return text;
      const entry = readEntry(text);
      const used = Number((await read(`${key}-used`)) ?? NaN);
      const now = Math.max(Date.now(), used);
      if (entry && now < entry.start + deadline && now < used + inactivity) {
        if (now - used >= NOTE_EVERY) await write(`${key}-used`, String(now));
        return entry.session;
      }
      await removeItem(key);
      return null;
    },
    setItem: async (key, value) => {
      if (!isSession(key)) return write(key, value);
      const claims = readClaims(value);
      const before = readEntry(await read(key));
      const start = before && before.id === claims.session_id ? before.start : Date.now();
      const entry = {id: claims.session_id, start: Math.min(start, ...signInTimes(claims)), session: value};
      await write(`${key}-used`, String(Date.now()));
      await write(key, JSON.stringify(entry));
    },
    removeItem,
  };
}
