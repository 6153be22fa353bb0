import {readFile} from 'node:fs/promises';
import path from 'node:path';
import type {ParseError} from 'jsonc-parser';
import {shellWord, SupasessionError} from '../errors.js';
import {readProjectEnv, type ProjectEnv} from './env-files.js';
import {reasonOf} from './file-errors.js';
import type {Env, Project} from './project.js';

/** A table of a configuration file, as it was parsed. */
export type Table = Record<string, unknown>;

/** A span of time as the supabase CLI takes it: Go's "24h", "8h30m", "1h0m0s". */
export interface ConfiguredSpan {
  text: string;
  /** Where it stands: key and file, or the variable. */
  source: string;
}

const GO_DURATION = /^(?:0|(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|ns))+)$/;

/**
 * What we need of a project's configuration. Each value is looked up when it is read, so that one which a command does not use cannot
 * fail it.
 *
 * Reading one throws SupasessionError ENV_NOT_SET (it is `env(NAME)` and nothing sets NAME) or CONFIG_INVALID (not a value of its kind).
 */
export interface ProjectConfig {
  /** `project_id`; without one the name of the project's folder, as `supabase init` takes it. */
  readonly projectId: string;
  /** `[db] port` of the local database. */
  readonly dbPort: number;
  /** `[db] major_version` of Postgres. */
  readonly dbMajorVersion: number;
  /** `[auth] jwt_expiry` in seconds: how long an access token lives that was issued already. */
  readonly jwtExpiry: number;
  /** `[auth] enable_refresh_token_rotation`. */
  readonly refreshTokenRotation: boolean;
  /** `[auth] refresh_token_reuse_interval` in seconds. */
  readonly refreshTokenReuseInterval: number;
  /** `[auth.sessions] timebox`; null if it is not there. */
  readonly timebox: ConfiguredSpan | null;
  /** `[auth.sessions] inactivity_timeout`; null if it is not there. */
  readonly inactivityTimeout: ConfiguredSpan | null;
  /** `[auth.hook.custom_access_token]`; `secrets`: whether there are any beside it, which the CLI takes for an http hook only. */
  readonly accessTokenHook: {readonly enabled: boolean; readonly uri: string | null; readonly secrets: boolean};
  /** `[api] schemas`, which the Data API exposes. */
  readonly apiSchemas: string[];
  /** `[experimental.pgdelta]`: whether `db diff` compares with pg-delta, and the folder of declared files, from supabase/ on. */
  readonly pgDelta: {readonly enabled: boolean; readonly path: string};
  /** `[db.migrations] schema_paths`, which the engine before pg-delta reads: files, folders and patterns, from supabase/ on. */
  readonly schemaPaths: string[];
  /** The file's content with the override for the project ref, `env()` unresolved. */
  readonly raw: Table;
}

/**
 * Reads a project's `config.toml`, `config.json` or `config.jsonc`.
 *
 * @param env the shell's variables
 * @param options.projectRef the linked project: a `[remotes.<name>]` block with this `project_id` overrides the base
 * @throws SupasessionError CONFIG_UNREADABLE, CONFIG_INVALID
 */
export async function readConfig(
  project: Project,
  env: Env,
  options: {projectRef?: string | undefined} = {},
): Promise<ProjectConfig> {
  const base = await parseConfig(project.configPath, await readText(project.configPath));
  const projectEnv = await readProjectEnv(project, env);
  const remote = findRemote(base, projectEnv, options.projectRef);
  return new Settings(project, remote === undefined ? base : mergeTables(base, remote.block), projectEnv);
}

class Settings implements ProjectConfig {
  constructor(
    private readonly project: Project,
    readonly raw: Table,
    private readonly projectEnv: ProjectEnv,
  ) {}

  get projectId(): string {
    // SUPABASE_PROJECT_ID is left out here: it names the linked project (link.ts), not this folder's.
    const {value, source} = this.find('project_id', false);
    if (value === undefined || value === '') return path.basename(this.project.root);
    if (typeof value !== 'string') throw this.invalid(source, value, 'a text');
    return value;
  }

  get dbPort(): number {
    return this.integer('db.port', 54_322, {min: 1, max: 65_535}, 'a port (1 to 65535)');
  }

  get dbMajorVersion(): number {
    return this.integer('db.major_version', 17, {min: 1, max: 99}, 'a major version of Postgres');
  }

  get jwtExpiry(): number {
    return this.integer('auth.jwt_expiry', 3600, {min: 0, max: Number.MAX_SAFE_INTEGER}, 'a number of seconds');
  }

  get refreshTokenRotation(): boolean {
    return this.boolean('auth.enable_refresh_token_rotation', true);
  }

  get refreshTokenReuseInterval(): number {
    const range = {min: 0, max: Number.MAX_SAFE_INTEGER};
    return this.integer('auth.refresh_token_reuse_interval', 10, range, 'a number of seconds');
  }

  get timebox(): ConfiguredSpan | null {
    return this.duration('auth.sessions.timebox');
  }

  get inactivityTimeout(): ConfiguredSpan | null {
    return this.duration('auth.sessions.inactivity_timeout');
  }

  private duration(key: string): ConfiguredSpan | null {
    const {value, source} = this.find(key, true);
    if (value === undefined) return null;
    if (typeof value !== 'string' || !GO_DURATION.test(value))
      throw this.invalid(source, value, 'a span of time such as "24h" or "8h30m"');
    return {text: value, source};
  }

  get accessTokenHook(): {enabled: boolean; uri: string | null; secrets: boolean} {
    const hook = 'auth.hook.custom_access_token';
    const enabled = this.boolean(`${hook}.enabled`);
    const {value: uri = null, source} = this.find(`${hook}.uri`, true);
    if (typeof uri !== 'string' && (enabled || uri !== null)) throw this.invalid(source, uri, 'the address of a hook');
    const secrets = this.written(`${hook}.secrets`);
    return {
      enabled,
      uri: uri || null,
      secrets: secrets !== undefined && secrets !== '',
    };
  }

  get apiSchemas(): string[] {
    // What the CLI takes if the file says nothing.
    return this.list('api.schemas', ['public', 'graphql_public'], 'a list of schemas');
  }

  get pgDelta(): {enabled: boolean; path: string} {
    const key = 'experimental.pgdelta';
    const {value, source} = this.find(`${key}.declarative_schema_path`, true);
    if (value !== undefined && typeof value !== 'string') throw this.invalid(source, value, 'the path of a folder');
    return {enabled: this.boolean(`${key}.enabled`, true), path: value || 'schemas'};
  }

  get schemaPaths(): string[] {
    return this.list('db.migrations.schema_paths', [], 'a list of paths');
  }

  private list(key: string, fallback: string[], expected: string): string[] {
    const {value = fallback, source} = this.find(key, true);
    const list: unknown = typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value;
    if (!Array.isArray(list) || !list.every((name) => typeof name === 'string')) {
      throw this.invalid(source, value, expected);
    }
    return list.filter((name) => name !== '');
  }

  private boolean(key: string, fallback = false): boolean {
    const {value = fallback, source} = this.find(key, true);
    if (typeof value === 'boolean') return value;
    if (value === 'true' || value === 'false') return value === 'true';
    throw this.invalid(source, value, 'true or false');
  }

  private integer(key: string, fallback: number, range: {min: number; max: number}, expected: string): number {
    const {value, source} = this.find(key, true);
    if (value === undefined) return fallback;
    const number = typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number) || number < range.min || number > range.max) {
      throw this.invalid(source, value, expected);
    }
    return number;
  }

  /** The value of a dotted key and its source. As in the CLI, `SUPABASE_DB_PORT` and its like beat the file. */
  private find(key: string, overridable: boolean): {value: unknown; source: string} {
    const name = `SUPABASE_${key.toUpperCase().replaceAll('.', '_')}`;
    const override = overridable ? this.projectEnv.get(name) : undefined;
    const source = override === undefined ? `${key} in ${this.project.configPath}` : name;
    const value = override ?? this.written(key);
    const variable = variableOf(value);
    if (variable === undefined) return {value, source};
    const resolved = this.projectEnv.get(variable);
    if (resolved === undefined) {
      throw new SupasessionError(
        'ENV_NOT_SET',
        `${source} is env(${variable}), and ${variable} is not set or empty. Looked in ${this.projectEnv.places.join(', ')}.`,
        {
          suggestions: [
            `export ${variable}=...`,
            `Add ${variable}=... to ${path.join(this.project.supabaseDir, '.env')}`,
          ],
          details: {variable, key, places: this.projectEnv.places},
        },
      );
    }
    return {value: resolved, source: `${source}, env(${variable}),`};
  }

  /** What the file has for a dotted key, `env()` unresolved. */
  private written(key: string): unknown {
    return key.split('.').reduce<unknown>((at, part) => (isTable(at) ? at[part] : undefined), this.raw);
  }

  private invalid(source: string, value: unknown, expected: string): SupasessionError {
    return new SupasessionError('CONFIG_INVALID', `${source} is ${JSON.stringify(value)}, which is not ${expected}.`, {
      suggestions: [`Correct it in ${this.project.configPath}, or where the variable is set.`],
    });
  }
}

async function readText(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    throw new SupasessionError('CONFIG_UNREADABLE', `Cannot read ${file}: ${reasonOf(error)}.`, {
      suggestions: [`ls -l ${shellWord(file)}`],
      cause: error,
    });
  }
}

/**
 * Parses a configuration file by the form that its name says, with a parser that is loaded for it.
 *
 * @param text without a byte order mark
 * @throws SupasessionError CONFIG_INVALID with line and column, and nothing of the text
 */
export async function parseConfig(file: string, text: string): Promise<Table> {
  return file.endsWith('.toml') ? parseToml(file, text) : parseJson(file, text);
}

async function parseToml(file: string, text: string): Promise<Table> {
  const {parse, TomlError} = await import('smol-toml');
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The first line is the reason; the rest is an excerpt of the file, which may hold secrets.
    throw invalidSyntax(file, error.line, error.column, error.message.split('\n', 1)[0] ?? 'invalid TOML');
  }
}

async function parseJson(file: string, text: string): Promise<Table> {
  const {parse, printParseErrorCode} = await import('jsonc-parser');
  const errors: ParseError[] = [];
  // The CLI allows comments and trailing commas in config.json too.
  const value: unknown = parse(text, errors, {allowTrailingComma: true});
  const [first] = errors;
  if (first) {
    const before = text.slice(0, first.offset).split('\n');
    throw invalidSyntax(file, before.length, (before.at(-1)?.length ?? 0) + 1, printParseErrorCode(first.error));
  }
  if (!isTable(value)) throw invalidSyntax(file, 1, 1, 'the file has to hold an object');
  return value;
}

function invalidSyntax(file: string, line: number, column: number, reason: string): SupasessionError {
  return new SupasessionError('CONFIG_INVALID', `${file}, line ${line}, column ${column}: ${reason}`, {
    suggestions: [`Correct line ${line} of ${file}.`],
    details: {file, line, column, reason},
  });
}

/**
 * Finds the `[remotes.<name>]` block that overrides the base for a hosted project.
 *
 * @param base the whole file as it was parsed
 * @param projectRef undefined if no project is linked
 * @returns undefined if there is none with this `project_id`
 */
export function findRemote(
  base: Table,
  projectEnv: ProjectEnv,
  projectRef: string | undefined,
): {name: string; block: Table} | undefined {
  if (projectRef === undefined || !isTable(base['remotes'])) return undefined;
  for (const [name, block] of Object.entries(base['remotes'])) {
    if (!isTable(block)) continue;
    const id = block['project_id'];
    const variable = variableOf(id);
    if ((variable === undefined ? id : projectEnv.get(variable)) === projectRef) return {name, block};
  }
  return undefined;
}

function mergeTables(base: Table, over: Table): Table {
  const merged = {...base};
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isTable(below) && isTable(value) ? mergeTables(below, value) : value;
  }
  return merged;
}

/** The NAME of a value that is all `env(NAME)`, the form that the CLI knows. */
function variableOf(value: unknown): string | undefined {
  return typeof value === 'string' ? /^env\((.*)\)$/.exec(value)?.[1] : undefined;
}

/** Whether a parsed value is a table, and not an array or a date. */
export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
