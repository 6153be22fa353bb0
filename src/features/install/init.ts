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

export interface InitPlan {
  shipped: ShippedSql;
  migrations: MigrationState;
  /** The newest installation, if it already holds the SQL of this package. */
  current: OwnMigration | null;
  /** The newest installation, if it holds an older release: the new file goes beside it. */
  older: OwnMigration | null;
}

/** @throws SupasessionError MIGRATION_EDITED, NEWER_RELEASE, MIGRATIONS_UNREADABLE */
export async function planInit(project: Project): Promise<InitPlan> {
  const [shipped, migrations] = await Promise.all([shippedSql(), readMigrations(project)]);
  const newest = migrations.active.filter(({kind}) => kind === 'installation').at(-1);
  if (newest === undefined) return {shipped, migrations, current: null, older: null};

  const path = `supabase/migrations/${newest.file}`;
  if (newest.edited) {
    throw new SupasessionError('MIGRATION_EDITED', `supasession wrote ${path}, but somebody has edited it since.`, {
      suggestions: [
        `git checkout -- ${path}`,
        `Or, to keep your edit, rename the file to something without "supasession", and run {bin} init again`,
      ],
      details: {file: newest.file},
    });
  }

  if (newest.checksum === shipped.checksum) return {shipped, migrations, current: newest, older: null};
  if (compareReleases(newest.release!, shipped.version) > 0) {
    throw new SupasessionError(
      'NEWER_RELEASE',
      `${path} holds supasession ${newest.release}, newer than this program (${shipped.version}).`,
      {suggestions: ['{add} supasession@latest'], details: {file: newest.file}},
    );
  }

  return {shipped, migrations, current: null, older: newest};
}

/** @throws SupasessionError NOT_INSTALLED if the project has no installation to upgrade, NEWER_RELEASE, and what `planInit` throws */
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
  /** What changed in the files that declare the schema; in a dry run, what would change. */
  declared: DeclaredChange[];
}

/**
 * Writes the migration unless the project has it, and the declared files.
 * @param settings go to the end of the migration
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
 * Writes the given settings as a migration, if the installation already existed and the files have other settings.
 * @returns null if no file is needed
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
 * Applies what is pending, and checks that the target has this release afterwards.
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

/** Why the release is missing after applying. `ran`: whether anything was applied. */
function notThere(target: Target, migration: InitMigration, version: string | null, ran: boolean): SupasessionError {
  const found =
    version === null
      ? 'has no supasession'
      : `has supasession ${version}${version === migration.version ? ' from other SQL' : ''}`;
  if (ran) {
    return new SupasessionError('CLI_FAILED', `The supabase CLI reported success, but the database ${found}.`, {
      suggestions: ['{supabase} migration list'],
    });
  }

  return new SupasessionError(
    'NOT_INSTALLED',
    `The history says that ${migration.file} was applied, but the database ${found}.`,
    {
      suggestions: [
        `{supabase} migration repair --status reverted ${migration.file.slice(0, 14)}${target.kind === 'local' ? ' --local' : ''}`,
        '{bin} init --apply',
      ],
    },
  );
}

/** @throws SupasessionError CLI_FAILED or NOT_INSTALLED if the target has other SQL after applying */
export async function requireUpgraded(connection: Connection, migration: InitMigration): Promise<void> {
  const {version, checksum} = await readInstalled(connection);
  if (checksum !== migration.checksum) throw notThere(connection.target, migration, version, migration.written);
}

/**
 * What enabling the limit with these changes would do.
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
 * Writes the given settings to the target, whatever its migrations say.
 * @returns false if nothing is installed
 */
export async function settle(connection: Connection, given: Partial<Settings>): Promise<boolean> {
  const {version} = await readInstalled(connection);
  if (version === null) return false;
  if (Object.keys(given).length > 0) await writeSettings(connection, given);
  return true;
}
