/** Milliseconds between two notes of activity: other tabs hear of each. */
const NOTE_EVERY = 1_000;

export interface PageListeners {
  /** Somebody uses the page. */
  active: () => void;
  /** Whether a warning is shown: then only what a button gets counts, or the pointer's way to it would take it away. */
  warned: () => boolean;
  /** The page is looked at again, or the network is back. */
  back: (online: boolean) => void;
  /** Another tab wrote to localStorage. */
  stored: (key: string | null) => void;
}

/** Listens to the page, if there is one; returns what ends that. */
export function listen({active, warned, back, stored}: PageListeners): () => void {
  if (typeof document === 'undefined') return () => undefined;
  const end = new AbortController();
  let noted = 0;
  const note = (): void => {
    if (Math.abs(Date.now() - noted) < NOTE_EVERY) return;
    noted = Date.now();
    active();
  };
  const on = (types: string, listener: (event: Event) => void, capture = false, target: EventTarget = window): void => {
    for (const type of types.split(' '))
      target.addEventListener(type, listener, {signal: end.signal, passive: true, capture});
  };
  // Captured, since `scroll` of an element does not bubble.
  on('pointerdown pointermove keydown wheel scroll touchstart', () => warned() || note(), true);
  on('click keyup', note);
  on('focus pageshow online', ({type}) => back(type === 'online'));
  on('visibilitychange', () => document.visibilityState === 'visible' && back(false), false, document);
  on('storage', (event) => stored((event as StorageEvent).key));
  return () => end.abort();
}
