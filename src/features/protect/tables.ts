import type {TableName} from './queries.js';
import {SupasessionError} from '../../errors.js';

const QUOTED = '"(?:[^"]|"")+"';
const NAME = new RegExp(`^(?:(${QUOTED}|[^".]+)\\.)?(${QUOTED}|[^".](?:[^"]*[^".])?)$`, 's');

function unquoted(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part;
}

/**
 * Reads a table's name. Without quotes it is taken to the letter, in the case as typed, and ends its schema at the first dot; with them as SQL has it.
 * @param text `orders`, `sales.Orders`, `"my.schema"."Order ""x"""`
 * @returns the name; of one without a schema, that of `public`
 * @throws SupasessionError USAGE
 */
export function parseTableName(text: string): TableName {
  const [, schema = 'public', table] = NAME.exec(text) ?? [];
  if (table === undefined) {
    throw new SupasessionError('USAGE', `"${text}" is not a name of a table.`, {
      suggestions: ['Give <schema>.<table>; a part with a dot or quotes as in SQL: \'public."my ""table"""\''],
    });
  }

  return {schema: unquoted(schema), table: unquoted(table)};
}

/** @returns an identifier for SQL, whatever it is */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** @returns a table's name for SQL */
export function qualified({schema, table}: TableName): string {
  return `${identifier(schema)}.${identifier(table)}`;
}

/** @returns a table's name for people, which `parseTableName` reads back; quoted where it has to be */
export function tableName({schema, table}: TableName): string {
  return [schema, table].map((part) => (/^[^".]+$/.test(part) ? part : identifier(part))).join('.');
}
