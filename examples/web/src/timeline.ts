/** What happened, step by step: a small external store, as React reads them. */
export interface Step {
  id: number;
  at: Date;
  kind: 'good' | 'bad' | 'soon' | 'plain';
  title: string;
  detail: string;
}

let steps: readonly Step[] = [];
const listeners = new Set<() => void>();

export function record(kind: Step['kind'], title: string, detail = ''): void {
  steps = [...steps, {id: steps.length, at: new Date(), kind, title, detail}];
  for (const listener of listeners) listener();
}

export const timeline = {
  getSnapshot: () => steps,
  subscribe: (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
