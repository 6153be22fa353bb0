import type {Queryable} from '../../database/connection.js';
import {ifWhole} from '../../database/errors.js';
import {readSql} from '../../database/sql.js';

/** One thing that has to be right. */

export interface HealthRow {
  check: string;
  ok: boolean;
  detail: string | null;
  /** What to do; null where all is well. */
  fix: string | null;
}
function incomplete(missing: string): HealthRow {
  return {
    check: 'functions',
    ok: false,
    detail: `the installation is incomplete: ${missing}`,
    fix: 'restore it: supasession doctor --fix',
  };
}
/**
 * @param db an open connection to a database that has the schema
 * @returns what the catalog says about the installation, the most urgent first; then, if its tables are whole, what is in them
 */

export async function readHealth(db: Queryable): Promise<HealthRow[]> {
  const catalog = await db.query<HealthRow>(await readSql('queries/health.sql'));
  const whole = catalog.rows.every(({check, ok}) => ok || !check.startsWith('table supasession.'));
  if (!whole) return catalog.rows;
  const contents = await ifWhole(async () => db.query<HealthRow>(await readSql('queries/health_contents.sql')));
  return [...catalog.rows, ...(typeof contents === 'string' ? [incomplete(contents)] : contents.rows)];
}
