import {readRoleSchemas} from '../../database/role-settings.js';
import type {Connection} from '../../database/connection.js';
import {requireInstalled} from '../install/index.js';
import {described, NAMES, PREFIX, type Protection} from './policies.js';
import {readApiTables, readPolicies} from './queries.js';
import {tableName} from './tables.js';

/** A policy as `protect list` shows it. */
export interface ListedPolicy extends Protection {
  name: string;
  /** Made by `protect add`. One of the project's own uses our functions in its own way. */
  ours: boolean;
  /** Of one of ours, whether it is other than it was written. */
  edited: boolean;
}

export interface ListedTable {
  table: string;
  /** Whether row level security is enabled; without it the policies do nothing. */
  rls: boolean;
  policies: ListedPolicy[];
}

/** Which tables are protected, and which are not. */
export interface ProtectionList {
  /** The schemas of the Data API. */
  schemas: string[];
  protected: ListedTable[];
  /** Tables that anon or authenticated reach through the Data API. */
  unprotected: {count: number; tables: string[]};
}

/** How many tables are named that are not protected. */
const NAMED = 20;

/** `configured` are the schemas of the Data API by the project's configuration; if the database names them itself, those count. */
export async function listProtection(connection: Connection, configured: readonly string[]): Promise<ProtectionList> {
  await requireInstalled(connection);
  const schemas = (await readRoleSchemas(connection)) ?? [...configured];
  const tables = new Map<string, ListedTable>();
  for (const policy of await readPolicies(connection, PREFIX)) {
    const table = tableName(policy);
    const entry = tables.get(table) ?? {table, rls: policy.rls, policies: []};
    const ours = NAMES.includes(policy.name);
    const {edited, ...protection} = described(policy);
    entry.policies.push({name: policy.name, ...protection, ours, edited: ours && edited});
    tables.set(table, entry);
  }

  const open = (await readApiTables(connection, schemas)).map(tableName).filter((table) => !tables.has(table));
  return {
    schemas,
    protected: [...tables.values()],
    unprotected: {count: open.length, tables: open.slice(0, NAMED)},
  };
}
