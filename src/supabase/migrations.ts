import {randomUUID} from 'node:crypto';
import {link, mkdir, open, readdir, rm} from 'node:fs/promises';
import path from 'node:path';
import {shellWord, SupasessionError} from '../errors.js';
import {errorCode, reasonOf} from './file-errors.js';
import type {Project} from './project.js';

type MigrationFolder = Pick<Project, 'migrationsDir'>;

/** A file in `supabase/migrations` that the supabase CLI applies. */
export interface Migration {
  /** The digits in front: usually YYYYMMDDHHMMSS, but the CLI takes any number of them, and orders them as text. */
  version: string;
  name: string;
  /** The file's name, and its absolute path. */
  file: string;
  path: string;
}

/**
 * Lists the migrations of a project in the order in which the supabase CLI applies them. Files that it skips are left out.
 *
 * @returns an empty list when there is no migrations folder
 * @throws SupasessionError MIGRATIONS_UNREADABLE
 */
export async function listMigrations({migrationsDir}: MigrationFolder): Promise<Migration[]> {
  const entries = await readdir(migrationsDir, {withFileTypes: true}).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    const reason = errorCode(error) === 'ENOTDIR' ? 'it is a file, not a folder' : reasonOf(error);
    throw new SupasessionError('MIGRATIONS_UNREADABLE', `Cannot read the migrations in ${migrationsDir}: ${reason}.`, {
      suggestions: [`ls -ld ${shellWord(migrationsDir)}`],
      cause: error,
    });
  });
  return entries
    .filter((entry) => !entry.isDirectory())
    .flatMap(({name: file}) => {
      const [, version, name] = /^(\d+)_(.*)\.sql$/.exec(file) ?? [];
      return version === undefined || name === undefined
        ? []
        : [{version, name, file, path: path.join(migrationsDir, file)}];
    })
    .sort((a, b) => compareText(a.version, b.version) || compareText(a.file, b.file));
}

/**
 * The version for a new migration: now, or one second after the latest of the existing ones if that is dated in the future, since the
 * CLI refuses to apply a file that sorts before one which is applied already.
 *
 * @param now taken as UTC
 * @returns the version (YYYYMMDDHHMMSS) and the names of the files dated later than now
 * @throws SupasessionError MIGRATIONS_UNREADABLE when a file sorts after every timestamp, so that nothing can follow it
 */
export function nextVersion(existing: readonly Migration[], now: Date): {version: string; future: string[]} {
  const current = toVersion(now);
  const later = existing.filter(({version}) => version >= current);
  const latest = later.reduce<Migration | undefined>((a, b) => (a && a.version >= b.version ? a : b), undefined);
  const future = later.filter(({version}) => version > current).map(({file}) => file);
  if (latest === undefined) return {version: current, future};
  const time = timeOf(latest.version);
  const version = time === undefined ? '' : toVersion(new Date(time + 1000));
  if (version <= latest.version) {
    throw new SupasessionError(
      'MIGRATIONS_UNREADABLE',
      `The migration ${latest.file} sorts after every timestamp, so no new migration can come after it.`,
      {
        suggestions: [
          `Rename ${latest.path} to <YYYYMMDDHHMMSS>_${latest.name}.sql, with the time at which it was written.`,
        ],
      },
    );
  }
  return {version, future};
}

/**
 * Writes a new migration, whole or not at all; the migrations folder is made if it is missing.
 *
 * @param file the file's name, `<version>_<name>.sql`
 * @returns the absolute path written
 * @throws SupasessionError MIGRATIONS_UNWRITABLE, also when a file of that name exists: nothing is ever overwritten
 */
export async function writeMigration({migrationsDir}: MigrationFolder, file: string, content: string): Promise<string> {
  const target = path.join(migrationsDir, file);
  // Its name does not end in .sql: what a power cut leaves behind is no migration to the CLI.
  const temporary = path.join(migrationsDir, `.${file}.${randomUUID()}.tmp`);
  try {
    await mkdir(migrationsDir, {recursive: true});
    const handle = await open(temporary, 'wx', 0o666);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike rename, link fails if the name is taken.
    await link(temporary, target);
  } catch (error) {
    throw new SupasessionError(
      'MIGRATIONS_UNWRITABLE',
      `Cannot write ${target}: ${await reasonFor(error, migrationsDir)}.`,
      {
        suggestions: [`ls -ld ${shellWord(migrationsDir)}`],
        cause: error,
      },
    );
  } finally {
    // Best effort: if this fails, writing has failed for the same reason, and that is what the user has to know.
    await rm(temporary, {force: true}).catch(() => undefined);
  }
  return target;
}

async function reasonFor(error: unknown, migrationsDir: string): Promise<string> {
  if (errorCode(error) !== 'EEXIST') return reasonOf(error);
  const isFolder = await readdir(migrationsDir).then(
    () => true,
    (readError: unknown) => errorCode(readError) !== 'ENOTDIR',
  );
  return isFolder ? 'a file of that name exists already' : `${migrationsDir} is a file, not a folder`;
}

/** By UTF-16 units, as the CLI does: no locale may change the order. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function toVersion(time: Date): string {
  return time.toISOString().replace(/\D/g, '').slice(0, 14);
}

/** The time in milliseconds of a version that is a date of the calendar. */
function timeOf(version: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(version);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) || toVersion(new Date(time)) !== version ? undefined : time;
}
