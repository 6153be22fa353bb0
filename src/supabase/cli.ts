import {constants} from 'node:fs';
import {access, readFile, realpath, stat} from 'node:fs/promises';
import path from 'node:path';
import {stripVTControlCharacters} from 'node:util';
import {SupasessionError} from '../errors.js';
import {runProcess, type ProcessResult, type Writer} from './process.js';
import type {Env, Project} from './project.js';

/** The supabase CLI that a project uses. */
export interface SupabaseCli {
  /** Absolute path of the program. */
  path: string;
  version: string;
  major: number;
}

/**
 * Where migrations are applied: the local database on config.toml's `[db] port`, or a URL. The password of a URL travels in the child's
 * environment only; one that stands in the URL is taken out of it. Without any the CLI looks for PGPASSWORD and PGPASSFILE itself.
 */
export type ApplyTarget = {kind: 'local'} | {kind: 'url'; url: string; password?: string | undefined};

/**
 * Finds the supabase CLI: the project's own copy (in `node_modules`, from the project's root up), else the first on the PATH.
 *
 * @throws SupasessionError CLI_MISSING; CLI_FAILED when it does not tell its version
 */
export async function findCli(project: Project, env: Env): Promise<SupabaseCli> {
  const windows = process.platform === 'win32';
  const own = foldersUp(project.root).map((folder) => path.join(folder, 'node_modules', '.bin'));
  const onPath = (env['PATH'] ?? env['Path'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  for (const folder of [...own, ...onPath]) {
    for (const name of windows ? ['supabase.cmd', 'supabase.exe'] : ['supabase']) {
      const file = path.resolve(project.cwd, folder, name);
      if (!(await isProgram(file))) continue;
      const packaged = own.includes(folder) ? await packageVersion(file) : undefined;
      const version = packaged ?? (await cliVersion(file, project, env));
      return {path: file, version, major: Number.parseInt(version, 10)};
    }
  }
  throw new SupasessionError(
    'CLI_MISSING',
    `The supabase CLI was not found: neither in node_modules/.bin of ${project.root} and the folders above it, nor on the PATH.`,
    {suggestions: ['{add} supabase']},
  );
}

/** The version of an installed package, without starting it, which takes a second; undefined if it cannot be told. */
async function packageVersion(file: string): Promise<string | undefined> {
  const beside = path.join(path.dirname(file), '..', 'supabase');
  const target = await realpath(file).catch(() => file);
  for (const folder of [beside, ...foldersUp(path.dirname(target))]) {
    try {
      const {name, version} = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      if (name === 'supabase' && typeof version === 'string' && VERSION.test(version)) return version;
    } catch {
      // Not a package, or none that can be read: the program itself is asked.
    }
  }

  return undefined;
}

const VERSION = /^v?(\d+\.\d+\.\d+\S*)/m;

/** Asks a supabase CLI for its version; throws SupasessionError CLI_FAILED. */
async function cliVersion(file: string, project: Project, env: Env): Promise<string> {
  const result = await runProcess(file, ['--version'], {cwd: project.cwd, env});
  if (result.outcome === 'interrupted') throw new SupasessionError('INTERRUPTED', 'Interrupted.');
  const version = result.outcome === 'exited' ? VERSION.exec(result.stdout)?.[1] : undefined;
  if (version === undefined) {
    throw new SupasessionError('CLI_FAILED', `${file} --version ${describeEnd(result)} and told no version.`, {
      suggestions: ['{add} supabase'],
    });
  }
  return version;
}

/**
 * Applies every pending migration of a project with the supabase CLI, which sends each file as one transaction.
 *
 * @param options.includeAll also apply files that sort before one which is applied already; without it the CLI refuses
 * @param options.output gets what the CLI prints, as it comes
 * @throws SupasessionError CLI_FAILED or, for SQLSTATE 55P03, LOCK_TIMEOUT, in the CLI's words, with details `{exitCode, sqlstate, migration}`;
 *   INTERRUPTED; TARGET_INVALID for a URL that is none
 */
export async function applyMigrations(options: {
  cli: SupabaseCli;
  project: Project;
  target: ApplyTarget;
  env: Env;
  includeAll?: boolean | undefined;
  output?: Writer | undefined;
}): Promise<void> {
  const {cli, project} = options;
  const target = options.target.kind === 'url' ? withoutPassword(options.target) : options.target;
  const args = applyArguments(cli.major, project.root, target, options.includeAll ?? false);
  const env =
    target.kind === 'url' && target.password !== undefined
      ? {...options.env, PGPASSWORD: target.password}
      : options.env;
  // Started where the user is: the .env files of that folder decide what the CLI takes for its environment (env-files.ts).
  const result = await runProcess(cli.path, args, {
    cwd: project.cwd,
    env,
    stdout: options.output,
    stderr: options.output,
  });
  if (result.outcome === 'exited' && result.exitCode === 0) return;
  if (result.outcome === 'interrupted') {
    // A file is sent in one piece: the server goes on with it, and commits it, when the CLI is gone (tried).
    const state =
      result.exitCode === 0
        ? 'The supabase CLI had finished: the migrations are applied.'
        : 'The server may still finish the migration that the supabase CLI had sent; earlier ones stay applied.';
    throw new SupasessionError('INTERRUPTED', `Interrupted. ${state}`, {suggestions: ['{supabase} migration list']});
  }
  throw applyError(`supabase ${args[0]} ${args[1]}`, result);
}

/**
 * The CLI's arguments for applying what is pending. Version 3 works on the local database by default and has `--remote=`; it warns that
 * the older flags go away with version 4.
 *
 * @param target its URL must not hold a password
 * @internal
 */
export function applyArguments(major: number, root: string, target: ApplyTarget, includeAll: boolean): string[] {
  const common = [...(includeAll ? ['--include-all'] : []), '--workdir', root];
  if (target.kind === 'local') return ['migration', 'up', ...(major >= 3 ? [] : ['--local']), ...common];
  return ['db', 'push', ...(major >= 3 ? [`--remote=${target.url}`] : ['--db-url', target.url]), '--yes', ...common];
}

function withoutPassword(target: ApplyTarget & {kind: 'url'}): ApplyTarget & {kind: 'url'} {
  if (!URL.canParse(target.url)) {
    throw new SupasessionError('TARGET_INVALID', 'The database URL cannot be read.', {
      suggestions: [
        'Write it as postgresql://<user>@<host>:<port>/<database>, with special characters percent-encoded.',
      ],
    });
  }
  const url = new URL(target.url);
  const inUrl = decodeURIComponent(url.password) || url.searchParams.get('password');
  url.password = '';
  url.searchParams.delete('password');
  return {kind: 'url', url: url.href, password: target.password ?? inUrl ?? undefined};
}

const CHATTER =
  /^(Target: |Confirmed by |Applying migration |Skipping migration |Try rerunning the command with --debug)/;

/** The CLI prints `ERROR: <message> (SQLSTATE <code>)`, the detail, then the whole statement, which can be pages long: that part is left out. */
function applyError(command: string, result: ProcessResult): SupasessionError {
  const lines = 'stderr' in result ? stripVTControlCharacters(result.stderr).split('\n') : [];
  const statement = lines.findIndex((line) => line.startsWith('At statement: '));
  const words = lines
    .slice(0, statement === -1 ? undefined : statement)
    .filter((line) => !CHATTER.test(line))
    .join('\n')
    .trim();
  const sqlstate = /\(SQLSTATE ([0-9A-Z]{5})\)/.exec(words)?.[1];
  const migration = lines
    .map((line) => /^Applying migration (.+?)\.\.\.$/.exec(line)?.[1])
    .findLast((name) => name !== undefined);
  const place = migration === undefined ? '' : ` in ${migration}`;
  const message = `${command} ${describeEnd(result)}${place}${words === '' ? '.' : `: ${words}`}`;
  return new SupasessionError(sqlstate === '55P03' ? 'LOCK_TIMEOUT' : 'CLI_FAILED', message, {
    suggestions: ['{supabase} migration list'],
    details: {
      exitCode: result.outcome === 'exited' ? result.exitCode : null,
      sqlstate: sqlstate ?? null,
      migration: migration ?? null,
    },
  });
}

function describeEnd(result: ProcessResult): string {
  switch (result.outcome) {
    case 'exited':
      return result.exitCode === 0 ? 'ended' : `failed (exit ${result.exitCode})`;
    case 'interrupted':
      return 'was interrupted';
    case 'killed':
      return `was ended by ${result.signal}`;
    case 'not-started':
      return `could not be started (${result.code})`;
  }
}

function foldersUp(folder: string): string[] {
  const parent = path.dirname(folder);
  return parent === folder ? [folder] : [folder, ...foldersUp(parent)];
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
