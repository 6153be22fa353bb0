import {once} from 'node:events';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';

/** What the stand-in knows of a project; every field of an answer that we read, and some that must never show up anywhere. */
export interface ProjectState {
  auth: Record<string, unknown>;
  postgrest: Record<string, unknown>;
  /** Answers `POST /cli/login-role`; by default with a role that no database has. */
  loginRole: (readOnly: boolean) => Promise<{role: string; password: string; ttl_seconds: number}>;
}

/** How the next request is answered instead: with a status, never, or by cutting the connection. */
export type Misbehaviour = {status: number; body?: string; headers?: Record<string, string>} | 'silence' | 'cut';

/** One that has been recorded. */
export interface RecordedRequest {
  method: string;
  path: string;
  token: string | undefined;
  body: unknown;
}

/** A stand-in of Supabase's Management API, for tests: the real one has no test projects. */
export interface ManagementApiStandIn {
  readonly url: string;
  /** The one token that it takes. */
  token: string;
  readonly requests: RecordedRequest[];
  readonly projects: Map<string, ProjectState>;
  /** Each one is for one request, in turn. */
  next: (...behaviour: Misbehaviour[]) => void;
  /** The variables by which a program finds it. */
  readonly env: {SUPABASE_PROFILE: string; SUPABASE_ACCESS_TOKEN: string};
  /** Forgets what has been asked, set and told. */
  reset: () => void;
  stop: () => Promise<void>;
}

export const TOKEN = 'sbp_0123456789abcdef0123456789abcdef01234567';

/** In answers, and never to be seen outside. */
export const JWT_SECRET = 'stand-in-jwt-secret';

// The answers have the shape of the supabase CLI's own API types (github.com/supabase/cli, apps/cli-go/pkg/api/types.gen.go:
// AuthConfigResponse, PostgrestConfigWithJWTSecretResponse, V1PostgrestConfigResponse, CreateRoleResponse) and the values of the answers
// recorded there (apps/cli-e2e/fixtures/recorded/GET_v1_projects___PROJECT_REF___config_auth and ..._postgrest, default.response.json).
function freshProject(): ProjectState {
  return {
    auth: {
      jwt_exp: 3600,
      disable_signup: false,
      refresh_token_rotation_enabled: true,
      security_refresh_token_reuse_interval: 10,
      sessions_timebox: 0,
      sessions_inactivity_timeout: 0,
      sessions_single_per_user: false,
      sessions_tags: null,
      hook_custom_access_token_enabled: false,
      hook_custom_access_token_uri: null,
      hook_custom_access_token_secrets: null,
    },
    postgrest: {
      db_schema: 'public,graphql_public',
      max_rows: 1000,
      db_extra_search_path: 'public, extensions',
      db_pool: null,
    },
    loginRole: async () => ({role: 'cli_login_postgres', password: 'stand-in-login-password', ttl_seconds: 300}),
  };
}

/**
 * Starts a stand-in on 127.0.0.1.
 *
 * @param refs the projects that it knows
 */
export async function startManagementApi(...refs: string[]): Promise<ManagementApiStandIn> {
  const projects = new Map<string, ProjectState>();
  const requests: RecordedRequest[] = [];
  const queue: Misbehaviour[] = [];

  const ask = async (method: string, url: string, body?: Record<string, unknown>): Promise<[number, unknown]> => {
    const [, ref = '', what = ''] = /^\/v1\/projects\/([^/]+)\/(.+)$/.exec(url) ?? [];
    const project = projects.get(ref);
    if (project === undefined) return [404, {message: 'Project not found'}];
    switch (`${method} ${what}`) {
      case 'GET config/auth': {
        return [200, project.auth];
      }
      case 'PATCH config/auth': {
        return [200, Object.assign(project.auth, body)];
      }
      case 'GET postgrest': {
        return [200, {...project.postgrest, jwt_secret: JWT_SECRET}];
      }
      case 'PATCH postgrest': {
        return [200, Object.assign(project.postgrest, body)];
      }
      case 'POST cli/login-role': {
        return [201, await project.loginRole(body?.['read_only'] === true)];
      }
      default: {
        return [404, {message: `Cannot ${method} ${url}`}];
      }
    }
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const {method = '', url = '', headers} = request;
    const token = headers.authorization?.replace(/^Bearer /, '');
    const body = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
    requests.push({method, path: url, token, body});

    const behaviour = queue.shift();
    if (behaviour === 'silence') return;
    if (behaviour === 'cut') {
      request.socket.destroy();
      return;
    }
    if (behaviour !== undefined) {
      response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '');
      return;
    }
    const [status, value] = token === standIn.token ? await ask(method, url, body) : [401, {message: 'Unauthorized'}];
    response.writeHead(status, {'content-type': 'application/json; charset=utf-8'}).end(JSON.stringify(value));
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(JSON.stringify({message: `The stand-in failed: ${String(error)}`}));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(path.join(tmpdir(), 'supasession-api-'));
  const profile = path.join(folder, 'profile.yaml');
  // The real CLI refuses a profile without these.
  const rest = ['name: stand-in', `dashboard_url: ${url}`, 'project_host: supabase.test'];
  await writeFile(profile, [...rest, `api_url: ${url}`, ''].join('\n'));

  const standIn: ManagementApiStandIn = {
    url,
    token: TOKEN,
    requests,
    projects,
    next: (...behaviour) => queue.push(...behaviour),
    env: {SUPABASE_PROFILE: profile, SUPABASE_ACCESS_TOKEN: TOKEN},
    reset: () => {
      standIn.token = TOKEN;
      requests.length = 0;
      queue.length = 0;
      projects.clear();
      for (const ref of refs) projects.set(ref, freshProject());
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await rm(folder, {recursive: true, force: true});
    },
  };
  standIn.reset();
  return standIn;
}
