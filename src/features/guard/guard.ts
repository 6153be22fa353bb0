import type {Connection} from '../../database/connection.js';
import {readAppliedMigrations} from '../../database/history.js';
import {address} from '../../database/errors.js';
import {readGuard, rehearseGuard, type GuardRefusal} from './queries.js';
import {readGuardEnabled} from '../sessions/index.js';
import {
  MIGRATION_NAMES,
  type MigrationStep,
  readMigrations,
  requireInstalled,
  requireSavable,
  stepText,
} from '../install/index.js';
import {SupasessionError} from '../../errors.js';
import type {Project} from '../../supabase/project.js';

export type GuardState = 'disabled' | 'enabled';

export interface GuardPlan {
  wanted: GuardState;
  /** In the target, now. */
  present: GuardState;
  /** The project's own pre-request function, `schema.function`: called after the guard, and restored by `guard disable`. */
  chained: string | null;
  /** The roles of the Data API, which may call the guard. */
  roles: string[];
  /** Null if target and files already agree. */
  step: MigrationStep | null;
}

const STEPS: Record<GuardState, MigrationStep> = {
  enabled: {
    kind: 'guard',
    name: MIGRATION_NAMES.guard,
    lines: [
      '-- Written by "supasession guard enable": the Data API refuses tokens of ended sessions at once.',
      '-- A pre-request function of the project is kept, and called after it. Undo: "supasession guard disable".',
    ],
    sql: 'select supasession.enable_guard();\n',
  },
  disabled: {
    kind: 'guard',
    name: MIGRATION_NAMES.guard,
    lines: [
      '-- Written by "supasession guard disable": tokens of ended sessions pass until they expire, as without the guard.',
      '-- A pre-request function of the project is restored.',
    ],
    sql: 'select supasession.disable_guard();\n',
  },
};

function refused(
  {permission, message, hint}: GuardRefusal,
  {target}: Connection,
  {wanted, chained}: Pick<GuardPlan, 'chained' | 'wanted'>,
): SupasessionError {
  if (!permission) {
    return new SupasessionError('DATABASE_ERROR', `The guard cannot be ${wanted} at ${address(target)}: ${message}.`, {
      suggestions: hint === null ? [] : [hint],
    });
  }

  const [schema = '', ...rest] = chained?.split('.') ?? [];
  const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const configured =
    wanted === 'enabled'
      ? [
          ...(chained === null
            ? []
            : [
                `Keep ${chained}: select supasession._chain('pre_request', ${literal(schema)}, ${literal(rest.join('.'))});`,
              ]),
          'Self-hosted: set PGRST_DB_PRE_REQUEST=supasession.check_request for PostgREST, and restart it',
        ]
      : [`Self-hosted: set PGRST_DB_PRE_REQUEST=${chained ?? ''} for PostgREST, and restart it`];
  return new SupasessionError(
    'PERMISSION_DENIED',
    `Role ${target.user} may not set PostgREST's pre-request function (alter role authenticator set pgrst.db_pre_request) at ${address(target)}. Hosted projects and the local stack allow it; this Postgres does not. Nothing was written.`,
    {suggestions: [...configured, 'Or connect as a superuser, with --db-url']},
  );
}

/**
 * Tries the switch in a transaction that it undoes.
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE, MIGRATIONS_UNREADABLE; PERMISSION_DENIED if the role may not switch it,
 *   DATABASE_ERROR if the project's configuration prevents it
 */
export async function planGuard(project: Project, connection: Connection, wanted: GuardState): Promise<GuardPlan> {
  await requireInstalled(connection);
  const migrations = await readMigrations(project);
  requireSavable(migrations);
  const {enabled, own: chained, roles} = await readGuard(connection);
  const present = enabled ? 'enabled' : 'disabled';
  const step = STEPS[wanted];
  const newest = migrations.active.findLast(({name}) => name === step.name);
  const said = newest?.text === stepText(step);
  const plan = {wanted, present, chained, roles} as const;
  // The files must agree too: one that says otherwise may be applied later, and a db reset loses what no file says.
  if (present === wanted && (said || (newest === undefined && wanted === 'disabled'))) return {...plan, step: null};

  const refusal = await rehearseGuard(connection, wanted === 'enabled');
  if (refusal !== null) throw refused(refusal, connection, plan);
  const had = said && (await readAppliedMigrations(connection)).includes(newest.version);
  return {...plan, step: {...step, again: had && present !== wanted}};
}

/** @throws SupasessionError CLI_FAILED if applying did not switch the guard */
export async function checkGuard(connection: Connection, wanted: GuardState): Promise<void> {
  if ((await readGuardEnabled(connection)) === (wanted === 'enabled')) return;
  throw new SupasessionError(
    'CLI_FAILED',
    `The supabase CLI reported success, but in the database the guard is not ${wanted}.`,
    {suggestions: ['{supabase} migration list']},
  );
}
