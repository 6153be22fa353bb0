import {type SharedStorage} from './types.js';

/** `id` is the session_id; '' for a token without one. */
type Entry = Record<string, unknown> & {id: string};

function usable(storage: SharedStorage | undefined): SharedStorage | null {
  try {
    const found = storage ?? localStorage;
    found.getItem('supasession:');
    return found;
  } catch {
    // None here, or blocked by the user.
    return null;
  }
}

/**
 * What the tabs of a browser know together. Each entry belongs to a session; content that nobody here wrote reads as
 * none.
 */
export class Shared {
  readonly #prefix: string;
  readonly #storage: SharedStorage | null;
  readonly #memory = new Map<string, string>();

  /** @param project tells projects of one origin apart. */
  constructor(project: string, storage?: SharedStorage) {
    this.#prefix = `supasession:${project}:`;
    this.#storage = usable(storage);
  }

  /** The entry of any session, or of this one. */
  read(name: string, id?: string): Entry | null {
    try {
      const key = this.#prefix + name;
      const entry = JSON.parse(this.#memory.get(key) ?? this.#storage?.getItem(key) ?? '') as Entry | null;
      return typeof entry?.id === 'string' && (id === undefined || entry.id === id) ? entry : null;
    } catch {
      return null;
    }
  }

  write(name: string, entry: Entry): void {
    const key = this.#prefix + name;
    const text = JSON.stringify(entry);
    try {
      this.#storage!.setItem(key, text);
    } catch {
      // No storage, or a full one: this tab remembers alone.
      this.#memory.set(key, text);
    }
  }

  /** Which entry a `storage` event is about; null for those of others. */
  nameOf(key: string | null): string | null {
    return key?.startsWith(this.#prefix) ? key.slice(this.#prefix.length) : null;
  }
}
