/** The statement of a request: a call of a function, or a read or write of a table. */
import {escapeIdentifier, type PoolClient} from 'pg';
import {ApiError} from './errors.js';

/** A statement whose first column is the answer as JSON text. */
export interface Statement {
  sql: string;
  values: unknown[];
  /** Whether it may write. */
  writes: boolean;
  /** What it answers: one value, a list of rows, or nothing. */
  shape: 'value' | 'rows' | 'nothing';
}

interface FunctionRow {
  setof: boolean;
  nothing: boolean;
  writes: boolean;
  /** Of the parameters that take a value. */
  names: string[];
  types: string[];
  /** How many of them have to be given. */
  required: number;
}

const FUNCTIONS = `
  select p.proretset as setof, p.prorettype = 'void'::regtype as nothing, p.provolatile = 'v' as writes,
    a.names, a.types, p.pronargs - p.pronargdefaults as required
  from pg_catalog.pg_proc p
  cross join lateral (
    select coalesce(array_agg(coalesce(p.proargnames[i], '')::text order by i), '{}') as names,
      coalesce(array_agg(format_type(t.type, null) order by i), '{}') as types
    from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as t (type, i)
    where coalesce(p.proargmodes[i], 'i') in ('i', 'b', 'v')
  ) a
  where p.pronamespace = to_regnamespace(quote_ident($1)) and p.proname = $2`;

const qualified = (schema: string, name: string): string => `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;

/** JSON stays JSON; what is text goes as text. */
const valueOf = (value: unknown): unknown =>
  value !== null && typeof value === 'object' ? JSON.stringify(value) : value;

/**
 * A call of a function by named arguments.
 *
 * @param client finds the function in the catalog, before the request's transaction
 * @param reading whether the request may only read (GET)
 */
export async function callOf(
  client: PoolClient,
  schema: string,
  name: string,
  args: Record<string, unknown>,
  reading: boolean,
): Promise<Statement> {
  const {rows} = await client.query<FunctionRow>(FUNCTIONS, [schema, name]);
  const given = Object.keys(args);
  const found = rows.find(
    ({names, required}) =>
      given.every((arg) => names.includes(arg)) && names.slice(0, required).every((arg) => given.includes(arg)),
  );
  if (!found) {
    const list = given.join(', ');
    const what = given.length === 0 ? ' without parameters' : `(${list})`;
    const searched = given.length === 0 ? what : ` with parameter${given.length > 1 ? 's' : ''} ${list}`;
    throw new ApiError(404, 'PGRST202', `Could not find the function ${schema}.${name}${what} in the schema cache`, {
      details: `Searched for the function ${schema}.${name}${searched}, but no matches were found in the schema cache.`,
    });
  }
  const list = given.map(
    (arg, i) => `${escapeIdentifier(arg)} => $${i + 1}::${found.types[found.names.indexOf(arg)]!}`,
  );
  const call = `${qualified(schema, name)}(${list.join(', ')})`;
  const answer = found.setof ? "coalesce(json_agg(f), '[]')::text" : 'to_json(f)::text';
  return {
    sql: `select ${answer} as answer from ${call} f`,
    values: Object.values(args).map(valueOf),
    writes: !reading && found.writes,
    shape: found.nothing ? 'nothing' : found.setof ? 'rows' : 'value',
  };
}

const OPERATORS: Record<string, string> = {eq: '=', neq: '<>', gt: '>', gte: '>=', lt: '<', lte: '<='};

/** The `where` of filters such as `id=eq.1`; their values are added to `values`. */
function whereOf(filters: [string, string][], values: unknown[]): string {
  const conditions = filters.map(([column, filter]) => {
    const [, operator = '', value = ''] = /^(\w+)\.(.*)$/s.exec(filter) ?? [];
    const name = escapeIdentifier(column);
    if (operator === 'is' && value === 'null') return `${name} is null`;
    const symbol = OPERATORS[operator];
    if (symbol === undefined) throw notHere(`the filter ${column}=${filter}`);
    values.push(value);
    return `${name} ${symbol} $${values.length}`;
  });
  return conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`;
}

export const notHere = (what: string): ApiError =>
  new ApiError(404, 'not_in_stand_in', `The stand-in for the Data API does not have ${what}.`);

/** A value of a row to be written. */
function bind(value: unknown, values: unknown[]): string {
  values.push(valueOf(value));
  return `$${values.length}`;
}

function columnsOf(select: string | null): string {
  if (select === null || select === '' || select === '*') return '*';
  const names = select.split(',').map((name) => name.trim());
  if (!names.every((name) => /^\w+$/.test(name))) throw notHere(`select=${select}`);
  return names.map((name) => escapeIdentifier(name)).join(', ');
}

/** A read or write of a table, by method, query and body. */
export function tableStatement(
  method: string,
  [schema, name]: [string, string],
  query: URLSearchParams,
  body: unknown,
): Statement {
  const table = qualified(schema, name);
  const columns = columnsOf(query.get('select'));
  const filters = [...query].filter(([key]) => !['select', 'columns', 'order', 'limit'].includes(key));
  const values: unknown[] = [];
  const answer = (inner: string): string => `select coalesce(json_agg(r), '[]')::text as answer from (${inner}) r`;
  if (method === 'GET') {
    const order = /^(\w+)(?:\.(asc|desc))?$/.exec(query.get('order') ?? '');
    if (query.has('order') && !order) throw notHere(`order=${query.get('order') ?? ''}`);
    const sorted = order ? ` order by ${escapeIdentifier(order[1]!)} ${order[2] ?? 'asc'}` : '';
    const limit = query.has('limit') ? ` limit ${Number(query.get('limit'))}` : '';
    const sql = answer(`select ${columns} from ${table}${whereOf(filters, values)}${sorted}${limit}`);
    return {sql, values, writes: false, shape: 'rows'};
  }
  const changed = changeOf(method, table, filters, body, values);
  // Without a wish for the rows nothing is read, so a role that may only insert can.
  return {
    sql: `with r as (${changed} returning ${columns}) ${answer('select * from r')}`,
    values,
    writes: true,
    shape: 'rows',
  };
}

function changeOf(
  method: string,
  table: string,
  filters: [string, string][],
  body: unknown,
  values: unknown[],
): string {
  if (method === 'DELETE') return `delete from ${table}${whereOf(filters, values)}`;
  const rows = (Array.isArray(body) ? body : [body]) as Record<string, unknown>[];
  const names = Object.keys(rows[0] ?? {});
  const list = names.map((name) => escapeIdentifier(name));
  if (method === 'PATCH') {
    const set = names.map((name, i) => `${list[i]!} = ${bind(rows[0]?.[name], values)}`);
    return `update ${table} set ${set.join(', ')}${whereOf(filters, values)}`;
  }
  if (names.length === 0) return `insert into ${table} default values`;
  const tuples = rows.map((row) => `(${names.map((name) => bind(row[name], values)).join(', ')})`);
  return `insert into ${table} (${list.join(', ')}) values ${tuples.join(', ')}`;
}
