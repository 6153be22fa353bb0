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

/** A change that becomes one migration. */
export interface MigrationStep {
  kind: Exclude<MigrationKind, 'installation'>;
  /** What follows the timestamp in the file's name. */
  name: string;
  /** Comment lines for the head of the file, with their `--`. */
  lines: string[];
  /** Re-runnable statements. */
  sql: string;
  /** Whether to write it even if the newest file of this name says the same: the target has applied that one and lost its effect. */
  again?: boolean;
}

/** Rows are not declared. */
const DATA_ONLY: readonly MigrationKind[] = ['rules', 'settings'];

export function stepText({kind, lines, sql}: MigrationStep): string {
  return stepMigrationText(kind, lines, sql);
}

export interface SavedFile {
  file: string;
  /** False if the newest file of this name already said the same, and in a dry run. */
  written: boolean;
}

export interface StepFile extends SavedFile {
  /** What changed in the files that declare the schema; in a dry run, what would change. */
  declared: DeclaredChange[];
}

/**
 * Writes the file of a step, unless the newest one of its name already says the same.
 * @throws SupasessionError NOT_INSTALLED if the project has no installation that it could follow, MIGRATIONS_UNREADABLE, MIGRATIONS_UNWRITABLE
 */
export async function writeStep(
  project: Project,
  step: MigrationStep,
  {env, dryRun}: {env: Env; dryRun: boolean},
): Promise<StepFile> {
  const migrations = await readMigrations(project);
  const text = stepText(step);
  // A removal needs no installation before it, and an earlier removal does not cancel it.
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

/** @throws SupasessionError NOT_INSTALLED if a saved step would fail at the next `db reset`, which lacks supasession's SQL */
export function requireSavable(migrations: MigrationState): void {
  if (migrations.active.some(({kind}) => kind === 'installation')) return;
  throw new SupasessionError('NOT_INSTALLED', 'The project has no supasession migration that this one could follow.', {
    suggestions: ['{bin} init'],
  });
}
