import type {Connection, Queryable} from '../db/connection.js';
import {missingObject} from '../db/errors.js';
import {countEndings, type EndingCount} from '../db/events.js';
import type {Installed} from '../db/queries.js';
import {
  readDatabaseWiring,
  readHealth,
  readOverview,
  readSessionCounts,
  type DatabaseWiring,
  type HealthRow,
  type HistogramEntry,
  type Overview,
} from '../db/status.js';
import type {Settings, Target} from '../types.js';
import {currentSettings} from './config.js';
import {newerInstalled} from './installed.js';
import {compareReleases, shippedSql} from './migration.js';
import {targetFlag} from './target.js';
import {wiring, type Configured, type Wired} from './wiring.js';

/** The release of the extension on database.dev, which kept no record of itself. */
const EXTENSION = '0.1.2';

/** What of ours a database has, beside what this program brings. */
export interface InstalledStatus {
  /** Null where the record of it is gone. */
  version: string | null;
  /** Of the SQL that was installed; null where that was done by hand. */
  checksum: string | null;
  /** What this program brings. */
  shipped: {version: string; checksum: string};
  /** older: this program's release is newer. differs: the same release with other SQL. unknown: run by hand, so that there is nothing to compare. */
  state: 'current' | 'older' | 'differs' | 'unknown';
}

/** Something that is wrong. */
export interface Problem {
  check: string;
  detail: string;
  /** What to do about it; `{bin}` stands for the program. */
  fix: string;
}

export interface Status {
  /** Null where nothing of ours is there. */
  installed: InstalledStatus | null;
  settings: Settings | null;
  /** Users with live sessions. */
  users: number;
  /** ended: past their deadline, and still in the table. */
  sessions: {live: number; ended: number};
  histogram: HistogramEntry[];
  /** Null while limits are off. */
  overLimit: {users: number; sessions: number} | null;
  /** Live sessions that are past what the deadlines allow; null while limits are off. */
  expiring: number | null;
  /** What was ended in the last day, or would have been. */
  lastDay: EndingCount[];
  /** Users who may not use the app. */
  barred: number;
  wired: Wired;
  problems: Problem[];
  ok: boolean;
}

/**
 * @param version the installed release; null where there is no record of it
 * @param checksum of the SQL that was installed; null where that was done by hand
 * @returns that beside what this program brings
 * @throws SupasessionError NEWER_RELEASE
 */
async function compared(version: string | null, checksum: string | null): Promise<InstalledStatus> {
  const {version: own, checksum: ownChecksum} = await shippedSql();
  const order = version === null ? 0 : compareReleases(version, own);
  if (version !== null && order > 0) throw newerInstalled(version, own);
  const same = checksum === ownChecksum ? 'current' : checksum === null ? 'unknown' : 'differs';
  return {version, checksum, shipped: {version: own, checksum: ownChecksum}, state: order < 0 ? 'older' : same};
}

/**
 * Our SQL names the commands that mend things without knowing how the program is called and which target it was asked about.
 * @param fix as `supasession.health()` has it
 * @param target where
 * @returns the same to be typed here
 */
export function fixHere(fix: string, target: Target): string {
  const flag = targetFlag(target);
  return fix.replaceAll(
    /\bsupasession ([a-z]+(?: [a-z]+)*)/g,
    (_, words: string) => `{bin} ${words.replaceAll(' ', ':')}${flag === '' ? '' : ` ${flag}`}`,
  );
}

function problem({check, detail, fix}: Omit<HealthRow, 'ok'>, target: Target): Problem {
  return {check, detail: detail ?? check, fix: fixHere(fix ?? '', target)};
}

/** Why our SQL was not asked. */
function notWhole(installed: Installed, missing: string | null): string {
  if (!installed.schema) return 'supasession is not installed';
  if (installed.version === null) return `release ${EXTENSION} is installed, which has no checks`;
  return `the installation is not whole: ${missing}`;
}

interface Ours {
  overview: Overview;
  wiring: DatabaseWiring;
  lastDay: EndingCount[];
  health: HealthRow[];
}

/** What only our SQL knows; in words what of it is missing, where something is. */
async function readOurs(db: Queryable, counting: boolean): Promise<Ours | string> {
  try {
    return {
      overview: await readOverview(db),
      wiring: await readDatabaseWiring(db),
      lastDay: await countEndings(db),
      health: await readHealth(db, counting),
    };
  } catch (error) {
    const missing = missingObject(error);
    if (missing === undefined) throw error;
    return missing;
  }
}

/**
 * @param connection an open connection
 * @param options configured: what the target is run with; counting: whether what is wrong with sessions is a problem
 * @returns what there is, and what is wrong
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NEWER_RELEASE, CONFIG_INVALID, ENV_NOT_SET
 */
export async function readStatus(
  connection: Connection,
  options: {configured: Configured; counting: boolean},
): Promise<Status> {
  const {target} = connection;
  const {installed, settings} = await currentSettings(connection);
  const found = installed.schema ? await readOurs(connection, options.counting) : null;
  const ours = typeof found === 'string' ? null : found;
  const version = installed.version ?? (typeof found === 'string' ? EXTENSION : null);
  const {histogram, ended, overLimit, expiring}: Overview = ours?.overview ?? {
    ...(await readSessionCounts(connection)),
    overLimit: null,
    expiring: null,
  };
  const problems = ours?.health.filter(({ok}) => !ok) ?? [
    {
      check: 'installation',
      detail: notWhole(installed, typeof found === 'string' ? found : null),
      fix: 'supasession init --apply',
    },
  ];
  return {
    installed: installed.schema ? await compared(version, installed.checksum) : null,
    settings,
    users: histogram.reduce((sum, {users}) => sum + users, 0),
    sessions: {live: histogram.reduce((sum, {sessions, users}) => sum + sessions * users, 0), ended},
    histogram,
    overLimit,
    expiring,
    lastDay: ours?.lastDay ?? [],
    barred: ours?.wiring.barred ?? 0,
    wired: wiring(ours?.wiring ?? null, options.configured),
    problems: problems.map((row) => problem(row, target)),
    ok: problems.length === 0,
  };
}
