import type {Connection} from '../../database/connection.js';
import type {DatabaseIntegration, FunctionName} from './queries.js';
import {SupasessionError} from '../../errors.js';
import type {ConfigEdit, TomlEdit} from '../../supabase/config-edit.js';
import type {ManagementApi} from '../../supabase/management-api.js';
import type {Env, Project} from '../../supabase/project.js';
import type {Target} from '../../types.js';

export const OUR_SCHEMA = 'supasession';
export const OUR_HOOK: FunctionName = {schema: OUR_SCHEMA, name: 'access_token_hook'};

/** Where Auth and the Data API of a target are configured; for `instructions` the user has to do it. */
export type ConfigOrigin = 'config.toml' | 'instructions' | 'management-api';

export interface ConfigSource {
  where: ConfigOrigin;
  env: Env;
  /** A hosted project; null for the local stack, and for self-hosted ones. */
  ref: string | null;
  /** For a hosted project, if there is an access token. */
  api: ManagementApi | null;
  /** The project whose file configures the local stack, or would be pushed to the hosted one. */
  project: Project | null;
}

/** Auth's custom access token hook. */
export interface HookSetting {
  enabled: boolean;
  /** `pg-functions://postgres/<schema>/<function>`, or http. */
  uri: string | null;
}

/**
 * Reads no configuration yet.
 * @param env the shell's variables, for the access token
 * @throws SupasessionError CONFIG_UNREADABLE, CONFIG_INVALID, API_UNAUTHORIZED for a malformed access token
 */
export async function findConfigSource(target: Target, project: Project | null, env: Env): Promise<ConfigSource> {
  const ref = target.projectRef;
  if (ref !== null) {
    const {findManagementApi} = await import('../../supabase/management-api.js');
    const api = await findManagementApi(project, env);
    return {where: api === null ? 'instructions' : 'management-api', env, ref, api, project};
  }

  const local = target.kind === 'local' ? project : null;
  return {where: isEditable(local) ? 'config.toml' : 'instructions', env, ref, api: null, project: local};
}

function isEditable(project: Project | null): boolean {
  return project?.configPath.endsWith('.toml') ?? false;
}

/** The hook that the project's file names, with the override for the hosted project; null without a file. */
export async function readFileHook(source: ConfigSource): Promise<(HookSetting & {secrets: boolean}) | null> {
  const {project, env, ref} = source;
  if (project === null) return null;
  const {readConfig} = await import('../../supabase/config.js');
  return (await readConfig(project, env, {projectRef: ref ?? undefined})).accessTokenHook;
}

/** The schemas that the project's file exposes; null without a file. */
export async function readFileSchemas({project, env, ref}: ConfigSource): Promise<string[] | null> {
  if (project === null) return null;
  const {readConfig} = await import('../../supabase/config.js');
  return (await readConfig(project, env, {projectRef: ref ?? undefined})).apiSchemas;
}

/** Null if it cannot be known. */
export async function readHook(source: ConfigSource): Promise<HookSetting | null> {
  if (source.ref === null) return readFileHook(source);
  if (source.api === null) return null;
  const auth = await source.api.readAuthConfig(source.ref);
  return {
    enabled: auth.hook_custom_access_token_enabled ?? false,
    uri: auth.hook_custom_access_token_uri || null,
  };
}

/** Null if they cannot be known. */
export async function readSchemas(source: ConfigSource): Promise<string[] | null> {
  if (source.ref === null) return readFileSchemas(source);
  if (source.api === null) return null;
  return (await source.api.readDataApiConfig(source.ref)).schemas;
}

/** How Auth and the Data API are configured to use supasession; null if it is not known. */
export interface ConfiguredIntegration {
  /** `verified`: read from the target, not only from the project's file. */
  hook: {enabled: boolean | null; uri: string | null; ours: boolean | null; verified: boolean};
  api: {exposed: boolean | null; verified: boolean};
}

/** For a hosted project without an access token it reads the project's file. */
export async function readConfiguredIntegration(source: ConfigSource): Promise<ConfiguredIntegration> {
  const [hook, schemas] = [await readHook(source), await readSchemas(source)];
  const said = hook ?? (await readFileHook(source));
  const exposed = schemas ?? (await readFileSchemas(source));
  return {
    hook: {
      enabled: said?.enabled ?? null,
      uri: said?.uri ?? null,
      ours: said === null ? null : isOurs(said),
      verified: hook !== null,
    },
    api: {exposed: exposed?.includes(OUR_SCHEMA) ?? null, verified: schemas !== null},
  };
}

export function hookUri({schema, name}: FunctionName): string {
  return `pg-functions://postgres/${schema}/${name}`;
}

/** As Auth does, takes the first two parts of the path; null for a URI that is no Postgres function. */
export function hookFunction(uri: string | null): FunctionName | null {
  const [, schema, name] = /^pg-functions:\/\/[^/]*\/([^/]+)\/([^/]+)/i.exec(uri ?? '') ?? [];
  return schema === undefined || name === undefined ? null : {schema, name};
}

/** Whether Auth calls supasession's hook. */
export function isOurs({enabled, uri}: HookSetting): boolean {
  return enabled && sameFunction(hookFunction(uri), OUR_HOOK);
}

/** True also if both are null. */
export function sameFunction(a: FunctionName | null, b: FunctionName | null): boolean {
  return a?.schema === b?.schema && a?.name === b?.name;
}

/** `schema.function` */
export function functionText({schema, name}: FunctionName): string {
  return `${schema}.${name}`;
}

export interface FileChange {
  /** Null if the file already says so, if there is none, and if it can only be changed by hand. */
  edit: ConfigEdit | null;
  /** What to change by hand; null if nothing. */
  byHand: string | null;
}

/**
 * @param edits none if the file already says so
 * @throws SupasessionError CONFIG_UNREADABLE, CONFIG_INVALID, CONFIG_UNWRITABLE
 */
export async function planFileChange({project}: ConfigSource, edits: readonly TomlEdit[]): Promise<FileChange> {
  if (project === null || edits.length === 0) return {edit: null, byHand: null};
  const {editInstructions, planConfigEdit} = await import('../../supabase/config-edit.js');
  if (!isEditable(project)) return {edit: null, byHand: await editInstructions(project, edits)};
  const edit = await planConfigEdit(project, edits);
  return {edit: edit.before === edit.after ? null : edit, byHand: null};
}

/** Whether the hook is configured, or the functions are exposed. */
export type SwitchState = 'disabled' | 'enabled';

export interface SwitchRequest {
  /** Null if there is none: only a local target needs one. */
  project: Project | null;
  connection: Connection;
  env: Env;
}

/** The parts run in this order, so that a failure after any of them is safe. */
export interface SwitchPlan {
  wanted: SwitchState;
  /** How the target is configured now; null if it cannot be known. */
  present: SwitchState | null;
  where: ConfigOrigin;
  /** Tells the Management API. */
  send: ConfigChange['send'];
  /** Last: the change of config.toml. */
  edit: ConfigEdit | null;
  /** What to change by hand, in a file that supasession does not edit. */
  byHand: string | null;
  /** Whether anything is left to do. */
  needed: boolean;
}

/** What has been changed, as `--json` lists it. */
export type ChangedPart = 'config.toml' | 'management-api' | 'next_hook' | 'reject_in_hook';

export interface ConfigChange {
  edit: ConfigEdit | null;
  /** Tells the Management API, and reads the result back; null if there is nothing to tell. */
  send: (() => Promise<void>) | null;
}

/**
 * Changes what counts first, then the file that would be pushed there.
 * @param changed gets what this changes, so that it is known after a failure too
 * @throws SupasessionError API_UNAUTHORIZED, API_FAILED, CONFIG_UNREADABLE, CONFIG_UNWRITABLE
 */
export async function makeChange({edit, send}: ConfigChange, changed: ChangedPart[]): Promise<void> {
  if (send !== null) {
    await send();
    changed.push('management-api');
  }

  if (edit !== null) {
    const {writeConfigEdit} = await import('../../supabase/config-edit.js');
    if (await writeConfigEdit(edit)) changed.push('config.toml');
  }
}

export function notTaken(ref: string, what: string): SupasessionError {
  return new SupasessionError(
    'API_FAILED',
    `The Management API accepted the change, but project ${ref} still has another value for ${what}.`,
    {suggestions: ['Run the command again: it reads the configuration first']},
  );
}

/** How supasession is integrated into a project; null if it cannot be known from here. */
export interface IntegrationState {
  /** Whether Auth is configured to call supasession's hook. */
  hook: boolean | null;
  /** The project's own hook, which supasession's hook calls, as schema.function; null also for none. */
  nextHook: string | null;
  /** Whether the Data API is configured to call the guard. */
  guard: boolean | null;
  /** Whether the Data API exposes supasession's functions. */
  api: boolean | null;
}

/** Null if it cannot be known. */
export interface Configured {
  hook: HookSetting | null;
  schemas: string[] | null;
}

/** A Management API that fails or refuses the token is no error here: then nothing is known. */
export async function readConfigured(source: ConfigSource): Promise<Configured> {
  try {
    return {hook: await readHook(source), schemas: await readSchemas(source)};
  } catch (error) {
    const silent = error instanceof SupasessionError && ['API_FAILED', 'API_UNAUTHORIZED'].includes(error.code);
    if (!silent) throw error;
    return {hook: null, schemas: null};
  }
}

/** `database` is null if supasession is not installed there. */
export function integrationState(database: DatabaseIntegration | null, configured: Configured): IntegrationState {
  const {hook} = configured;
  // For PostgREST the role's setting overrides its configuration.
  const schemas = database?.schemas ?? configured.schemas;
  return {
    hook: hook === null ? null : isOurs(hook),
    nextHook: database?.nextHook ?? null,
    guard: database?.guard ?? null,
    api: schemas?.includes(OUR_SCHEMA) ?? null,
  };
}
