import type {Connection} from '../../database/connection.js';
import {readCallableFunctions, readReadableTables, type Reachable} from './queries.js';
import {readRoleSchemas} from '../../database/role-settings.js';
import {SupasessionError} from '../../errors.js';
import {settingPath, type TomlEdit} from '../../supabase/config-edit.js';
import {readMigrations, requireInstalled, requireSavable} from '../install/index.js';
import {
  findConfigSource,
  notTaken,
  OUR_SCHEMA,
  planFileChange,
  readFileSchemas,
  readSchemas,
  type ConfigChange,
  type ConfigSource,
  type SwitchPlan,
  type SwitchRequest,
  type SwitchState,
} from './source.js';

/** A change of what the Data API exposes. */
export interface ApiPlan extends SwitchPlan {
  /** What can be reached once the schema is exposed; empty on the way back. */
  functions: Reachable[];
  tables: Reachable[];
}

/** The schemas as they are to be. */
function changed(schemas: string[], wanted: SwitchState): string[] {
  const others = schemas.filter((name) => name !== OUR_SCHEMA);
  return wanted === 'enabled' ? [...others, OUR_SCHEMA] : others;
}

function isAs(schemas: string[], wanted: SwitchState): boolean {
  return schemas.includes(OUR_SCHEMA) === (wanted === 'enabled');
}

/** What stands in the database beats every configuration, so that changing that one would do nothing. */
async function requireConfigured(connection: Connection, wanted: SwitchState): Promise<void> {
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

function hostedChange({api, ref}: ConfigSource, schemas: string[] | null, wanted: SwitchState): ConfigChange['send'] {
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
 * What has to be done so that the Data API exposes our schema, or no longer. PostgREST cannot build its cache while a
 * schema that it is to expose does not exist (PGRST002 to every request), so ours has to be there first, and may be dropped only after it.
 */
export async function planApi({project, connection, env}: SwitchRequest, wanted: SwitchState): Promise<ApiPlan> {
  const source = await findConfigSource(connection.target, project, env);
  if (wanted === 'enabled') {
    await requireInstalled(connection);
    // The local stack starts with what the migrations make.
    if (source.project !== null) requireSavable(await readMigrations(source.project));
  }

  await requireConfigured(connection, wanted);
  const [schemas, file] = [await readSchemas(source), await readFileSchemas(source)];
  const send = hostedChange(source, schemas, wanted);
  const edits = file === null || isAs(file, wanted) ? [] : await schemaEdits(source, changed(file, wanted));
  const {edit, byHand} = await planFileChange(source, edits);
  const present = schemas === null ? null : schemas.includes(OUR_SCHEMA) ? 'enabled' : 'disabled';
  const [functions, tables] =
    wanted === 'enabled' ? [await readCallableFunctions(connection), await readReadableTables(connection)] : [[], []];
  return {
    wanted,
    present,
    where: source.where,
    functions,
    tables,
    send,
    edit,
    byHand,
    needed: present !== wanted || edit !== null || byHand !== null,
  };
}

/** Whether the configuration is as wanted now: a variable of the environment beats the file. False if it cannot be known. */
export async function isApiConfigured(
  {project, connection, env}: SwitchRequest,
  wanted: SwitchState,
): Promise<boolean> {
  const schemas = await readSchemas(await findConfigSource(connection.target, project, env));
  return schemas !== null && isAs(schemas, wanted);
}
