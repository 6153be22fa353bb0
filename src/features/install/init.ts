import type {Connection} from '../../database/connection.js';
import {
  type Consequence,
  type ImpactReport,
  consequences,
  currentSettings,
  readBasis,
  readImpact,
  writeSettings,
} from '../settings/index.js';
import {readInstalled, requireInstalled} from './installed.js';
import {SupasessionError} from '../../errors.js';
import type {Writer} from '../../supabase/process.js';
import type {Env, Project} from '../../supabase/project.js';
import {DEFAULT_SETTINGS, type SettingName, type Settings, type Target} from '../../types.js';
import {
  addMigration,
  compareReleases,
  givenMigrationText,
  MIGRATION_NAMES,
  migrationText,
  readMigrations,
  settingsIn,
  shippedSql,
  withMigration,
  type MigrationState,
  type OwnMigration,
  type ShippedSql,
} from './migration.js';
import {applyWithCli, type ApplyPlan} from './apply.js';
import {writeDeclared, type DeclaredChange} from './declared.js';

/** What `init` has found in the project. */
export interface InitPlan {
  shipped: ShippedSql;
  migrations: MigrationState;
  /** Our newest migration, where it holds the SQL of this package already. */
  current: OwnMigration | null;
  /** Our newest migration, where it holds an older release: the new one goes beside it. */
  older: OwnMigration | null;
}

/**
 * @param project the project
 * @returns what is there and what has to be written
 * @throws SupasessionError MIGRATION_EDITED, NEWER_RELEASE, MIGRATIONS_UNREADABLE
 */
export async function planInit(project: Project): Promise<InitPlan> {
  const [shipped, migrations] = await Promise.all([shippedSql(), readMigrations(project)]);
  const newest = migrations.active.filter(({kind}) => kind === 'installation').at(-1);
  if (newest === undefined) return {shipped, migrations, current: null, older: null};

  const path = `supabase/migrations/${newest.file}`;
  if (newest.edited) {
    throw new SupasessionError('MIGRATION_EDITED', `${path} is ours, but it has been edited since it was written.`, {
      suggestions: [
        `git checkout -- ${path}`,
        `Or, to keep your edit, rename the file to say that it is yours, and run {bin} init again`,
      ],
      details: {file: newest.file},
    });
  }

  if (newest.checksum === shipped.checksum) return {shipped, migrations, current: newest, older: null};
  if (compareReleases(newest.release!, shipped.version) > 0) {
    throw new SupasessionError(
      'NEWER_RELEASE',
      `${path} holds supasession ${newest.release}, newer than this program (${shipped.version}).`,
      {suggestions: ['npm install --save-dev supasession@latest'], details: {file: newest.file}},
    );
  }

  return {shipped, migrations, current: null, older: newest};
}

/**
 * @param project the project
 * @param connection an open connection
 * @returns what the project has, what the target has, and whether anything has to be written or applied
 * @throws SupasessionError NOT_INSTALLED where the project has no migration of ours, NEWER_RELEASE, and what `planInit` throws
 */
export async function planUpgrade(
  project: Project,
  connection: Connection,
): Promise<{plan: InitPlan; before: {version: string | null; checksum: string | null}; needed: boolean}> {
  const plan = await planInit(project);
  if (plan.current === null && plan.older === null) {
    throw new SupasessionError('NOT_INSTALLED', 'The project has no supasession migration to upgrade.', {
      suggestions: ['{bin} init'],
    });
  }

  const {version, checksum} = await requireInstalled(connection, 'not newer');
  return {plan, before: {version, checksum}, needed: plan.current === null || checksum !== plan.shipped.checksum};
}

/** The migration of `init` as `--json` shows it. */
export interface InitMigration {
  file: string;
  version: string;
  checksum: string;
  written: boolean;
  /** What was changed with it in the files that declare the schema; in a dry run what would be. */
  declared: DeclaredChange[];
}

/**
 * Writes the migration unless the project has it, and what the project declares of it.
 * @param project the project
 * @param plan what `planInit` found
 * @param settings the settings to put at its end
 * @param options where the configuration finds its variables; dryRun: whether to leave the disk alone
 * @returns the migration, and the others that are dated in the future
 * @throws SupasessionError MIGRATIONS_UNWRITABLE
 */
export async function writeInit(
  project: Project,
  plan: InitPlan,
  settings: Partial<Settings>,
  {env, dryRun}: {env: Env; dryRun: boolean},
): Promise<{migration: InitMigration; future: string[]}> {
  const {version, checksum} = plan.shipped;
  const declare = async (state: MigrationState) => writeDeclared(project, state, {env, dryRun});
  if (plan.current !== null) {
    const declared = await declare(plan.migrations);
    return {migration: {file: plan.current.file, version, checksum, written: false, declared}, future: []};
  }

  const text = migrationText(plan.shipped, settings);
  const name = MIGRATION_NAMES.installation;
  const {file, future} = await addMigration(project, plan.migrations.all, name, text, {dryRun});
  const declared = await declare(withMigration(plan.migrations, {file, name, text}));
  return {migration: {file, version, checksum, written: !dryRun, declared}, future};
}

/**
 * Writes the settings that were given as a migration, where the one of the installation was there already and the files say otherwise.
 * @param project the project
 * @param plan what `planInit` found
 * @param settings the settings that were given
 * @param dryRun whether to leave the disk alone
 * @returns the file; null where none is needed
 * @throws SupasessionError MIGRATIONS_UNWRITABLE
 */
export async function writeGiven(
  project: Project,
  {current, migrations}: InitPlan,
  settings: Partial<Settings>,
  dryRun: boolean,
): Promise<string | null> {
  if (current === null) return null;
  const saved = settingsIn(migrations.active);
  const names = (Object.keys(settings) as SettingName[]).filter((name) => saved[name] !== settings[name]);
  if (names.length === 0) return null;
  const text = givenMigrationText(Object.fromEntries(names.map((name) => [name, settings[name]])));
  return (await addMigration(project, migrations.all, MIGRATION_NAMES.settings, text, {dryRun})).file;
}

/**
 * Applies what is pending with the real supabase CLI, and checks that the target has this release afterwards.
 * @param project the project
 * @param connection an open connection to the target
 * @param options environment, where the CLI's output goes, what is pending, our migration, and the file of settings that was written beside it
 * @throws SupasessionError CLI_MISSING, CLI_FAILED, LOCK_TIMEOUT (naming who holds the lock), NOT_INSTALLED, INTERRUPTED
 */
export async function applyPending(
  project: Project,
  connection: Connection,
  options: {
    env: NodeJS.ProcessEnv;
    output: Writer;
    pending: ApplyPlan;
    migration: InitMigration;
    settings: string | null;
  },
): Promise<void> {
  const {env, output, pending, migration, settings} = options;
  const runs = migration.written || settings !== null || pending.own.length > 0;
  if (runs) await applyWithCli(project, connection, {cli: pending.cli, env, output, includeAll: pending.outOfOrder});

  const {version} = await readInstalled(connection);
  if (version !== migration.version) throw notThere(connection.target, migration, version, runs);
}

/** Why the target has not what was applied. ran: whether anything was. */
function notThere(target: Target, migration: InitMigration, version: string | null, ran: boolean): SupasessionError {
  const found =
    version === null
      ? 'has no supasession'
      : `has supasession ${version}${version === migration.version ? ' from other SQL' : ''}`;
  if (ran) {
    return new SupasessionError('CLI_FAILED', `The supabase CLI reported success, but the database ${found}.`, {
      suggestions: ['supabase migration list'],
    });
  }

  return new SupasessionError(
    'NOT_INSTALLED',
    `The history says that ${migration.file} was applied, but the database ${found}.`,
    {
      suggestions: [
        `supabase migration repair --status reverted ${migration.file.slice(0, 14)}${target.kind === 'local' ? ' --local' : ''}`,
        '{bin} init --apply',
      ],
    },
  );
}

/**
 * @param connection an open connection
 * @param migration what has been applied
 * @throws SupasessionError NOT_INSTALLED where the target has other SQL than that all the same
 */
export async function requireUpgraded(connection: Connection, migration: InitMigration): Promise<void> {
  const {version, checksum} = await readInstalled(connection);
  if (checksum !== migration.checksum) throw notThere(connection.target, migration, version, migration.written);
}

/**
 * @param connection an open connection
 * @param changes the settings that come with switching the limit on
 * @returns the settings as they will be, whom they concern, and what they do to them that would not be otherwise
 * @throws SupasessionError AUTH_SCHEMA_MISSING
 */
export async function judgeEnable(
  connection: Connection,
  changes: Partial<Settings>,
): Promise<{settings: Settings; report: ImpactReport; consequences: Consequence[]}> {
  const before = (await currentSettings(connection)).settings ?? DEFAULT_SETTINGS;
  const settings = {...before, ...changes, enabled: true};
  const report = await readImpact(connection, {...(await readBasis(connection)), settings});
  return {settings, report, consequences: consequences(before, settings, report, null)};
}

/**
 * Makes the target have the settings that were given, whatever it had before and its migrations say.
 * @param connection an open connection
 * @param given the settings that were given, `enabled` among them to switch the limit on
 * @returns whether they are in force now: false where nothing is installed
 */
export async function settle(connection: Connection, given: Partial<Settings>): Promise<boolean> {
  const {version} = await readInstalled(connection);
  if (version === null) return false;
  if (Object.keys(given).length > 0) await writeSettings(connection, given);
  return true;
}
