import {randomUUID} from 'node:crypto';
import {open, readFile, realpath, rename, rm, stat} from 'node:fs/promises';
import path from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import {shellWord, SupasessionError} from '../errors.js';
import {findRemote, isTable, parseConfig, type Table} from './config.js';
import {readProjectEnv} from './env-files.js';
import {reasonOf} from './file-errors.js';
import type {Env, Project} from './project.js';
import type {TomlEdit} from './toml-edit.js';

export type {TomlEdit} from './toml-edit.js';

/** A change of `config.toml` that has been checked and not been written. */
export interface ConfigEdit {
  /** Absolute path of the file; of a symbolic link the file that it leads to. */
  file: string;
  /** The whole text, without and with the change; the same if nothing is to be done. */
  before: string;
  after: string;
}

/**
 * Says where a setting has to be changed so that it counts for a hosted project: in the `[remotes.<name>]` block with its ref if that
 * block has the table of the setting, else in the base.
 *
 * @param setting its path in the base, at least a table and a key
 * @param options.projectRef the linked project; without one the base is meant
 * @returns the path to edit; `readConfig(...).raw` has the value that counts now, by the path in the base
 * @throws SupasessionError CONFIG_UNREADABLE, CONFIG_INVALID
 */
export async function settingPath(
  project: Project,
  env: Env,
  setting: readonly string[],
  options: {projectRef?: string | undefined} = {},
): Promise<string[]> {
  const base = await parseText(project.configPath, await readText(project.configPath));
  const remote = findRemote(base, await readProjectEnv(project, env), options.projectRef);
  const table = setting.slice(0, -1).reduce<unknown>((at, part) => (isTable(at) ? at[part] : undefined), remote?.block);
  return remote === undefined || !isTable(table) ? [...setting] : ['remotes', remote.name, ...setting];
}

/**
 * Works out how `config.toml` looks with some settings changed, all else kept byte for byte, and checks that nothing but them differs
 * in what it says.
 *
 * @param edits undefined as a value removes the setting; tables that this leaves empty may go with it
 * @returns the change, for `writeConfigEdit`
 * @throws SupasessionError CONFIG_UNREADABLE; CONFIG_INVALID if the file is not valid, or a part of a path is not a table in it;
 *   CONFIG_UNWRITABLE for `config.json`, and for a file that cannot be changed safely: its suggestions are `editInstructions`
 */
export async function planConfigEdit(project: Project, edits: readonly TomlEdit[]): Promise<ConfigEdit> {
  const byHand = [await editInstructions(project, edits)];
  if (!project.configPath.endsWith('.toml')) {
    throw unwritable(project.configPath, 'only config.toml is edited by this program', byHand);
  }
  const file = await realFile(project.configPath);
  const before = await readText(file);
  const expected = await parseText(file, before);
  for (const edit of edits) change(expected, edit, file);
  let after: string;
  let result: Table;
  try {
    after = await editText(before, edits);
    result = await parseText(file, after);
  } catch (cause) {
    throw unwritable(file, 'it cannot be edited safely', byHand, cause);
  }
  for (const {path: setting} of edits) {
    dropEmptyTables(expected, setting);
    dropEmptyTables(result, setting);
  }
  if (!isDeepStrictEqual(result, expected)) throw unwritable(file, 'it cannot be edited safely', byHand);
  return {file, before, after};
}

/**
 * Writes a planned change, whole or not at all; the file keeps its mode, and as root its owner.
 *
 * @returns whether there was anything to write
 * @throws SupasessionError CONFIG_UNREADABLE; CONFIG_UNWRITABLE, also if the file has been changed since the plan was made
 */
export async function writeConfigEdit({file, before, after}: ConfigEdit): Promise<boolean> {
  if (before === after) return false;
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomUUID()}.tmp`);
  try {
    // Replacing a file needs no right to write to it: what its owner has made read-only would be changed.
    await (await open(file, 'r+')).close();
    const {mode, uid, gid} = await stat(file);
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(after);
      if (process.geteuid?.() === 0) await handle.chown(uid, gid);
      await handle.chmod(mode & 0o7777);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if ((await readText(file)) !== before) {
      throw unwritable(file, 'it was changed by another program meanwhile', ['Run the command again']);
    }
    await rename(temporary, file);
  } catch (error) {
    if (error instanceof SupasessionError) throw error;
    throw unwritable(file, reasonOf(error), [`ls -l ${shellWord(file)}`], error);
  } finally {
    // Best effort: after the rename there is none, and if this fails, writing has failed for the same reason.
    await rm(temporary, {force: true}).catch(() => undefined);
  }
  return true;
}

/**
 * Says how to make a change by hand: for `config.json`, which is never edited, and if editing fails.
 *
 * @returns some lines, the file's path in the first one
 */
export async function editInstructions(project: Project, edits: readonly TomlEdit[]): Promise<string> {
  const set = edits.filter(({value}) => value !== undefined);
  const removed = edits.filter(({value}) => value === undefined);
  return [
    ...(set.length === 0 ? [] : [`In ${project.configPath}, set:`, await snippet(project.configPath, set)]),
    ...removed.map(({path: setting}) => `In ${project.configPath}, remove ${setting.join('.')}.`),
  ].join('\n');
}

async function snippet(file: string, edits: readonly TomlEdit[]): Promise<string> {
  if (file.endsWith('.toml')) return (await editText('', edits)).trimEnd();
  const document: Table = {};
  for (const edit of edits) change(document, edit, file);
  return JSON.stringify(document, null, 2);
}

/** The parser behind it is loaded only for a change. */
async function editText(text: string, edits: readonly TomlEdit[]): Promise<string> {
  const {editToml} = await import('./toml-edit.js');
  return editToml(text, edits);
}

/** Makes in a parsed document the change that is to be made in the text. */
function change(document: Table, {path: setting, value}: TomlEdit, file: string): void {
  let table = document;
  for (const [index, part] of setting.slice(0, -1).entries()) {
    // As the parser makes them, to be compared.
    const below = (table[part] ??= Object.create(null) as Table);
    if (!isTable(below)) {
      const name = setting.slice(0, index + 1).join('.');
      throw new SupasessionError('CONFIG_INVALID', `${name} in ${file} is not a table.`, {
        suggestions: [`Correct ${name} in ${file}.`],
      });
    }
    table = below;
  }
  const key = setting.at(-1)!;
  if (value === undefined) Reflect.deleteProperty(table, key);
  else table[key] = value;
}

/** A table without keys says the same as none, and which of the two is left depends on how it was written. */
function dropEmptyTables(table: Table, [part, ...rest]: readonly string[]): void {
  const below = part === undefined ? undefined : table[part];
  if (part === undefined || !isTable(below)) return;
  dropEmptyTables(below, rest);
  if (Object.keys(below).length === 0) Reflect.deleteProperty(table, part);
}

async function realFile(file: string): Promise<string> {
  return realpath(file).catch((error: unknown) => {
    throw unreadable(file, reasonOf(error), error);
  });
}

/** The text with its byte order mark, so that it can be written back as it was. */
async function readText(file: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw unreadable(file, reasonOf(error), error);
  }
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch (error) {
    throw unreadable(file, 'it is not UTF-8', error);
  }
}

async function parseText(file: string, text: string): Promise<Table> {
  return parseConfig(file, text.replace(/^\uFEFF/, ''));
}

function unreadable(file: string, reason: string, cause: unknown): SupasessionError {
  return new SupasessionError('CONFIG_UNREADABLE', `Cannot read ${file}: ${reason}.`, {
    suggestions: [`ls -l ${shellWord(file)}`],
    cause,
  });
}

function unwritable(file: string, reason: string, suggestions: string[], cause?: unknown): SupasessionError {
  return new SupasessionError('CONFIG_UNWRITABLE', `Cannot change ${file}: ${reason}.`, {suggestions, cause});
}
