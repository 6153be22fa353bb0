import {setMaxListeners} from 'node:events';

/** A fake page for Node: a window and a document that dispatch events, and the channel by which auth-js tells other tabs. */

setMaxListeners(100);

/** Delivers at once, so that a clock moved by hand moves it too. */
class Channel extends EventTarget {
  static open = new Set<Channel>();
  constructor(readonly name: string) {
    super();
    Channel.open.add(this);
  }
  postMessage(data: unknown): void {
    const others = [...Channel.open].filter((other) => other !== this && other.name === this.name);
    for (const other of others)
      queueMicrotask(() => other.dispatchEvent(Object.assign(new Event('message'), {data: structuredClone(data)})));
  }
  close(): void {
    Channel.open.delete(this);
  }
}

export interface Page {
  /** Dispatches an event, on the document for `visibilitychange`. */
  fire(type: string, fields?: object): void;
  /** Storage like localStorage: each write is told to all tabs. */
  localStorage: {
    getItem(key: string): string | null;
    setItem(key: string, value: string): void;
    removeItem(key: string): void;
  };
  close(): void;
}

export function openPage(): Page {
  const window = Object.assign(new EventTarget(), {location: new URL('https://app.example')});
  const document = Object.assign(new EventTarget(), {visibilityState: 'visible'});
  const entries = new Map<string, string>();
  const fire = (type: string, fields: object = {}): void => {
    const target = type === 'visibilitychange' ? document : window;
    target.dispatchEvent(Object.assign(new Event(type), fields));
  };
  const localStorage = {
    getItem: (key: string) => entries.get(key) ?? null,
    setItem: (key: string, value: string) => {
      entries.set(key, value);
      queueMicrotask(() => fire('storage', {key}));
    },
    removeItem: (key: string) => void entries.delete(key),
  };
  const before = {BroadcastChannel: globalThis.BroadcastChannel};
  Object.assign(globalThis, {window, document, BroadcastChannel: Channel});
  return {
    fire,
    localStorage,
    close: () => {
      Channel.open.clear();
      Object.assign(globalThis, before);
      Reflect.deleteProperty(globalThis, 'window');
      Reflect.deleteProperty(globalThis, 'document');
    },
  };
}
