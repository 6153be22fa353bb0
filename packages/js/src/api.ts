import {fail, ok} from './errors.js';
import {type Deadline} from './memo.js';
import {type EndReason, type Limit, type Project, type Result} from './types.js';
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

export interface Api {
  readonly host: string;
  /** Calls a function of the schema supasession, as anon without a token. Never refreshes anything. */
  call(name: string, body?: object, token?: string): Promise<Result<unknown>>;
  /** Asks Auth for the user of a token. The status is 0 if it cannot be reached; the code is that of a refusal. */
  user(token: string): Promise<{status: number; code: string}>;
  whyEnded(sessionId: string): Promise<Why>;
  standing(token: string): Promise<Result<Standing>>;
}

const camel = (code: string): string => code.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** The codes of SQL are those of EndReason in snake case. */
const readWhy = (data: unknown): Why => {
  const {reason, cause} = (data ?? {}) as {reason?: string | null; cause?: string | null};
  return {reason: reason ? (camel(reason) as EndReason) : null, cause: cause ?? null};
};

function readStanding(data: unknown): Result<Standing> {
  const {live, ends_at: end, ends_by: limit} = (data ?? {}) as {live?: unknown; ends_at?: string; ends_by?: Limit};
  if (live === false) return ok({live, ...readWhy(data)});
  const at = end ? Date.parse(end) : 0;
  if (live !== true || Number.isNaN(at)) return fail('unexpected', {status: 200});
  return ok({live, deadline: at ? {at, limit: limit ?? null} : null});
}

async function readError(response: Response): Promise<ReturnType<typeof fail>> {
  const {status} = response;
  const codes = {PGRST106: 'notExposed', PGRST202: 'outdated', PT401: 'ended'} as const;
  const code = codes[(await readCode(response)) as keyof typeof codes] as
    (typeof codes)[keyof typeof codes] | undefined;
  return fail(status >= 500 || status === 429 ? 'unreachable' : (code ?? 'unexpected'), {status});
}

/** @param send a fetch; it need not be watched: these answers are read here. */
export function createApi(project: Project, send: typeof fetch): Api {
  // Types protect what every client of supabase-js keeps.
  const client = 'anon' in project ? (project.anon as {supabaseUrl: string; supabaseKey: string}) : null;
  const {url, key} = client
    ? {url: client.supabaseUrl, key: client.supabaseKey}
    : (project as {url: string; key: string});

  const request = async (path: string, token: string | undefined, init: RequestInit): Promise<Response> =>
    send(url.replace(/\/$/, '') + path, {
      ...init,
      headers: {
        apikey: key,
        // The new keys are no tokens.
        ...((token ?? key).includes('.') && {Authorization: `Bearer ${token ?? key}`}),
        'Content-Type': 'application/json',
        'Content-Profile': 'supasession',
        'X-Supabase-Api-Version': '2024-01-01',
      },
      // React Native has no such signal.
      signal: (AbortSignal as Partial<typeof AbortSignal>).timeout?.(TIMEOUT) ?? null,
    });

  const call: Api['call'] = async (name, body = {}, token) => {
    try {
      const init = {method: 'POST', body: JSON.stringify(body)};
      const response = await request(`/rest/v1/rpc/${name}`, token, init);
      return response.ok ? ok(await response.json()) : await readError(response);
    } catch {
      return fail('unreachable');
    }
  };

  return {
    host: new URL(url).host,
    call,
    user: async (token) => {
      try {
        const response = await request('/auth/v1/user', token, {});
        return {status: response.status, code: response.ok ? '' : await readCode(response)};
      } catch {
        return {status: 0, code: ''};
      }
    },
    whyEnded: async (id) => readWhy((await call('why_ended', {session_id: id})).data),
    standing: async (token) => {
      const {data, error} = await call('session_state', {}, token);
      return error ? {data: null, error} : readStanding(data);
    },
  };
}
