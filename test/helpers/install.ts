import type {Client} from 'pg';
import {readInstallation} from '../../src/database/sql.js';

/** Installs our SQL on a connection of role postgres, in one transaction, as the supabase CLI applies a migration. */
export async function install(client: Client): Promise<void> {
  await installSql(client, await readInstallation());
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
  mode?: 'enforce' | 'observe';
  timebox?: string | null;
  inactivity_timeout?: string | null;
  low_aal_timeout?: string | null;
  reject_in_hook?: boolean;
  refusal_message?: string;
  reject_ignores_idle?: string | null;
  oauth_clients?: 'ignore' | 'separate' | 'together';
  record_device_changes?: boolean;
  record_events?: boolean;
  events_retention?: string;
}

/**
 * The settings that nobody has changed, as `to_jsonb` gives them (node-postgres makes objects of intervals). A fresh installation has
 * another version, "seeded" and the time.
 */
export const DEFAULTS = {
  version: '1.0',
  enabled: false,
  max_sessions: 1,
  strategy: 'dequeue',
  eviction_order: 'oldest',
  mode: 'enforce',
  timebox: null,
  inactivity_timeout: null,
  low_aal_timeout: null,
  reject_in_hook: false,
  refusal_message: 'Session limit of {limit} reached',
  reject_ignores_idle: '7 days',
  oauth_clients: 'ignore',
  record_device_changes: false,
  record_events: true,
  events_retention: '30 days',
};

/** The rows of settings: one, or none. */
export async function readSettings(client: Client, from = 'supasession.config'): Promise<unknown[]> {
  const {rows} = await client.query<{settings: unknown}>(`select to_jsonb(c) as settings from ${from} c`);
  return rows.map(({settings}) => settings);
}

/** Sets the settings that are given and all others to their defaults. Leaves one row, and no seeded one. */
export async function configure(client: Client, settings: Settings): Promise<void> {
  const names = Object.keys(settings);
  const row =
    names.length === 0
      ? 'default values'
      : `(${names.join(', ')}) values (${names.map((_, i) => `$${i + 1}`).join(', ')})`;
  await client.query('begin');
  await client.query('delete from supasession.config');
  await client.query(`insert into supasession.config ${row}`, Object.values(settings));
  await client.query('commit');
}

/** The record of an installation, which is the comment on its schema: "supasession 1.0.0 sha256:..."; null for none. */
export async function readRecord(client: Client): Promise<string | null> {
  const {rows} = await client.query<{record: string | null}>(
    `select obj_description(to_regnamespace('supasession')::oid, 'pg_namespace') as record`,
  );
  return rows[0]!.record;
}

/** Changes that record. */
export async function writeRecord(client: Client, record: string | null): Promise<void> {
  await client.query(`comment on schema supasession is ${record === null ? 'null' : client.escapeLiteral(record)}`);
}
