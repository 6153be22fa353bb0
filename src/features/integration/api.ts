import type {Connection} from '../../database/connection.js';
import {readCallableFunctions, readReadableTables, type Reachable} from './queries.js';
import {readRoleSchemas} from '../../database/role-settings.js';
import {SupasessionError} from '../../errors.js';
import {settingPath, type ConfigEdit, type TomlEdit} from '../../supabase/config-edit.js';
import type {Env, Project} from '../../supabase/project.js';
import {readMigrations, requireOurs, requireSavable} from '../install/index.js';
import {
  findConfigSource,
  notTaken,
  OUR_SCHEMA,
  planFileChange,
  readFileSchemas,
  readSchemas,
  type WiringChange,
  type ConfigSource,
  type WiringWhere,
} from './source.js';

export type ApiState = 'disabled' | 'enabled';

/** A change of what the Data API exposes, judged before it is made. */
export interface ApiPlan {
  wanted: ApiState;
  /** How the Data API is configured now; null where that cannot be known. */
  present: ApiState | null;
  where: WiringWhere;
  /** What can be reached once our schema is exposed; empty on the way back. */
  functions: Reachable[];
  tables: Reachable[];
  /** First: how the Management API changes. */
  send: WiringChange['send'];
  /** Then: how config.toml changes. */
  edit: ConfigEdit | null;
  /** What to change in a file that we do not edit. */
  byHand: string | null;
  /** Whether anything is left to do. */
  needed: boolean;
}

/** What a change of the exposed schemas is planned from. */
export interface ApiRequest {
  /** Null where there is none, which only a target of another kind than local can do with. */
  project: Project | null;
  connection: Connection;
  env: Env;
}

/** The schemas as they are to be. */
function changed(schemas: string[], wanted: ApiState): string[] {
  const others = schemas.filter((name) => name !== OUR_SCHEMA);
  return wanted === 'enabled' ? [...others, OUR_SCHEMA] : others;
}

function isAs(schemas: string[], wanted: ApiState): boolean {
  return schemas.includes(OUR_SCHEMA) === (wanted === 'enabled');
}

/** What stands in the database beats every configuration, so that changing that one would do nothing. */
async function requireConfigured(connection: Connection, wanted: ApiState): Promise<void> {
  const fixed = await readRoleSchemas(connection);
  if (fixed === null || isAs(fixed, wanted)) return;
  throw new SupasessionError(
    'WIRING_REFUSED',
    `In this database the role authenticator has pgrst.db_schemas = '${fixed.join(', ')}', which beats the configuration of the Data API. Nothing was changed.`,
    {
      suggestions: [
        `alter role authenticator set pgrst.db_schemas = '${changed(fixed, wanted).join(', ')}'; notify pgrst, 'reload config';`,
        "Or let the configuration count: alter role authenticator reset pgrst.db_schemas; notify pgrst, 'reload config';",
      ],
    },
  );
}

function hostedChange({api, ref}: ConfigSource, schemas: string[] | null, wanted: ApiState): WiringChange['send'] {
  if (api === null || ref === null || schemas === null || isAs(schemas, wanted)) return null;
  if (schemas.length === 0) {
    throw new SupasessionError(
      'WIRING_REFUSED',
      `The Data API of project ${ref} is switched off: it exposes no schema, and ours would be the only one. Nothing was changed.`,
      {suggestions: [`Switch it on: https://supabase.com/dashboard/project/${ref}/settings/api`]},
    );
  }

  return async () => {
    await api.updateDataApiSchemas(ref, changed(schemas, wanted));
    const {schemas: now} = await api.readDataApiConfig(ref);
    if (!isAs(now, wanted)) throw notTaken(ref, `its exposed schemas (${now.join(', ')})`);
  };
}

async function schemaEdits({project, env, ref}: ConfigSource, schemas: string[]): Promise<TomlEdit[]> {
  if (project === null) return [];
  return [{path: await settingPath(project, env, ['api', 'schemas'], {projectRef: ref ?? undefined}), value: schemas}];
}

/**
 * Looks at what the Data API exposes, and what has to be done so that our schema is among it, or no longer. PostgREST cannot build its cache while a
 * schema that it is to expose does not exist (PGRST002 to every request), so ours has to be there first, and may be dropped only after it.
 * @param request where; on the way back our SQL need not be there
 * @param wanted how it is to be
 * @returns what is to be done
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE; WIRING_REFUSED where the database says what is exposed, or nothing is; what
 *   reading the configuration throws
 */
export async function planApi({project, connection, env}: ApiRequest, wanted: ApiState): Promise<ApiPlan> {
  const place = await findConfigSource(connection.target, project, env);
  if (wanted === 'enabled') {
    await requireOurs(connection);
    // The local stack starts with what the migrations make.
    if (place.project !== null) requireSavable(await readMigrations(place.project));
  }

  await requireConfigured(connection, wanted);
  const [schemas, file] = [await readSchemas(place), await readFileSchemas(place)];
  const send = hostedChange(place, schemas, wanted);
  const edits = file === null || isAs(file, wanted) ? [] : await schemaEdits(place, changed(file, wanted));
  const {edit, byHand} = await planFileChange(place, edits);
  const present = schemas === null ? null : schemas.includes(OUR_SCHEMA) ? 'enabled' : 'disabled';
  const [functions, tables] =
    wanted === 'enabled' ? [await readCallableFunctions(connection), await readReadableTables(connection)] : [[], []];
  return {
    wanted,
    present,
    where: place.where,
    functions,
    tables,
    send,
    edit,
    byHand,
    needed: present !== wanted || edit !== null || byHand !== null,
  };
}

/**
 * Looks whether the project's file says now what it is to say: a variable of the environment beats it.
 * @param request where
 * @param wanted how it is to be
 * @returns whether it does; false where the configuration cannot be known
 */
export async function isApiConfigured({project, connection, env}: ApiRequest, wanted: ApiState): Promise<boolean> {
  const schemas = await readSchemas(await findConfigSource(connection.target, project, env));
  return schemas !== null && isAs(schemas, wanted);
}
