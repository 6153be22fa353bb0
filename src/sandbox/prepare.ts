import {readFile, readdir} from 'node:fs/promises';
import {pg} from '../database/pg.js';
import {SupasessionError} from '../errors.js';
import {messageOf} from './errors.js';

/** The SQL that turns a bare server into a Supabase project; the same place seen from src/sandbox and from dist/sandbox. */
const SQL_FOLDER = new URL('../../src/sandbox/sql/', import.meta.url);

/** The superuser that initdb makes, as on Supabase. */
export const SUPERUSER = 'supabase_admin';

/** Password of every login role: a local default as in `supabase start`, no secret. */
export const PASSWORD = 'postgres';

/**
 * Gives the database `postgres` Supabase's roles, schemas and auth tables, once: in one transaction, so that it is there
 * as a whole or not at all, and a start that was cut short is made good by the next one.
 *
 * @param port - of the running server
 * @throws SupasessionError SANDBOX_FAILED when the SQL fails
 */
export async function prepareDatabase(port: number): Promise<void> {
  const client = new pg.Client({host: '127.0.0.1', port, user: SUPERUSER, password: PASSWORD, database: 'postgres'});
  // Without a listener the end of the server in the middle of this would end the process; the query below fails anyway.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const {rowCount} = await client.query("select 1 from pg_catalog.pg_roles where rolname = 'supabase_auth_admin'");
    if (rowCount === 1) return;
    const files = (await readdir(SQL_FOLDER)).filter((name) => name.endsWith('.sql')).sort();
    await client.query('begin');
    for (const file of files) {
      await client.query(await readFile(new URL(file, SQL_FOLDER), 'utf8')).catch((error: unknown) => {
        throw new Error(`${file}: ${messageOf(error)}`, {cause: error});
      });
    }
    await client.query('commit');
  } catch (error) {
    throw new SupasessionError('SANDBOX_FAILED', `Could not prepare the sandbox's database: ${messageOf(error)}.`, {
      suggestions: ["start afresh, which deletes the sandbox's data: {bin} sandbox --reset"],
      cause: error,
    });
  } finally {
    await client.end().catch(() => undefined);
  }
}
