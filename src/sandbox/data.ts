import {createHash} from 'node:crypto';
import {constants} from 'node:fs';
import {access, chmod, chown, mkdir, readFile, readdir, rename, rm} from 'node:fs/promises';
import {dirname, join, resolve} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {canUse} from './account.js';
import type {Account} from './account.js';
import {POSTGRES_MAJOR} from './binaries.js';
import {codeOf, dataError, messageOf} from './errors.js';

/** How long a server that is shutting down may take until we give up on its data folder, in milliseconds. */
const STOPPING_LIMIT = 10_000;

/** The folder of the server itself, inside the data folder; nothing beside it is ever removed. */
export function pgdataOf(dataDir: string): string {
  return join(dataDir, 'pgdata');
}

/** What `postmaster.pid` tells about the server on a data folder. */
export interface ServerFile {
  pid: number;
  port: number;
  /** `starting`, `ready` or `stopping`; empty while the file is being written. */
  status: string;
}

/** Reads the server's own file; undefined when there is none. */
export async function readServerFile(pgdata: string): Promise<ServerFile | undefined> {
  let text: string;
  try {
    text = await readFile(join(pgdata, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  // Its lines, as pg_ctl knows them too: pid, data folder, start time, port, socket folder, address, memory key, status.
  const lines = text.split('\n').map((line) => line.trim());
  return {pid: Number(lines[0]), port: Number(lines[3]), status: lines[7] ?? ''};
}

/**
 * Makes sure that the data folder exists, is ours, and can be entered by the server's account. Root's data folder often
 * lies in a home that is closed to everybody else; then another place stands in for it, always the same for the same folder.
 *
 * @returns the folder that is really used
 * @throws SupasessionError SANDBOX_DATA when the folder cannot be made or is the data folder of somebody else's server
 */
export async function openDataDir(wanted: string, account: Account): Promise<string> {
  let dataDir = resolve(wanted);
  if (account.uid !== undefined && !(await canUse(await existing(dirname(dataDir)), account, constants.X_OK))) {
    dataDir = standIn(dataDir);
  }
  try {
    await makeFolder(dataDir, account);
    const entries = await readdir(dataDir);
    // Made by mkdtemp, for instance: closed to others, and still nobody's.
    if (account.uid !== undefined && entries.length === 0) await chmod(dataDir, 0o711);
    await access(dataDir, constants.W_OK | constants.X_OK);
    if (!(await canUse(dataDir, account, constants.X_OK)))
      throw new Error(`the account that the server runs as (uid ${account.uid}) cannot enter it`);
    if (!entries.includes('PG_VERSION')) return dataDir;
  } catch (error) {
    throw dataError(
      `Cannot use the data folder ${dataDir}: ${messageOf(error)}.`,
      ['choose a folder that you may write to: {bin} sandbox --data DIR'],
      error,
    );
  }
  throw dataError(`${dataDir} is the data folder of another Postgres server, not of a sandbox.`, [
    'choose an empty folder: {bin} sandbox --data DIR',
  ]);
}

/** Where the data of a folder that the server cannot enter lives instead. */
export function standIn(dataDir: string): string {
  return join('/var/lib/supasession', createHash('sha256').update(dataDir).digest('hex').slice(0, 16));
}

/**
 * Says whether the data folder holds a complete server of our major, after making sure that no server runs on it.
 *
 * @param reset - throw away what is there
 * @throws SupasessionError SANDBOX_DATA when a server runs on it, or it was made by another major
 */
export async function checkData(dataDir: string, reset: boolean, signal: AbortSignal | undefined): Promise<boolean> {
  const pgdata = pgdataOf(dataDir);
  try {
    await refuseLiveServer(pgdata, signal);
    // What an interrupted initdb has left.
    await rm(unfinished(dataDir), {recursive: true, force: true});
    if (reset) await rm(pgdata, {recursive: true, force: true});
    const major = (await readFile(join(pgdata, 'PG_VERSION'), 'utf8')).trim();
    if (major === POSTGRES_MAJOR) return true;
    throw dataError(
      `The sandbox's data in ${dataDir} was made by Postgres ${major}; this is Postgres ${POSTGRES_MAJOR}.`,
      ['start afresh, which deletes that data: {bin} sandbox --reset'],
    );
  } catch (error) {
    switch (codeOf(error)) {
      case 'ENOENT':
        return false;
      case 'EACCES':
      case 'EPERM':
        throw dataError(
          `The sandbox's data in ${dataDir} belongs to another user: ${messageOf(error)}.`,
          ['run it as that user, or choose another folder: {bin} sandbox --data DIR'],
          error,
        );
      default:
        throw error;
    }
  }
}

/**
 * Makes the server's folder through `create` (initdb), or leaves nothing behind that looks like one.
 *
 * @param create - fills the empty folder that it is given
 */
export async function createPgdata(
  dataDir: string,
  account: Account,
  create: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = unfinished(dataDir);
  await mkdir(folder, {mode: 0o700});
  if (account.uid !== undefined && account.gid !== undefined) await chown(folder, account.uid, account.gid);
  try {
    await create(folder);
    // A folder without PG_VERSION holds nothing that a server could have written.
    await rm(pgdataOf(dataDir), {recursive: true, force: true});
    await rename(folder, pgdataOf(dataDir));
  } catch (error) {
    await rm(folder, {recursive: true, force: true});
    throw error;
  }
}

function unfinished(dataDir: string): string {
  return join(dataDir, 'pgdata.unfinished');
}

async function refuseLiveServer(pgdata: string, signal: AbortSignal | undefined): Promise<void> {
  for (const deadline = Date.now() + STOPPING_LIMIT; ;) {
    const server = await readServerFile(pgdata);
    if (server === undefined) return;
    if (!(await isPostgres(server.pid))) {
      // Left by a server that was killed. Postgres copes with it, unless another process has that number by now.
      await rm(join(pgdata, 'postmaster.pid'), {force: true});
      return;
    }
    if (server.status !== 'stopping' || Date.now() > deadline) {
      throw dataError(
        `A server is already running on ${dirname(pgdata)}: process ${server.pid}, port ${server.port}.`,
        [
          `use it as it is: postgresql://postgres:postgres@127.0.0.1:${server.port}/postgres`,
          `or stop it, with Ctrl-C where it was started or: kill -INT ${server.pid}`,
        ],
      );
    }
    await delay(20, undefined, {signal});
  }
}

/** Whether the process is alive, and, if the system tells (Linux), a Postgres server. */
async function isPostgres(pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
  }
  if (process.platform !== 'linux') return true;
  // Empty for a process that has ended and that nobody has waited for.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes('postgres');
}

/** The nearest folder at or above the path that exists. */
async function existing(path: string): Promise<string> {
  for (let current = path; ; current = dirname(current)) {
    if (dirname(current) === current) return current;
    const found = await readdir(current).then(
      () => true,
      (error: unknown) => codeOf(error) !== 'ENOENT',
    );
    if (found) return current;
  }
}

/** mkdir -p; what root makes can be entered by the server's account, whatever root's umask is. */
async function makeFolder(path: string, account: Account): Promise<void> {
  const first = await mkdir(path, {recursive: true});
  if (first === undefined || account.uid === undefined) return;
  for (let current = path; ; current = dirname(current)) {
    await chmod(current, 0o711);
    if (current === first) return;
  }
}
