/** The Data API: calls of functions, reads and writes of tables, each in a transaction of its own. */
import {Hono, type Context} from 'hono';
import {escapeIdentifier, type Pool, type PoolClient} from 'pg';
import {bearer, isExpired, type Tokens} from '../tokens.js';
import {ApiError, failure} from './errors.js';
import {callOf, notHere, tableStatement, type Statement} from './statements.js';

/** How far the clocks of PostgREST and Auth may be apart, in seconds: a token is good for so long after its end. */
const LEEWAY = 30;

export interface DataApiSettings {
  /** Connections of role authenticator. */
  pool: Pool;
  tokens: Tokens;
  /** As `schema.function`, null for none; when left out, what the role setting pgrst.db_pre_request of authenticator says. */
  preRequest: string | null | undefined;
  /** When left out, what the role setting pgrst.db_schemas of authenticator says, else `public`. */
  exposedSchemas: string[] | undefined;
}

const ROLE_SETTING = `
  select substr(o.entry, length($1) + 2) as value from pg_catalog.pg_db_role_setting s
  cross join lateral unnest(s.setconfig) o (entry)
  where s.setrole = 'authenticator'::regrole and starts_with(o.entry, $1 || '=')
    and s.setdatabase in (0, (select d.oid from pg_catalog.pg_database d where d.datname = current_database()))
  order by s.setdatabase desc limit 1`;

/** A setting of PostgREST's in the database. It is read for each request; PostgREST waits for a notification. */
async function readSetting(client: PoolClient, name: string): Promise<string | undefined> {
  const {rows} = await client.query<{value: string}>(ROLE_SETTING, [name]);
  return rows[0]?.value;
}

async function claimsOf(c: Context, tokens: Tokens): Promise<Record<string, unknown>> {
  const token = bearer(c.req.header('authorization'));
  if (token === undefined) return {role: 'anon'};
  const claims = await tokens.verify(token, LEEWAY).catch((error: unknown) => {
    if (isExpired(error)) throw new ApiError(401, 'PGRST303', 'JWT expired');
    throw new ApiError(401, 'PGRST301', 'No suitable key or wrong key type');
  });
  return {role: 'anon', ...claims};
}

/** The schema that the request asks for, if it is exposed. */
async function schemaOf(c: Context, client: PoolClient, given: string[] | undefined): Promise<string> {
  const setting = await readSetting(client, 'pgrst.db_schemas');
  const exposed = given ?? (setting ?? 'public').split(',').map((name) => name.trim());
  const header = ['GET', 'HEAD'].includes(c.req.method) ? 'accept-profile' : 'content-profile';
  const wanted = c.req.header(header) ?? exposed[0]!;
  if (exposed.includes(wanted)) return wanted;
  throw new ApiError(406, 'PGRST106', `Invalid schema: ${wanted}`, {
    hint: `Only the following schemas are exposed: ${exposed.join(', ')}`,
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, 'PGRST102', 'Empty or invalid json');
  }
}

async function statementOf(c: Context, client: PoolClient, schema: string): Promise<Statement> {
  const url = new URL(c.req.url);
  const [, , , first = '', second] = url.pathname.split('/').map(decodeURIComponent);
  const method = c.req.method === 'HEAD' ? 'GET' : c.req.method;
  const text = method === 'GET' ? '' : await c.req.text();
  const body = text === '' ? {} : parse(text);
  if (first === 'rpc' && second !== undefined) {
    const args = method === 'GET' ? Object.fromEntries(url.searchParams) : (body as Record<string, unknown>);
    return callOf(client, schema, second, args, method === 'GET');
  }
  const {rowCount} = await client.query(
    "select from pg_catalog.pg_class where relnamespace = to_regnamespace(quote_ident($1)) and relname = $2 and relkind in ('r', 'v', 'p')",
    [schema, first],
  );
  if (rowCount === 0)
    throw new ApiError(404, 'PGRST205', `Could not find the table '${schema}.${first}' in the schema cache`);
  if (!['GET', 'POST', 'PATCH', 'DELETE'].includes(method)) throw notHere(method);
  return tableStatement(method, [schema, first], url.searchParams, body);
}

interface Request {
  claims: Record<string, unknown>;
  schema: string;
  preRequest: string | null | undefined;
  statement: Statement;
}

/** The settings that the role has in the database, such as its statement_timeout: a role that is set only does not get them. */
async function settingsOf(client: PoolClient, role: unknown): Promise<[string, string][]> {
  const {rows} = await client.query<{name: string; value: string}>(
    `select split_part(o.entry, '=', 1) as name, substr(o.entry, strpos(o.entry, '=') + 1) as value
     from pg_catalog.pg_db_role_setting s
     join pg_catalog.pg_roles r on r.oid = s.setrole
     cross join lateral unnest(s.setconfig) o (entry)
     where r.rolname = $1 and s.setdatabase = 0 and o.entry not like 'pgrst.%'`,
    [role],
  );
  return rows.map(({name, value}) => [name, value]);
}

/** Settings, pre-request function and statement, in PostgREST's order. Returns the answer as JSON text. */
async function transact(c: Context, client: PoolClient, request: Request): Promise<string | null> {
  const {claims, schema, preRequest, statement} = request;
  const path = [schema, 'public', 'extensions'].filter((name, i, all) => all.indexOf(name) === i);
  const settings: [string, unknown][] = [
    ['search_path', path.map((name) => escapeIdentifier(name)).join(', ')],
    ...(await settingsOf(client, claims['role'])),
    ['role', claims['role']],
    ['request.jwt.claims', JSON.stringify(claims)],
    ['request.method', c.req.method],
    ['request.path', new URL(c.req.url).pathname.replace('/rest/v1', '')],
    ['request.headers', JSON.stringify(c.req.header())],
    ['request.cookies', '{}'],
  ];
  await client.query(`begin isolation level read committed read ${statement.writes ? 'write' : 'only'}`);
  try {
    const list = settings.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`);
    await client.query(`select ${list.join(', ')}`, settings.flat());
    if (preRequest) {
      const dot = preRequest.indexOf('.');
      const name = [preRequest.slice(0, dot), preRequest.slice(dot + 1)].map((part) => escapeIdentifier(part));
      await client.query(`select ${name.join('.')}()`);
    }
    const {rows} = await client.query<{answer: string | null}>(statement.sql, statement.values);
    await client.query('commit');
    return rows[0]?.answer ?? null;
  } catch (error) {
    // On a connection that the server has ended it fails too.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** The answer of a statement, as one object or only as a status if the client wants that. */
function reply(c: Context, {shape, writes}: Statement, answer: string | null): Response {
  if (shape === 'nothing') return c.body(null, 204);
  const table = !c.req.path.includes('/rpc/');
  if (table && writes && !c.req.header('prefer')?.includes('return=representation'))
    return c.body(null, c.req.method === 'POST' ? 201 : 204);
  const status = table && c.req.method === 'POST' ? 201 : 200;
  let text = answer ?? 'null';
  if (shape === 'rows' && c.req.header('accept')?.includes('application/vnd.pgrst.object')) {
    const rows = JSON.parse(text) as unknown[];
    if (rows.length !== 1) {
      const details = `The result contains ${rows.length} rows`;
      throw new ApiError(406, 'PGRST116', 'Cannot coerce the result to a single JSON object', {details});
    }
    text = JSON.stringify(rows[0]);
  }
  return c.body(text, status, {'content-type': 'application/json; charset=utf-8'});
}

export function dataApiRoutes({pool, tokens, ...settings}: DataApiSettings): Hono {
  const app = new Hono();
  app.all('*', async (c) => {
    let role = 'anon';
    let client: PoolClient | undefined;
    try {
      const claims = await claimsOf(c, tokens);
      role = String(claims['role']);
      client = await pool.connect();
      const schema = await schemaOf(c, client, settings.exposedSchemas);
      const statement = await statementOf(c, client, schema);
      const preRequest =
        settings.preRequest === undefined ? await readSetting(client, 'pgrst.db_pre_request') : settings.preRequest;
      return reply(c, statement, await transact(c, client, {claims, schema, preRequest, statement}));
    } catch (error) {
      return failure(c, error, role);
    } finally {
      client?.release();
    }
  });
  return app;
}
