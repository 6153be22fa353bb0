import {readdirSync, readFileSync} from 'node:fs';

/** The same path leads there from src and from dist. */
const FOLDER = new URL('../../sql/', import.meta.url);

const INCLUDE = /^-- @include (\S+)\n/gm;

/** Editors and git may bring CRLF into a file without changing a word of it. Synchronous: thirty small files take a fifth of the CPU time. */
function read(path: string): string {
  return readFileSync(new URL(path, FOLDER), 'utf8').replaceAll('\r\n', '\n');
}

/**
 * Reads a file of SQL. A line `-- @include queries/x.sql` stands for that file, without the comment at its head: one text of a query that a
 * function of the migration and the command line both run.
 * @param path below sql/
 * @returns its text
 */
export async function readSql(path: string): Promise<string> {
  const text = read(path);
  const included = await Promise.all([...text.matchAll(INCLUDE)].map(async ([, name]) => readSql(name!)));
  return text.replaceAll(INCLUDE, () => included.shift()!.replace(/^(?:--.*\n)+/, ''));
}

/**
 * @returns the whole migration as one script: the parts of sql/install, in the order of their names
 */
export async function readInstallation(): Promise<string> {
  const names = readdirSync(new URL('install/', FOLDER))
    .filter((name) => name.endsWith('.sql'))
    .sort();
  return (await Promise.all(names.map(async (name) => readSql(`install/${name}`)))).join('');
}
