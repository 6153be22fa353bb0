/** A fake project: the answers of Auth and the Data API as http.json of the real ones has them, for the real supabase-js. */
import {type SharedStorage} from '../src/index.js';
import {SUPABASE_VERSIONS, type Options} from './supabase-versions.js';

export const URL_OF_PROJECT = 'https://project.example';
export const ANON_KEY = 'sb_publishable_test';

type Answer = Response | Promise<Response>;
export type Handler = (request: {path: string; query: URLSearchParams; headers: Headers; body: unknown}) => Answer;

export const json = (status: number, body: unknown): Response => Response.json(body, {status});
/** An error as Auth answers it. */
export const authError = (status: number, code: string, message = code): Response =>
  Response.json({code, message}, {status, headers: {'x-supabase-api-version': '2024-01-01', 'x-sb-error-code': code}});
/** What the guard answers. */
export const guardRefusal = (): Response =>
  json(401, {code: 'PT401', message: 'Session has ended', details: null, hint: 'Sign in again.'});

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export interface TokenOptions {
  sessionId?: string;
  /** Seconds. */
  expiresIn?: number;
  /** Unix milliseconds. */
  signedInAt?: number;
  /** When the second factor was passed, in Unix milliseconds. */
  steppedUpAt?: number;
}

let refreshTokens = 0;

/** A session as Auth answers it. */
export function newSession({sessionId, expiresIn = 3600, signedInAt = Date.now(), steppedUpAt}: TokenOptions = {}) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    session_id: sessionId,
    sub: 'user',
    role: 'authenticated',
    iat: now,
    exp: now + expiresIn,
    aal: steppedUpAt === undefined ? 'aal1' : 'aal2',
    amr: [
      {method: 'password', timestamp: Math.floor(signedInAt / 1000)},
      ...(steppedUpAt === undefined ? [] : [{method: 'totp', timestamp: Math.floor(steppedUpAt / 1000)}]),
    ],
    user_metadata: {name: 'Žofie'},
  };
  refreshTokens += 1;
  return {
    access_token: `${base64({alg: 'HS256'})}.${base64(claims)}.c2ln`,
    refresh_token: `refresh-${refreshTokens}`,
    expires_in: expiresIn,
    expires_at: now + expiresIn,
    token_type: 'bearer',
    user: {id: 'user', aud: 'authenticated', app_metadata: {}, user_metadata: {}, created_at: ''},
  };
}

/** Storage as localStorage is, without its events. */
export function memoryStorage(entries: Record<string, string> = {}): SharedStorage & {entries: Map<string, string>} {
  const map = new Map(Object.entries(entries));
  return {
    entries: map,
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, value),
    removeItem: (key) => void map.delete(key),
  };
}

export const live = (endsAt: number | null = null, endsBy: string | null = null): Response =>
  json(200, {
    live: true,
    ends_at: endsAt === null ? null : new Date(endsAt).toISOString(),
    ends_by: endsBy,
    reason: null,
    cause: null,
  });
export const ended = (reason: string | null, cause: string | null = null): Response =>
  json(200, {live: false, ends_at: null, ends_by: null, reason, cause});

/** Its answers, by the last part of the path: each test changes what it is about. */
export class FakeProject {
  sessionId = 'session-1';
  expiresIn = 3600;
  readonly requests: string[] = [];
  readonly headers: Record<string, Headers> = {};
  readonly answers: Record<string, Handler> = {
    password: () => json(200, newSession(this)),
    refresh_token: () => json(200, newSession(this)),
    logout: () => new Response(null, {status: 204}),
    user: () => json(200, {id: 'user'}),
    session_state: () => live(),
    why_ended: () => json(200, {reason: null, cause: null}),
    notes: () => json(200, []),
  };

  offline = false;

  readonly fetch = (async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    if (this.offline) throw new TypeError('Failed to fetch');
    const {pathname, searchParams: query} = new URL(input instanceof Request ? input.url : input);
    const path = query.get('grant_type') ?? pathname.split('/').pop()!;
    this.requests.push(path);
    this.headers[path] = new Headers(init?.headers);
    const body = typeof init?.body === 'string' ? (JSON.parse(init.body) as unknown) : null;
    const answer = this.answers[path];
    if (!answer) throw new Error(`No answer for ${path}`);
    return answer({path, query, headers: this.headers[path], body});
  }) as typeof fetch;

  count(path: string): number {
    return this.requests.filter((each) => each === path).length;
  }
}

type ClientOptions = Omit<Options, 'url' | 'key'>;

/** Clients of the fake project. */
export const VERSIONS = {
  newest: (options: ClientOptions) => SUPABASE_VERSIONS.newest(ofProject(options)),
  lowest: (options: ClientOptions) => SUPABASE_VERSIONS.lowest(ofProject(options)),
};
export type {Version} from './supabase-versions.js';

const ofProject = (options: ClientOptions): Options => ({
  ...{url: URL_OF_PROJECT, key: ANON_KEY, storage: memoryStorage()},
  ...options,
});
