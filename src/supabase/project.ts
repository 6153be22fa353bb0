import {readdir, stat} from 'node:fs/promises';
import path from 'node:path';
import {SupasessionError} from '../errors.js';

/** Environment variables as Node hands them over; nothing below reads `process.env` itself. */
export type Env = Readonly<Record<string, string | undefined>>;

/** A Supabase project on disk. All paths are absolute. */
export interface Project {
  /** The folder that holds `supabase/`. */
  root: string;
  supabaseDir: string;
  /** `supabase/config.json`, `.jsonc` or `.toml`. */
  configPath: string;
  /** `supabase/migrations`, which may not exist yet. */
  migrationsDir: string;
  /** Where the command was started: the supabase CLI reads the `.env` files of that folder first, so its child has to start there too. */
  cwd: string;
}

// In the order of the supabase CLI: a JSON file beats the TOML one beside it.
const CONFIG_NAMES = ['config.json', 'config.jsonc', 'config.toml'] as const;

/**
 * Finds the Supabase project that a command works on.
 *
 * @param options.cwd the folder the command was started in; the search goes up from here
 * @param options.workdir the `--workdir` flag: exactly this folder, no search (as is `SUPABASE_WORKDIR`, which it beats)
 * @throws SupasessionError PROJECT_NOT_FOUND; CONFIG_INVALID if both `config.json` and `config.jsonc` exist
 */
export async function findProject(options: {cwd: string; workdir?: string | undefined; env: Env}): Promise<Project> {
  const cwd = path.resolve(options.cwd);
  const given = options.workdir ?? (options.env['SUPABASE_WORKDIR'] || undefined);
  if (given !== undefined) {
    const root = path.resolve(cwd, given);
    const project = await projectAt(root, cwd);
    if (project) return project;
    const origin = options.workdir === undefined ? 'SUPABASE_WORKDIR' : '--workdir';
    throw new SupasessionError(
      'PROJECT_NOT_FOUND',
      `No Supabase project in ${root} (from ${origin}): it has no supabase/config.toml, config.json or config.jsonc.`,
      {
        suggestions: [
          `{supabase} init --workdir ${root}`,
          `Give the folder that holds supabase/, not supabase/ itself.`,
        ],
      },
    );
  }
  for (let folder = cwd; ; folder = path.dirname(folder)) {
    const project = await projectAt(folder, cwd);
    if (project) return project;
    if (folder === path.dirname(folder)) break;
  }
  throw new SupasessionError(
    'PROJECT_NOT_FOUND',
    `No Supabase project found: looked for supabase/config.toml, config.json and config.jsonc in ${cwd} and every folder above it.`,
    {suggestions: await whereElse(cwd)},
  );
}

/** Folders below, in levels, that are looked through for projects: a monorepo has them in apps/ or packages/. */
const DEPTH = 3;

async function whereElse(cwd: string): Promise<string[]> {
  const below = await projectsBelow(cwd, DEPTH);
  if (below.length === 0) return ['{supabase} init', '{bin} <command> --workdir <folder that holds supabase/>'];
  return below.map((folder) => `{bin} <command> --workdir ${path.relative(cwd, folder)}`);
}

async function projectsBelow(folder: string, depth: number): Promise<string[]> {
  const entries = await readdir(folder, {withFileTypes: true}).catch(() => []);
  const folders = entries
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
    .map(({name}) => path.join(folder, name))
    .sort();
  const found: string[] = [];
  for (const below of folders) {
    const configs = await Promise.all(CONFIG_NAMES.map((name) => isFile(path.join(below, 'supabase', name))));
    if (configs.includes(true)) found.push(below);
    else if (depth > 1) found.push(...(await projectsBelow(below, depth - 1)));
  }

  return found;
}

async function projectAt(root: string, cwd: string): Promise<Project | undefined> {
  const supabaseDir = path.join(root, 'supabase');
  const found: string[] = [];
  for (const name of CONFIG_NAMES) {
    const file = path.join(supabaseDir, name);
    if (await isFile(file)) found.push(file);
  }
  const [configPath, second] = found;
  if (configPath === undefined) return undefined;
  if (second?.endsWith('config.jsonc')) {
    throw new SupasessionError(
      'CONFIG_INVALID',
      `Both ${configPath} and ${second} exist: the supabase CLI accepts only one.`,
      {
        suggestions: ['Keep one of the two and delete the other.'],
      },
    );
  }
  return {root, supabaseDir, configPath, migrationsDir: path.join(supabaseDir, 'migrations'), cwd};
}

/** An entry that may not even be looked at (no right to enter the folder) is not a project of this user's. */
async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
