import {execFile} from 'node:child_process';
import {access, constants, realpath, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname} from 'node:path';
import {promisify} from 'node:util';
import {SupasessionError} from '../errors.js';

/** Who the server runs as: empty for the user who started us, else what `spawn` takes to become somebody else. */
export interface Account {
  uid?: number;
  gid?: number;
}

/** Whether this process is root: Postgres refuses to run as root, so the server needs another account. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Chooses the account of the server.
 *
 * @param pgdata - the server's data folder, which need not exist; one that does must go on belonging to the server's account
 * @returns for an ordinary user nothing to switch to; for root the owner of the data folder, else `nobody`
 * @throws SupasessionError SANDBOX_FAILED when root finds no unprivileged account
 */
export async function chooseAccount(pgdata: string): Promise<Account> {
  if (!isRoot()) return {};
  const owner = await stat(pgdata).catch(() => undefined);
  if (owner !== undefined && owner.uid !== 0) return {uid: owner.uid, gid: owner.gid};
  const id = promisify(execFile);
  try {
    // `nobody` and no number of our own choice: initdb refuses an account without a name.
    const [uid, gid] = await Promise.all([id('id', ['-u', 'nobody']), id('id', ['-g', 'nobody'])]);
    return {uid: Number(uid.stdout), gid: Number(gid.stdout)};
  } catch (error) {
    throw new SupasessionError(
      'SANDBOX_FAILED',
      'Postgres refuses to run as root, and there is no account "nobody" to run it as.',
      {
        suggestions: ['run the same command as an ordinary user'],
        cause: error,
      },
    );
  }
}

/**
 * Whether the account can reach a file or folder, and do with it what `mode` says. For the account of this process the
 * system is asked; for another one the permission bits of the path and of every folder above it.
 *
 * @param mode - a sum of `constants.R_OK` and `constants.X_OK`
 */
export async function canUse(path: string, account: Account, mode: number): Promise<boolean> {
  if (account.uid === undefined) {
    return access(path, mode).then(
      () => true,
      () => false,
    );
  }
  const target = await realpath(path).catch(() => undefined);
  if (target === undefined) return false;
  for (let current = target, wanted = mode; ; current = dirname(current), wanted = constants.X_OK) {
    const found = await stat(current).catch(() => undefined);
    if (found === undefined) return false;
    const shift = found.uid === account.uid ? 6 : found.gid === account.gid ? 3 : 0;
    if (((found.mode >> shift) & wanted) !== wanted) return false;
    if (dirname(current) === current) return true;
  }
}

/**
 * A folder for temporary files that the account can reach: a root user's own one may be closed to everybody else.
 *
 * @throws SupasessionError SANDBOX_FAILED when there is none
 */
export async function temporaryRoot(account: Account): Promise<string> {
  for (const candidate of [tmpdir(), '/tmp', '/var/tmp']) {
    if (await canUse(candidate, account, constants.X_OK)) return candidate;
  }
  throw new SupasessionError(
    'SANDBOX_FAILED',
    `The server's account cannot enter the folder for temporary files, ${tmpdir()}.`,
    {
      suggestions: ['set TMPDIR to a folder that every user can enter'],
    },
  );
}
