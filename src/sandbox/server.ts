import {spawn} from 'node:child_process';
import type {ChildProcess, ChildProcessByStdio} from 'node:child_process';
import {open, readFile, rm} from 'node:fs/promises';
import type {Readable} from 'node:stream';
import {setTimeout as delay} from 'node:timers/promises';
import {SupasessionError} from '../errors.js';
import type {Account} from './account.js';
import type {Binaries} from './binaries.js';
import {readServerFile} from './data.js';
import {messageOf} from './errors.js';

/** How long a start may take, in milliseconds: recovery after a crash of a large database takes seconds, not minutes. */
const START_LIMIT = 60_000;

/** A fast shutdown takes well under a second; after this, in milliseconds, the server is told to drop everything at once. */
const STOP_LIMIT = 10_000;

/**
 * Waits on the pipe from our process. While we live, it is silent. One that closes without a word means that we are gone,
 * even by SIGKILL: then it ends the server (the last line: its process id) and removes the folders in its arguments.
 */
const WATCHER = `
const {rmSync} = require('node:fs');
let text = '';
process.stdin.on('data', (chunk) => (text += chunk));
process.stdin.on('error', () => undefined);
process.stdin.on('close', async () => {
  const pid = text.trim().split('\\n').at(-1);
  if (pid === 'released') return;
  const send = (signal) => {
    try {
      return process.kill(Number(pid), signal);
    } catch {
      return false;
    }
  };
  const until = async (ms) => {
    for (const end = Date.now() + ms; Date.now() < end && send(0); ) await new Promise((next) => setTimeout(next, 50));
  };
  if (Number(pid) > 1) {
    send('SIGINT');
    await until(${STOP_LIMIT});
    send('SIGQUIT');
    await until(${STOP_LIMIT});
  }
  for (const folder of process.argv.slice(1)) rmSync(folder, {recursive: true, force: true});
});
`;

/** A running server process. */
export interface ServerProcess {
  pid: number;
  /** Resolves when the process has ended. */
  exited: Promise<void>;
  /** Ends it by a fast shutdown, and resolves when it has ended. */
  stop(): Promise<void>;
}

/** The process that ends the server when this one is gone. */
export interface Watcher {
  /** To be called as soon as there is a server. */
  guard(pid: number): void;
  /** The server has ended and its folders are gone: nothing is left to do. */
  release(): void;
}

/**
 * Starts the watcher; before the server, so that there is no moment in which a server could be orphaned.
 *
 * @param folders - what to remove when the server has ended without us
 */
export function startWatcher(folders: string[]): Watcher {
  const child = spawn(process.execPath, ['-e', WATCHER, ...folders], {
    // Its own group: Ctrl-C in a terminal goes to a whole group, and this process has to outlive us.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: systemEnv(),
    windowsHide: true,
  });
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  return {
    guard: (pid) => child.stdin.write(`${pid}\n`),
    release: () => child.stdin.end('released\n'),
  };
}

/**
 * Runs initdb: makes an empty folder the data folder of a server.
 *
 * @param passwordFile - holds the superuser's password, readable for the account
 * @throws SupasessionError SANDBOX_FAILED with what initdb said
 */
export async function runInitdb(
  binaries: Binaries,
  options: {
    folder: string;
    superuser: string;
    passwordFile: string;
    durable: boolean;
    account: Account;
    signal: AbortSignal | undefined;
  },
): Promise<void> {
  const child = spawn(
    binaries.initdb,
    [
      ...['-D', options.folder, '-U', options.superuser, `--pwfile=${options.passwordFile}`],
      ...['--auth=scram-sha-256', '--encoding=UTF8', '--no-instructions'],
      // Postgres's own locale: the same on every machine, and it knows the letters beyond ASCII.
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ...(options.durable ? [] : ['--no-sync']),
    ],
    {
      ...options.account,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {...systemEnv(), ...binaries.env},
      cwd: options.folder,
      windowsHide: true,
    },
  );
  try {
    await initdbEnded(child, options.signal);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new SupasessionError('SANDBOX_FAILED', `Could not make the sandbox's data folder: ${messageOf(error)}.`, {
      suggestions: [
        'check the free space and the rights of the folder, or choose another one: {bin} sandbox --data DIR',
      ],
      cause: error,
    });
  }
}

/** Fails with the last thing that initdb complained about; the signal interrupts it. */
async function initdbEnded(child: ChildProcessByStdio<null, null, Readable>, signal?: AbortSignal): Promise<void> {
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  const abort = () => child.kill('SIGINT');
  signal?.addEventListener('abort', abort);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw new Error(lastComplaint(errors) ?? `initdb ended with exit code ${code}`);
    // It may have ended well before it could be interrupted.
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** How a server is started. */
interface ServerOptions {
  pgdata: string;
  port: number;
  durable: boolean;
  /** Gets what the server says; overwritten at each start. */
  logFile: string;
  account: Account;
  /** Gets the server's process id. */
  watcher: Watcher;
  signal: AbortSignal | undefined;
}

/**
 * Starts the server and waits until it takes connections.
 *
 * @throws StartFailure with the server's own words; the reason of an aborted signal
 */
export async function startServer(binaries: Binaries, options: ServerOptions): Promise<ServerProcess> {
  const child = await spawnServer(binaries, options);
  const state: ServerState = {ended: false, failure: undefined};
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      state.failure = error;
      resolve();
    });
    child.once('exit', () => resolve());
  }).then(() => {
    state.ended = true;
  });
  const stop = async () => {
    child.kill('SIGINT');
    const harder = setTimeout(() => child.kill('SIGQUIT'), STOP_LIMIT);
    await exited;
    clearTimeout(harder);
  };
  if (child.pid !== undefined) options.watcher.guard(child.pid);
  if (await isReady(child, state, options)) return {pid: child.pid!, exited, stop};
  if (!state.ended) {
    await stop();
    options.signal?.throwIfAborted();
    state.failure = new Error(`it was not ready after ${START_LIMIT / 1000} seconds`);
  }

  const {failure} = state;
  throw new StartFailure(
    failure === undefined ? lastComplaint(await readFile(options.logFile, 'utf8')) : messageOf(failure),
    failure,
  );
}

/** What is known of a server that has been started. */
interface ServerState {
  ended: boolean;
  /** Why it could not be started, unless the log says it. */
  failure: unknown;
}

/** Waits until the server takes connections; false if it ended, took too long, or is no longer wanted. */
async function isReady(child: ChildProcess, state: ServerState, {pgdata, signal}: ServerOptions): Promise<boolean> {
  for (const deadline = Date.now() + START_LIMIT; ;) {
    const server = state.ended ? undefined : await readServerFile(pgdata);
    if (server?.pid === child.pid && server?.status === 'ready') return true;
    if (state.ended || signal?.aborted === true || Date.now() > deadline) return false;
    // Short beside the 25 ms that a warm start takes.
    await delay(5);
  }
}

async function spawnServer(binaries: Binaries, options: ServerOptions): Promise<ChildProcess> {
  // A new file: the old one may be of another user (root) who started this sandbox before.
  await rm(options.logFile, {force: true});
  const log = await open(options.logFile, 'w', 0o600);
  try {
    return spawn(binaries.postgres, serverArguments(options), {
      ...options.account,
      // Its own group: Ctrl-C is for us, and we stop the server in order.
      detached: true,
      // Into a file and no pipe: nobody has to read it, and it is still there when we are not.
      stdio: ['ignore', log.fd, log.fd],
      env: {...systemEnv(), ...binaries.env},
      cwd: options.pgdata,
      windowsHide: true,
    });
  } finally {
    await log.close();
  }
}

/** The server ended before it was ready. */
export class StartFailure extends Error {
  constructor(complaint: string | undefined, cause: unknown) {
    super(complaint ?? 'it ended without a word', {cause});
  }

  /** Somebody else took the port after we had let go of it. */
  get portTaken(): boolean {
    return /could not (bind|create any TCP\/IP sockets)/.test(this.message);
  }

  /** A server on this folder was killed, and its connections have not noticed yet: they will in a moment. */
  get memoryInUse(): boolean {
    return this.message.includes('pre-existing shared memory block');
  }
}

function serverArguments({pgdata, port, durable}: {pgdata: string; port: number; durable: boolean}): string[] {
  const settings: Record<string, string> = {
    // Tests open a client for each of many users at once.
    max_connections: '250',
    shared_buffers: '128MB',
    TimeZone: 'UTC',
    log_timezone: 'UTC',
    // The text of a failing statement may hold a password.
    log_min_error_statement: 'panic',
    ...(durable ? {} : {fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off'}),
  };
  return [
    // No socket file (-k ''), and no address but our own machine.
    ...['-D', pgdata, '-p', String(port), '-h', '127.0.0.1', '-k', ''],
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
}

/** The environment of our children: no settings (PGDATA, PGPORT, NODE_OPTIONS) and no secrets of the user's. */
function systemEnv(): Record<string, string> {
  const kept = ['PATH', 'SystemRoot', 'TEMP', 'TMP'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {...Object.fromEntries(kept), LC_ALL: 'C'};
}

/** The last error that a Postgres program wrote, without its prefix and full stop. */
function lastComplaint(output: string): string | undefined {
  const lines = output.split('\n').flatMap((line) => {
    const found = /\b(?:FATAL|PANIC|ERROR|error|LOG): {1,2}(.*?)\.?$/.exec(line);
    return found?.[1] === undefined ? [] : [{text: found[1], grave: !line.includes('LOG:')}];
  });
  return (lines.findLast((line) => line.grave) ?? lines.at(-1))?.text;
}
