import type {Connection, Queryable} from '../../database/connection.js';
import {ifWhole} from '../../database/errors.js';
import {countEndings, type EndingCount} from '../sessions/history-queries.js';
import {readInstalled, type Installed} from '../install/installed.js';
import {countRevoked, readOverview, type HistogramEntry} from './queries.js';
import {readHealth, type HealthRow} from '../install/health.js';
import {readDatabaseIntegration, type DatabaseIntegration} from '../integration/queries.js';
import {readBasis, readImpact, type ImpactReport} from '../settings/verdicts.js';
import type {Settings, Target} from '../../types.js';
import {currentSettings} from '../settings/config.js';
import {newerInstalled} from '../install/installed.js';
import {compareReleases, shippedSql} from '../install/migration.js';
import {targetFlag} from '../../database/target.js';
import {integrationState, type Configured, type IntegrationState} from '../integration/source.js';

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
  /** The most sessions that one user is over the limit by; null while limits are off. */
  mostOver: number | null;
  /** Users whose access is revoked. */
  accessRevoked: number;
  wired: IntegrationState;
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
 * The queries name the commands that fix things without knowing how the program is called and which target it was asked about.
 * @param fix as health.sql has it
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

/** Why nothing else is known. */
function notWhole(installed: Installed, missing: string | null): string {
  if (!installed.schema) return 'supasession is not installed';
  if (installed.version === null) return `release ${EXTENSION} is installed, which has no checks`;
  return `the installation is incomplete: ${missing}`;
}

/** What only an installation knows. */
interface Installation {
  ending: string[];
  /** Null while limits are off. */
  report: ImpactReport | null;
  integration: DatabaseIntegration;
  accessRevoked: number;
  lastDay: EndingCount[];
}

/** What an installation says; in words what of it is missing, where something is. */
async function readInstallation(db: Queryable): Promise<Installation | string> {
  return ifWhole(async () => {
    const basis = await readBasis(db);
    return {
      ending: basis.ending,
      report: basis.settings.enabled ? await readImpact(db, basis) : null,
      integration: await readDatabaseIntegration(db),
      accessRevoked: await countRevoked(db),
      lastDay: await countEndings(db),
    };
  });
}

/**
 * @param settings the settings in force
 * @param report whom they concern
 * @returns what is wrong with sessions, in the way that health has it
 */
export function sessionHealth(settings: Settings, {impact, due}: ImpactReport): HealthRow[] {
  const {users, sessions} = impact.overLimit;
  const row = (check: string, wrong: boolean, detail: string): HealthRow =>
    wrong ? {check, ok: false, detail, fix: 'supasession enforce'} : {check, ok: true, detail: null, fix: null};
  return [
    row('users over the limit', users > 0, `${users} users, ${sessions} sessions`),
    ...(settings.mode === 'enforce'
      ? [
          row(
            'deadlines',
            due.deadlines > 0,
            `${due.deadlines} sessions have none yet, or a later one than they should; their next refresh sets it`,
          ),
        ]
      : []),
  ];
}

/** What is wrong with an installation; nothing where it is not there. */
async function readProblems(
  db: Queryable,
  {version}: Installed,
  counted: {settings: Settings | null; report: ImpactReport | null},
): Promise<HealthRow[]> {
  if (version === null) return [];
  const {settings, report} = counted;
  const sessions = settings !== null && report !== null ? sessionHealth(settings, report) : [];
  return [...(await readHealth(db)), ...sessions].filter(({ok}) => !ok);
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
  const current = await ifWhole(async () => currentSettings(connection));
  const {installed, settings} =
    typeof current === 'string' ? {installed: await readInstalled(connection), settings: null} : current;
  const found = installed.version === null ? null : await readInstallation(connection);
  const whole = typeof found === 'string' ? null : found;
  const {histogram, ended} = await readOverview(connection, whole?.ending ?? []);
  const report = whole?.report ?? null;
  const problems = await readProblems(connection, installed, {settings, report: options.counting ? report : null});
  if (whole === null && problems.length === 0) {
    const detail = notWhole(installed, typeof found === 'string' ? found : null);
    problems.push({check: 'installation', ok: false, detail, fix: 'supasession init --apply'});
  }

  return {
    installed: installed.schema ? await compared(installed.version ?? EXTENSION, installed.checksum) : null,
    settings,
    users: histogram.reduce((sum, {users}) => sum + users, 0),
    sessions: {live: histogram.reduce((sum, {sessions, users}) => sum + sessions * users, 0), ended},
    histogram,
    overLimit: report?.impact.overLimit ?? null,
    expiring: report?.impact.expiring.sessions ?? null,
    mostOver: report?.mostOver ?? null,
    lastDay: whole?.lastDay ?? [],
    accessRevoked: whole?.accessRevoked ?? 0,
    wired: integrationState(whole?.integration ?? null, options.configured),
    problems: problems.map((row) => problem(row, target)),
    ok: problems.length === 0,
  };
}
