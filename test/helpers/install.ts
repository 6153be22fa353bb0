import {readdir, readFile} from 'node:fs/promises';
import type {Client} from 'pg';

const SQL = new URL('../../sql/', import.meta.url);

/** The parts of our SQL, in the order in which they run. */
export async function readParts(): Promise<string[]> {
  const names = (await readdir(SQL)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(names.map(async (name) => readFile(new URL(name, SQL), 'utf8')));
}

/** Our whole SQL, as `init` writes it into one migration file. */
export async function readSql(): Promise<string> {
  return (await readParts()).join('\n');
}

/** Installs our SQL on a connection of role postgres, in one transaction, as the supabase CLI applies a migration. */
export async function install(client: Client): Promise<void> {
  await client.query('begin');
  try {
    await client.query(await readSql());
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

export interface Settings {
  enabled?: boolean;
  max_sessions?: number;
  strategy?: 'reject' | 'dequeue';
  eviction_order?: 'oldest' | 'least_recently_used';
  enforce_on_refresh?: boolean;
}

/** Sets the settings that are given and puts all others back to their defaults. */
export async function configure(client: Client, settings: Settings): Promise<void> {
  const names = Object.keys(settings);
  await client.query('begin');
  await client.query('delete from supasession.config');
  await client.query(
    `insert into supasession.config (${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')})`,
    Object.values(settings),
  );
  await client.query('commit');
}
