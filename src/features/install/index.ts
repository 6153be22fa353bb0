/** What other features may use of this one; commands whose work is a migration also import step-command.ts, so that others do not load it. */
export {readHealth} from './health.js';
export {type Installed, type Need, readInstalled, requireInstalled} from './installed.js';
export {
  MIGRATION_NAMES,
  type MigrationState,
  type OwnMigration,
  addMigration,
  configMigrationText,
  readMigrations,
} from './migration.js';
export {type MigrationStep, type StepFile, type SavedFile, requireSavable, stepText, writeStep} from './steps.js';
