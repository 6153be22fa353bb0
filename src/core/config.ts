import type {Connection} from '../db/connection.js';
import {readImpact, readInstalled, readSettings, writeSettings, type Impact, type Installed} from '../db/queries.js';
import {SupasessionError} from '../errors.js';
import type {Project} from '../supabase/project.js';
import {DEFAULT_SETTINGS, type SettingName, type Settings, type Target} from '../types.js';
import {authMissing, newerInstalled, notInstalled} from './installed.js';
import {
  addMigration,
  compareReleases,
  MIGRATION_NAMES,
  configMigrationText,
  readMigrations,
  shippedSql,
  type MigrationState,
} from './migration.js';
import {changedSettings} from './settings.js';

/** What a target says of its settings. */
export interface CurrentSettings {
  installed: Installed;
  /** The settings in force; null where our SQL is not there. Where the row is missing: the defaults, with limits off. */
  settings: Settings | null;
}

/**
 * @param connection an open connection
 * @returns the settings
 * @throws SupasessionError AUTH_SCHEMA_MISSING
 */
export async function currentSettings(connection: Connection): Promise<CurrentSettings> {
  const installed = await readInstalled(connection);
  if (!installed.auth) throw authMissing(connection.target);
  if (!installed.schema) return {installed, settings: null};
  return {installed, settings: {...DEFAULT_SETTINGS, ...(await readSettings(connection))}};
}

/**
 * Refuses to go on where settings cannot be changed, naming the step that is missing.
 * @param current what the target said
 * @param target the target
 * @param migrations the project's, where there is a project
 * @throws SupasessionError NOT_INSTALLED, NEWER_RELEASE
 */
export async function requireInstalled(
  current: CurrentSettings,
  target: Target,
  migrations: MigrationState | null,
): Promise<void> {
  const {version} = await shippedSql();
  if (current.installed.version !== null) {
    if (compareReleases(current.installed.version, version) > 0)
      throw newerInstalled(current.installed.version, version);
    return;
  }

  const written = migrations?.active.some(({kind}) => kind === 'installation') ?? false;
  const found = current.installed.schema ? 'has supasession 0.1.2' : 'does not have supasession yet';
  throw notInstalled(
    target,
    written
      ? `This database ${found}. The migration is written, but not applied here.`
      : `This database ${found}${migrations === null ? '' : ', and the project has no migration for it'}.`,
  );
}

/** A change of settings, judged before it is made. */
export interface ConfigPlan {
  before: Settings | null;
  after: Settings;
  changed: SettingName[];
  impact: Impact;
}

/**
 * @param connection an open connection
 * @param current what the target said
 * @param changes the settings asked for
 * @returns what would change, and whom it concerns; a target without our SQL is judged as if it had the defaults
 */
export async function planConfig(
  connection: Connection,
  current: CurrentSettings,
  changes: Partial<Settings>,
): Promise<ConfigPlan> {
  const base = current.settings ?? DEFAULT_SETTINGS;
  const after = {...base, ...changes};
  return {
    before: current.settings,
    after,
    changed: changedSettings(base, changes),
    impact: await readImpact(connection, after, current.installed.version !== null),
  };
}

/**
 * Makes the change, in one statement.
 * @param connection an open connection
 * @param plan what `planConfig` found
 */
export async function applyConfig(connection: Connection, plan: ConfigPlan): Promise<void> {
  if (plan.changed.length === 0) return;
  await writeSettings(connection, Object.fromEntries(plan.changed.map((name) => [name, plan.after[name]])));
}

/** The file that settings were saved to. */
export interface SavedSettings {
  file: string;
  /** False where the newest file of settings said the same already. */
  written: boolean;
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

/**
 * Writes all settings as a migration, unless the newest one of ours says the same.
 * @param project the project
 * @param settings the settings in force
 * @returns the file
 * @throws SupasessionError NOT_INSTALLED, MIGRATIONS_UNWRITABLE
 */
export async function saveSettings(project: Project, settings: Settings): Promise<SavedSettings> {
  const migrations = await readMigrations(project);
  requireSavable(migrations);
  const text = configMigrationText(settings);
  const newest = migrations.active.findLast(({setsSettings}) => setsSettings);
  if (newest?.text === text) return {file: newest.file, written: false};
  const {file} = await addMigration(project, migrations.all, MIGRATION_NAMES.settings, text);
  return {file, written: true};
}
