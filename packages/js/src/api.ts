import {end, type Deadline, type End} from './memo.js';
import {type EndReason, type Limit, type Project} from './types.js';
import {codeOf, plainFetch} from './watch-fetch.js';

/** Milliseconds until an unanswered request counts as unreachable. */
const TIMEOUT = 10_000;

/** What the server says of a session. */
export type Standing = {live: true; deadline: Deadline | null} | {live: false; end: End};

/** An answer. The status is 0 if there was none that can be read; the code is that of a refusal. */
export interface Answer {
  status: number;
  code: string;
  data: unknown;
}

export interface Api {
  readonly host: string;
  /** Calls a function of the schema supasession, as anon without a token. Never refreshes anything. */
  call(name: string, body?: object, token?: string): Promise<Answer>;
  /** Sends a request, as anon without a token. */
  ask(path: string, token?: string, init?: RequestInit): Promise<Answer>;
  /** Why a session ended; null if nobody knows, or if it lives. */
  whyEnded(sessionId: string): Promise<End | null>;
}

/** The codes of SQL are those of EndReason in snake case. */
function readEnd(data: unknown): End | null {
  const {reason, cause} = (data ?? {}) as {reason?: string | null; cause?: string | null};
  return reason ? end(reason.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) as EndReason, cause) : null;
}

/** Reads the answer of `session_state()`; null if it is none. */
export function readStanding({data}: Answer): Standing | null {
  const {live, ends_at, ends_by} = (data ?? {}) as {live?: unknown; ends_at?: string; ends_by?: Limit};
  const at = ends_at ? Date.parse(ends_at) : 0;
  if (live === false) return {live, end: readEnd(data) ?? end('sessionMissing')};
  return live === true && at >= 0 ? {live, deadline: at ? {at, limit: ends_by ?? null} : null} : null;
}

/** @param send a fetch; it need not be watched: these answers are read here. */
export function createApi(project: Project, send = plainFetch): Api {
  // Types protect what every client of supabase-js keeps.
  const {supabaseUrl: url, supabaseKey: key} =
    'anon' in project
      ? (project.anon as {supabaseUrl: string; supabaseKey: string})
      : {supabaseUrl: project.url, supabaseKey: project.key};

  const ask: Api['ask'] = async (path, token = key, init = {}) => {
    const headers = {apikey: key, 'Content-Type': 'application/json', 'Content-Profile': 'supasession'};
    try {
      const response = await send(url.replace(/\/$/, '') + path, {
        ...init,
        // The new keys are no tokens.
        headers: token.includes('.') ? {...headers, Authorization: `Bearer ${token}`} : headers,
        // React Native has no such signal.
        signal: (AbortSignal as Partial<typeof AbortSignal>).timeout?.(TIMEOUT) ?? null,
      });
      const data: unknown = await response.json();
      return {status: response.status, code: codeOf(data), data};
    } catch {
      return {status: 0, code: '', data: null};
    }
  };

  const call: Api['call'] = async (name, body = {}, token) =>
    ask(`/rest/v1/rpc/${name}`, token, {method: 'POST', body: JSON.stringify(body)});

  return {
    host: new URL(url).host,
    call,
    ask,
    whyEnded: async (id) => readEnd((await call('why_ended', {session_id: id})).data),
  };
}
