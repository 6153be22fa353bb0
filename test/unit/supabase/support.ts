import {chown, mkdir, mkdtemp, readdir, realpath, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import type {SupasessionError} from '../../../src/errors.js';
import {findProject, type Project} from '../../../src/supabase/project.js';

const made: string[] = [];
const NOBODY = 65_534;

afterEach(async () => {
  await Promise.all(made.splice(0).map((folder) => rm(folder, {recursive: true, force: true})));
});

/** Makes a temporary folder with files (path -> content; a path that ends in `/` is a folder), removed after the test. */
export async function makeFolder(files: Record<string, string> = {}): Promise<string> {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'supasession-unit-')));
  made.push(root);
  for (const [name, content] of Object.entries(files)) await addFile(root, name, content);
  return root;
}

/** Adds one file, or one folder for a name that ends in `/`. */
export async function addFile(root: string, name: string, content: string): Promise<void> {
  const file = path.join(root, name);
  await mkdir(name.endsWith('/') ? file : path.dirname(file), {recursive: true});
  if (!name.endsWith('/')) await writeFile(file, content);
}

/** Makes a project whose config.toml holds `toml`, and finds it as a command would that was started in its root. */
export async function makeProject(toml = '', files: Record<string, string> = {}): Promise<Project> {
  const root = await makeFolder({'supabase/config.toml': toml, ...files});
  return findProject({cwd: root, env: {}});
}

/** The error that a promise rejects with. */
export async function errorOf(promise: Promise<unknown>): Promise<SupasessionError> {
  return promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as SupasessionError,
  );
}

/** The error that a function throws. */
export function thrownBy(work: () => unknown): SupasessionError {
  try {
    work();
  } catch (error) {
    return error as SupasessionError;
  }
  throw new Error('it did not fail');
}

/** Runs `work` without root's right to pass by permission bits: as root under another user id, which first gets the folder. */
export async function asOrdinaryUser<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0 || !process.seteuid) return work();
  for (const name of ['.', ...(await readdir(folder, {recursive: true}))]) {
    await chown(path.join(folder, name), NOBODY, NOBODY);
  }
  process.seteuid(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid(0);
  }
}
