import type {Connection} from '../../database/connection.js';
import {hasSchema} from './queries.js';
import {ifWhole} from '../../database/errors.js';
import {readSettings} from '../settings/queries.js';
import {readAppliedMigrations} from '../../database/history.js';
import {readInstalled, type Installed} from '../install/installed.js';
import {DEFAULT_SETTINGS, type Settings} from '../../types.js';
import type {MigrationState, ShippedSql} from '../install/migration.js';
import type {Repair} from './finding.js';

/** What is installed in a database, as far as more than one concern needs it. */
export interface Inside {
  db: Connection;
  installed: Installed;
  /** The settings in force; null where our SQL is not there, or their row is gone. */
  settings: Settings | null;
  /** Whether our schema is there, with whatever is left in it. */
  schema: boolean;
  /** The versions in the history of migrations. */
  applied: string[];
  /** `installation` where --fix can run our SQL again. */
  repair: Repair | null;
}

/** Whether the database has had just this SQL, so that running it once more changes nothing but what has gone wrong since. */
function repairable(
  {auth, schema, version, checksum}: Installed,
  applied: string[],
  state: MigrationState | null,
  shipped: ShippedSql,
): boolean {
  if (!auth || !schema) return false;
  if (version !== null) return version === shipped.version && checksum === shipped.checksum;
  // A dump without data has lost the record.
  const newest = state?.active.findLast(({kind}) => kind === 'installation');
  return newest?.checksum === shipped.checksum && applied.includes(newest.version);
}

/**
 * @param db an open connection
 * @param state the project's migrations; null without a project
 * @param shipped our SQL
 * @returns what the database holds of ours
 */
export async function readInside(db: Connection, state: MigrationState | null, shipped: ShippedSql): Promise<Inside> {
  const installed = await readInstalled(db);
  const applied = await readAppliedMigrations(db);
  const row = installed.version === null ? undefined : await ifWhole(async () => (await readSettings(db)) ?? null);
  return {
    db,
    installed,
    applied,
    settings: typeof row === 'object' && row !== null ? {...DEFAULT_SETTINGS, ...row} : null,
    schema: await hasSchema(db),
    repair: repairable(installed, applied, state, shipped) ? 'installation' : null,
  };
}
