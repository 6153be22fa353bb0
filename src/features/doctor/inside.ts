import type {Connection} from '../../database/connection.js';
import {hasSchema} from './queries.js';
import {ifWhole} from '../../database/errors.js';
import {readSettings} from '../settings/queries.js';
import {readAppliedMigrations} from '../../database/history.js';
import {readInstalled, type Installed} from '../install/installed.js';
import {DEFAULT_SETTINGS, type Settings} from '../../types.js';
import type {MigrationState, ShippedSql} from '../install/migration.js';
import type {Repair} from './finding.js';

/** What several checks need to know about a database. */
export interface Inside {
  db: Connection;
  installed: Installed;
  /** The settings in force; null if supasession is not installed, or their row is gone. */
  settings: Settings | null;
  /** Whether the schema exists, even if parts of it are missing. */
  schema: boolean;
  /** Versions in the migration history. */
  applied: string[];
  /** `installation` if --fix can run the installed SQL again. */
  repair: Repair | null;
}

/** Whether exactly this SQL was installed: running it again then only restores what was changed since. */
function repairable(
  {auth, schema, version, checksum}: Installed,
  applied: string[],
  state: MigrationState | null,
  shipped: ShippedSql,
): boolean {
  if (!auth || !schema) return false;
  if (version !== null) return version === shipped.version && checksum === shipped.checksum;
  // A dump without data has no record of the release.
  const newest = state?.active.findLast(({kind}) => kind === 'installation');
  return newest?.checksum === shipped.checksum && applied.includes(newest.version);
}

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
