import {isUnreachable} from './errors.js';
import {readToken} from './token.js';
import {type EndReason} from './types.js';

type Fetch = typeof fetch;

/** An answer that says: this session is over, or (PT401, of the guard or of the app itself) maybe. */
export interface Refusal {
  code: string;
  /** The refused refresh token, or else the `session_id` of the request's token; undefined if there was none. */
  who: string | undefined;
}

export interface Watch {
  /** The fetch below, for requests that nobody has to watch. */
  readonly inner: Fetch;
  readonly listeners: Set<(refusal: Refusal) => void>;
  /** The last refusal by Auth: it may come before there is a session client. */
  refusal: Refusal | null;
  /** The `session_id` that the app signed out last (`auth.signOut()`). */
  left: string | undefined;
  /** While set, auth-js clears its session whatever the network and the server say. */
  clearing: boolean;
}

/** A fetch for `createClient(url, key, {global: {fetch}})`; give the same one to `createSessionClient`. */
export type WatchedFetch = Fetch & {readonly watch: Watch};

/** The fetch of the moment. */
export const plainFetch: Fetch = async (...args) => fetch(...args);

/** What a code of Auth means without asking anybody. */
export const REASONS: Partial<Record<string, EndReason>> = {
  refresh_token_already_used: 'tokenReuse',
  user_banned: 'accessRevoked',
};

/** Whether a code of Auth says that the session is over. */
export const isOver = (code: string): boolean =>
  /^(refresh_token|session|user)_(not_found|already_used|expired|banned)$/.test(code);

/** The code in an answer of Auth or the Data API. Without an API version in the request Auth writes the status in `code`. */
export const codeOf = (body: unknown): string => {
  const {error_code: ofAuth, code} = (body ?? {}) as {code?: unknown; error_code?: unknown};
  return String(ofAuth ?? code);
};

/** Answers what auth-js asks while it clears a session: every version removes it then. The server is told in the background. */
function clear(inner: Fetch, url: string, init?: RequestInit): Response {
  if (url.includes('/logout')) inner(url, {...init, keepalive: true}).catch(() => null);
  return new Response('{}', {status: 404});
}

async function hear(watch: Watch, who: string | undefined, response: Response): Promise<void> {
  const code = codeOf(
    await response
      .clone()
      .json()
      .catch(() => null),
  );
  if (code !== 'PT401' && !isOver(code)) return;
  const refusal = {code, who};
  if (isOver(code)) watch.refusal = refusal;
  for (const listener of watch.listeners) listener(refusal);
}

/**
 * Wraps a fetch, so that a session client hears of every answer of Auth and the Data API that says "this session is
 * over". Answers are passed on as they are, but for a refresh that fails with 429 or 5xx: that is a failure of the network
 * to auth-js, so that it tries again.
 */
export function watchFetch(inner = plainFetch): WatchedFetch {
  const watch: Watch = {inner, listeners: new Set(), refusal: null, left: undefined, clearing: false};
  const watched = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = input as {url?: string; href?: string; headers?: Headers};
    const url = request.url ?? request.href ?? (input as string);
    const refresh = url.includes('grant_type=refresh_token');
    const logout = url.includes('/logout');
    if (watch.clearing && (refresh || logout)) return clear(inner, url, init);
    const {session_id: id} = readToken(new Headers(init?.headers ?? request.headers).get('authorization'));
    if (logout && !url.includes('scope=others')) watch.left = id;
    const response = await inner(input, init);
    // auth-js would sign out for a 429, and old versions for a 500: what cannot be reached is tried again.
    if (refresh && isUnreachable(response.status)) throw new TypeError('Failed to refresh');
    if (logout || ![400, 401, 403].includes(response.status)) return response;
    const who = refresh ? (JSON.parse(init?.body as string) as {refresh_token?: string}).refresh_token : id;
    await hear(watch, who, response);
    return response;
  };
  return Object.assign(watched, {watch});
}
