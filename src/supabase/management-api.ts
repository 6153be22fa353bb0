import {readFile} from 'node:fs/promises';
import {homedir} from 'node:os';
import path from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {shellWord, SupasessionError} from '../errors.js';
import {readProjectEnv} from './env-files.js';
import {errorCode, reasonOf} from './file-errors.js';
import type {Env, Project} from './project.js';

export interface ApiAccess {
  /** Without a slash at its end. */
  url: string;
  /** Never part of output. */
  token: string;
  /** `SUPABASE_ACCESS_TOKEN`, or the path of the file that it is from. */
  source: string;
}

/** A part of a hosted project's Auth settings, named as the API names them; null if not set. */
export interface AuthConfig {
  hook_custom_access_token_enabled: boolean | null;
  /** `pg-functions://postgres/<schema>/<function>`, or `https://...`. */
  hook_custom_access_token_uri: string | null;
  /** Seconds. */
  jwt_exp: number | null;
  refresh_token_rotation_enabled: boolean | null;
  /** Seconds. */
  security_refresh_token_reuse_interval: number | null;
  /** Hours; 0 switches it off. */
  sessions_timebox: number | null;
  /** Hours; 0 switches it off. */
  sessions_inactivity_timeout: number | null;
  sessions_single_per_user: boolean | null;
}

/** What can be changed of it. */
export type AuthConfigChanges = Partial<
  Pick<AuthConfig, 'hook_custom_access_token_enabled' | 'hook_custom_access_token_uri'>
>;

/** A part of a hosted project's Data API settings. */
export interface DataApiConfig {
  /** The exposed schemas, the first one the default. */
  schemas: string[];
  extraSearchPath: string[];
}

/** A role that the platform made for a short time; it may become `postgres`. */
export interface LoginRole {
  role: string;
  /** Never part of output. */
  password: string;
  ttlSeconds: number;
}

/** Time for one answer, in milliseconds. */
const TIMEOUT = 15_000;

/** Before the second attempt, in milliseconds. */
const RETRY_PAUSE = 300;

/** The supabase CLI's own names for where it works; any other profile is a file. */
const PROFILES: Readonly<Record<string, string>> = {
  supabase: 'https://api.supabase.com',
  'supabase-staging': 'https://api.supabase.green',
  'supabase-local': 'http://localhost:8080',
  snap: 'https://cloudapi.snap.com',
};

/**
 * Finds the access token and the address of the Management API as the supabase CLI does (3.1.0, measured; it passes `SUPABASE_API_URL`
 * over). The token: `SUPABASE_ACCESS_TOKEN`, else the file `access-token` in `SUPABASE_HOME` (`~/.supabase`). The CLI writes that file
 * only if it finds no keyring, which we cannot read. The address: that of the profile (`SUPABASE_PROFILE`, else the file `profile` in
 * the same folder), which is a name or a file with `api_url` in it.
 *
 * @param env the shell's variables
 * @returns undefined if there is no token that we can read
 * @throws SupasessionError CONFIG_UNREADABLE for a file that is there, or named, and cannot be read; CONFIG_INVALID for an address that
 *   is none, or not encrypted; API_UNAUTHORIZED for what cannot be a token
 */
export async function findApiAccess(env: Env): Promise<ApiAccess | undefined> {
  const home = env['SUPABASE_HOME'] || path.join(env['HOME'] || homedir(), '.supabase');
  const file = path.join(home, 'access-token');
  const given = env['SUPABASE_ACCESS_TOKEN']?.trim() || undefined;
  const token = given ?? (await readIfThere(file));
  if (token === undefined) return undefined;
  const source = given === undefined ? file : 'SUPABASE_ACCESS_TOKEN';
  // Anything else could not be sent, and fetch would repeat it in its complaint.
  if (!/^[\x21-\x7E]+$/.test(token)) throw unauthorized(`What ${source} holds is not an access token.`);
  return {url: await apiUrl(env, home), token, source};
}

/**
 * @param project the project, whose .env files count as they do for the supabase CLI; null if there is none
 * @param env the shell's variables
 * @returns the Management API of hosted projects; null if there is no access token that we can read
 * @throws SupasessionError what `findApiAccess` throws
 */
export async function findManagementApi(project: Project | null, env: Env): Promise<ManagementApi | null> {
  const access = await findApiAccess(project === null ? env : (await readProjectEnv(project, env)).shell);
  return access === undefined ? null : new ManagementApi(access);
}

async function apiUrl(env: Env, home: string): Promise<string> {
  const profile = env['SUPABASE_PROFILE']?.trim() || (await readIfThere(path.join(home, 'profile'))) || 'supabase';
  const known = PROFILES[profile.toLowerCase()];
  if (known !== undefined) return known;
  const text = await readFile(profile, 'utf8').catch((error: unknown) => {
    throw unreadable(profile, error);
  });
  // YAML, TOML or JSON, as the CLI takes them.
  const url = /^\s*["']?api_url["']?\s*[:=]\s*["']?([^\s"',]+)/m.exec(text)?.[1];
  const usable = url !== undefined && URL.canParse(url) && isProtected(new URL(url));
  if (usable) return url.replace(/\/+$/, '');
  throw new SupasessionError('CONFIG_INVALID', `The profile ${profile} of the supabase CLI has no https api_url.`, {
    suggestions: ['Correct the file, or unset SUPABASE_PROFILE'],
  });
}

/** The token goes over this; without encryption only to this machine, where tests have their stand-in. */
function isProtected({protocol, hostname}: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname));
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim() || undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw unreadable(file, error);
  }
}

function unreadable(file: string, cause: unknown): SupasessionError {
  return new SupasessionError('CONFIG_UNREADABLE', `Cannot read ${file}: ${reasonOf(cause)}.`, {
    suggestions: [`ls -l ${shellWord(file)}`],
    cause,
  });
}

/**
 * Each method throws SupasessionError API_UNAUTHORIZED (401, 403) or API_FAILED (all else,
 * after 15 seconds at the latest; a read is tried a second time if the network or the server failed).
 */
export class ManagementApi {
  readonly #access: ApiAccess;
  readonly #timeout: number;

  /** @param options.timeout for one answer, in milliseconds */
  constructor(access: ApiAccess, options: {timeout?: number} = {}) {
    this.#access = access;
    this.#timeout = options.timeout ?? TIMEOUT;
  }

  /** @param ref a hosted project */
  async readAuthConfig(ref: string): Promise<AuthConfig> {
    return this.#authConfig(await this.#request('GET', ref, 'config/auth'));
  }

  /**
   * @param ref a hosted project
   * @param changes what to set; all else stays
   * @returns the settings as they are now, in the words of the answer
   */
  async updateAuthConfig(ref: string, changes: AuthConfigChanges): Promise<AuthConfig> {
    return this.#authConfig(await this.#request('PATCH', ref, 'config/auth', changes));
  }

  /** @param ref a hosted project */
  async readDataApiConfig(ref: string): Promise<DataApiConfig> {
    return this.#dataApiConfig(await this.#request('GET', ref, 'postgrest'));
  }

  /**
   * @param ref a hosted project
   * @param schemas all that are to be exposed
   * @returns the settings as they are now, in the words of the answer
   */
  async updateDataApiSchemas(ref: string, schemas: readonly string[]): Promise<DataApiConfig> {
    return this.#dataApiConfig(await this.#request('PATCH', ref, 'postgrest', {db_schema: schemas.join(',')}));
  }

  /**
   * Makes a login role for a short time, which may become `postgres`; the pooler may take some seconds to know it.
   *
   * @param ref a hosted project
   * @param options.readOnly whether it shall not be able to change anything
   */
  async createLoginRole(ref: string, options: {readOnly: boolean}): Promise<LoginRole> {
    const answer = await this.#request('POST', ref, 'cli/login-role', {read_only: options.readOnly});
    return {
      role: this.#field(answer, 'role', isText),
      password: this.#field(answer, 'password', isText),
      ttlSeconds: this.#field(answer, 'ttl_seconds', isNumber),
    };
  }

  #authConfig(answer: unknown): AuthConfig {
    const flag = (name: keyof AuthConfig) => this.#field(answer, name, orNull(isFlag));
    const number = (name: keyof AuthConfig) => this.#field(answer, name, orNull(isNumber));
    return {
      hook_custom_access_token_enabled: flag('hook_custom_access_token_enabled'),
      hook_custom_access_token_uri: this.#field(answer, 'hook_custom_access_token_uri', orNull(isText)),
      jwt_exp: number('jwt_exp'),
      refresh_token_rotation_enabled: flag('refresh_token_rotation_enabled'),
      security_refresh_token_reuse_interval: number('security_refresh_token_reuse_interval'),
      sessions_timebox: number('sessions_timebox'),
      sessions_inactivity_timeout: number('sessions_inactivity_timeout'),
      sessions_single_per_user: flag('sessions_single_per_user'),
    };
  }

  /** The answer holds the project's JWT secret too: what is not picked here goes nowhere. */
  #dataApiConfig(answer: unknown): DataApiConfig {
    const list = (name: string) => {
      const names = this.#field(answer, name, isText).split(',');
      return names.map((schema) => schema.trim()).filter((schema) => schema !== '');
    };
    return {schemas: list('db_schema'), extraSearchPath: list('db_extra_search_path')};
  }

  #field<T>(answer: unknown, name: string, is: (value: unknown) => value is T): T {
    const value = typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>)[name] : undefined;
    if (is(value)) return value;
    throw failed(`${this.#host} gave an answer without a ${name} that this program understands.`, [
      '{add} supasession@latest',
    ]);
  }

  get #host(): string {
    return new URL(this.#access.url).host;
  }

  async #request(method: 'GET' | 'PATCH' | 'POST', ref: string, what: string, body?: unknown): Promise<unknown> {
    const first = await this.#attempt(method, ref, what, body);
    if (first.outcome === 'answered') return first.body;
    if (method !== 'GET' || !first.transient) throw first.error;
    await setTimeout(RETRY_PAUSE);
    const second = await this.#attempt(method, ref, what, body);
    if (second.outcome === 'answered') return second.body;
    throw second.error;
  }

  async #attempt(
    method: string,
    ref: string,
    what: string,
    body: unknown,
  ): Promise<{outcome: 'answered'; body: unknown} | {outcome: 'failed'; error: SupasessionError; transient: boolean}> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.#access.url}/v1/projects/${encodeURIComponent(ref)}/${what}`, {
        method,
        headers: {
          Authorization: `Bearer ${this.#access.token}`,
          'User-Agent': 'supasession',
          ...(body === undefined ? {} : {'Content-Type': 'application/json'}),
        },
        ...(body === undefined ? {} : {body: JSON.stringify(body)}),
        // The token is for this address only.
        redirect: 'error',
        signal: AbortSignal.timeout(this.#timeout),
      });
      text = await response.text();
    } catch (error) {
      // Not `instanceof Error`: as in errorCode().
      const timedOut = (error as {name?: unknown}).name === 'TimeoutError';
      return {outcome: 'failed', error: this.#unreachable(error, timedOut), transient: !timedOut};
    }
    if (response.ok) {
      const answer = parseJson(text);
      if (answer !== undefined) return {outcome: 'answered', body: answer};
      return {
        outcome: 'failed',
        error: failed(`${this.#host} gave an answer that is not JSON.`, ['Run the command again later']),
        transient: false,
      };
    }
    const error = this.#refused(response, `${method} ${what}`, ref, messageOf(text));
    return {outcome: 'failed', error, transient: response.status >= 500};
  }

  #unreachable(error: unknown, timedOut: boolean): SupasessionError {
    // fetch says only that it failed; why is in the cause.
    const {cause} = error as {cause?: unknown};
    const why = timedOut
      ? `did not answer within ${this.#timeout / 1000} seconds`
      : `cannot be reached (${errorCode(cause) ?? 'the connection failed'})`;
    return failed(`${this.#host} ${why}.`, ['Check the network, then run the command again']);
  }

  #refused({status, headers}: Response, request: string, ref: string, said: string | undefined): SupasessionError {
    const words = said === undefined ? '' : `: ${said.replaceAll(this.#access.token, '***')}`;
    switch (status) {
      case 401: {
        return unauthorized(`${this.#host} refused the access token (${this.#access.source})${words}.`);
      }

      case 403: {
        return unauthorized(
          `The access token (${this.#access.source}) may not do this on project ${ref} (${request})${words}.`,
          ['Use the token of an owner or administrator of the project, with these rights'],
        );
      }

      case 404: {
        return failed(
          `${this.#host} knows no project ${ref}, or the owner of the access token (${this.#access.source}) is not a member of it${words}.`,
          ['{supabase} projects list'],
        );
      }

      case 429: {
        const wait = /^\d+$/.exec(headers.get('retry-after') ?? headers.get('x-ratelimit-reset') ?? '')?.[0];
        return failed(`${this.#host} takes no more requests for now${words}.`, [
          wait === undefined ? 'Run the command again in a minute' : `Run the command again in ${wait} seconds`,
        ]);
      }

      default: {
        return failed(`${this.#host} answered ${status} to ${request} of project ${ref}${words}.`, [
          status >= 500 ? 'Run the command again later: https://status.supabase.com' : '{supabase} projects list',
        ]);
      }
    }
  }
}

function failed(message: string, suggestions: string[]): SupasessionError {
  // No cause: what fetch throws may hold the request, and with it the token.
  return new SupasessionError('API_FAILED', message, {suggestions});
}

function unauthorized(message: string, suggestions: string[] = []): SupasessionError {
  return new SupasessionError('API_UNAUTHORIZED', message, {
    suggestions: [
      ...suggestions,
      '{supabase} login',
      'Or set SUPABASE_ACCESS_TOKEN to a token from https://supabase.com/dashboard/account/tokens',
    ],
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The API's own words, on one line and without the full stop. */
function messageOf(text: string): string | undefined {
  const answer = parseJson(text);
  if (typeof answer !== 'object' || answer === null || !('message' in answer)) return undefined;
  const words = typeof answer.message === 'string' ? answer.message.replaceAll(/\s+/g, ' ').trim() : '';
  return words.slice(0, 300).replace(/\.$/, '') || undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function orNull<T>(is: (value: unknown) => value is T): (value: unknown) => value is T | null {
  return (value): value is T | null => value === null || is(value);
}
