import {fail, ok} from './errors.js';
import {type EndReason, type Limit, type Project, type Result, type SessionError} from './types.js';
import {isOver, readRefusal} from './watch-fetch.js';

/** Milliseconds until an unanswered request counts as unreachable. */
const TIMEOUT = 10_000;

/** The codes of the SQL functions `session_state()` and `why_ended()`. */
const REASONS: Record<string, EndReason> = {
  evicted: 'evicted',
  revoked: 'revoked',
  access_revoked: 'accessRevoked',
  inactivity: 'inactivity',
  timebox: 'timebox',
  mfa_required: 'mfaRequired',
  session_expired: 'sessionExpired',
};

/** Why a session ended, as the database knows it; both null if it does not. */
export interface Why {
  reason: EndReason | null;
  cause: string | null;
}

/** When a session ends, in Unix milliseconds, and by what. */
export interface Deadline {
  at: number;
  limit: Limit | null;
}

/** What the server says of a session. */
export type Standing = {live: true; deadline: Deadline | null} | ({live: false} & Why);

export interface Api {
  /** The host of the project: tells projects of one origin apart. */
  readonly project: string;
  /** Calls a function of the schema supasession, as anon without a token. Never refreshes anything. */
  call(name: string, body: object, token?: string): Promise<Result<unknown>>;
  /** Asks Auth whether the row of a session is there: null for yes or unknown, else the code that says no. */
  missing(token: string): Promise<string | null>;
  whyEnded(sessionId: string): Promise<Why>;
  sessionState(token: string): Promise<Result<Standing>>;
}

const readWhy = (data: unknown): Why => {
  const {reason, cause} = (data ?? {}) as {reason?: unknown; cause?: unknown};
  return {reason: REASONS[String(reason)] ?? null, cause: typeof cause === 'string' ? cause : null};
};

function readStanding(data: unknown): Standing | null {
  const {live, ends_at: at, ends_by: by} = (data ?? {}) as {live?: unknown; ends_at?: string | null; ends_by?: unknown};
  if (live === false) return {live, ...readWhy(data)};
  if (live !== true) return null;
  if (at === null || at === undefined) return {live, deadline: null};
  const limit: Limit | null = by === 'timebox' || by === 'inactivity' || by === 'mfa' ? by : null;
  const deadline = {at: Date.parse(at), limit};
  return Number.isNaN(deadline.at) ? null : {live, deadline};
}

async function readError(response: Response): Promise<{data: null; error: SessionError}> {
  const {status} = response;
  if (status >= 500 || status === 429) return fail('unreachable', status);
  const {code, message} = await readRefusal(response);
  if (code === 'PGRST106') return fail('notExposed', status);
  if (code === 'PGRST202') return fail('outdated', status);
  return fail(code === 'PT401' && isGuard(message) ? 'ended' : 'unexpected', status);
}

interface Sent {
  method?: string;
  headers: Record<string, string>;
  body?: string;
}

/** The guard's own message: an app may raise PT401 in its own functions. */
export const isGuard = (message: string): boolean => message === 'Session has ended';

/** The keys of a supabase-js client, which its types protect. */
const readProject = (project: Project): {url: string; key: string} => {
  if ('url' in project) return project;
  const {supabaseUrl: url, supabaseKey: key} = project.anon as {supabaseUrl: string; supabaseKey: string};
  return {url, key};
};

/** @param send a fetch; it need not be watched: these answers are read here. */
export function createApi(project: Project, send: typeof fetch): Api {
  const {url, key} = readProject(project);
  const base = url.replace(/\/+$/, '');
  // The new keys are no tokens: they go into `apikey` alone.
  const anon = key.split('.').length === 3 ? key : null;

  const request = async (path: string, token: string | null, init: Sent): Promise<Response> => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT);
    const headers = {apikey: key, ...init.headers, ...(token && {Authorization: `Bearer ${token}`})};
    return send(base + path, {...init, headers, signal: abort.signal}).finally(() => clearTimeout(timer));
  };

  const call: Api['call'] = async (name, body, token) => {
    try {
      const headers = {'Content-Type': 'application/json', 'Content-Profile': 'supasession'};
      const init = {method: 'POST', headers, body: JSON.stringify(body)};
      const response = await request(`/rest/v1/rpc/${name}`, token ?? anon, init);
      if (!response.ok) return await readError(response);
      return ok(await response.json().catch(() => null));
    } catch {
      return fail('unreachable');
    }
  };

  const missing: Api['missing'] = async (token) => {
    try {
      const response = await request('/auth/v1/user', token, {headers: {'X-Supabase-Api-Version': '2024-01-01'}});
      const code = response.status === 403 ? (await readRefusal(response)).code : '';
      return isOver(code) ? code : null;
    } catch {
      return null;
    }
  };

  const whyEnded: Api['whyEnded'] = async (sessionId) =>
    readWhy(sessionId && (await call('why_ended', {session_id: sessionId})).data);

  const sessionState: Api['sessionState'] = async (token) => {
    const {data, error} = await call('session_state', {}, token);
    if (error) return {data: null, error};
    const standing = readStanding(data);
    return standing ? ok(standing) : fail('unexpected');
  };

  return {project: new URL(url).host, call, missing, whyEnded, sessionState};
}
