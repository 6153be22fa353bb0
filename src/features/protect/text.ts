import chalk from 'chalk';

import type {ListedPolicy, ProtectionList} from './list.js';
import type {PlannedPolicy, TablePlan} from './protect.js';
import {spanWords} from '../../database/spans.js';
import {tableName} from './tables.js';
import {commandOn} from '../../database/target.js';
import type {TableName} from './queries.js';
import type {Target} from '../../types.js';
import {count, printable, tokensText} from '../../cli/text.js';

function shown(table: TableName): string {
  return printable(tableName(table));
}

function policyText({command, maxAge}: Pick<PlannedPolicy, 'command' | 'maxAge'>): string {
  const what = command === 'all' ? 'reading and writing' : command;
  return maxAge === null
    ? `${what}: refused with the token of an ended session`
    : `${what}: only within ${spanWords(maxAge)} after the sign-in`;
}

function planned(policy: PlannedPolicy): string {
  const note = {
    none: '',
    same: chalk.dim(' (already there)'),
    different: chalk.yellow(' (replaces a different policy)'),
  };
  return `    ${policy.name.padEnd(34)} ${policyText(policy)}${note[policy.present]}`;
}

function ownPolicies({others}: TablePlan): string[] {
  return others.length === 0
    ? []
    : [`    Your own policies that use supasession stay: ${others.map(printable).join(', ')}`];
}

function isChannels({table}: TablePlan): boolean {
  return tableName(table) === 'realtime.messages';
}

/** When Realtime asks the policies of realtime.messages: https://supabase.com/docs/guides/realtime/authorization */
const CHANNELS = [
  '  On realtime.messages the policies are for private channels: select receives, insert sends.',
  '  Realtime checks them when a client joins a channel, and when it sends a new token. A client that has joined stays until then, or until the token expires.',
];

export function protectionText(plans: TablePlan[], target: Target): string {
  const tables = plans.filter((plan) => !isChannels(plan));
  // The Data API does not reach the partitions of realtime.messages.
  const partitioned = tables.filter(({kind}) => kind === 'partitioned table').map(({table}) => shown(table));
  return [
    ...plans.flatMap((plan) => [
      `  ${chalk.bold(shown(plan.table))}`,
      ...plan.policies.map(planned),
      ...ownPolicies(plan),
    ]),
    ...(tables.length === 0
      ? []
      : ['  With such a token, reads find no rows, updates and deletes change none, and inserts fail (42501).']),
    ...(tables.length === plans.length ? [] : CHANNELS),
    '  Other users and service_role are not affected.',
    ...(partitioned.length === 0
      ? []
      : [
          `  ${chalk.yellow('Note:')} the policies of ${partitioned.join(', ')} do not cover partitions that the Data API reaches by their own names.`,
        ]),
    lockText(target),
  ].join('\n');
}

function lockText(target: Target): string {
  const wide =
    'a policy change locks all tables of Auth, Storage and Realtime for a moment: sign-ins and refreshes wait. Choose a quiet time.';
  return target.kind === 'local'
    ? `  ${chalk.yellow('Note:')} on a hosted project, by "supabase db push", ${wide}`
    : `  ${chalk.yellow('Warning:')} on hosted projects ${wide} It gives up after 250 ms per lock, and you can run it again.`;
}

/** `jwtExpiry` in seconds; null if it is not known. */
export function removalText(plans: TablePlan[], target: Target, jwtExpiry: number | null): string {
  return [
    `${chalk.yellow('Opens again')} to tokens of ended sessions and revoked users, if other policies allow it:`,
    ...plans.flatMap((plan) => [
      `  ${chalk.bold(shown(plan.table))}`,
      ...plan.policies.map(
        (policy) =>
          `    ${policy.name.padEnd(34)} ${policy.present === 'none' ? 'only in the migrations' : policyText(policy)}${policy.present === 'different' ? chalk.yellow(' (edited since it was written)') : ''}`,
      ),
      ...ownPolicies(plan),
    ]),
    `  ${tokensText(jwtExpiry)}`,
    lockText(target),
  ].join('\n');
}

export function protectAlready(tables: TableName[], wanted: boolean): string {
  const names = tables.map(shown).join(', ');
  return `Nothing to do for ${names}: ${wanted ? 'already protected like this' : 'not protected'}.`;
}

export function protectDone(plans: TablePlan[], target: Target, wanted: boolean): string {
  const names = plans.map(({table}) => shown(table)).join(', ');
  return wanted
    ? `${chalk.green('Protected:')} ${names}. See all: ${commandOn(target, 'protect:list')}`
    : `${chalk.yellow('No longer protected:')} ${names}.`;
}

function listed({name, ours, edited, ...policy}: ListedPolicy): string {
  const state = ours
    ? edited
      ? chalk.yellow('edited since it was written')
      : policyText(policy)
    : `your own, for ${policy.command}`;
  return `    ${printable(name).padEnd(34)} ${state}`;
}

export function protectionListText({schemas, protected: tables, unprotected}: ProtectionList): string {
  const rest = unprotected.count - unprotected.tables.length;
  return [
    chalk.bold(`Protected: ${count(tables.length, 'table')}`),
    ...tables.flatMap(({table, rls, policies}) => [
      `  ${printable(table)}${rls ? '' : chalk.red(' (row level security is off: its policies have no effect)')}`,
      ...policies.map(listed),
    ]),
    chalk.bold(
      `Not protected: ${count(unprotected.count, 'table')} that anon or authenticated can reach (Data API schemas: ${schemas.join(', ')})`,
    ),
    ...unprotected.tables.map((table) => `  ${printable(table)}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ].join('\n');
}
