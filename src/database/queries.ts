import type {Settings} from '../types.js';
import type {Queryable} from './connection.js';
import type {SessionFilter} from '../features/sessions/queries.js';

/** What is installed in a database. */
export interface Installed {
  /** Whether Auth's tables are there. */
  auth: boolean;
  /** Whether any release of supasession is there, 0.1.2 included. */
  schema: boolean;
  /** The installed release; null where there is none, or 0.1.2 (which kept no such record). */
  version: string | null;
  /** Of the SQL that was installed; null where that was done by hand. */
  checksum: string | null;
}

/** The comment on the schema, which is the record of an installation. */
const RECORD = /^supasession (?<version>\d\S*)(?: (?<checksum>sha256:[0-9a-f]{64}))?$/;

/**
 * @param db an open connection
 * @returns what is installed in the database
 */
export async function readInstalled(db: Queryable): Promise<Installed> {
  // pg_class, not to_regclass(): that one fails without usage on the schema, and the question must have an answer for any role.
  const {rows} = await db.query<{auth: boolean; schema: boolean; record: string | null}>(`
    select
      bool_or(n.nspname = 'auth' and c.relname = 'sessions') is true as auth,
      bool_or(n.nspname = 'supasession' and c.relname = 'config') is true as schema,
      max(obj_description(n.oid, 'pg_namespace')) filter (where n.nspname = 'supasession') as record
    from pg_catalog.pg_namespace n
    left join pg_catalog.pg_class c
      on c.relnamespace = n.oid and c.relname in ('config', 'sessions') and c.relkind in ('r', 'p')
    where n.nspname in ('auth', 'supasession')`);
  const {auth, schema, record} = rows[0]!;
  const {version = null, checksum = null} = RECORD.exec(record ?? '')?.groups ?? {};
  return {auth, schema: schema || version !== null, version, checksum};
}

/**
 * @param db an open connection
 * @returns the settings; undefined where the row has been deleted. Of 0.1.2 only the three that it knew.
 */
export async function readSettings(db: Queryable): Promise<Partial<Settings> | undefined> {
  // A restore without triggers leaves the row of the installation beside the one that it brought.
  const {rows} = await db.query<{settings: Partial<Settings> & {version?: string}}>(
    `select to_jsonb(c) as settings from supasession.config c order by c.version like 'seeded%' limit 1`,
  );
  const settings = rows[0]?.settings;
  if (settings === undefined) return undefined;
  const {version: _layout, ...rest} = settings;
  return rest;
}

/**
 * Changes settings; makes the row where it has been deleted.
 * @param db an open connection
 * @param changes the settings to change, at least one
 */
export async function writeSettings(db: Queryable, changes: Partial<Settings>): Promise<void> {
  const names = Object.keys(changes);
  const columns = names.map((name) => `"${name}"`);
  // The row that an installation starts with gives way to an inserted one.
  await db.query(
    `insert into supasession.config (${columns.join(', ')}) values (${names.map((_, index) => `$${index + 1}`).join(', ')})
    on conflict ((true)) where version not like 'seeded%'
      do update set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    Object.values(changes),
  );
}

/**
 * @param db an open connection to a database that has our SQL
 * @returns whether a rule refuses sign-ins, whatever the settings say
 */
export async function hasRejectRule(db: Queryable): Promise<boolean> {
  const {rows} = await db.query<{found: boolean}>(
    "select exists (select from supasession.rules where strategy = 'reject') as found",
  );
  return rows[0]!.found;
}

/**
 * Deletes those of some sessions that nobody has locked, in one short transaction. A locked one is being refreshed or signed out.
 * @param db an open connection
 * @param ids sessions to delete; ones that are gone already are no error
 * @returns how many were deleted, and the ids that are still there
 */
export async function deleteSessions(db: Queryable, ids: string[]): Promise<{deleted: number; left: string[]}> {
  // One statement is one transaction, also through a pooler in transaction mode. Its snapshot still shows the deleted rows: so the
  // remaining ones are those of the snapshot without the deleted.
  const {rows} = await db.query<{deleted: string; left: string[]}>(
    `with gone as (
      delete from auth.sessions
      where id in (select id from auth.sessions where id = any ($1::uuid[]) order by id for update skip locked)
      returning id
    )
    select
      (select count(*) from gone) as deleted,
      array(
        select id from auth.sessions where id = any ($1::uuid[])
        except
        select id from gone
      ) as left`,
    [ids],
  );
  return {deleted: Number(rows[0]!.deleted), left: rows[0]!.left};
}

/**
 * Writes a flush into the history, where our SQL is there and keeps one.
 * @param db an open connection
 * @param outcome what it did, and which sessions were meant
 */
export async function recordFlush(
  db: Queryable,
  outcome: {matched: number; deleted: number; filter: SessionFilter},
): Promise<void> {
  const {version} = await readInstalled(db);
  if (version === null) return;
  await db.query(
    `insert into supasession.events (kind, reason, caused_by, details)
    select 'flushed', 'supasession flush', session_user::text, $1
    from supasession.get_config() c
    where c.record_events is not false`,
    [JSON.stringify(outcome)],
  );
}

/**
 * @param db an open connection to where our SQL is
 * @returns whether the Data API is configured to call the guard, which refuses tokens of ended sessions at once
 */
export async function readGuardEnabled(db: Queryable): Promise<boolean> {
  const {rows} = await db.query<{enabled: boolean}>('select supasession._guard_enabled() as enabled');
  return rows[0]!.enabled;
}

/**
 * @param db an open connection
 * @param ids sessions to look for
 * @returns how many of them are there
 */
export async function countPresent(db: Queryable, ids: string[]): Promise<number> {
  const {rows} = await db.query<{present: string}>(
    'select count(*) as present from auth.sessions where id = any ($1::uuid[])',
    [ids],
  );
  return Number(rows[0]!.present);
}

/**
 * @param db an open connection
 * @returns the versions in the supabase CLI's history of migrations; empty where it has never run
 */
export async function readAppliedMigrations(db: Queryable): Promise<string[]> {
  const present = await db.query<{present: boolean}>(
    `select exists (
      select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'supabase_migrations' and c.relname = 'schema_migrations'
    ) as present`,
  );
  if (!present.rows[0]!.present) return [];
  const {rows} = await db.query<{version: string}>(
    'select version from supabase_migrations.schema_migrations order by version',
  );
  return rows.map((row) => row.version);
}

/** A backend that holds a lock which an installation has to wait for. */
export interface LockHolder {
  pid: number;
  /** The tables it holds, with their schema. */
  tables: string[];
  role: string | null;
  application: string | null;
  state: string | null;
  /** Age of its transaction, in whole seconds. */
  seconds: number | null;
}

/**
 * @param db an open connection
 * @returns who holds a lock on an auth table that ours would wait for, the longest transaction first
 */
export async function readLockHolders(db: Queryable): Promise<LockHolder[]> {
  const {rows} = await db.query<LockHolder>(`
    select
      a.pid,
      array_agg(distinct 'auth.' || c.relname) as tables,
      a.usename::text as role,
      nullif(a.application_name, '') as application,
      a.state,
      floor(extract(epoch from clock_timestamp() - a.xact_start))::integer as seconds
    from pg_catalog.pg_locks l
    join pg_catalog.pg_class c on c.oid = l.relation
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'relation'
      and n.nspname = 'auth'
      and c.relname in ('sessions', 'users', 'mfa_amr_claims')
      and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
      and l.granted
      -- An installation locks sessions exclusively, so that there a lock on rows is in its way as well.
      and (l.mode not in ('AccessShareLock', 'RowShareLock') or (c.relname = 'sessions' and l.mode = 'RowShareLock'))
      and a.pid <> pg_backend_pid()
    group by a.pid, a.usename, a.application_name, a.state, a.xact_start
    order by seconds desc nulls last`);
  return rows;
}
