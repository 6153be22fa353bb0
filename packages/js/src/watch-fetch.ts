import {readToken} from './token.js';

type Fetch = typeof fetch;

/** An answer that says: this session is over. */
export interface Refusal {
  code: string;
  /** The message of the body: an app may raise PT401 for reasons of its own. */
  message: string;
  /** The session of the request's token; null for a refresh, which has none. */
  sessionId: string | null;
  /** The token of a refused refresh. */
  refreshToken: string | null;
}

export interface Watch {
  /** The fetch below, for requests that nobody has to watch. */
  readonly inner: Fetch;
  /** The last refusals, the newest first: some come before a session client exists. */
  readonly refusals: Refusal[];
  /** The session that the app signed out itself (`auth.signOut()`) last, and when (Unix milliseconds). */
  logout: {sessionId: string; at: number} | null;
  readonly listeners: Set<(refusal: Refusal) => void>;
  /** While set, Auth's client clears this session whatever the network and the server say. */
  clearing: {sessionId: string; refreshToken: string | null} | null;
}

/** A fetch for `createClient(url, key, {global: {fetch}})`; give the same one to `createSessionClient`. */
export type WatchedFetch = Fetch & {readonly watch: Watch};

/** What `/token?grant_type=refresh_token` and `/user` answer when a session is over. */
const OVER = new Set([
  'refresh_token_not_found',
  'refresh_token_already_used',
  'session_expired',
  'session_not_found',
  'user_banned',
  'user_not_found',
]);

/** The code in a body or a header of Auth or the Data API; '' if there is none. */
export async function readRefusal(response: Response): Promise<{code: string; message: string}> {
  const body = (await response
    .clone()
    .json()
    .catch(() => null)) as {code?: unknown; error_code?: unknown; message?: unknown} | null;
  // Without an API version in the request Auth writes the status in `code`.
  const code = body?.error_code ?? body?.code;
  return {
    code: typeof code === 'string' ? code : (response.headers.get('x-sb-error-code') ?? ''),
    message: typeof body?.message === 'string' ? body.message : '',
  };
}

/** Whether a code of Auth says that the session is over. */
export const isOver = (code: string): boolean => OVER.has(code);

interface Sent {
  path: string;
  query: URLSearchParams;
  sessionId: string | null;
  body: unknown;
}

function readRequest(input: RequestInfo | URL, init: RequestInit | undefined): Sent {
  const request = typeof input === 'string' || input instanceof URL ? null : input;
  const [path = '', query] = (request?.url ?? (input as string | URL).toString()).split('?');
  const headers = new Headers(init?.headers ?? request?.headers);
  const jwt = headers.get('authorization')?.replace(/^Bearer /i, '');
  return {path, query: new URLSearchParams(query), sessionId: readToken(jwt)?.sessionId ?? null, body: init?.body};
}

const isRefresh = ({path, query}: Sent): boolean =>
  path.endsWith('/token') && query.get('grant_type') === 'refresh_token';

const refreshTokenOf = ({body}: Sent): string | null =>
  (JSON.parse(String(body)) as {refresh_token?: string}).refresh_token ?? null;

async function look(watch: Watch, sent: Sent, response: Response): Promise<void> {
  const refresh = isRefresh(sent);
  if (![400, 401, 403].includes(response.status)) return;
  const {code, message} = await readRefusal(response);
  const auth = (refresh || sent.path.endsWith('/user')) && isOver(code);
  if (!auth && !(response.status === 401 && code === 'PT401')) return;
  const refusal = refresh
    ? {code, message, sessionId: null, refreshToken: refreshTokenOf(sent)}
    : {code, message, sessionId: sent.sessionId, refreshToken: null};
  watch.refusals.unshift(refusal);
  watch.refusals.splice(8);
  for (const listener of watch.listeners) listener(refusal);
}

/** The answer that makes auth-js clear the session that ends; null for every other request. */
function clear({clearing}: Watch, sent: Sent, send: () => Promise<Response>): Response | null {
  if (sent.path.endsWith('/logout') && clearing?.sessionId === sent.sessionId) {
    // The server is told if it can be: nobody waits for it.
    send().catch(() => null);
    return new Response(null, {status: 204});
  }
  if (!clearing || !isRefresh(sent) || ![null, refreshTokenOf(sent)].includes(clearing.refreshToken)) return null;
  return new Response('{"error_code": "refresh_token_not_found", "msg": "This session has ended"}', {status: 400});
}

/**
 * Wraps a fetch, so that a session client hears of every answer of Auth and the Data API that says "this session is
 * over". Answers are passed on as they are.
 */
export function watchFetch(inner: Fetch = (...args) => fetch(...args)): WatchedFetch {
  const watch: Watch = {inner, refusals: [], logout: null, listeners: new Set(), clearing: null};
  const watched = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const sent = readRequest(input, init);
    const answer = clear(watch, sent, () => inner(input, {...init, keepalive: true}));
    if (answer) return answer;
    const leaving = sent.path.endsWith('/logout') && sent.query.get('scope') !== 'others' ? sent.sessionId : null;
    const noteLogout = (): unknown => leaving && (watch.logout = {sessionId: leaving, at: Date.now()});
    noteLogout();
    const response = await inner(input, init).finally(noteLogout);
    await look(watch, sent, response).catch(() => null);
    return response;
  };
  return Object.assign(watched, {watch});
}
