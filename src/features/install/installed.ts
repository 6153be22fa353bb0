import type {Connection} from '../../database/connection.js';
import {readInstalled, readSettings, type Installed} from '../../database/queries.js';
import {SupasessionError} from '../../errors.js';
import {DEFAULT_SETTINGS, type Settings, type Target} from '../../types.js';
import {compareReleases, shippedSql} from './migration.js';
import {targetFlag} from '../../database/target.js';

/**
 * What a command needs that asks our SQL for something.
 * @param connection an open connection
 * @returns what of ours is there
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE
 */
export async function requireOurs(connection: Connection): Promise<Installed> {
  const installed = await readInstalled(connection);
  if (!installed.auth) throw authMissing(connection.target);
  if (installed.version === null) throw notInstalled(connection.target);
  const {version} = await shippedSql();
  if (compareReleases(installed.version, version) > 0) throw newerInstalled(installed.version, version);
  return installed;
}

/**
 * The same, for a command that goes by the settings.
 * @param connection an open connection
 * @returns the settings in force; where their row is missing the defaults, with limits off
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE
 */
export async function requireSettings(connection: Connection): Promise<Settings> {
  await requireOurs(connection);
  return {...DEFAULT_SETTINGS, ...(await readSettings(connection))};
}

/** @returns the error for a database without Supabase Auth */
export function authMissing(target: Target): SupasessionError {
  return new SupasessionError(
    'AUTH_SCHEMA_MISSING',
    `The database "${target.database}" has no auth.sessions: Supabase Auth is not there.`,
    {
      suggestions: [
        target.kind === 'local' ? 'supabase start' : 'Check that the target is the database of a Supabase project',
      ],
    },
  );
}

/** @returns the error for a database whose SQL is newer than this program */
export function newerInstalled(installed: string, own: string): SupasessionError {
  return new SupasessionError(
    'NEWER_RELEASE',
    `The database has supasession ${installed}, newer than this program (${own}).`,
    {
      suggestions: ['npm install --save-dev supasession@latest'],
    },
  );
}

/**
 * @param target where our SQL is missing
 * @param message what is known about it
 * @returns the error that names the step to take
 */
export function notInstalled(
  target: Target,
  message = 'This database does not have supasession yet.',
): SupasessionError {
  const flag = targetFlag(target);
  return new SupasessionError('NOT_INSTALLED', message, {
    suggestions: [`{bin} init${flag === '' ? '' : ` ${flag}`} --apply`],
  });
}
