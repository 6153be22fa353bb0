import {readSql} from '../../database/sql.js';
import type {Queryable} from '../../database/connection.js';
import {ifWhole} from '../../database/errors.js';
import {readRoleSchemas} from '../integration/queries.js';

/** How many users have so many live sessions. */
export interface HistogramEntry {
  sessions: number;
  users: number;
}

/** What there is, whatever the limit. */
export interface Overview {
  /** Users with live sessions, by how many they have, the fewest first. */
  histogram: HistogramEntry[];
  /** Rows of sessions that have ended. */
  ended: number;
}

/**
 * Works without an installation too.
 * @param db an open connection
 * @param ending ids of sessions that count as ended
 * @returns what there is
 */
export async function readOverview(db: Queryable, ending: string[]): Promise<Overview> {
  const {rows} = await db.query<{histogram: HistogramEntry[]; ended: string}>(await readSql('queries/overview.sql'), [
    ending,
  ]);
  return {histogram: rows[0]!.histogram, ended: Number(rows[0]!.ended)};
}

/** What the database itself knows of the integration with Auth and the Data API. */
export interface DatabaseIntegration {
  /** The project's own hook that ours calls, as schema.function. */
  nextHook: string | null;
  /** Whether the Data API is configured to ask the guard. */
  guard: boolean;
  /** Schemas that the Data API exposes; null where that is configured elsewhere. */
  schemas: string[] | null;
}

/**
 * @param db an open connection to an installation
 * @returns what is integrated
 */
export async function readDatabaseIntegration(db: Queryable): Promise<DatabaseIntegration> {
  const {rows} = await db.query<{next_hook: string | null; guard: boolean}>(
    `select
      (select format('%I.%I', schema_name, function_name) from supasession.integration where kind = 'access_token_hook') as next_hook,
      supasession._guard_enabled() as guard`,
  );
  const {next_hook: nextHook, guard} = rows[0]!;
  return {nextHook, guard, schemas: await readRoleSchemas(db)};
}

/**
 * @param db an open connection to an installation
 * @returns how many users' access is revoked
 */
export async function countRevoked(db: Queryable): Promise<number> {
  const {rows} = await db.query<{users: string}>('select count(*) as users from supasession.revoked');
  return Number(rows[0]!.users);
}

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
