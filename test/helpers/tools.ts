import {accessSync, constants, statSync} from 'node:fs';
import path from 'node:path';

/** Debian keeps servers there, and an ordinary user's PATH does not name it. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * The path of a program that npm cannot bring, by any of its names, or undefined if this machine does not have it.
 * Throws where it is missing and SUPASESSION_REQUIRE_TOOLS is set, as in CI.
 */
export function tool(...names: string[]): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), ...MORE_FOLDERS];
  const found = folders
    .filter((folder) => folder !== '')
    .flatMap((folder) => names.map((name) => path.join(folder, name)))
    .find(isProgram);
  if (found === undefined && process.env['SUPASESSION_REQUIRE_TOOLS']) {
    throw new Error(`${names.join(' or ')} is not installed, and SUPASESSION_REQUIRE_TOOLS is set.`);
  }
  return found;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** `describe` for tests that need such a program. Where it is missing they are skipped; the end of their title tells the runner why. */
export function describeWith(name: string | string[], title: string, tests: () => void): void {
  const names = [name].flat();
  (tool(...names) === undefined ? describe.skip : describe)(`${title} [needs ${names.join(' or ')}]`, tests);
}
