import type {Connection} from '../../database/connection.js';
import {hasRejectRule, readSettings, writeSettings} from './queries.js';
import {
  type Installed,
  MIGRATION_NAMES,
  type MigrationState,
  type Need,
  addMigration,
  configMigrationText,
  readMigrations,
  requireInstalled,
  requireSavable,
} from '../install/index.js';
import {basisWith, NO_IMPACT, readImpact, type ImpactReport} from './verdicts.js';
import {SupasessionError} from '../../errors.js';
import type {ConfiguredSpan, ProjectConfig} from '../../supabase/config.js';
import type {Project} from '../../supabase/project.js';
import {DEFAULT_SETTINGS, type SettingName, type Settings, type Target} from '../../types.js';
import {changedSettings, readSetting, settingFlag} from './changes.js';
import {consequences, type Consequence} from './consequences.js';
import {configOn} from '../../database/target.js';

/** What a target says of its settings. */
export interface CurrentSettings {
  installed: Installed;
  /** The settings in force; null if supasession is not there. If only the row is missing, the defaults, with limits off. */
  settings: Settings | null;
}

/** @throws SupasessionError AUTH_SCHEMA_MISSING, and what `requireInstalled` throws for the need */
export async function currentSettings(
  connection: Connection,
  need: Need = 'auth',
  migrations?: MigrationState | null,
): Promise<CurrentSettings> {
  const installed = await requireInstalled(connection, need, migrations);
  if (!installed.schema) return {installed, settings: null};
  return {installed, settings: {...DEFAULT_SETTINGS, ...(await readSettings(connection))}};
}

/** A change of settings, judged before it is made. */
export interface ConfigPlan extends ImpactReport {
  before: Settings | null;
  after: Settings;
  changed: SettingName[];
  /** Lifetime of an access token in seconds; null if unknown. */
  jwtExpiry: number | null;
  consequences: Consequence[];
}

/**
 * A target without supasession is judged as if it had the defaults.
 * @param jwtExpiry lifetime of an access token in seconds; null if unknown
 * @throws SupasessionError SETTING_INVALID for a message of refusals if nothing is refused
 */
export async function planConfig(
  connection: Connection,
  current: CurrentSettings,
  changes: Partial<Settings>,
  jwtExpiry: number | null,
): Promise<ConfigPlan> {
  const base = current.settings ?? DEFAULT_SETTINGS;
  const after = {...base, ...changes};
  const changed = changedSettings(base, changes);
  const installed = current.installed.version !== null;
  if (changed.includes('refusal_message')) {
    const rejects = after.strategy === 'reject' || (installed && (await hasRejectRule(connection)));
    // With one of the two the message may be on its way out, and an undo must be able to restore it.
    const alone = !changed.includes('strategy') && !changed.includes('reject_in_hook');
    if (alone && !(rejects && after.reject_in_hook)) throw neverShown(connection.target, after);
  }

  // Counting reads all sessions: not for a look at the settings.
  const asked = Object.keys(changes).length > 0;
  const judged = async () => (installed ? basisWith(connection, after) : {settings: after, rules: [], ending: []});
  const report = asked ? await readImpact(connection, await judged()) : NO_IMPACT;
  return {
    before: current.settings,
    after,
    changed,
    jwtExpiry,
    ...report,
    consequences: consequences(base, after, report, jwtExpiry),
  };
}

function neverShown(target: Target, settings: Settings): SupasessionError {
  const missing = [
    ...(settings.strategy === 'reject' ? [] : [settingFlag('strategy', 'reject')]),
    ...(settings.reject_in_hook ? [] : [settingFlag('reject_in_hook', true)]),
  ];
  const why = settings.reject_in_hook ? 'no sign-in is refused' : 'refusals do not go through the access token hook';
  return new SupasessionError('SETTING_INVALID', `Nobody would see this message: ${why}.`, {
    suggestions: [
      `${configOn(target)} ${[...missing, settingFlag('refusal_message', settings.refusal_message)].join(' ')}`,
    ],
  });
}

/** The deadlines of the project's configuration for Auth. */
export interface ImportedSettings {
  changes: Partial<Settings>;
  /** What was found, and where. */
  found: ConfiguredSpan[];
  /** Keys of [auth.sessions] that are not there; their settings stay as they are. */
  absent: SettingName[];
}

/**
 * @param config the project's configuration, as it is for the target
 * @throws SupasessionError USAGE if it has no deadlines, SETTING_INVALID, CONFIG_INVALID, ENV_NOT_SET
 */
export async function importAuthSettings(
  connection: Connection,
  project: Project,
  config: ProjectConfig,
): Promise<ImportedSettings> {
  const imported: ImportedSettings = {changes: {}, found: [], absent: []};
  const keys = {timebox: config.timebox, inactivity_timeout: config.inactivityTimeout} as const;
  for (const name of ['timebox', 'inactivity_timeout'] as const) {
    const value = keys[name];
    if (value === null) imported.absent.push(name);
    else {
      // "0s" means to Auth that there is no deadline.
      const none = !/[1-9]/.test(value.text);
      imported.changes[name] = none ? null : await readSetting(connection, name, value.text, value.source);
      imported.found.push(value);
    }
  }

  if (imported.found.length > 0) return imported;
  throw new SupasessionError(
    'USAGE',
    `${project.configPath} has no timebox or inactivity_timeout in [auth.sessions].`,
    {
      suggestions: [
        `${configOn(connection.target)} --timebox 24h --inactivity 8h`,
        'Or add them to [auth.sessions] there',
      ],
    },
  );
}

export async function applyConfig(connection: Connection, plan: ConfigPlan): Promise<void> {
  if (plan.changed.length === 0) return;
  await writeSettings(connection, Object.fromEntries(plan.changed.map((name) => [name, plan.after[name]])));
}

/** The file that settings were saved to. */
export interface SavedSettings {
  file: string;
  /** False if the newest file of settings said the same already. */
  written: boolean;
}

/**
 * Writes all settings as a migration, unless the newest one that sets any says the same.
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
