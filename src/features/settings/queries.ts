import type {Connection, Queryable} from '../../database/connection.js';
import {DEFAULT_SETTINGS, type Settings} from '../../types.js';
import {requireInstalled} from '../install/index.js';

/** Undefined if the row was deleted. Release 0.1.2 has three settings only. */
export async function readSettings(db: Queryable): Promise<Partial<Settings> | undefined> {
  // A restore without triggers leaves the row of the installation beside the restored one.
  const {rows} = await db.query<{settings: Partial<Settings> & {version?: string}}>(
    `select to_jsonb(c) as settings from supasession.config c order by c.version like 'seeded%' limit 1`,
  );
  const settings = rows[0]?.settings;
  if (settings === undefined) return undefined;
  const {version: _layout, ...rest} = settings;
  return rest;
}
/** Inserts the row if it was deleted. Needs at least one change. */
export async function writeSettings(db: Queryable, changes: Partial<Settings>): Promise<void> {
  const names = Object.keys(changes);
  const columns = names.map((name) => `"${name}"`);
  // An inserted row replaces the one that an installation starts with.
  await db.query(
    `insert into supasession.config (${columns.join(', ')}) values (${names.map((_, index) => `$${index + 1}`).join(', ')})
    on conflict ((true)) where version not like 'seeded%'
      do update set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    Object.values(changes),
  );
}
/** A rule may refuse sign-ins whatever the settings say. */
export async function hasRejectRule(db: Queryable): Promise<boolean> {
  const {rows} = await db.query<{found: boolean}>(
    "select exists (select from supasession.rules where strategy = 'reject') as found",
  );
  return rows[0]!.found;
}
/**
 * Returns the defaults, with limits off, if the row was deleted.
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE
 */
export async function requireSettings(connection: Connection): Promise<Settings> {
  await requireInstalled(connection);
  return {...DEFAULT_SETTINGS, ...(await readSettings(connection))};
}
