import {readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import type {Client} from 'pg';

/** The name by which database.dev installs supasession 0.1.2. */
export const EXTENSION = 'Snehil_Shah@supasession';

/** What 0.1.2 leaves in a database, as SQL: to be run by hand, and the script of the extension. */
export async function readLegacySql(): Promise<string> {
  return readFile(new URL('../fixtures/supasession-0.1.2.sql', import.meta.url), 'utf8');
}

/**
 * Puts supasession 0.1.2 among the extensions that the server can create. `superuser` is a connection of one, which is asked where
 * the server keeps them. Returns the function that takes the files away again. Throws when the folder is not writable.
 */
export async function offerExtension(superuser: Client): Promise<() => Promise<void>> {
  const {rows} = await superuser.query<{setting: string}>("select setting from pg_config where name = 'SHAREDIR'");
  const folder = join(rows[0]?.setting ?? '', 'extension');
  const control = join(folder, `${EXTENSION}.control`);
  const script = join(folder, `${EXTENSION}--0.1.2.sql`);
  const remove = async (): Promise<void> => {
    await Promise.all([rm(control, {force: true}), rm(script, {force: true})]);
  };
  try {
    // As on a hosted project: no superuser is needed, so the extension belongs to postgres.
    await writeFile(control, "default_version = '0.1.2'\nrelocatable = false\nsuperuser = false\ntrusted = false\n");
    await writeFile(script, await readLegacySql());
  } catch (cause) {
    await remove();
    throw new Error(`the test must be able to write extensions of the embedded server to ${folder}`, {cause});
  }
  return remove;
}
