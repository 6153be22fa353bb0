import type {Queryable} from '../../database/connection.js';
import {ifWhole} from '../../database/errors.js';
import {readSql} from '../../database/sql.js';

export interface HealthRow {
  check: string;
  ok: boolean;
  detail: string | null;
  /** What to do; null if the check passes. */
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

/** The catalog's checks, the most urgent first; then, if the tables are complete, the checks of their contents. */
export async function readHealth(db: Queryable): Promise<HealthRow[]> {
  const catalog = await db.query<HealthRow>(await readSql('queries/health.sql'));
  const whole = catalog.rows.every(({check, ok}) => ok || !check.startsWith('table supasession.'));
  if (!whole) return catalog.rows;
  const contents = await ifWhole(async () => db.query<HealthRow>(await readSql('queries/health_contents.sql')));
  return [...catalog.rows, ...(typeof contents === 'string' ? [incomplete(contents)] : contents.rows)];
}
