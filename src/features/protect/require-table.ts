import type {Connection} from '../../database/connection.js';
import {SupasessionError} from '../../errors.js';
import {readLikeTables, readTable, type TableName, type TableState} from './queries.js';
import {qualified, tableName} from './tables.js';

/** Supabase's tables on which projects make policies. On hosted projects postgres may, although it does not own them. */
const OPEN_TABLES = ['storage.objects', 'storage.buckets', 'realtime.messages'];
const CLOSED_SCHEMAS = ['auth', 'realtime', 'storage', 'supasession', 'pg_catalog', 'information_schema'];

function unfit(table: TableName, reason: string, message: string, suggestions: string[] = []): SupasessionError {
  return new SupasessionError('TABLE_UNFIT', message, {suggestions, details: {table: tableName(table), reason}});
}

async function missing(connection: Connection, table: TableName): Promise<SupasessionError> {
  const like = await readLikeTables(connection, table);
  return unfit(
    table,
    'missing',
    `There is no table ${tableName(table)} in this database.`,
    like.map((other) => `Did you mean ${tableName(other)}?`),
  );
}

/**
 * @throws SupasessionError TABLE_UNFIT; `details` say which table and why
 */
export async function requireTable(connection: Connection, table: TableName): Promise<TableState> {
  const shown = tableName(table);
  const state = await readTable(connection, table);
  if (state === undefined) throw await missing(connection, table);
  const {kind, owned, owner} = state;
  if (kind === 'view' || kind === 'foreign table') {
    throw unfit(table, 'kind', `${shown} is a ${kind}, which cannot have policies.`, [
      kind === 'view'
        ? 'Protect the tables that it reads, and let it read them with the rights of its caller: alter view ... set (security_invoker = true)'
        : 'Move it to a schema that the Data API does not expose',
    ]);
  }

  const open = OPEN_TABLES.includes(shown);
  if (!open && CLOSED_SCHEMAS.includes(table.schema)) {
    throw unfit(table, 'schema', `supasession does not manage policies on ${shown}.`, [
      `It can protect these tables of Supabase: ${OPEN_TABLES.join(', ')}`,
    ]);
  }

  if (!owned && !open) {
    throw unfit(table, 'owner', `${shown} belongs to role ${owner}, and only the owner may create policies.`, [
      `Connect as ${owner}`,
    ]);
  }

  return state;
}

/** The same, and row level security must be on. */
export async function requireProtectable(connection: Connection, table: TableName): Promise<TableState> {
  const state = await requireTable(connection, table);
  if (state.rls) return state;
  throw unfit(table, 'rls', `Row level security is off on ${tableName(table)}: its policies would have no effect.`, [
    `alter table ${qualified(table)} enable row level security;`,
    'Before that, create the policies that allow access: without any, nobody reaches the table',
  ]);
}
