import type {Connection} from '../../database/connection.js';
import {readAppliedMigrations} from '../../database/history.js';
import {requireInstalled} from './installed.js';
import {count} from '../../cli/text.js';
import {SupasessionError} from '../../errors.js';
import {applyMigrations, findCli, type SupabaseCli} from '../../supabase/cli.js';
import type {Writer} from '../../supabase/process.js';
import type {Migration} from '../../supabase/migrations.js';
import type {Project} from '../../supabase/project.js';
import type {Target} from '../../types.js';
import {namingHolders} from '../../database/locks.js';
import {readMigrations} from './migration.js';

export interface ApplyPlan {
  /** supasession's pending files. */
  own: string[];
  /** All other pending files, which the supabase CLI would apply in the same run. */
  others: string[];
  /** Whether a file is dated before an applied one: the CLI then requires --include-all. */
  outOfOrder: boolean;
  /** Found now, because a missing CLI should be reported before a file is written. */
  cli: SupabaseCli;
}

/** @throws SupasessionError CLI_MISSING, AUTH_SCHEMA_MISSING, NEWER_RELEASE, CLI_FAILED if the target has migrations without a file */
export async function planApply(project: Project, connection: Connection, env: NodeJS.ProcessEnv): Promise<ApplyPlan> {
  const cli = await findCli(project, env);
  const [{all, own}, applied] = [await readMigrations(project), await readAppliedMigrations(connection)];
  await requireInstalled(connection, 'not newer');
  requireKnown(applied, all);
  const pending = all.filter(({version}) => !applied.includes(version));
  const ownFiles = new Set(own.map(({file}) => file));
  const newestApplied = applied.at(-1) ?? '';
  return {
    own: pending.filter(({file}) => ownFiles.has(file)).map(({file}) => file),
    others: pending.filter(({file}) => !ownFiles.has(file)).map(({file}) => file),
    outOfOrder: pending.some(({version}) => version < newestApplied),
    cli,
  };
}

/** The supabase CLI applies nothing to a database that has migrations without a file. Report that before a file is written. */
function requireKnown(applied: string[], files: Migration[]): void {
  const known = new Set(files.map(({version}) => version));
  const missing = applied.filter((version) => !known.has(version));
  if (missing.length === 0) return;
  throw new SupasessionError(
    'CLI_FAILED',
    `The database has ${count(missing.length, 'migration')} that this project has no file for, so the supabase CLI would refuse to apply any. Nothing was written.`,
    {
      suggestions: [
        'If another branch has the files: check it out, or merge it',
        'If only the hosted project has them: {supabase} db pull',
        'To write files without applying them, give --no-apply',
      ],
      details: {missing},
    },
  );
}

/** The URL of a target without its password, for the CLI's arguments. */
function cliUrl(target: Target, user: string): string {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const url = new URL(`postgresql://${host}:${target.port}/${encodeURIComponent(target.database)}`);
  url.username = encodeURIComponent(user);
  url.searchParams.set('sslmode', target.tls);
  if (target.tlsRootCert !== null) url.searchParams.set('sslrootcert', target.tlsRootCert);
  return url.href;
}

/**
 * Applies every pending migration.
 * @throws SupasessionError CLI_FAILED, LOCK_TIMEOUT (naming who holds the lock), INTERRUPTED
 */
export async function applyWithCli(
  project: Project,
  connection: Connection,
  options: {cli: SupabaseCli; env: NodeJS.ProcessEnv; output: Writer; includeAll: boolean},
): Promise<void> {
  const {cli} = options;
  const {target} = connection;
  const login = await target.login();
  const byPort = target.kind === 'local' && !target.managed;
  const password = byPort ? null : await login.password();
  try {
    await applyMigrations({
      cli,
      project,
      target: byPort
        ? {kind: 'local'}
        : {kind: 'url', url: cliUrl(target, login.user), password: password ?? undefined},
      env: options.env,
      includeAll: options.includeAll,
      output: options.output,
    });
  } catch (error) {
    if (!(error instanceof SupasessionError) || error.code !== 'LOCK_TIMEOUT') throw error;
    throw await namingHolders(error, connection);
  }
}
