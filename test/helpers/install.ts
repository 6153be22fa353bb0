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

/** The SQL of the first 1.0.0, which knew the limit and nothing else. */
export async function readEarlierSql(): Promise<string> {
  return readFile(new URL('../fixtures/supasession-1.0.0-limit.sql', import.meta.url), 'utf8');
}

/** Installs our SQL on a connection of role postgres, in one transaction, as the supabase CLI applies a migration. */
export async function install(client: Client): Promise<void> {
  await installSql(client, await readSql());
}

/** Installs other SQL in that way. */
export async function installSql(client: Client, sql: string): Promise<void> {
  await client.query('begin');
  try {
    await client.query(sql);
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
  mode?: 'enforce' | 'observe';
  on_error?: 'allow' | 'refuse';
  timebox?: string | null;
  inactivity_timeout?: string | null;
  reject_ignores_idle?: string | null;
  reject_in_hook?: boolean;
  refusal_message?: string;
  recovery_makes_room?: boolean;
  low_aal_timeout?: string | null;
  count_pending_mfa?: boolean;
  oauth_clients?: 'ignore' | 'separate' | 'together';
  block_revoked?: boolean;
  end_on_password_change?: boolean;
  end_on_ban?: boolean;
  end_on_delete?: boolean;
  on_device_change?: 'ignore' | 'record';
  record_events?: boolean;
  events_retention?: string;
}

/** The settings of a fresh installation, as `to_jsonb` gives them (node-postgres makes objects of intervals). */
export const DEFAULTS = {
  version: '1.0',
  enabled: false,
  max_sessions: 1,
  strategy: 'dequeue',
  eviction_order: 'oldest',
  enforce_on_refresh: true,
  mode: 'enforce',
  on_error: 'allow',
  timebox: null,
  inactivity_timeout: null,
  reject_ignores_idle: '7 days',
  reject_in_hook: false,
  refusal_message: 'Session limit of {limit} reached',
  recovery_makes_room: false,
  low_aal_timeout: '00:15:00',
  count_pending_mfa: false,
  oauth_clients: 'ignore',
  block_revoked: true,
  end_on_password_change: false,
  end_on_ban: false,
  end_on_delete: false,
  on_device_change: 'ignore',
  record_events: true,
  events_retention: '30 days',
};

/** The rows of settings: one, or none. */
export async function readSettings(client: Client, from = 'supasession.config'): Promise<unknown[]> {
  const {rows} = await client.query<{settings: unknown}>(`select to_jsonb(c) as settings from ${from} c`);
  return rows.map(({settings}) => settings);
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
