/** What other features may use of this one. */
export {readHealth} from './health.js';
export {type Installed, authMissing, newerInstalled, notInstalled, readInstalled, requireOurs} from './installed.js';
export {
  MIGRATION_NAMES,
  type MigrationState,
  type OwnMigration,
  addMigration,
  compareReleases,
  configMigrationText,
  readMigrations,
  shippedVersion,
} from './migration.js';
export {type Consent, StepCommand, type StepFlags} from './step-command.js';
export {type MigrationStep, type StepFile, type SavedFile, requireSavable, stepText, writeStep} from './steps.js';
