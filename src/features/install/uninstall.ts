import type {Connection} from '../../database/connection.js';
import {readBelongings, readDependents, type Belongings, type Dependent} from './dependents.js';
import {readInstalled, requireInstalled} from './installed.js';
import {SupasessionError} from '../../errors.js';
import {readSql} from '../../database/sql.js';
import type {Project} from '../../supabase/project.js';
import {planApi} from '../integration/api.js';
import {planHookDisable, rejectWithoutHook} from '../integration/hook.js';
import {MIGRATION_NAMES, readMigrations} from './migration.js';
import type {MigrationStep} from './steps.js';
import {
  findConfigSource,
  makeChange,
  readConfiguredIntegration,
  type ConfiguredIntegration,
  type ChangedPart,
  type SwitchRequest,
} from '../integration/source.js';

export interface UninstallPlan {
  /** Whether the target has supasession. */
  installed: boolean;
  /** Whether the project's migrations install it. */
  inMigrations: boolean;
  dependents: Dependent[];
  belongings: Belongings | null;
}

/** @throws SupasessionError AUTH_SCHEMA_MISSING; NOT_INSTALLED if the target has 0.1.2 */
export async function planUninstall(project: Project, connection: Connection): Promise<UninstallPlan> {
  const [{active}, {schema, version}] = [await readMigrations(project), await requireInstalled(connection, 'auth')];
  const inMigrations = active.some(({kind}) => kind === 'installation');
  if (!schema) return {installed: false, inMigrations, dependents: [], belongings: null};
  if (version === null) {
    throw new SupasessionError(
      'NOT_INSTALLED',
      'This database has supasession 0.1.2, or an installation without a record of its release. Upgrade it first.',
      {suggestions: ['{bin} upgrade', '{bin} init']},
    );
  }

  return {
    installed: true,
    inMigrations,
    dependents: await readDependents(connection),
    belongings: await readBelongings(connection),
  };
}

/**
 * @param drop whether the user wants the dependents dropped
 * @throws SupasessionError STILL_USED; `details.dependents` names them
 */
export function requireUnused(dependents: Dependent[], drop: boolean): void {
  const byHand = dependents.filter(({drop_statement: statement}) => statement === null);
  const left = drop ? byHand : dependents;
  if (left.length === 0) return;
  throw new SupasessionError(
    'STILL_USED',
    `${left.length === 1 ? 'One object of the project uses' : `${left.length} objects of the project use`} supasession${drop ? ' and can only be changed by hand' : ''}. Nothing was changed.`,
    {
      suggestions: drop
        ? left.map(({kind, name}) => `Change the ${kind} ${name}`)
        : ['Change or drop them yourself, or: {bin} uninstall --drop-dependents'],
      details: {dependents: left.map(({kind, name}) => ({kind, name}))},
    },
  );
}

/** @throws SupasessionError CLI_FAILED if the target still has supasession */
export async function requireGone(connection: Connection): Promise<void> {
  if (!(await readInstalled(connection)).schema) return;
  throw new SupasessionError(
    'CLI_FAILED',
    'The supabase CLI reported success, but the database still has supasession.',
    {suggestions: ['{supabase} migration list']},
  );
}

/** For a file's name. */
function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
    .slice(0, 60);
}

/** One migration per dependent, then the removal of supasession. */
export async function uninstallSteps(dependents: Dependent[]): Promise<MigrationStep[]> {
  const drops = dependents.map(({kind, name, drop_statement: statement}): MigrationStep => {
    if (statement === null) throw new TypeError(`the ${kind} ${name} has to be changed by hand`);
    return {
      kind: 'uninstall',
      name: `${MIGRATION_NAMES.uninstall}_${slug(`${kind} ${name}`)}`,
      lines: [
        '-- Written by "supasession uninstall --drop-dependents": this used supasession.',
        // A name may hold a line break.
        `-- ${JSON.stringify(`${kind} ${name}`)}`,
      ],
      sql: `select pg_catalog.set_config('lock_timeout', '3s', true);\n${statement};\n`,
    };
  });
  return [
    ...drops,
    {
      kind: 'uninstall',
      name: MIGRATION_NAMES.uninstall,
      lines: ['-- Written by "supasession uninstall". It refuses if something of the project still uses supasession.'],
      sql: await readSql('steps/uninstall.sql'),
    },
  ];
}

export async function readWires({project, connection, env}: SwitchRequest): Promise<ConfiguredIntegration> {
  return readConfiguredIntegration(await findConfigSource(connection.target, project, env));
}

/**
 * Removes hook and schema from the configuration. Auth and the Data API keep their old configuration until they restart.
 * @param changed gets what this changes, so that it is known after a failure too
 * @throws SupasessionError STILL_USED if the configuration can only be changed by hand; what reading and changing it throws
 */
export async function unwire(
  request: SwitchRequest,
  wires: ConfiguredIntegration,
  changed: ChangedPart[],
): Promise<void> {
  if (wires.hook.ours) {
    const {rejectInHook, edit, send, byHand} = await planHookDisable(request, false);
    requireChangeable(byHand);
    if (rejectInHook) {
      await rejectWithoutHook(request.connection);
      changed.push('reject_in_hook');
    }

    await makeChange({edit, send}, changed);
  }

  if (wires.api.exposed) {
    // Planned only now, because it may change the same file.
    const {edit, send, byHand} = await planApi(request, 'disabled');
    requireChangeable(byHand);
    await makeChange({edit, send}, changed);
  }
}

function requireChangeable(byHand: string | null): void {
  if (byHand === null) return;
  throw new SupasessionError(
    'STILL_USED',
    'Auth or the Data API is configured to call supasession, in a file that supasession does not edit. Change it yourself, then run the command again.',
    {
      suggestions: byHand.split('\n'),
    },
  );
}
