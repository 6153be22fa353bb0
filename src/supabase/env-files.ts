import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {parseEnv} from 'node:util';
import {SupasessionError} from '../errors.js';
import {errorCode, reasonOf} from './file-errors.js';
import type {Env, Project} from './project.js';

/** The variables that `env(NAME)` and the `SUPABASE_*` overrides are looked up in. */
export interface ProjectEnv {
  /** The shell, then the `.env` files of the folder the command was started in: the CLI takes both for its environment. */
  shell: Env;
  /** The value from the first place that has the name. An empty one hides those in later places, and counts as not set. */
  get: (name: string) => string | undefined;
  /** Every place that is looked in, in order, for error messages. */
  places: string[];
}

/**
 * Reads the `.env` files of a project in the order of the real supabase CLI (3.1.0, measured: test/slow/supabase-facts.test.ts compares):
 * the shell; then the folder it was started in (the CLI is a Bun program, and Bun reads these before anything else, going by `NODE_ENV`);
 * then `supabase/`; then the project's root (both going by `SUPABASE_ENV`). So the root's files win only when the command is started there.
 *
 * @param env the shell's variables; they beat every file, even when empty
 * @throws SupasessionError CONFIG_UNREADABLE for a file that is there and cannot be read
 */
export async function readProjectEnv(project: Project, env: Env): Promise<ProjectEnv> {
  const nodeEnv = env['NODE_ENV'];
  const started = await readFolder(
    project.cwd,
    nodeEnv === 'production' || nodeEnv === 'test' ? nodeEnv : 'development',
  );
  const shell = merge([env, ...started.values]);
  const mode = shell['SUPABASE_ENV'] || 'development';
  const inSupabase = await readFolder(project.supabaseDir, mode);
  const inRoot = await readFolder(project.root, mode);
  const all = merge([shell, ...inSupabase.values, ...inRoot.values]);
  const files = [...started.files, ...inSupabase.files, ...inRoot.files];
  return {
    shell,
    get: (name) => all[name] || undefined,
    places: ['the shell', ...new Set(files.map((file) => path.relative(project.root, file)))],
  };
}

async function readFolder(folder: string, mode: string): Promise<{files: string[]; values: Env[]}> {
  const names = [`.env.${mode}.local`, ...(mode === 'test' ? [] : ['.env.local']), `.env.${mode}`, '.env'];
  const files = [...new Set(names)].map((name) => path.join(folder, name));
  return {files, values: await Promise.all(files.map(readEnvFile))};
}

// As in the CLI: a missing file, or a path that leads through one, is no file; anything else that cannot be read is an error.
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);

async function readEnvFile(file: string): Promise<Env> {
  try {
    return parseEnv((await readFile(file, 'utf8')).replace(/^\uFEFF/, ''));
  } catch (error) {
    if (ABSENT.has(errorCode(error) ?? '')) return {};
    throw new SupasessionError('CONFIG_UNREADABLE', `Cannot read ${file}: ${reasonOf(error)}.`, {
      suggestions: [`Make ${file} a readable file, or remove it.`],
      cause: error,
    });
  }
}

/** The first of the layers that has a name wins. */
function merge(layers: readonly Env[]): Env {
  const merged: Record<string, string | undefined> = Object.create(null) as Record<string, string | undefined>;
  return Object.assign(merged, ...layers.toReversed()) as Env;
}
