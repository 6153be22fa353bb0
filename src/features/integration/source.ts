import type {Connection} from '../../database/connection.js';
import type {DatabaseIntegration, FunctionName} from './queries.js';
import {SupasessionError} from '../../errors.js';
import type {ConfigEdit, TomlEdit} from '../../supabase/config-edit.js';
import type {ManagementApi} from '../../supabase/management-api.js';
import type {Env, Project} from '../../supabase/project.js';
import type {Target} from '../../types.js';

/** Our schema, and our access token hook in it. */
export const OUR_SCHEMA = 'supasession';
export const OUR_HOOK: FunctionName = {schema: OUR_SCHEMA, name: 'access_token_hook'};

/** What decides how Auth and the Data API of a target are configured, or `instructions`: the reader has to set it. */
export type ConfigOrigin = 'config.toml' | 'instructions' | 'management-api';

/** Where Auth and the Data API of a target are configured. */
export interface ConfigSource {
  where: ConfigOrigin;
  env: Env;
  /** A hosted project; null for the local stack, and for self-hosted ones. */
  ref: string | null;
  /** Of a hosted project, where there is an access token. */
  api: ManagementApi | null;
  /** The project whose file configures the local stack, or would be pushed to the hosted one; null where there is none. */
  project: Project | null;
}

/** How Auth's custom access token hook is configured. */
export interface HookSetting {
  enabled: boolean;
  /** `pg-functions://postgres/<schema>/<function>`, or http. */
  uri: string | null;
}

/**
 * @param target a target
 * @param project the project, where there is one
 * @param env the shell's variables, for the access token
 * @returns where its Auth and Data API are configured; nothing has been asked yet
 * @throws SupasessionError CONFIG_UNREADABLE, CONFIG_INVALID, API_UNAUTHORIZED for an access token that is none
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

/** The hook that Auth is configured with; null where that cannot be known. */
export async function readHook(source: ConfigSource): Promise<HookSetting | null> {
  if (source.ref === null) return readFileHook(source);
  if (source.api === null) return null;
  const auth = await source.api.readAuthConfig(source.ref);
  return {
    enabled: auth.hook_custom_access_token_enabled ?? false,
    uri: auth.hook_custom_access_token_uri || null,
  };
}

/** The schemas that the Data API exposes; null where that cannot be known. */
export async function readSchemas(source: ConfigSource): Promise<string[] | null> {
  if (source.ref === null) return readFileSchemas(source);
  if (source.api === null) return null;
  return (await source.api.readDataApiConfig(source.ref)).schemas;
}

/** What of ours is wired into Auth and the Data API. */
export interface ConfiguredIntegration {
  /** `verified`: it is what the target is configured with, and not only what the project's file would make of it. Null: not known. */
  hook: {enabled: boolean | null; uri: string | null; ours: boolean | null; verified: boolean};
  api: {exposed: boolean | null; verified: boolean};
}

/** What of ours is wired there; of a hosted project without an access token what the project's file says. */
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

/** the function as Auth is configured with it */
export function hookUri({schema, name}: FunctionName): string {
  return `pg-functions://postgres/${schema}/${name}`;
}

/** the Postgres function that a URI of Auth's names, which takes the first two parts of its path; null for any other URI */
export function hookFunction(uri: string | null): FunctionName | null {
  const [, schema, name] = /^pg-functions:\/\/[^/]*\/([^/]+)\/([^/]+)/i.exec(uri ?? '') ?? [];
  return schema === undefined || name === undefined ? null : {schema, name};
}

/** whether Auth calls our hook */
export function isOurs({enabled, uri}: HookSetting): boolean {
  return enabled && sameFunction(hookFunction(uri), OUR_HOOK);
}

/** whether both are the same function, or none */
export function sameFunction(a: FunctionName | null, b: FunctionName | null): boolean {
  return a?.schema === b?.schema && a?.name === b?.name;
}

/** `schema.function` */
export function functionText({schema, name}: FunctionName): string {
  return `${schema}.${name}`;
}

/** What is to be done in the project's file. */
export interface FileChange {
  /** Null where the file says so already, where there is none, and where it can only be changed by hand. */
  edit: ConfigEdit | null;
  /** What to write into it by hand; null where that is not needed. */
  byHand: string | null;
}

/**
 * @param source where the target is configured
 * @param edits what the file shall say; none where it says so already
 * @returns what is to be done
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

/** What a switch is planned from. */
export interface SwitchRequest {
  /** Null if there is none: only a local target needs one. */
  project: Project | null;
  connection: Connection;
  env: Env;
}

/** A switch, judged before it is made. Its parts are done in this order, so that a failure after any of them is safe. */
export interface SwitchPlan {
  wanted: SwitchState;
  /** How the target is configured now; null if that cannot be known. */
  present: SwitchState | null;
  where: ConfigOrigin;
  /** How the Management API changes. */
  send: ConfigChange['send'];
  /** Last: how config.toml changes. */
  edit: ConfigEdit | null;
  /** What to change by hand, in a file that is not edited. */
  byHand: string | null;
  /** Whether anything is left to do. */
  needed: boolean;
}

/** What has been changed, as `--json` lists it. */
export type ChangedPart = 'config.toml' | 'management-api' | 'next_hook' | 'reject_in_hook';

/** A change of how Auth or the Data API is configured, that has been checked. */
export interface ConfigChange {
  edit: ConfigEdit | null;
  /** Tells the Management API, and checks what it has after that; null where there is nothing to tell. */
  send: (() => Promise<void>) | null;
}

/**
 * Makes a change: what counts first, then the file that would be pushed there.
 * @param change the change
 * @param changed what has been changed so far; what this does is added, so that it is known after a failure too
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

/** the error for a Management API that took a change and has something else */
export function notTaken(ref: string, what: string): SupasessionError {
  return new SupasessionError(
    'API_FAILED',
    `The Management API took the change, but project ${ref} still has something else: ${what}.`,
    {suggestions: ['Run the command again; it looks first how things are']},
  );
}

/** What ties us into a project; null where it cannot be known from here. */
export interface IntegrationState {
  /** Whether Auth is configured to call our hook. */
  hook: boolean | null;
  /** The project's own hook that ours calls, as schema.function; null also for none. */
  nextHook: string | null;
  /** Whether the Data API is configured to ask the guard. */
  guard: boolean | null;
  /** Whether the Data API exposes our functions. */
  api: boolean | null;
}

/** What Auth and the Data API are run with; null for what cannot be known. */
export interface Configured {
  hook: HookSetting | null;
  schemas: string[] | null;
}

/** What it is run with; nothing is known of a hosted project whose Management API does not answer us. */
export async function readConfigured(source: ConfigSource): Promise<Configured> {
  try {
    return {hook: await readHook(source), schemas: await readSchemas(source)};
  } catch (error) {
    const silent = error instanceof SupasessionError && ['API_FAILED', 'API_UNAUTHORIZED'].includes(error.code);
    if (!silent) throw error;
    return {hook: null, schemas: null};
  }
}

/**
 * @param database what the database says; null without our SQL in it
 * @param configured what the target is run with
 * @returns what is wired
 */
export function integrationState(database: DatabaseIntegration | null, configured: Configured): IntegrationState {
  const {hook} = configured;
  // PostgREST takes what the role says before what it was started with.
  const schemas = database?.schemas ?? configured.schemas;
  return {
    hook: hook === null ? null : isOurs(hook),
    nextHook: database?.nextHook ?? null,
    guard: database?.guard ?? null,
    api: schemas?.includes(OUR_SCHEMA) ?? null,
  };
}
