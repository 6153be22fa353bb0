import type {Connection, Queryable} from '../../database/connection.js';
import {ifWhole} from '../../database/errors.js';
import {countEndings, type EndingCount} from '../sessions/history-queries.js';
import {readInstalled, type Installed} from '../install/installed.js';
import {countRevoked, readOverview, type HistogramEntry, type Overview} from './queries.js';
import {readHealth, type HealthRow} from '../install/health.js';
import {readDatabaseIntegration, type DatabaseIntegration} from '../integration/queries.js';
import {basisWith, NO_IMPACT, readImpact, type Basis, type ImpactReport} from '../settings/verdicts.js';
import type {Settings, Target} from '../../types.js';
import {currentSettings} from '../settings/config.js';
import {newerInstalled} from '../install/installed.js';
import {compareReleases, shippedSql} from '../install/migration.js';
import {commandOn} from '../../database/target.js';
import {integrationState, type Configured, type IntegrationState} from '../integration/source.js';

/** The release on database.dev, which does not record its version. */
const EXTENSION = '0.1.2';

/** What is installed, compared with this program. */
export interface InstalledStatus {
  /** Null if the record of it is gone. */
  version: string | null;
  /** Of the installed SQL; null if it was run by hand. */
  checksum: string | null;
  /** What this package has. */
  shipped: {version: string; checksum: string};
  /** older: this package is newer. differs: the same release with other SQL. unknown: run by hand, without a checksum to compare. */
  state: 'current' | 'older' | 'differs' | 'unknown';
}

export interface Problem {
  check: string;
  detail: string;
  /** What to do about it; `{bin}` stands for the program. */
  fix: string;
}

export interface Status {
  /** Null if nothing is installed. */
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

/** @throws SupasessionError NEWER_RELEASE */
async function compared(version: string | null, checksum: string | null): Promise<InstalledStatus> {
  const {version: own, checksum: ownChecksum} = await shippedSql();
  const order = version === null ? 0 : compareReleases(version, own);
  if (version !== null && order > 0) throw newerInstalled(version, own);
  const same = checksum === ownChecksum ? 'current' : checksum === null ? 'unknown' : 'differs';
  return {version, checksum, shipped: {version: own, checksum: ownChecksum}, state: order < 0 ? 'older' : same};
}

/** health.sql does not know how the program is started, nor the target: turns its "supasession <command>" into what to type. */
export function fixHere(fix: string, target: Target): string {
  return fix.replaceAll(/\bsupasession ([a-z]+(?: [a-z]+)*)/g, (_, words: string) =>
    commandOn(target, words.replaceAll(' ', ':')),
  );
}

function problem({check, detail, fix}: Omit<HealthRow, 'ok'>, target: Target): Problem {
  return {check, detail: detail ?? check, fix: fixHere(fix ?? '', target)};
}

function notWhole(installed: Installed, missing: string | null): string {
  if (!installed.schema) return 'supasession is not installed';
  if (installed.version === null) return `release ${EXTENSION} is installed, which has no checks`;
  return `the installation is incomplete: ${missing}`;
}

interface Installation {
  overview: Overview;
  /** Null while limits are off. */
  report: ImpactReport | null;
  integration: DatabaseIntegration;
  accessRevoked: number;
  lastDay: EndingCount[];
}

/** If nobody is over a limit and there are no deadlines, reading every session a second time is not needed. */
function concernsNobody({settings, rules}: Basis, mostSessions: number): boolean {
  const limit = Math.min(settings.max_sessions, ...rules.flatMap(({max_sessions: max}) => max ?? []));
  const deadlines = [
    settings.low_aal_timeout,
    ...[settings, ...rules].flatMap((by) => [by.timebox, by.inactivity_timeout]),
  ];
  return mostSessions <= limit && deadlines.every((span) => span === null);
}

/** Returns a text that says what is missing, if the installation is incomplete. */
async function readInstallation(db: Queryable, settings: Settings): Promise<Installation | string> {
  return ifWhole(async () => {
    const basis = await basisWith(db, settings);
    const overview = await readOverview(db, basis.ending);
    const nobody = concernsNobody(basis, overview.histogram.at(-1)?.sessions ?? 0);
    return {
      overview,
      report: !settings.enabled ? null : nobody ? NO_IMPACT : await readImpact(db, basis),
      integration: await readDatabaseIntegration(db),
      accessRevoked: await countRevoked(db),
      lastDay: await countEndings(db),
    };
  });
}

/** Problems of sessions, as rows of health. None in observe mode, which leaves them alone. */
export function sessionHealth({mode}: Settings, {impact, due}: ImpactReport): HealthRow[] {
  if (mode === 'observe') return [];
  const {users, sessions} = impact.overLimit;
  const row = (check: string, wrong: boolean, detail: string): HealthRow =>
    wrong ? {check, ok: false, detail, fix: 'supasession enforce'} : {check, ok: true, detail: null, fix: null};
  return [
    row('users over the limit', users > 0, `${users} users, ${sessions} sessions`),
    row(
      'deadlines',
      due.deadlines > 0,
      `${due.deadlines} sessions have no deadline yet, or one that is too late; their next refresh sets it`,
    ),
  ];
}

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

interface Inside {
  installed: Installed;
  /** Null if nothing is installed, or the settings cannot be read. */
  settings: Settings | null;
  /** Null if the installation is incomplete, or missing. */
  whole: Installation | null;
  /** The server's message. */
  missing: string | null;
}

async function readInside(connection: Connection): Promise<Inside> {
  const current = await ifWhole(async () => currentSettings(connection));
  if (typeof current === 'string')
    return {installed: await readInstalled(connection), settings: null, whole: null, missing: current};
  const {installed, settings} = current;
  if (installed.version === null || settings === null) return {installed, settings, whole: null, missing: null};
  const found = await readInstallation(connection, settings);
  return typeof found === 'string'
    ? {installed, settings, whole: null, missing: found}
    : {installed, settings, whole: found, missing: null};
}

/**
 * @param options configured: what the target is run with; counting: whether sessions over a limit are a problem
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NEWER_RELEASE, CONFIG_INVALID, ENV_NOT_SET
 */
export async function readStatus(
  connection: Connection,
  options: {configured: Configured; counting: boolean},
): Promise<Status> {
  const {target} = connection;
  const {installed, settings, whole, missing} = await readInside(connection);
  const {histogram, ended} = whole?.overview ?? (await readOverview(connection, []));
  const report = whole?.report ?? null;
  const problems = await readProblems(connection, installed, {settings, report: options.counting ? report : null});
  if (whole === null && problems.length === 0) {
    const detail = notWhole(installed, missing);
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
