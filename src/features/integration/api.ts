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

export interface ApiPlan extends SwitchPlan {
  /** What the Data API offers once the schema is exposed; empty if it is being removed. */
  functions: Reachable[];
  tables: Reachable[];
}

function changed(schemas: string[], wanted: SwitchState): string[] {
  const others = schemas.filter((name) => name !== OUR_SCHEMA);
  return wanted === 'enabled' ? [...others, OUR_SCHEMA] : others;
}

function isAs(schemas: string[], wanted: SwitchState): boolean {
  return schemas.includes(OUR_SCHEMA) === (wanted === 'enabled');
}

/** A role setting in the database overrides every configuration: changing the configuration would do nothing. */
async function requireConfigured(connection: Connection, wanted: SwitchState): Promise<void> {
  const fixed = await readRoleSchemas(connection);
  if (fixed === null || isAs(fixed, wanted)) return;
  throw new SupasessionError(
    'WIRING_REFUSED',
    `The role authenticator has pgrst.db_schemas = '${fixed.join(', ')}' in this database, which overrides the configuration of the Data API. Nothing was changed.`,
    {
      suggestions: [
        `alter role authenticator set pgrst.db_schemas = '${changed(fixed, wanted).join(', ')}'; notify pgrst, 'reload config';`,
        "Or remove the override: alter role authenticator reset pgrst.db_schemas; notify pgrst, 'reload config';",
      ],
    },
  );
}

function hostedChange({api, ref}: ConfigSource, schemas: string[] | null, wanted: SwitchState): ConfigChange['send'] {
  if (api === null || ref === null || schemas === null || isAs(schemas, wanted)) return null;
  if (schemas.length === 0) {
    throw new SupasessionError(
      'WIRING_REFUSED',
      `The Data API of project ${ref} is off: it exposes no schema, and supasession would be the only one. Nothing was changed.`,
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
 * PostgREST cannot build its cache while a schema that it should expose does not exist (PGRST002 to every request). So the schema
 * supasession is created before it is exposed, and dropped only after it is removed from the Data API.
 */
export async function planApi({project, connection, env}: SwitchRequest, wanted: SwitchState): Promise<ApiPlan> {
  const source = await findConfigSource(connection.target, project, env);
  if (wanted === 'enabled') {
    await requireInstalled(connection);
    // The local stack builds its database from the migrations.
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

/** Reads the configuration back, because an environment variable may override the file. False if it cannot be known. */
export async function isApiConfigured(
  {project, connection, env}: SwitchRequest,
  wanted: SwitchState,
): Promise<boolean> {
  const schemas = await readSchemas(await findConfigSource(connection.target, project, env));
  return schemas !== null && isAs(schemas, wanted);
}
