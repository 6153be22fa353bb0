import {fail, ok} from './errors.js';
import {type Deadline} from './memo.js';
import {type EndReason, type Limit, type Project, type Result, type SessionError} from './types.js';
import {readCode} from './watch-fetch.js';

/** Milliseconds until an unanswered request counts as unreachable. */
const TIMEOUT = 10_000;

/** Why a session ended, as far as the database knows. */
export interface Why {
  reason: EndReason | null;
  cause: string | null;
}

/** What the server says of a session. */
export type Standing = {live: true; deadline: Deadline | null} | ({live: false} & Why);

/** An answer. The status is 0 if there was none; the code is that of a refusal. */
export interface Answer {
  status: number;
  code: string;
  data: unknown;
}

export interface Api {
  readonly host: string;
  /** Calls a function of the schema supasession, as anon without a token. Never refreshes anything. */
  call(name: string, body?: object, token?: string): Promise<Answer>;
  /** Asks Auth for the user of a token. */
  user(token: string): Promise<Answer>;
  whyEnded(sessionId: string): Promise<Why>;
  standing(token: string): Promise<Result<Standing>>;
}

/** The codes of SQL are those of EndReason in snake case. */
function readWhy(data: unknown): Why {
  const {reason, cause} = (data ?? {}) as {reason?: string | null; cause?: string | null};
  const camel = reason?.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return {reason: (camel as EndReason | undefined) ?? null, cause: cause ?? null};
}

const CODES = {PGRST106: 'notExposed', PGRST202: 'outdated', PT401: 'ended'} as const;

/** The error of an answer without data. */
export function toError({status, code}: Answer): {data: null; error: SessionError} {
  const known = (CODES as Partial<Record<string, (typeof CODES)[keyof typeof CODES]>>)[code];
  return fail(!status || status >= 500 || status === 429 ? 'unreachable' : (known ?? 'unexpected'), {status});
}

function readStanding(answer: Answer): Result<Standing> {
  const {data} = answer;
  const {live, ends_at: end, ends_by: limit} = (data ?? {}) as {live?: unknown; ends_at?: string; ends_by?: Limit};
  const at = end ? Date.parse(end) : 0;
  if (live === false) return ok({live, ...readWhy(data)});
  if (live !== true || Number.isNaN(at)) return toError(answer);
  return ok({live, deadline: at ? {at, limit: limit ?? null} : null});
}

/** @param send a fetch; it need not be watched: these answers are read here. */
export function createApi(project: Project, send: typeof fetch): Api {
  // Types protect what every client of supabase-js keeps.
  const client = 'anon' in project ? (project.anon as {supabaseUrl: string; supabaseKey: string}) : null;
  const {url, key} = client
    ? {url: client.supabaseUrl, key: client.supabaseKey}
    : (project as {url: string; key: string});

  const ask = async (path: string, token = key, init: RequestInit = {}): Promise<Answer> => {
    const headers = {apikey: key, 'Content-Type': 'application/json', 'Content-Profile': 'supasession'};
    try {
      const response = await send(url.replace(/\/$/, '') + path, {
        ...init,
        // The new keys are no tokens.
        headers: token.includes('.') ? {...headers, Authorization: `Bearer ${token}`} : headers,
        // React Native has no such signal.
        signal: (AbortSignal as Partial<typeof AbortSignal>).timeout?.(TIMEOUT) ?? null,
      });
      const {status, ok: good} = response;
      return good
        ? {status, code: '', data: await response.json()}
        : {status, code: await readCode(response), data: null};
    } catch {
      return {status: 0, code: '', data: null};
    }
  };

  const call: Api['call'] = async (name, body = {}, token) =>
    ask(`/rest/v1/rpc/${name}`, token, {method: 'POST', body: JSON.stringify(body)});

  return {
    host: new URL(url).host,
    call,
    user: async (token) => ask('/auth/v1/user', token),
    whyEnded: async (id) => readWhy((await call('why_ended', {session_id: id})).data),
    standing: async (token) => readStanding(await call('session_state', {}, token)),
  };
}
