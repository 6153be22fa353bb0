import {createHash} from 'node:crypto';

import type {Connection} from '../../database/connection.js';
import {
  readApiTables,
  readLikeTables,
  readPolicies,
  readTable,
  type Policy,
  type TableName,
  type TableState,
} from './queries.js';
import {
  MIGRATION_NAMES,
  type MigrationStep,
  type OwnMigration,
  readAppliedMigrations,
  readMigrations,
  requireOurs,
  requireSavable,
  stepText,
} from '../install/index.js';
import {readRoleSchemas} from '../../database/role-settings.js';
import {SupasessionError} from '../../errors.js';
import type {Project} from '../../supabase/project.js';
import {identifier, qualified, tableName} from './tables.js';

export const COMMANDS = ['all', 'select', 'insert', 'update', 'delete'] as const;
export type PolicyCommand = (typeof COMMANDS)[number];

/** How the names of our policies begin; what follows says which one it is. */
const PREFIX = 'supasession_access';

/** What a policy of ours says. */
export interface Protection {
  command: PolicyCommand;
  /** How long ago the sign-in may be, as Postgres prints spans; null for any time. */
  maxAge: string | null;
}

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

function policyName({command, maxAge}: Protection): string {
  return `${PREFIX}${maxAge === null ? '' : '_max_age'}${command === 'all' ? '' : `_${command}`}`;
}

/** Every name that a policy of ours may have. */
const NAMES = [null, 'any'].flatMap((maxAge) => COMMANDS.map((command) => policyName({command, maxAge})));

/** Each function in a subquery, so that it is asked once for a statement and not for every row. A session without a sign-in has no age, and null refuses. */
function condition(maxAge: string | null): string {
  const access = '(select supasession.has_access())';
  return maxAge === null
    ? access
    : `${access} and (select supasession.session_age()) < interval '${maxAge.replaceAll("'", "''")}'`;
}

/** The same as Postgres prints it. */
function printed(maxAge: string | null): string {
  const access = '( SELECT supasession.has_access() AS has_access)';
  return maxAge === null
    ? access
    : `(${access} AND (( SELECT supasession.session_age() AS session_age) < '${maxAge}'::interval))`;
}

/** Which of its two expressions a policy may have. */
function clauses(command: PolicyCommand): {using: boolean; check: boolean} {
  return {using: command !== 'insert', check: command !== 'select' && command !== 'delete'};
}

function isAsWritten(policy: Policy, {command, maxAge}: Protection): boolean {
  const {using, check} = clauses(command);
  return (
    !policy.permissive &&
    policy.command === command &&
    policy.roles.join() === 'anon,authenticated' &&
    policy.using === (using ? printed(maxAge) : null) &&
    policy.check === (check ? printed(maxAge) : null)
  );
}

function createStatement(table: TableName, protection: Protection): string {
  const {using, check} = clauses(protection.command);
  const text = condition(protection.maxAge);
  return [
    `    create policy ${identifier(policyName(protection))} on ${qualified(table)}`,
    `        as restrictive for ${protection.command} to anon, authenticated`,
    ...(using ? [`        using (${text})`] : []),
    ...(check ? [`        with check (${text})`] : []),
  ].join('\n');
}

function dropStatement(table: TableName, name: string): string {
  return `    drop policy if exists ${identifier(name)} on ${qualified(table)}`;
}

/** One block, so that the table is at no moment without: it is one statement, however the file is run. */
function block(statements: string[]): string {
  const body = statements.map((statement) => `${statement};`).join('\n');
  let tag = '$$';
  for (let number = 1; body.includes(tag); number++) tag = `$protect${number}$`;
  return `do ${tag}
begin
    -- Making a policy locks the table (on hosted projects those of Auth and Storage as well): better to give up than to let requests queue.
    set local lock_timeout = '250ms';
${body}
end
${tag};
`;
}

/**
 * @param table a table
 * @param protections the policies that it gets
 * @returns the statements that make them, right at a second run
 */
export function protectionSql(table: TableName, protections: Protection[]): string {
  return block(
    protections.flatMap((protection) => [
      dropStatement(table, policyName(protection)),
      createStatement(table, protection),
    ]),
  );
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

function unfit(table: TableName, reason: string, message: string, suggestions: string[]): SupasessionError {
  return new SupasessionError('TABLE_UNFIT', message, {suggestions, details: {table: tableName(table), reason}});
}

/** Supabase's own. The policies of storage.objects and storage.buckets are for projects to make. */
function isSupabases({schema, table}: TableName): boolean {
  if (schema === 'storage') return table !== 'objects' && table !== 'buckets';
  return ['auth', 'realtime', 'supasession', 'pg_catalog', 'information_schema'].includes(schema);
}

async function requireTable(connection: Connection, table: TableName): Promise<TableState> {
  const shown = tableName(table);
  const state = await readTable(connection, table);
  if (state === undefined) {
    const like = await readLikeTables(connection, table);
    throw unfit(
      table,
      'missing',
      `There is no table ${shown} in this database.`,
      like.map((other) => `Did you mean ${tableName(other)}?`),
    );
  }

  if (state.kind === 'view' || state.kind === 'foreign table') {
    throw unfit(table, 'kind', `${shown} is a ${state.kind}, which can have no policies.`, [
      state.kind === 'view'
        ? 'Protect the tables that it reads, and let it read them as its caller: alter view ... set (security_invoker = true)'
        : 'Take it out of the schemas of the Data API',
    ]);
  }

  if (isSupabases(table)) {
    throw unfit(
      table,
      'schema',
      `${shown} is a table of Supabase or of ours: its policies are not for us to make.`,
      [],
    );
  }

  // Hosted projects let postgres make policies in the schema storage, which it does not own.
  if (!state.owned && table.schema !== 'storage') {
    throw unfit(table, 'owner', `${shown} belongs to role ${state.owner}, and only its owner may make policies.`, [
      `Connect as ${state.owner}`,
    ]);
  }

  return state;
}

interface Context {
  own: OwnMigration[];
  applied: string[];
  policies: Policy[];
}

async function readContext(project: Project, connection: Connection): Promise<Context> {
  await requireOurs(connection);
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

/**
 * Looks at tables that are to be protected.
 * @param project the project
 * @param connection an open connection
 * @param tables the tables
 * @param protections which policies each of them gets
 * @returns what is to be done, a table each
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE, MIGRATIONS_UNREADABLE; TABLE_UNFIT where a table is missing, is none, has no
 *   row level security or is not for us; `details` say which and why
 */
export async function planProtection(
  project: Project,
  connection: Connection,
  tables: TableName[],
  protections: Protection[],
): Promise<TablePlan[]> {
  const context = await readContext(project, connection);
  const plans: TablePlan[] = [];
  for (const table of tables) {
    const {kind, rls} = await requireTable(connection, table);
    if (!rls) {
      throw unfit(
        table,
        'rls',
        `Row level security is off on ${tableName(table)}, and without it no policy does anything.`,
        [
          `alter table ${qualified(table)} enable row level security;`,
          'Before that, make the policies by which people are to reach it: without any, nobody does',
        ],
      );
    }

    const present = onTable(context.policies, table);
    const policies = protections.map((protection): PlannedPolicy => {
      const name = policyName(protection);
      const found = present.find((policy) => policy.name === name);
      const same = found !== undefined && isAsWritten(found, protection);
      return {...protection, name, present: found === undefined ? 'none' : same ? 'same' : 'different'};
    });
    const step: MigrationStep = {
      kind: 'protect',
      name: stepName(table),
      lines: [
        '-- Written by "supasession protect add": tokens of ended sessions reach nothing in this table. Policies that allow stay as they are.',
        '-- "supasession protect remove" takes it back, with a file of its own.',
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

/**
 * Looks at tables whose protection is to go.
 * @param project the project
 * @param connection an open connection
 * @param tables the tables
 * @returns what is to be done, a table each; `policies` are those that go
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE, MIGRATIONS_UNREADABLE; TABLE_UNFIT
 */
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

function commandOf(name: string): PolicyCommand {
  return COMMANDS.find((command) => name.endsWith(`_${command}`)) ?? 'all';
}

/** What a policy says, as far as it can be told, and whether it is other than we write it. */
function described(policy: Policy): Protection & {edited: boolean} {
  const maxAge = /session_age\) < '([^']+)'::interval/.exec(policy.using ?? policy.check ?? '')?.[1] ?? null;
  const protection = {command: policy.command, maxAge};
  return {...protection, edited: policy.name !== policyName(protection) || !isAsWritten(policy, protection)};
}

/**
 * Looks whether applying has done it.
 * @param connection an open connection
 * @param plans what was to be done
 * @param wanted whether the policies are to be there
 * @throws SupasessionError CLI_FAILED
 */
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

/** A policy as `protect list` shows it. */
export interface ListedPolicy extends Protection {
  name: string;
  /** Made by `protect add`. One of the project's own uses our functions in its own way. */
  ours: boolean;
  /** Of one of ours, whether it is other than it was written. */
  edited: boolean;
}

export interface ListedTable {
  table: string;
  /** Whether row level security is enabled; without it the policies do nothing. */
  rls: boolean;
  policies: ListedPolicy[];
}

/** Which tables are protected, and which are not. */
export interface ProtectionList {
  /** The schemas of the Data API. */
  schemas: string[];
  protected: ListedTable[];
  /** Tables that anon or authenticated reach through the Data API. */
  unprotected: {count: number; tables: string[]};
}

/** How many tables are named that are not protected. */
const NAMED = 20;

/**
 * @param connection an open connection
 * @param configured the schemas of the Data API by the project's configuration; those that the database says itself come first
 * @returns which tables are protected, and which are not
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE
 */
export async function listProtection(connection: Connection, configured: readonly string[]): Promise<ProtectionList> {
  await requireOurs(connection);
  const schemas = (await readRoleSchemas(connection)) ?? [...configured];
  const tables = new Map<string, ListedTable>();
  for (const policy of await readPolicies(connection, PREFIX)) {
    const table = tableName(policy);
    const entry = tables.get(table) ?? {table, rls: policy.rls, policies: []};
    const ours = NAMES.includes(policy.name);
    const {edited, ...protection} = described(policy);
    entry.policies.push({name: policy.name, ...protection, ours, edited: ours && edited});
    tables.set(table, entry);
  }

  const open = (await readApiTables(connection, schemas)).map(tableName).filter((table) => !tables.has(table));
  return {
    schemas,
    protected: [...tables.values()],
    unprotected: {count: open.length, tables: open.slice(0, NAMED)},
  };
}

/**
 * @param commands what --for says; empty for what is usual
 * @param maxAge what --max-age says, as Postgres prints it; null for none
 * @returns the policies that a table gets: by default one for all commands, and with an age one for each command that writes
 */
export function protectionsFor(commands: readonly PolicyCommand[], maxAge: string | null): Protection[] {
  if (commands.length > 0) return commands.map((command) => ({command, maxAge}));
  const always: Protection = {command: 'all', maxAge: null};
  if (maxAge === null) return [always];
  return [always, ...(['insert', 'update', 'delete'] as const).map((command) => ({command, maxAge}))];
}
