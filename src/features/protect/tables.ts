import type {TableName} from './queries.js';
import {SupasessionError} from '../../errors.js';

const QUOTED = '"(?:[^"]|"")+"';
const NAME = new RegExp(`^(?:(${QUOTED}|[^".]+)\\.)?(${QUOTED}|[^".](?:[^"]*[^".])?)$`, 's');

function unquoted(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part;
}

/**
 * Without quotes the case stays as typed, and the first dot ends the schema; with quotes it reads names as SQL does. The default schema is public.
 * @param text `orders`, `sales.Orders`, `"my.schema"."Order ""x"""`
 * @throws SupasessionError USAGE
 */
export function parseTableName(text: string): TableName {
  const [, schema = 'public', table] = NAME.exec(text) ?? [];
  if (table === undefined) {
    throw new SupasessionError('USAGE', `"${text}" is not a table's name.`, {
      suggestions: ['Give <schema>.<table>; quote a part with a dot or a quote as in SQL: \'public."my ""table"""\''],
    });
  }

  return {schema: unquoted(schema), table: unquoted(table)};
}

/** Always quoted, for SQL. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Always quoted, for SQL. */
export function qualified({schema, table}: TableName): string {
  return `${identifier(schema)}.${identifier(table)}`;
}

/** For people: quoted only if necessary. `parseTableName` reads it back. */
export function tableName({schema, table}: TableName): string {
  return [schema, table].map((part) => (/^[^".]+$/.test(part) ? part : identifier(part))).join('.');
}
