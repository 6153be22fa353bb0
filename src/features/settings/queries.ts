import type {Connection, Queryable} from '../../database/connection.js';
import {DEFAULT_SETTINGS, type Settings} from '../../types.js';
import {requireInstalled} from '../install/index.js';

/**
 * @param db an open connection
 * @returns the settings; undefined where the row has been deleted. Of 0.1.2 only the three that it knew.
 */

export async function readSettings(db: Queryable): Promise<Partial<Settings> | undefined> {
  // A restore without triggers leaves the row of the installation beside the one that it brought.
  const {rows} = await db.query<{settings: Partial<Settings> & {version?: string}}>(
    `select to_jsonb(c) as settings from supasession.config c order by c.version like 'seeded%' limit 1`,
  );
  const settings = rows[0]?.settings;
  if (settings === undefined) return undefined;
  const {version: _layout, ...rest} = settings;
  return rest;
}
/**
 * Changes settings; makes the row where it has been deleted.
 * @param db an open connection
 * @param changes the settings to change, at least one
 */

export async function writeSettings(db: Queryable, changes: Partial<Settings>): Promise<void> {
  const names = Object.keys(changes);
  const columns = names.map((name) => `"${name}"`);
  // The row that an installation starts with gives way to an inserted one.
  await db.query(
    `insert into supasession.config (${columns.join(', ')}) values (${names.map((_, index) => `$${index + 1}`).join(', ')})
    on conflict ((true)) where version not like 'seeded%'
      do update set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    Object.values(changes),
  );
}
/**
 * @param db an open connection to a database that has our SQL
 * @returns whether a rule refuses sign-ins, whatever the settings say
 */

export async function hasRejectRule(db: Queryable): Promise<boolean> {
  const {rows} = await db.query<{found: boolean}>(
    "select exists (select from supasession.rules where strategy = 'reject') as found",
  );
  return rows[0]!.found;
}
/**
 * The same, for a command that goes by the settings.
 * @param connection an open connection
 * @returns the settings in force; where their row is missing the defaults, with limits off
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE
 */

export async function requireSettings(connection: Connection): Promise<Settings> {
  await requireInstalled(connection);
  return {...DEFAULT_SETTINGS, ...(await readSettings(connection))};
}
