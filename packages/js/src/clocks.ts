import {type Deadline} from './api.js';
import {type Shared} from './shared.js';
import {milliseconds} from './span.js';
import {type Span} from './types.js';

/** Milliseconds between two notes of activity: other tabs hear of each. */
const NOTE_EVERY = 1_000;

export interface ClockOptions {
  /** Ends the session after this time without activity in any tab. */
  idle?: Span;
  /** Ends the session this long after the sign-in. */
  maxAge?: Span;
}

/** The time of a session, shared by all tabs: instants are compared, nothing is counted. */
export class Clocks {
  readonly #idle: number;
  readonly #maxAge: number;
  readonly #shared: Shared;

  constructor(shared: Shared, {idle = Infinity, maxAge = Infinity}: ClockOptions) {
    this.#shared = shared;
    this.#idle = milliseconds(idle);
    this.#maxAge = milliseconds(maxAge);
  }

  /** Whether the app set a limit at all. */
  get running(): boolean {
    return Math.min(this.#idle, this.#maxAge) < Infinity;
  }

  /** Begins with a session, unless a tab has. */
  start(id: string): void {
    if (this.#read('start', id) === null) this.#shared.write('start', {id, at: Date.now()});
    if (this.#read('active', id) === null) this.#shared.write('active', {id, at: Date.now()});
  }

  /** Now, but never before an instant that was seen: a clock that is set back revives nothing. */
  now(id: string): number {
    const seen = Math.max(this.#read('seen', id) ?? 0, this.#read('active', id) ?? 0);
    const now = Math.max(Date.now(), seen);
    if (now - seen >= NOTE_EVERY && this.running) this.#shared.write('seen', {id, at: now});
    return now;
  }

  /** Notes that somebody is there. */
  active(id: string): void {
    const now = this.now(id);
    if (now - (this.#read('active', id) ?? 0) >= NOTE_EVERY) this.#shared.write('active', {id, at: now});
  }

  /** @param signedInAt as the token says (Unix milliseconds); without it, since the session was first seen. */
  deadline(id: string, signedInAt: number | undefined): Deadline | null {
    const now = this.now(id);
    const idle = (this.#read('active', id) ?? now) + this.#idle;
    const maxAge = (signedInAt ?? this.#read('start', id) ?? now) + this.#maxAge;
    if (!this.running) return null;
    return idle < maxAge ? {at: idle, limit: 'idle'} : {at: maxAge, limit: 'maxAge'};
  }

  #read(name: string, id: string): number | null {
    const at = this.#shared.read(name, id)?.['at'];
    return Number.isFinite(at) ? (at as number) : null;
  }
}
