import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';

import {shellWord, SupasessionError} from '../errors.js';
import {readConfig, type ProjectConfig} from './config.js';
import {errorCode, reasonOf} from './file-errors.js';
import type {Env, Project} from './project.js';

/** A file that declares a part of the project's schema. */
export interface TreeFile {
  /** Absolute. */
  path: string;
  /** From the project's root, with slashes. */
  shown: string;
  /** With LF line ends. */
  text: string;
}

/** Where a project declares its schema, so that the supabase CLI writes its migrations. */
export interface DeclaredTree {
  /** The folder that holds the files; absolute. */
  dir: string;
  /** In the order of their names, subfolders included. */
  files: TreeFile[];
  /** Whether the CLI would read a file by this absolute path. */
  covers: (file: string) => boolean;
}

/** @returns the .sql files below a folder, as the CLI lists them: without links; none if there is no such folder */
async function listSql(dir: string): Promise<string[]> {
  const entries = await readdir(dir, {recursive: true, withFileTypes: true}).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw new SupasessionError('MIGRATIONS_UNREADABLE', `Cannot read ${dir}: ${reasonOf(error)}.`, {
      suggestions: [`ls -ld ${shellWord(dir)}`],
      cause: error,
    });
  });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sql'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

/** The files that a path of `schema_paths` stands for: a file, a folder with all that is in it, or a pattern as Go's path.Match has them. */
function matcher(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*\*\/?|[*?]|\[[^\]]*\]|[.+^${}()|\\]/g, (part) => {
    if (part.startsWith('**')) return '(?:.*/)?';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    return part.startsWith('[') ? part : `\\${part}`;
  });
  return new RegExp(`^${source}(?:/.*)?$`);
}

function shownFrom(root: string, file: string): string {
  return path.relative(root, file).split(path.sep).join('/');
}

/** Which folder counts, and what of it. */
async function locate(
  {root, supabaseDir}: Project,
  {pgDelta, schemaPaths}: ProjectConfig,
): Promise<(Pick<DeclaredTree, 'covers' | 'dir'> & {found: string[]}) | null> {
  const dir = path.resolve(supabaseDir, pgDelta.path);
  const found = await listSql(dir);
  const patterns = schemaPaths.map((pattern) => path.resolve(supabaseDir, pattern));
  const matchers = patterns.map((pattern) => matcher(shownFrom(root, pattern)));
  const matches = (file: string) => matchers.some((one) => one.test(shownFrom(root, file)));
  // pg-delta reads the folder and no patterns, the engine before it the patterns if there are any.
  if (found.length > 0) return {dir, found, covers: pgDelta.enabled || patterns.length === 0 ? () => true : matches};

  for (const pattern of patterns) {
    const fixed = pattern.replace(/[^/\\]*[*?[].*$/, '');
    const folder = fixed.endsWith('.sql') ? path.dirname(fixed) : fixed;
    const files = (await listSql(folder)).filter(matches);
    if (files.length > 0) return {dir: folder, found: files, covers: matches};
  }

  return null;
}

/**
 * Finds where a project declares its schema. A folder without files declares nothing yet: one of ours alone would be taken for the whole
 * schema, and all else be dropped.
 *
 * @throws SupasessionError MIGRATIONS_UNREADABLE, and what reading the configuration throws
 */
export async function readTree(project: Project, env: Env): Promise<DeclaredTree | null> {
  const place = await locate(project, await readConfig(project, env));
  if (place === null) return null;
  const files = await Promise.all(
    place.found.map(async (file): Promise<TreeFile> => {
      const shown = shownFrom(project.root, file);
      try {
        return {path: file, shown, text: (await readFile(file, 'utf8')).replaceAll('\r\n', '\n')};
      } catch (error) {
        throw new SupasessionError('MIGRATIONS_UNREADABLE', `${shown} cannot be read.`, {cause: error});
      }
    }),
  );
  return {dir: place.dir, files, covers: place.covers};
}
