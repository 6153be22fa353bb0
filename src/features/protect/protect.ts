import {createHash} from 'node:crypto';

import type {Connection} from '../../database/connection.js';
import {readAppliedMigrations} from '../../database/history.js';
import {SupasessionError} from '../../errors.js';
import type {Project} from '../../supabase/project.js';
import {
  MIGRATION_NAMES,
  type MigrationStep,
  type OwnMigration,
  readMigrations,
  requireInstalled,
  requireSavable,
  stepText,
} from '../install/index.js';
import {
  block,
  commandOf,
  createStatement,
  described,
  dropStatement,
  isAsWritten,
  NAMES,
  policyName,
  PREFIX,
  type Protection,
  protectionSql,
} from './policies.js';
import {readPolicies, type Policy, type TableName, type TableState} from './queries.js';
import {requireProtectable, requireTable} from './require-table.js';
import {identifier, qualified, tableName} from './tables.js';

/** A policy to add or to drop. */
export interface PlannedPolicy extends Protection {
  name: string;
  /** What the table has by this name. */
  present: 'different' | 'none' | 'same';
}

export interface TablePlan {
  table: TableName;
  kind: TableState['kind'];
  policies: PlannedPolicy[];
  /** The project's own policies that use supasession; they stay. */
  others: string[];
  /** Null if target and files already agree. */
  step: MigrationStep | null;
}

/** A few digits of a hash keep names apart that files cannot have, or that two tables would share. */
function stepName({schema, table}: TableName): string {
  const raw = `${schema}_${table}`;
  const plain = /^[a-z0-9]+_[a-z0-9_]+$/.test(raw) && !schema.includes('_');
  const mark = plain ? '' : `_${createHash('sha256').update(qualified({schema, table})).digest('hex').slice(0, 8)}`;
  return `${MIGRATION_NAMES.protect}_${raw.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}${mark}`;
}

/** The newest file that names a policy, and whether it creates that policy. */
function newestFile(
  own: OwnMigration[],
  table: TableName,
  name: string,
): {file: OwnMigration; creates: boolean} | null {
  const drop = dropStatement(table, name);
  const file = own.findLast((candidate) => candidate.name === stepName(table) && candidate.text.includes(drop));
  if (file === undefined) return null;
  return {file, creates: file.text.includes(`    create policy ${identifier(name)} on ${qualified(table)}\n`)};
}

interface Context {
  own: OwnMigration[];
  applied: string[];
  policies: Policy[];
}

async function readContext(project: Project, connection: Connection): Promise<Context> {
  await requireInstalled(connection);
  const migrations = await readMigrations(project);
  requireSavable(migrations);
  return {
    own: migrations.active.filter(({kind}) => kind === 'protect'),
    applied: await readAppliedMigrations(connection),
    policies: await readPolicies(connection, PREFIX),
  };
}

function onTable(policies: Policy[], {schema, table}: TableName): Policy[] {
  return policies.filter((policy) => policy.schema === schema && policy.table === table);
}

function othersOn(policies: Policy[], table: TableName): string[] {
  return onTable(policies, table)
    .filter(({name}) => !NAMES.includes(name))
    .map(({name}) => name);
}

/** Null if target and files already agree. If the target has applied the file and lost its effect, the file is written again. */
function neededStep(
  step: MigrationStep,
  {own, applied}: Context,
  is: {inTarget: boolean; inFiles: boolean},
): MigrationStep | null {
  if (is.inTarget && is.inFiles) return null;
  const newest = own.findLast(({name}) => name === step.name);
  const had = newest?.text === stepText(step) && applied.includes(newest.version);
  return {...step, again: had && !is.inTarget};
}

function plannedPolicy(present: Policy[], protection: Protection): PlannedPolicy {
  const name = policyName(protection);
  const found = present.find((policy) => policy.name === name);
  const same = found !== undefined && isAsWritten(found, protection);
  return {...protection, name, present: found === undefined ? 'none' : same ? 'same' : 'different'};
}

export async function planProtection(
  project: Project,
  connection: Connection,
  tables: TableName[],
  protections: Protection[],
): Promise<TablePlan[]> {
  const context = await readContext(project, connection);
  const plans: TablePlan[] = [];
  for (const table of tables) {
    const {kind} = await requireProtectable(connection, table);
    const present = onTable(context.policies, table);
    const policies = protections.map((protection) => plannedPolicy(present, protection));
    const step: MigrationStep = {
      kind: 'protect',
      name: stepName(table),
      lines: [
        '-- Written by "supasession protect add": tokens of ended sessions reach nothing in this table. Other policies stay as they are.',
        '-- Undo: "supasession protect remove", which writes another file.',
      ],
      sql: protectionSql(table, protections),
    };
    plans.push({
      ...{table, kind, policies},
      others: othersOn(context.policies, table),
      step: neededStep(step, context, {
        inTarget: policies.every((policy) => policy.present === 'same'),
        inFiles: protections.every((protection) =>
          newestFile(context.own, table, policyName(protection))?.file.text.includes(
            `${createStatement(table, protection)};\n`,
          ),
        ),
      }),
    });
  }

  return plans;
}

/** `policies` of a plan are those to drop. */
export async function planRemoval(project: Project, connection: Connection, tables: TableName[]): Promise<TablePlan[]> {
  const context = await readContext(project, connection);
  const plans: TablePlan[] = [];
  for (const table of tables) {
    const {kind} = await requireTable(connection, table);
    const present = onTable(context.policies, table).filter(({name}) => NAMES.includes(name));
    const pending = NAMES.filter((name) => newestFile(context.own, table, name)?.creates);
    const names = NAMES.filter((name) => pending.includes(name) || present.some((policy) => policy.name === name));
    const step: MigrationStep = {
      kind: 'protect',
      name: stepName(table),
      lines: [
        '-- Written by "supasession protect remove": tokens of ended sessions reach this table until they expire.',
      ],
      sql: block(names.map((name) => dropStatement(table, name))),
    };
    plans.push({
      ...{table, kind},
      policies: names.map((name): PlannedPolicy => {
        const found = present.find((policy) => policy.name === name);
        return found === undefined
          ? {command: commandOf(name), maxAge: null, name, present: 'none'}
          : {...described(found), name, present: described(found).edited ? 'different' : 'same'};
      }),
      others: othersOn(context.policies, table),
      step: neededStep(step, context, {inTarget: present.length === 0, inFiles: pending.length === 0}),
    });
  }

  return plans;
}

/** @throws SupasessionError CLI_FAILED if applying did not add or drop the policies */
export async function checkProtection(connection: Connection, plans: TablePlan[], wanted: boolean): Promise<void> {
  const policies = await readPolicies(connection, PREFIX);
  const wrong = plans.filter(({table, policies: planned}) =>
    planned.some((plan) => {
      const found = onTable(policies, table).find(({name}) => name === plan.name);
      return wanted ? found === undefined || !isAsWritten(found, plan) : found !== undefined;
    }),
  );
  if (wrong.length === 0) return;
  const names = wrong.map(({table}) => tableName(table)).join(', ');
  throw new SupasessionError(
    'CLI_FAILED',
    `The supabase CLI reported success, but ${names} ${wanted ? 'does not have' : 'still has'} the policies.`,
    {suggestions: ['{supabase} migration list']},
  );
}
