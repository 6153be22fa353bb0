import {createApi, readStanding, type Api, type Standing} from './api.js';
import type {Devices} from './devices.js';
import {fail, isUnreachable, ok} from './errors.js';
import {createMemos, end, type Deadline, type End, type Memos} from './memo.js';
import {listen} from './page.js';
import {milliseconds} from './span.js';
import {NOBODY} from './state.js';
import {readToken, signInTimes} from './token.js';
import {
  type Device,
  type Project,
  type Result,
  type SessionEvent,
  type SessionState,
  type SharedStorage,
  type Span,
  type SupabaseLike,
  type Tokens,
} from './types.js';
import {REASONS, type Refusal, type Watch, type WatchedFetch} from './watch-fetch.js';

/** Milliseconds between two questions of all tabs together. */
const ASK_EVERY = 5_000;
/** Milliseconds between two notes of the time that was seen. */
const NOTE_EVERY = 1_000;
/** Milliseconds that auth-js, or the tab that found an end first, gets to clear what is stored. */
const CLEAR_WITHIN = 1_000;
/** Milliseconds that the tab of a sign-out gets to say so. */
const SAY_WITHIN = 100;

export type SessionClientOptions = Project & {
  /** Ends the session after this time without activity in any tab. */
  idle?: Span;
  /** Ends the session this long after the sign-in. */
  maxAge?: Span;
  /** How long before the end `warning` comes; '1m' unless told. */
  warnBefore?: Span;
  /** When to ask whether the session lives: on focus and coming online (unless false), and regularly (every '5m' unless told; false for never). */
  check?: {onFocus?: boolean; onOnline?: boolean; every?: Span | false};
  /** The fetch that `createClient` was given. Without it an end is seen later, and its reason may be missing. */
  fetch?: WatchedFetch;
  /** What the tabs share: localStorage unless told, memory where there is none. */
  storage?: SharedStorage;
};

export interface SessionClient {
  /** Calls the listener for each event, in the style of `onAuthStateChange`. */
  onChange(listener: (event: SessionEvent) => void): {data: {subscription: {unsubscribe(): void}}};
  /** Calls the listener with the state, at once and after each change; returns what ends that. For React's and Svelte's stores. */
  subscribe(listener: (state: SessionState) => void): () => void;
  /** The state now; the same object until something changes. */
  getSnapshot(): SessionState;
  /** Asks the server whether the session lives. Extends nothing, refreshes nothing; at most once in five seconds for all tabs, in between the last answer counts. */
  check(): Promise<Result<SessionState>>;
  /** "Stay signed in": moves the idle clock and refreshes the token. Never past a deadline of the server. */
  extend(): Promise<Result<SessionState>>;
  /** Notes activity that the library cannot see, such as a touch in React Native. Sends nothing. */
  active(): void;
  /** Signs out on this device. */
  end(): Promise<Result<null>>;
  /** The user's devices, the current one first, then by their last use. */
  listDevices(): Promise<Result<Device[]>>;
  /** Signs out a device; false if it is none of the user's live ones. */
  revokeDevice(id: string): Promise<Result<boolean>>;
  /** Signs out all other devices, and says how many. */
  revokeOtherDevices(): Promise<Result<number>>;
  /** Stops timers and listeners. The session itself stays. */
  dispose(): void;
}

/** A session that this tab has, or (without tokens) that this browser had when it was last open. */
interface Current {
  readonly id: string;
  tokens?: Tokens;
  /** Unix milliseconds, as are the next two. */
  expiresAt: number;
  signedInAt: number;
  asking: Promise<Result<SessionState>> | null;
  /** Its end was seen: the reason is looked for, then what is stored is cleared. */
  ending: Promise<void> | null;
  /** auth-js has removed it. */
  removed: boolean;
}

const newCurrent = (id: string): Current => ({
  ...{id, expiresAt: 0, signedInAt: 0, asking: null, ending: null, removed: false},
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether a refusal is about this session. Of a session from an earlier visit the tokens are not known. */
const fits = ({id, tokens}: Current, {who}: Refusal): boolean =>
  who !== undefined && (!tokens || who === id || who === tokens.refresh_token);

class Client implements SessionClient {
  readonly #auth: SupabaseLike['auth'];
  readonly #api: Api;
  readonly #memos: Memos;
  readonly #watch: Watch | undefined;
  readonly #idle: number;
  readonly #maxAge: number;
  readonly #warnBefore: number;
  readonly #askEvery: number;
  readonly #states = new Set<(state: SessionState) => void>();
  readonly #events = new Set<(event: SessionEvent) => void>();
  readonly #stop: () => void;
  #current: Current | null = null;
  #state = NOBODY;
  /** The deadline that was warned of; 0 for none. */
  #warned = 0;
  /** When the server is asked next. */
  #due = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When a refusal was last heard. */
  #refused = 0;
  #disposed = false;

  constructor(supabase: SupabaseLike, options: SessionClientOptions) {
    const {check = {}, idle = Infinity, maxAge = Infinity, warnBefore = '1m'} = options;
    this.#auth = supabase.auth;
    this.#watch = options.fetch?.watch;
    this.#api = createApi(options, this.#watch?.inner);
    this.#memos = createMemos(this.#api.host, options.storage);
    this.#idle = milliseconds(idle);
    this.#maxAge = milliseconds(maxAge);
    this.#warnBefore = milliseconds(warnBefore);
    this.#askEvery = check.every === false ? Infinity : milliseconds(check.every ?? '5m');
    const {id, ended} = this.#memos.load();
    if (ended) this.#state = {...NOBODY, sessionId: id, ...ended};
    else if (id) this.#current = newCurrent(id);
    this.#stop = this.#start(check);
  }

  onChange(listener: (event: SessionEvent) => void): {data: {subscription: {unsubscribe(): void}}} {
    this.#events.add(listener);
    return {data: {subscription: {unsubscribe: () => void this.#events.delete(listener)}}};
  }

  subscribe(listener: (state: SessionState) => void): () => void {
    this.#states.add(listener);
    listener(this.#state);
    return () => void this.#states.delete(listener);
  }

  getSnapshot(): SessionState {
    return this.#state;
  }

  async check(): Promise<Result<SessionState>> {
    return this.#current?.tokens ? this.#ask(this.#current) : fail('signedOut');
  }

  async extend(): Promise<Result<SessionState>> {
    // Past a deadline of the app this ends the session.
    this.active();
    const current = this.#current;
    if (!current?.tokens) return fail('signedOut');
    const failed = !current.ending && (await this.#auth.refreshSession().catch((error: unknown) => ({error}))).error;
    if (!current.ending) {
      if (failed) return fail('unreachable');
      // A person waits for the new deadline.
      this.#memos.save({...this.#memos.load(current.id), asked: 0});
      return this.#ask(current);
    }
    await current.ending;
    return fail('ended', this.#state);
  }

  active(): void {
    this.#tick(true);
  }

  async end(): Promise<Result<null>> {
    const current = this.#current;
    if (!current?.tokens) return fail('signedOut');
    await this.#end(current, () => end('userInitiated'));
    return ok(null);
  }

  async listDevices(): Promise<Result<Device[]>> {
    return this.#ofUser(async (devices) => devices.list());
  }

  async revokeDevice(id: string): Promise<Result<boolean>> {
    return this.#ofUser(async (devices) => devices.revoke(id));
  }

  async revokeOtherDevices(): Promise<Result<number>> {
    return this.#ofUser(async (devices) => devices.revokeOthers());
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#stop();
    this.#events.clear();
  }

  #start({onFocus = true, onOnline = true}: NonNullable<SessionClientOptions['check']>): () => void {
    const {subscription} = this.#auth.onAuthStateChange((event, session) => {
      if (session) this.#adopt(event, session);
      else this.#lose(event);
    }).data;
    const hear = (refusal: Refusal): void => this.#hear(refusal);
    this.#watch?.listeners.add(hear);
    const stop = listen({
      active: () => this.active(),
      warned: () => this.#warned > 0,
      back: (online) => {
        this.#tick(!this.#warned);
        if (online ? onOnline : onFocus) this.#want();
      },
      stored: (key) => key === this.#memos.key && this.#read(),
    });
    return () => {
      stop();
      this.#watch?.listeners.delete(hear);
      subscription.unsubscribe();
    };
  }

  /** auth-js has a session, a new one or new tokens. */
  #adopt(event: string, tokens: Tokens): void {
    const claims = readToken(tokens.access_token);
    const id = claims.session_id ?? '';
    if (this.#current?.id !== id) {
      this.#current = newCurrent(id);
      this.#warned = 0;
    }
    const current = this.#current;
    const fresh = !current.tokens;
    current.tokens = tokens;
    current.expiresAt = Number(claims.exp) * 1000;
    current.signedInAt = Math.min(...signInTimes(claims));
    this.#read(fresh || event === 'TOKEN_REFRESHED');
  }

  /** auth-js has no session (any more). */
  #lose(event: string): void {
    const current = this.#current;
    const removed = event === 'SIGNED_OUT';
    // Offline, INITIAL_SESSION has no session if its token has expired, but it is still there.
    if (!current || (current.tokens && !removed)) return;
    current.removed = removed;
    void this.#end(current, () => this.#explain(current));
  }

  /** Why auth-js has no session; null if it may still be there. */
  async #explain(current: Current): Promise<End | null> {
    // auth-js sends the request of a local sign-out after the event.
    await sleep(0);
    const {refusal, left} = this.#watch ?? {};
    if (refusal && fits(current, refusal)) return this.#reason(current, refusal.code);
    if (left === current.id) return end('userInitiated');
    await sleep(SAY_WITHIN);
    const known = await this.#api.whyEnded(current.id);
    if (known || !current.tokens) return known;
    return end(this.#watch || current.expiresAt < Date.now() ? 'sessionMissing' : 'userInitiated');
  }

  /** Why a session is over that is refused with this code; null if it may live, since the app itself can answer PT401. */
  async #reason({id}: Current, code: string): Promise<End | null> {
    const reason = REASONS[code];
    const known = reason ? end(reason) : await this.#api.whyEnded(id);
    if (known || code === 'PT401') return known;
    return end(code === 'session_expired' ? 'sessionExpired' : 'sessionMissing');
  }

  #hear(refusal: Refusal): void {
    const current = this.#current;
    const now = Date.now();
    const often = refusal.code === 'PT401' && Math.abs(now - this.#refused) < ASK_EVERY;
    // Another tab may have newer tokens of this session.
    if (!current || often || !fits(current, refusal)) {
      this.#want(true);
      return;
    }
    this.#refused = now;
    void this.#end(current, () => this.#reason(current, refusal.code));
  }

  /** Reads what the tabs share. The session may have ended while this one slept, or auth-js could not clear it. */
  #read(ask = false): void {
    const current = this.#current;
    if (!current?.tokens) return;
    const {ended} = this.#memos.load(current.id);
    if (ended) void this.#end(current, () => ended);
    else if (ask) this.#want(true);
    else this.#tick();
  }

  /** Asks the server as soon as all tabs together may. @param even if somebody has just asked. */
  #want(even = false): void {
    const current = this.#current;
    if (!current) return;
    const {asked, now} = this.#memos.load(current.id);
    if (even || now >= asked + ASK_EVERY) this.#due = asked + ASK_EVERY;
    this.#tick();
  }

  async #ask(current: Current): Promise<Result<SessionState>> {
    current.asking ??= this.#question(current).finally(() => (current.asking = null));
    return current.asking;
  }

  async #question(current: Current): Promise<Result<SessionState>> {
    const memo = this.#memos.load(current.id);
    const {now} = memo;
    if (now >= this.#due) this.#due = now + this.#askEvery;
    if (now >= memo.asked + ASK_EVERY) {
      this.#memos.save({...memo, asked: now});
      const {data, error} = await this.#standing(current);
      if (error) return {data, error};
      if (data?.live === false) void this.#end(current, () => data.end);
      else if (data && !current.ending) {
        this.#memos.save({...this.#memos.load(current.id), server: data.deadline});
        this.#tick();
      }
    }
    await current.ending;
    return ok(this.#state);
  }

  /** What the server says; null if nobody knows: an expired token that auth-js will refresh, or fail to. */
  async #standing({id, tokens, expiresAt}: Current): Promise<Result<Standing | null>> {
    const token = tokens!.access_token;
    const answer = expiresAt > Date.now() && (await this.#api.call('session_state', {}, token));
    const ended = answer && answer.status !== 401 ? null : await this.#api.whyEnded(id);
    if (ended) return ok({live: false, end: ended});
    const standing = answer && readStanding(answer);
    if (!answer || standing) return ok(standing || null);
    const refusals = !isUnreachable(answer.status) && (await import('./refusals.js').catch(() => null));
    return refusals ? refusals.askAuth(this.#api, token, answer) : fail('unreachable', answer);
  }

  /** Compares the time with each deadline, and arms the timer for the next. @param active if somebody is there. */
  #tick(active = false): void {
    clearTimeout(this.#timer);
    const current = this.#current;
    if (!current?.tokens || current.ending || this.#disposed) return;
    const memo = this.#memos.load(current.id);
    const {now, asked} = memo;
    const maxAge = Math.min(current.signedInAt, memo.start) + this.#maxAge;
    if (now >= maxAge) return void this.#end(current, () => end('timebox'));
    if (now >= memo.active + this.#idle) return void this.#end(current, () => end('inactivity'));
    if (active) memo.active = now;
    // Each note reaches the other tabs, which answer with one of theirs.
    if (active || now >= memo.noted + NOTE_EVERY) this.#memos.save(memo);
    const own: Deadline[] = [
      {at: memo.active + this.#idle, limit: 'idle'},
      {at: maxAge, limit: 'maxAge'},
    ];
    const [next] = [...own, memo.server ?? own[1]!].sort((a, b) => a.at - b.at);
    // Whether it has ended is for the server to say.
    if (now >= next!.at) this.#due = Math.min(this.#due, asked + ASK_EVERY);
    if (now >= this.#due) void this.#ask(current);
    this.#show(current.id, next!, Math.max(0, next!.at - now));
    const left = next!.at - now - this.#warnBefore;
    this.#timer = setTimeout(
      () => this.#tick(),
      Math.max(10, Math.min(left > 0 ? left : 1000, this.#due - now, 60_000)),
    );
  }

  #show(id: string, {at, limit}: Deadline, left: number): void {
    const endsAt = at < Infinity ? new Date(at) : null;
    const secondsLeft = left <= this.#warnBefore ? Math.ceil(left / 1000) : null;
    this.#set(id, {live: true, endsAt, limit: endsAt && limit, secondsLeft});
    if (this.#warned && at > this.#warned) {
      this.#warned = 0;
      tell<SessionEvent>(this.#events, {type: 'extended', endsAt});
    }
    if (!endsAt || secondsLeft === null || this.#warned) return;
    this.#warned = at;
    tell<SessionEvent>(this.#events, {type: 'warning', endsAt, limit, secondsLeft});
  }

  /** Ends a session once. @param find says why, or null if it has not ended. */
  async #end(current: Current, find: () => End | null | Promise<End | null>): Promise<void> {
    current.ending ??= this.#finish(current, find);
    return current.ending;
  }

  async #finish(current: Current, find: () => End | null | Promise<End | null>): Promise<void> {
    const found = await find();
    if (!found) {
      current.ending = null;
      this.#want(true);
      return;
    }
    const {id} = current;
    const memo = this.#memos.load(id);
    const otherTab = memo.ended !== null;
    const why = memo.ended ?? found;
    if (id) this.#memos.save({...memo, ended: why});
    // The tab that found it clears what is stored, and auth-js tells the others.
    if (otherTab) await sleep(SAY_WITHIN);
    await this.#clear(current);
    if (this.#current !== current) return;
    this.#current = null;
    const told = !this.#state.live && this.#state.sessionId === id;
    this.#set(id, why);
    if (!told) tell<SessionEvent>(this.#events, {type: 'ended', ...why, otherTab});
  }

  async #clear(current: Current): Promise<void> {
    if (current.removed || this.#disposed || this.#current !== current) return;
    const watch: Partial<Watch> = this.#watch ?? {};
    watch.clearing = true;
    const signOut = this.#auth.signOut({scope: 'local'}).catch(() => null);
    await Promise.race([signOut.finally(() => (watch.clearing = false)), sleep(CLEAR_WITHIN)]);
  }

  async #ofUser<T>(use: (devices: Devices) => Promise<Result<T>>): Promise<Result<T>> {
    const current = this.#current;
    if (!current?.tokens) return fail('signedOut');
    const loaded = await import('./devices.js').catch(() => null);
    if (!loaded) return fail('unreachable');
    return use(
      loaded.createDevices({
        ...{auth: this.#auth, api: this.#api, id: current.id, tokens: current.tokens},
        refused: async () => this.#end(current, () => this.#reason(current, '')),
        end: async () => this.end(),
      }),
    );
  }

  #set(id: string, known: Partial<SessionState>): void {
    const state = {...NOBODY, sessionId: id || null, ...known};
    if (this.#disposed || JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    tell(this.#states, state);
  }
}

/** A listener that throws is a fault of the app: reported, and no reason to skip the others. */
function tell<T>(listeners: Set<(value: T) => void>, value: T): void {
  for (const listener of listeners) {
    // Promises report what nobody catches.
    void Promise.resolve(value).then(listener);
  }
}

/**
 * Watches the session of a supabase-js client: why it ended, when it ends, whether it lives, and the user's devices.
 *
 * @param supabase the client that signs in.
 * @throws RangeError for a span that is none. The methods of the result throw nothing.
 */
export function createSessionClient(supabase: SupabaseLike, options: SessionClientOptions): SessionClient {
  return new Client(supabase, options);
}
