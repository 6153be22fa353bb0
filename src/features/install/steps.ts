import {SupasessionError} from '../../errors.js';
import type {Env, Project} from '../../supabase/project.js';
import type {DeclaredChange} from './declared.js';
import {
  addMigration,
  readMigrations,
  stepMigrationText,
  withMigration,
  type MigrationKind,
  type MigrationState,
} from './migration.js';

/** A change that goes into the project's history as a migration of its own. */
export interface MigrationStep {
  kind: Exclude<MigrationKind, 'installation'>;
  /** What follows the timestamp in the file's name. */
  name: string;
  /** Comment lines for the head of the file, with their `--`. */
  lines: string[];
  /** Its statements, each right at a second run. */
  sql: string;
  /** Whether it is written also where the newest file of its name says the same: the target has had that one, and is no longer so. */
  again?: boolean;
}

/** Rows are not declared. */
const DATA_ONLY: readonly MigrationKind[] = ['rules', 'settings'];

/** @returns the text of the migration that a step is */
export function stepText({kind, lines, sql}: MigrationStep): string {
  return stepMigrationText(kind, lines, sql);
}

export interface SavedFile {
  file: string;
  /** False where the newest file of that name said the same already, and in a dry run. */
  written: boolean;
}

export interface StepFile extends SavedFile {
  /** What was changed with it in the files that declare the schema; in a dry run what would be. */
  declared: DeclaredChange[];
}

/**
 * Writes the file of a step, unless the newest one of its name says the same and that is enough.
 * @param project the project
 * @param step the step
 * @param options where the configuration finds its variables; dryRun: whether to leave the disk alone
 * @returns the file
 * @throws SupasessionError NOT_INSTALLED where the project has no migration that it could follow, MIGRATIONS_UNREADABLE, MIGRATIONS_UNWRITABLE
 */
export async function writeStep(
  project: Project,
  step: MigrationStep,
  {env, dryRun}: {env: Env; dryRun: boolean},
): Promise<StepFile> {
  const migrations = await readMigrations(project);
  const text = stepText(step);
  // What takes us out needs nothing to follow, and is not undone by itself.
  const removes = step.kind === 'uninstall';
  if (!removes) requireSavable(migrations);
  const sinceInstalled = migrations.own.slice(migrations.own.findLastIndex(({kind}) => kind === 'installation') + 1);
  const newest = (removes ? sinceInstalled : migrations.active).findLast(({name}) => name === step.name);
  const declare = async (state: MigrationState) => {
    if (DATA_ONLY.includes(step.kind)) return [];
    const {writeDeclared} = await import('./declared.js');
    return writeDeclared(project, state, {env, dryRun});
  };
  if (newest?.text === text && !step.again) {
    return {file: newest.file, written: false, declared: await declare(migrations)};
  }

  const {file} = await addMigration(project, migrations.all, step.name, text, {dryRun});
  const declared = await declare(withMigration(migrations, {file, name: step.name, text}));
  return {file, written: !dryRun, declared};
}
/**
 * Refuses to go on where what is saved would fail at the next `db reset`, for want of our SQL.
 * @param migrations the project's
 * @throws SupasessionError NOT_INSTALLED
 */

export function requireSavable(migrations: MigrationState): void {
  if (migrations.active.some(({kind}) => kind === 'installation')) return;
  throw new SupasessionError('NOT_INSTALLED', 'The project has no supasession migration that this one could follow.', {
    suggestions: ['{bin} init'],
  });
}
