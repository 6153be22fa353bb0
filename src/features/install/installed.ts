import type {Connection, Queryable} from '../../database/connection.js';
import {SupasessionError} from '../../errors.js';
import type {Target} from '../../types.js';
import {compareReleases, type MigrationState, shippedVersion} from './migration.js';
import {commandOn} from '../../database/target.js';

/** What a command requires of a database: Auth alone, no newer release than this program, or supasession. */
export type Need = 'auth' | 'not newer' | 'installed';

/**
 * @param migrations those of the project, to say whether it has the migration that is missing in the target; null without a project
 * @throws SupasessionError AUTH_SCHEMA_MISSING; NEWER_RELEASE unless Auth is enough; NOT_INSTALLED if supasession is needed
 */
export async function requireInstalled(
  connection: Connection,
  need: Need = 'installed',
  migrations?: MigrationState | null,
): Promise<Installed> {
  const installed = await readInstalled(connection);
  if (!installed.auth) throw authMissing(connection.target);
  if (need === 'installed' && installed.version === null) throw notInstalled(connection.target, installed, migrations);
  if (need !== 'auth' && installed.version !== null) {
    const version = await shippedVersion();
    if (compareReleases(installed.version, version) > 0) throw newerInstalled(installed.version, version);
  }

  return installed;
}

export function authMissing(target: Target): SupasessionError {
  return new SupasessionError(
    'AUTH_SCHEMA_MISSING',
    `The database "${target.database}" has no table auth.sessions: Supabase Auth is missing.`,
    {
      suggestions: [
        target.kind === 'local' ? '{supabase} start' : 'Check that the target is the database of a Supabase project',
      ],
    },
  );
}

export function newerInstalled(installed: string, own: string): SupasessionError {
  return new SupasessionError(
    'NEWER_RELEASE',
    `The database has supasession ${installed}, newer than this program (${own}).`,
    {
      suggestions: ['{add} supasession@latest'],
    },
  );
}

function notInstalled(target: Target, {schema}: Installed, migrations?: MigrationState | null): SupasessionError {
  const found = `This database ${schema ? 'has supasession 0.1.2' : 'does not have supasession yet'}`;
  const written = migrations?.active.some(({kind}) => kind === 'installation') ?? false;
  const inProject = written
    ? '. The migration is written, but not applied here.'
    : migrations
      ? ', and the project has no migration for it.'
      : '.';
  return new SupasessionError('NOT_INSTALLED', found + inProject, {
    suggestions: [commandOn(target, 'init --apply')],
  });
}

/** What is installed in a database. */
export interface Installed {
  /** Whether Auth's tables exist. */
  auth: boolean;
  /** Whether any release of supasession exists, 0.1.2 included. */
  schema: boolean;
  /** The installed release; null for none, and for 0.1.2 (which kept no such record). */
  version: string | null;
  /** The checksum of the installed SQL; null if it was installed by hand. */
  checksum: string | null;
}

/** The comment on the schema, which is the record of an installation. */
const RECORD = /^supasession (?<version>\d\S*)(?: (?<checksum>sha256:[0-9a-f]{64}))?$/;

export async function readInstalled(db: Queryable): Promise<Installed> {
  // pg_class, not to_regclass(), which fails without usage on the schema: every role must get an answer.
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
