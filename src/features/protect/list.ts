import {readRoleSchemas} from '../../database/role-settings.js';
import type {Connection} from '../../database/connection.js';
import {requireInstalled} from '../install/index.js';
import {described, NAMES, PREFIX, type Protection} from './policies.js';
import {readApiTables, readPolicies} from './queries.js';
import {tableName} from './tables.js';

/** A policy as `protect list` shows it. */
export interface ListedPolicy extends Protection {
  name: string;
  /** Whether `protect add` made it; the project's own policies may use supasession's functions too. */
  ours: boolean;
  /** Whether a policy of `protect add` was changed since; false for the project's own. */
  edited: boolean;
}

export interface ListedTable {
  table: string;
  /** Whether row level security is enabled; without it the policies do nothing. */
  rls: boolean;
  policies: ListedPolicy[];
}

export interface ProtectionList {
  /** The schemas of the Data API. */
  schemas: string[];
  protected: ListedTable[];
  /** Tables that anon or authenticated reach through the Data API. */
  unprotected: {count: number; tables: string[]};
}

/** The most unprotected tables to name. */
const NAMED = 20;

/** `configured`: the Data API's schemas in the project's configuration, which a role setting in the database overrides. */
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
