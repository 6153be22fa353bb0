import {createApi, isGuard, type Api, type Deadline, type Standing} from './api.js';
import {Clocks, type ClockOptions} from './clocks.js';
import {readDevices} from './devices.js';
import {fail, ok} from './errors.js';
import {listen} from './page.js';
import {Shared} from './shared.js';
import {milliseconds} from './span.js';
import {NOBODY, sameState} from './state.js';
import {readToken} from './token.js';
import {
  type Device,
  type EndReason,
  type Project,
  type Result,
  type SessionEvent,
  type SessionState,
  type SharedStorage,
  type Span,
  type SupabaseLike,
  type Tokens,
} from './types.js';
import {type Refusal, type Watch, type WatchedFetch} from './watch-fetch.js';

/** Milliseconds between two questions of all tabs together. */
const ASK_EVERY = 5_000;
/** Milliseconds that auth-js, or the tab that found an end first, gets to clear what is stored. */
const CLEAR_WITHIN = 1_000;
/** Milliseconds that the tab of a sign-out gets to say so. */
const SAY_WITHIN = 100;

export type SessionClientOptions = Project &
  ClockOptions & {
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
class Current {
  tokens: Tokens | null = null;
  /** Unix milliseconds. */
  expiresAt = 0;
  signedInAt: number | undefined;
  /** The server's deadline, as far as it is known. */
  server: Deadline | null = null;
  asking: Promise<Result<SessionState>> | null = null;
  /** Its end was seen: the reason is looked for, then what is stored is cleared. */
  ending: Promise<void> | null = null;
  /** auth-js has removed it. */
  removed = false;
  remove!: () => void;
  readonly removal = new Promise<void>((resolve) => {
    this.remove = () => {
      this.removed = true;
      resolve();
    };
  });

  constructor(readonly id: string) {}
}

interface End {
  reason: EndReason;
  cause: string | null;
}

const end = (reason: EndReason, cause: string | null = null): End => ({reason, cause});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const earliest = (a: Deadline | null, b: Deadline | null): Deadline | null => (!a || (b && b.at < a.at) ? b : a);

class Client implements SessionClient {
  readonly #auth: SupabaseLike['auth'];
  readonly #api: Api;
  readonly #shared: Shared;
  readonly #clocks: Clocks;
  readonly #watch: Watch | undefined;
  readonly #check: {onFocus?: boolean; onOnline?: boolean};
  readonly #warnBefore: number;
  readonly #askEvery: number;
  readonly #states = new Set<(state: SessionState) => void>();
  readonly #events = new Set<(event: SessionEvent) => void>();
  readonly #stops: (() => void)[];
  #current: Current | null = null;
  #state = NOBODY;
  /** The deadline that was warned of. */
  #warned: number | null = null;
  /** When the server is asked next, in Unix milliseconds. */
  #due = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #disposed = false;
  #complained = false;

  constructor(supabase: SupabaseLike, options: SessionClientOptions) {
    const {check = {}, warnBefore = '1m', fetch: watched, storage} = options;
    this.#auth = supabase.auth;
    this.#watch = watched?.watch;
    this.#api = createApi(options, this.#watch?.inner ?? ((...args) => fetch(...args)));
    this.#shared = new Shared(this.#api.project, storage);
    this.#clocks = new Clocks(this.#shared, options);
    this.#check = check;
    this.#warnBefore = milliseconds(warnBefore);
    this.#askEvery = check.every === false ? Infinity : milliseconds(check.every ?? '5m');
    this.#restore();
    this.#stops = this.#start();
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
    const current = this.#current;
    return current?.tokens ? this.#ask(current) : fail('signedOut');
  }

  async extend(): Promise<Result<SessionState>> {
    // Past a deadline of the app this ends the session.
    this.active();
    const current = this.#current;
    if (!current?.tokens) return fail('signedOut');
    const failed = current.ending === null && (await this.#refresh());
    if (!current.ending) return failed ? fail('unreachable') : this.#ask(current);
    await current.ending;
    return fail('ended', undefined, this.#state.reason ?? undefined);
  }

  active(): void {
    this.#tick();
    if (!this.#current?.tokens || this.#current.ending) return;
    this.#clocks.active(this.#current.id);
    this.#tick();
  }

  async end(): Promise<Result<null>> {
    const current = this.#current;
    if (!current?.tokens) return fail('signedOut');
    await this.#end(current, () => end('userInitiated'));
    return ok(null);
  }

  async listDevices(): Promise<Result<Device[]>> {
    return this.#ofUser('my_sessions', {}, readDevices);
  }

  async revokeDevice(id: string): Promise<Result<boolean>> {
    const result = await this.#ofUser('revoke_my_session', {session_id: id}, readBoolean);
    const current = this.#current;
    if (result.data && current?.id === id) await this.#end(current, () => end('userInitiated'));
    return result;
  }

  async revokeOtherDevices(): Promise<Result<number>> {
    return this.#ofUser('revoke_my_other_sessions', {}, readNumber);
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
    this.#states.clear();
    this.#events.clear();
  }

  /** What this browser knows of its last session: that it ended, or that it was still there. */
  #restore(): void {
    const last = this.#shared.read('start');
    const ended = last && this.#shared.read('ended', last.id);
    if (ended) this.#state = {...NOBODY, sessionId: ended.id, ...readEnd(ended)};
    else if (last) this.#current = new Current(last.id);
  }

  #start(): (() => void)[] {
    const {subscription} = this.#auth.onAuthStateChange((event, session) => {
      if (session) this.#adopt(event, session);
      else this.#lose(event);
    }).data;
    const onRefusal = (refusal: Refusal): void => this.#hear(refusal);
    this.#watch?.listeners.add(onRefusal);
    const unlisten = listen({
      focus: () => this.#return(this.#check.onFocus),
      online: () => this.#return(this.#check.onOnline),
      activity: () => this.#clocks.running && this.active(),
      storage: (key) => this.#read(this.#shared.nameOf(key)),
    });
    return [() => subscription.unsubscribe(), () => void this.#watch?.listeners.delete(onRefusal), unlisten];
  }

  /** The page is back: from sleep, from another tab, from being offline. */
  #return(check = true): void {
    this.active();
    if (check) this.#want(false);
  }

  /** auth-js has a session, a new one or new tokens. */
  #adopt(event: string, tokens: Tokens): void {
    const token = readToken(tokens.access_token);
    if (!token) return;
    const id = token.sessionId ?? '';
    const known = this.#current?.id === id ? this.#current : null;
    if (known?.ending) return;
    const current = known ?? new Current(id);
    const fresh = !current.tokens;
    Object.assign(current, {tokens, expiresAt: token.expiresAt, signedInAt: token.signedInAt[0]});
    // It ended, and was not cleared then: the tab slept, or auth-js could not.
    if (fresh && this.#shared.read('ended', id)) {
      this.#repeat(current);
      return;
    }
    this.#current = current;
    if (fresh) {
      this.#warned = null;
      this.#clocks.start(id);
    }
    if (fresh || event === 'TOKEN_REFRESHED') this.#want(true);
    else this.#tick();
  }

  #repeat(current: Current): void {
    const told = this.#state.sessionId === current.id;
    this.#current = current;
    if (told) void this.#clear(current).then(() => this.#current === current && (this.#current = null));
    else void this.#end(current, () => end('sessionMissing'));
  }

  /** auth-js has no session (any more). */
  #lose(event: string): void {
    const current = this.#current;
    // Offline, a session whose token has expired is no INITIAL_SESSION, but it is still there.
    if (!current || (current.tokens && event !== 'SIGNED_OUT')) return;
    if (event === 'SIGNED_OUT') current.remove();
    void this.#end(current, () => this.#explain(current));
  }

  /** Why auth-js has no session; null if it may still be there. */
  async #explain(current: Current): Promise<End | null> {
    // auth-js sends the request of a local sign-out after the event.
    await sleep(0);
    const {logout, refusals = []} = this.#watch ?? {};
    if (logout?.sessionId === current.id && Date.now() - logout.at < ASK_EVERY) return end('userInitiated');
    const refusal = refusals.find((each) => fits(current, each));
    if (refusal) return this.#reasonFor(current, refusal.code);
    await sleep(SAY_WITHIN);
    const {reason, cause} = await this.#api.whyEnded(current.id);
    if (reason) return {reason, cause};
    if (!current.tokens) return null;
    return end(this.#watch || current.expiresAt < Date.now() ? 'sessionMissing' : 'userInitiated');
  }

  #hear(refusal: Refusal): void {
    const current = this.#current;
    if (!current || current.ending) return;
    const own = refusal.code === 'PT401' && !isGuard(refusal.message);
    if (fits(current, refusal) && !own) void this.#end(current, () => this.#reasonFor(current, refusal.code));
    // Another tab may have newer tokens of the same session.
    else if (refusal.refreshToken || own) this.#want(true);
  }

  /** Why a session is over that was refused with this code. */
  async #reasonFor(current: Current, code: string): Promise<End> {
    if (code === 'refresh_token_already_used') return end('tokenReuse');
    if (code === 'user_banned') return end('accessRevoked');
    const {reason, cause} = await this.#api.whyEnded(current.id);
    return {reason: reason ?? (code === 'session_expired' ? 'sessionExpired' : 'sessionMissing'), cause};
  }

  /** Another tab wrote what all share. */
  #read(name: string | null): void {
    const current = this.#current;
    if (!name || !current?.tokens) return;
    if (name === 'ended' && this.#shared.read('ended', current.id))
      return void this.#end(current, () => end('sessionMissing'));
    const answer = name === 'asked' ? this.#shared.read('asked', current.id) : null;
    if (answer && 'server' in answer) current.server = readDeadline(answer['server']);
    this.#tick();
  }

  /** When all tabs together may ask again, in Unix milliseconds. */
  #free({id}: Current): number {
    return (Number(this.#shared.read('asked', id)?.['at']) || 0) + ASK_EVERY;
  }

  /** Asks soon. @param later also after somebody has just asked. */
  #want(later: boolean): void {
    const current = this.#current;
    if (!current?.tokens || current.ending) return;
    const free = this.#free(current);
    if (later || free <= this.#clocks.now(current.id)) this.#due = free;
    this.#tick();
  }

  #ask(current: Current): Promise<Result<SessionState>> {
    current.asking ??= this.#question(current).finally(() => (current.asking = null));
    return current.asking;
  }

  async #question(current: Current): Promise<Result<SessionState>> {
    const now = this.#clocks.now(current.id);
    if (now >= this.#due) this.#due = now + this.#askEvery;
    if (now < this.#free(current)) return this.#answer(current);
    this.#shared.write('asked', {id: current.id, at: now});
    const {data, error} = await this.#standing(current);
    if (current.ending || this.#current !== current) return this.#answer(current);
    if (error) return {data: null, error};
    if (data?.live === false) void this.#end(current, () => end(data.reason ?? 'sessionMissing', data.cause));
    else if (data) {
      current.server = data.deadline;
      this.#shared.write('asked', {id: current.id, at: now, server: data.deadline});
      this.#tick();
    }
    return this.#answer(current);
  }

  async #answer(current: Current): Promise<Result<SessionState>> {
    if (current.ending) await current.ending;
    return ok(this.#state);
  }

  /** What the server says; null if nobody can say: the token has expired, and auth-js will refresh it or fail. */
  async #standing({id, tokens, expiresAt}: Current): Promise<Result<Standing | null>> {
    const token = tokens!.access_token;
    const {data, error} = expiresAt > Date.now() ? await this.#api.sessionState(token) : fail('unexpected', 401);
    if (data) return ok(data);
    if (error.status === 401) {
      const why = await this.#api.whyEnded(id);
      return ok(why.reason || error.code === 'ended' ? {live: false, ...why} : null);
    }
    if (error.code !== 'notExposed' && error.code !== 'outdated') return {data: null, error};
    this.#complain(error.message);
    const code = await this.#api.missing(token);
    if (!code) return {data: null, error};
    return ok({live: false, reason: code === 'user_banned' ? 'accessRevoked' : null, cause: null});
  }

  #complain(message: string): void {
    // eslint-disable-next-line no-console -- Nobody else sees why reasons and deadlines are missing.
    if (!this.#complained) console.warn(`supasession-js: ${message}`);
    this.#complained = true;
  }

  /** Compares the time with each deadline, and arms the timer for the next. */
  readonly #tick = (): void => {
    clearTimeout(this.#timer);
    const current = this.#current;
    if (!current?.tokens || current.ending || this.#disposed) return;
    const {id, server} = current;
    const now = this.#clocks.now(id);
    const own = this.#clocks.deadline(id, current.signedInAt);
    if (own && now >= own.at)
      return void this.#end(current, () => end(own.limit === 'idle' ? 'inactivity' : 'timebox'));
    // Whether it has ended is for the server to say.
    if (server && now >= server.at) this.#due = Math.min(this.#due, this.#free(current));
    if (now >= this.#due) void this.#ask(current);
    const deadline = earliest(own, server);
    const left = deadline ? Math.max(0, deadline.at - now) : Infinity;
    this.#show(id, deadline, left);
    const change = left > this.#warnBefore ? left - this.#warnBefore : left % 1000 || 1000;
    this.#timer = setTimeout(this.#tick, Math.max(10, Math.min(change, this.#due - now, 60_000)));
    (this.#timer as {unref?: () => void}).unref?.();
  };

  #show(id: string, deadline: Deadline | null, left: number): void {
    const endsAt = deadline && new Date(deadline.at);
    const limit = deadline?.limit ?? null;
    const secondsLeft = left <= this.#warnBefore ? Math.ceil(left / 1000) : null;
    this.#set({...NOBODY, sessionId: id || null, live: true, endsAt, limit, secondsLeft});
    if (this.#warned !== null && (deadline?.at ?? Infinity) > this.#warned) {
      this.#warned = null;
      this.#emit({type: 'extended', endsAt});
    }
    if (!endsAt || secondsLeft === null || this.#warned !== null) return;
    this.#warned = endsAt.getTime();
    this.#emit({type: 'warning', endsAt, limit, secondsLeft});
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
      return;
    }
    const {id} = current;
    const told = this.#shared.read('ended', id);
    if (!told && id) this.#shared.write('ended', {id, ...found});
    // The tab that found it clears what is stored; auth-js tells the others.
    if (told) await Promise.race([current.removal, sleep(CLEAR_WITHIN)]);
    await this.#clear(current);
    if (this.#disposed || this.#current !== current) return;
    this.#current = null;
    const why = told ? readEnd(told) : found;
    this.#set({...NOBODY, sessionId: id || null, ...why});
    this.#emit({type: 'ended', ...why, otherTab: told !== null});
  }

  async #clear(current: Current): Promise<void> {
    if (current.removed || this.#disposed || this.#current !== current) return;
    const watch = this.#watch;
    const clearing = {sessionId: current.id, refreshToken: current.tokens?.refresh_token ?? null};
    if (watch) watch.clearing = clearing;
    const signOut = this.#auth
      .signOut({scope: 'local'})
      .catch(() => null)
      .finally(() => watch?.clearing === clearing && (watch.clearing = null));
    await Promise.race([current.removal, signOut, sleep(CLEAR_WITHIN)]);
  }

  async #ofUser<T>(name: string, body: object, read: (data: unknown) => T | null): Promise<Result<T>> {
    const current = this.#current;
    if (!current?.tokens) return fail('signedOut');
    const session = await this.#auth.getSession().catch(() => null);
    const token = session?.data.session?.access_token ?? current.tokens.access_token;
    const {data, error} = await this.#api.call(name, body, token);
    if (error?.code === 'ended') await this.#end(current, () => this.#reasonFor(current, 'PT401'));
    if (error) return {data: null, error};
    const value = read(data);
    return value === null ? fail('unexpected') : ok(value);
  }

  /** Refreshes the token; says whether that failed. */
  async #refresh(): Promise<boolean> {
    return this.#auth.refreshSession().then(
      ({error}) => Boolean(error),
      () => true,
    );
  }

  #set(state: SessionState): void {
    if (this.#disposed || sameState(state, this.#state)) return;
    this.#state = state;
    for (const listener of this.#states) call(listener, state);
  }

  #emit(event: SessionEvent): void {
    for (const listener of this.#events) call(listener, event);
  }
}

/** A listener that throws is a fault of the app: reported, and no reason to skip the others. */
function call<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

const readBoolean = (data: unknown): boolean | null => (typeof data === 'boolean' ? data : null);

const readNumber = (data: unknown): number | null => (typeof data === 'number' ? data : null);

const readEnd = ({reason, cause}: Record<string, unknown>): End => ({
  reason: typeof reason === 'string' ? (reason as EndReason) : 'sessionMissing',
  cause: typeof cause === 'string' ? cause : null,
});

const readDeadline = (data: unknown): Deadline | null =>
  Number.isFinite((data as Deadline | null)?.at) ? (data as Deadline) : null;

/** Whether a refusal is about this session. Of a session from an earlier visit only the id is known. */
const fits = ({id, tokens}: Current, {sessionId, refreshToken}: Refusal): boolean =>
  sessionId === null ? refreshToken === (tokens?.refresh_token ?? refreshToken) : sessionId === id;

/**
 * Watches the session of a supabase-js client: why it ended, when it ends, whether it lives, and the user's devices.
 *
 * @param supabase the client that signs in.
 * @throws RangeError for a span that is none. The methods of the result throw nothing.
 */
export function createSessionClient(supabase: SupabaseLike, options: SessionClientOptions): SessionClient {
  return new Client(supabase, options);
}
