import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {cli, HOME, knownEnv, start, TOOLS, type Run, type RunOptions, type Started} from './cli.js';

type Environment = Record<string, string | undefined>;

/** A project on disk, as `supabase init` makes it, and the program run in it. */
export interface TestProject {
  root: string;
  /** Runs our program in the project's folder. */
  run: (args: readonly string[], env?: Environment, options?: Partial<RunOptions>) => Promise<Run>;
  start: (args: readonly string[], env?: Environment, options?: Partial<RunOptions>) => Started;
  /** Runs the real supabase CLI in the project's folder; gives its standard output. */
  supabase: (...args: string[]) => Promise<string>;
  /** Base names of the files in supabase/migrations, sorted; none if there is no such folder. */
  migrations: () => Promise<string[]>;
  /** The text of a file in supabase/migrations. */
  migration: (file: string) => Promise<string>;
  addMigration: (file: string, sql: string) => Promise<void>;
  /** The text of a file, by its path from the root. */
  read: (file: string) => Promise<string>;
  /** Writes a file, and its folders. */
  write: (file: string, text: string) => Promise<void>;
  /** Changes config.toml. */
  configure: (change: (toml: string) => string) => Promise<void>;
  /** Puts a shell script in front of the real supabase CLI. */
  fakeCli: (script: string) => Promise<void>;
  /** Ends what `start` has started and still runs, and removes the folder. */
  remove: () => Promise<void>;
}

let template: Promise<string> | undefined;

/** Made by the real CLI, which takes a second of the processor, once for all test files, and kept beside their data: see prepared.ts. */
async function makeTemplate(): Promise<string> {
  const prepared = process.env['SUPASESSION_TEST_DATA'];
  // The unit tests alone have no such data.
  const kept = path.join(prepared === undefined ? HOME : path.dirname(prepared), 'project');
  if (existsSync(kept)) return kept;
  const folder = await mkdtemp(`${kept}-`);
  await promisify(execFile)(path.join(TOOLS, 'supabase'), ['init'], {cwd: folder, env: knownEnv()});
  // Another test file may have been faster.
  await rename(folder, kept).catch((error: unknown) => {
    if (!existsSync(kept)) throw error;
  });
  return kept;
}

/**
 * Makes a temporary project, in a folder that is removed by `remove`.
 *
 * @param options.port where the local database listens: goes into config.toml. By default nothing does: a contributor's own stack would
 *   be found on the port that `supabase init` writes
 * @param options.cli false leaves the supabase CLI out of node_modules/.bin, so that only the PATH can have one
 */
export async function createProject(options: {port?: number; cli?: boolean} = {}): Promise<TestProject> {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'supasession-project-')));
  await cp(await (template ??= makeTemplate()), root, {recursive: true});
  const at = (file: string) => path.join(root, file);
  const started: Started[] = [];
  if (options.cli !== false) {
    await mkdir(at('node_modules/.bin'), {recursive: true});
    await symlink(path.join(TOOLS, 'supabase'), at('node_modules/.bin/supabase'));
  }

  const migrations = 'supabase/migrations';
  const project: TestProject = {
    root,
    run: async (args, env = {}, rest = {}) => cli(args, {cwd: root, env, ...rest}),
    start: (args, env = {}, rest = {}) => {
      const run = start(args, {cwd: root, env, ...rest});
      started.push(run);
      return run;
    },
    supabase: async (...args) =>
      (await promisify(execFile)(path.join(TOOLS, 'supabase'), args, {cwd: root, env: knownEnv()})).stdout,
    migrations: async () => (await readdir(at(migrations)).catch(() => [])).sort(),
    migration: async (file) => readFile(at(`${migrations}/${file}`), 'utf8'),
    addMigration: async (file, sql) => project.write(`${migrations}/${file}`, sql),
    read: async (file) => readFile(at(file), 'utf8'),
    write: async (file, text) => {
      await mkdir(path.dirname(at(file)), {recursive: true});
      await writeFile(at(file), text);
    },
    configure: async (change) =>
      writeFile(at('supabase/config.toml'), change(await readFile(at('supabase/config.toml'), 'utf8'))),
    fakeCli: async (script) => {
      const file = 'node_modules/.bin/supabase';
      await rm(at(file), {force: true});
      await project.write(file, `#!/bin/sh\n${script}\nexec '${TOOLS}/supabase' "$@"\n`);
      await chmod(at(file), 0o755);
      // A program that is in no package is started to ask for its version.
      const manifest = await readFile(path.join(TOOLS, '../supabase/package.json'), 'utf8');
      await project.write('node_modules/supabase/package.json', manifest);
    },
    remove: async () => {
      for (const {child} of started) child.kill('SIGKILL');
      await Promise.all(started.map(async ({result}) => result));
      await rm(root, {recursive: true, force: true});
    },
  };
  const {port = 1} = options;
  await project.configure((toml) => toml.replace(/^(\[db\]\n(?:#.*\n)*port = )\d+$/m, `$1${port}`));
  return project;
}
