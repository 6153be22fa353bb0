import {createHash} from 'node:crypto';
import {readFile} from 'node:fs/promises';

import {SupasessionError} from '../../errors.js';
import {listMigrations, nextVersion, writeMigration, type Migration} from '../../supabase/migrations.js';
import type {Project} from '../../supabase/project.js';
import {readInstallation, readSql} from '../../database/sql.js';
import type {Settings} from '../../types.js';
import {inForce} from '../../types.js';

/** What follows the timestamp in the name of each kind of migration. */
export const MIGRATION_NAMES = {
  installation: 'supasession',
  settings: 'supasession_config',
  rules: 'supasession_rules',
  guard: 'supasession_guard',
  hook: 'supasession_hook',
  protect: 'supasession_protect',
  uninstall: 'supasession_uninstall',
} as const;
export type MigrationKind = keyof typeof MIGRATION_NAMES;
/** A project may have several files of these kinds; their names continue after the kind. */
const SEVERAL: readonly MigrationKind[] = ['protect', 'uninstall'];

export interface ShippedSql {
  version: string;
  /** sha256:<hex> over the whole script. */
  checksum: string;
  sql: string;
}

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** Editors and git may write CRLF: that is no edit. */
function withoutCr(text: string): string {
  return text.replaceAll('\r\n', '\n');
}

export async function shippedSql(): Promise<ShippedSql> {
  const sql = await readInstallation();
  return {version: releaseOf(sql), checksum: sha256(sql), sql};
}

/** Reads only the first part of the script, which names the release. */
export async function shippedVersion(): Promise<string> {
  return releaseOf(await readSql('install/00_begin.sql'));
}

function releaseOf(sql: string): string {
  const version = /set_config\('supasession\.release', '([^']+)'/.exec(sql)?.[1];
  if (version === undefined) throw new Error('no release in sql/install');
  return version;
}

const UPDATE = 'update supasession.config\nset';

/** Works also without a row of settings, and with the initial row. */
function settingsStatement(settings: Partial<Settings>): string {
  const assignments = Object.entries(settings).map(
    ([name, value]) =>
      `    ${name} = ${typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)}`,
  );
  return `select supasession.set_config();\n${UPDATE}\n${assignments.join(',\n')}\nwhere version not like 'seeded%';\n`;
}

const ASSIGNMENT = /^ {4}(\w+) = (?:(true|false|null|-?\d+)|'((?:[^']|'')*)'),?$/gm;

/** The settings that a migration sets; none if they cannot be read any more. */
export function settingsOf({setsSettings, text}: OwnMigration): Partial<Settings> {
  const start = text.lastIndexOf(`${UPDATE}\n`);
  if (!setsSettings || start === -1) return {};
  const assignments = [...text.slice(start).matchAll(ASSIGNMENT)];
  return Object.fromEntries(
    assignments.map(([, name, word, quoted]) => [
      name,
      quoted === undefined ? (JSON.parse(word!) as unknown) : quoted.replaceAll("''", "'"),
    ]),
  ) as Partial<Settings>;
}

const CHOSEN = '-- The settings chosen when this file was written';

const STARTS_ENFORCING = [
  '-- This file switches the limit ON: the next "supabase db push" starts ending sessions on the linked project.',
];

/** The SQL with its record: the comment on the schema. */
export function recordedSql({version, sql, checksum}: ShippedSql): string {
  return `${sql}\ncomment on schema supasession is\n  'supasession ${version} ${checksum}';\n`;
}

/** The checksum covers the body: everything after the checksum's line. */
export function withHeader(kind: string, lines: string[], body: string): string {
  return [`-- ${kind}`, ...lines, `-- checksum: ${sha256(body)}`, body].join('\n');
}

/** `settings` go to the end of the file. */
export function migrationText(shipped: ShippedSql, settings: Partial<Settings>): string {
  const lines = [
    '-- Written by "supasession init". Leave it as it is: "supasession config" changes settings.',
    ...(settings.enabled === true ? STARTS_ENFORCING : []),
  ];
  const tail =
    Object.keys(settings).length === 0
      ? ''
      : `\n${CHOSEN}; all others stay as the database has them.\n${settingsStatement(settings)}`;
  return withHeader(`supasession ${shipped.version} ${shipped.checksum}`, lines, `\n${recordedSql(shipped)}${tail}`);
}

/** All the settings. */
export function configMigrationText(settings: Settings): string {
  const lines = ['-- Written by "supasession config --save".', ...(inForce(settings) ? STARTS_ENFORCING : [])];
  return stepMigrationText('settings', lines, settingsStatement(settings));
}

/** Only the given settings. */
export function givenMigrationText(settings: Partial<Settings>): string {
  const lines = ['-- Written by "supasession init".', ...(settings.enabled === true ? STARTS_ENFORCING : [])];
  return stepMigrationText('settings', lines, settingsStatement(settings));
}

/**
 * @param lines comment lines for the head, with their `--`: who wrote it, and what it does
 * @param sql re-runnable statements
 */
export function stepMigrationText(kind: Exclude<MigrationKind, 'installation'>, lines: string[], sql: string): string {
  return withHeader(`supasession ${kind}`, lines, `\n${sql}`);
}

/** A migration that supasession wrote. */
export interface OwnMigration extends Migration {
  kind: MigrationKind;
  /** Release of the SQL in it; null except for installations. */
  release: string | null;
  /** Checksum of the SQL that it was written from; null except for installations. */
  checksum: string | null;
  /** Whether the text was changed after supasession wrote it. */
  edited: boolean;
  /** Whether it has settings, which override those of earlier files. */
  setsSettings: boolean;
  text: string;
}

const KINDS = Object.keys(MIGRATION_NAMES) as MigrationKind[];
/** Tells supasession's file from the project's own of that name; an edit may have moved or changed the line itself. */
const OURS = new RegExp(`^-- (?:supasession (?:\\d|(?:${KINDS.join('|')})$)|checksum: sha256:)`, 'm');
const HEADER = /^-- supasession (?:(?<release>\d\S*) (?<checksum>sha256:[0-9a-f]{64})|[a-z]+)\n/;
const BODY = /^-- checksum: (?<checksum>sha256:[0-9a-f]{64})\n(?<body>[\s\S]*)$/m;

function kindOf(name: string): MigrationKind | undefined {
  return KINDS.find(
    (kind) =>
      name === MIGRATION_NAMES[kind] || (SEVERAL.includes(kind) && name.startsWith(`${MIGRATION_NAMES[kind]}_`)),
  );
}

/** What follows the head of a file; null if the head is missing. `edited`: whether it differs from what supasession wrote. */
export function bodyOf(text: string): {body: string; edited: boolean} | null {
  const {body, checksum} = BODY.exec(text)?.groups ?? {};
  return body === undefined ? null : {body, edited: sha256(body) !== checksum};
}

function asOwn(migration: Migration, text: string): OwnMigration | undefined {
  const kind = kindOf(migration.name);
  if (kind === undefined || !OURS.test(text)) return undefined;
  const header = HEADER.exec(text)?.groups;
  return {
    ...migration,
    kind,
    setsSettings: kind === 'settings' || (kind === 'installation' && text.includes(CHOSEN)),
    release: header?.release ?? null,
    checksum: header?.checksum ?? null,
    edited: header === undefined || (bodyOf(text)?.edited ?? true),
    text,
  };
}

/** @throws SupasessionError MIGRATIONS_UNREADABLE */
export async function readMigration({path}: Migration): Promise<string> {
  try {
    return withoutCr(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new SupasessionError('MIGRATIONS_UNREADABLE', `${path} cannot be read.`, {cause});
  }
}

/** Judges by the file's name. */
export function isRemoval(file: string): boolean {
  return file.replace(/^\d+_/, '') === `${MIGRATION_NAMES.uninstall}.sql`;
}

async function readOwn(migration: Migration): Promise<OwnMigration | undefined> {
  return kindOf(migration.name) === undefined ? undefined : asOwn(migration, await readMigration(migration));
}

/** As `recordedSql` writes it, without the settings that follow. */
export function installationSql({text}: OwnMigration): string {
  return (bodyOf(text)?.body ?? text).split(`\n${CHOSEN}`, 1)[0]!;
}

/** The settings after all of these migrations, in order. */
export function settingsIn(migrations: OwnMigration[]): Partial<Settings> {
  return Object.assign({}, ...migrations.map((migration) => settingsOf(migration))) as Partial<Settings>;
}

export interface MigrationState {
  all: Migration[];
  /** Those that supasession wrote. */
  own: OwnMigration[];
  /** Those of `own` after the last uninstallation. */
  active: OwnMigration[];
}

/** @throws SupasessionError MIGRATIONS_UNREADABLE */
export async function readMigrations(project: Project): Promise<MigrationState> {
  const all = await listMigrations(project);
  const own = (await Promise.all(all.map((migration) => readOwn(migration)))).filter((found) => found !== undefined);
  return toState(all, own);
}

function toState(all: Migration[], own: OwnMigration[]): MigrationState {
  const removal = own.findLastIndex(({name}) => name === MIGRATION_NAMES.uninstall);
  return {all, own, active: own.slice(removal + 1)};
}

/** The file need not be on disk. */
export function withMigration({all, own}: MigrationState, {file, name, text}: NewMigration): MigrationState {
  const migration = asOwn({file, name, version: file.split('_', 1)[0]!, path: ''}, text);
  return migration === undefined ? toState(all, own) : toState([...all, migration], [...own, migration]);
}

/** A file that follows all others. */
interface NewMigration {
  file: string;
  name: string;
  text: string;
}

/** Below 0 if `a` is older, above 0 if it is newer. What follows a hyphen does not count. */
export function compareReleases(a: string, b: string): number {
  const numbers = (release: string) => release.split('-', 1)[0]!.split('.').map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }

  return 0;
}

export interface WrittenMigration {
  /** Base name. */
  file: string;
  /** Migrations dated in the future, which this one had to follow. */
  future: string[];
}

/**
 * Writes a migration dated after all others, whole or not at all.
 * @param name what follows the timestamp
 * @param options now: the time to date it with
 * @throws SupasessionError MIGRATIONS_UNWRITABLE
 */
export async function addMigration(
  project: Project,
  all: Migration[],
  name: string,
  text: string,
  options: {dryRun?: boolean; now?: Date} = {},
): Promise<WrittenMigration> {
  const {version, future} = nextVersion(all, options.now ?? new Date());
  const file = `${version}_${name}.sql`;
  if (!options.dryRun) await writeMigration(project, file, text);
  return {file, future};
}
