const ACTIVITY = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'scroll', 'touchstart'];

export interface PageListeners {
  /** The page is looked at again. */
  focus: () => void;
  online: () => void;
  /** Somebody uses the page. */
  activity: () => void;
  /** Another tab wrote to localStorage. */
  storage: (key: string | null) => void;
}

/** Listens to the page, if there is one; returns what ends that. */
export function listen({focus, online, activity, storage}: PageListeners): () => void {
  if (typeof window === 'undefined' || typeof window.addEventListener !== 'function') return () => undefined;
  const end = new AbortController();
  const on = (type: string, listener: (event: Event) => void, target: EventTarget = window): void =>
    // Captured, since `scroll` of an element does not bubble.
    target.addEventListener(type, listener, {signal: end.signal, passive: true, capture: ACTIVITY.includes(type)});
  for (const type of ACTIVITY) on(type, activity);
  for (const type of ['focus', 'pageshow']) on(type, focus);
  on('visibilitychange', () => document.visibilityState === 'visible' && focus(), document);
  on('online', online);
  on('storage', (event) => storage((event as StorageEvent).key));
  return () => end.abort();
}
