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

/** A policy of ours, as it is to be or not to be. */
export interface PlannedPolicy extends Protection {
  name: string;
  /** What is there by that name: nothing, the same, or something else. */
  present: 'different' | 'none' | 'same';
}

/** What is to be done on a table. */
export interface TablePlan {
  table: TableName;
  kind: TableState['kind'];
  policies: PlannedPolicy[];
  /** Policies of the project's own that use supasession; they stay. */
  others: string[];
  /** Null where target and files are like this already. */
  step: MigrationStep | null;
}

/** The name of a table's files; a name that files cannot have, or that another table could have too, is told apart by a few digits of its hash. */
function stepName({schema, table}: TableName): string {
  const raw = `${schema}_${table}`;
  const plain = /^[a-z0-9]+_[a-z0-9_]+$/.test(raw) && !schema.includes('_');
  const mark = plain ? '' : `_${createHash('sha256').update(qualified({schema, table})).digest('hex').slice(0, 8)}`;
  return `${MIGRATION_NAMES.protect}_${raw.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}${mark}`;
}

/** What the files of a table say of a policy: the newest one that names it, and whether that one makes it. */
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

/** The step, where target or files are not yet so; files that the target has had and that did not last are written again. */
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

/** What is to be done so that each table gets the policies. */
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
        '-- Written by "supasession protect add": tokens of ended sessions reach nothing in this table. Policies that allow stay as they are.',
        '-- "supasession protect remove" undoes it, with a file of its own.',
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

/** What is to be done so that each table loses the policies; `policies` of a plan are those that go. */
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

/** Fails with CLI_FAILED if applying has not done it. */
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
    `The supabase CLI reported success, but the policies ${wanted ? 'are not' : 'are still'} on ${names}.`,
    {suggestions: ['supabase migration list']},
  );
}
