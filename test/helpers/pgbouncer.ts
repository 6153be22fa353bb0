import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {chown, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import pg from 'pg';
import {chooseAccount, temporaryRoot} from '../../src/sandbox/account.js';
import {claimPort} from '../../src/sandbox/port.js';
import {tool} from './tools.js';
import {until} from './wait.js';

/** Client and server side have the same password here; it is checked on both. */
const PASSWORD = 'postgres';

/** A pgbouncer in transaction mode, as linked projects have one, in front of the server of the test run. */
export interface Pgbouncer {
  /** The port on 127.0.0.1; the same after each start. */
  port: number;
  /** The URL of a database by way of it, for role postgres and without the password, which is "postgres". */
  url(database: string): string;
  /** Starts it again; resolves when it takes connections. */
  start(): Promise<void>;
  /** Cuts all connections at once, as a crash does. */
  kill(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/**
 * Starts a pgbouncer. Throws when it does not run within a few seconds, with its log.
 *
 * @param serverPort - of the Postgres server on 127.0.0.1 behind it
 * @param users - whom it lets in beside postgres, with their passwords
 */
export async function startPgbouncer(serverPort: number, users: Record<string, string> = {}): Promise<Pgbouncer> {
  const program = tool('pgbouncer');
  if (program === undefined) throw new Error('pgbouncer is not installed: guard the test with describeWith');
  // It refuses to run as root, as Postgres does.
  const account = await chooseAccount('/');
  const folder = await mkdtemp(join(await temporaryRoot(account), 'supasession-pgbouncer-'));
  const file = (name: string): string => join(folder, name);
  const claim = await claimPort(0);
  const {port} = claim;

  const lines = Object.entries({postgres: PASSWORD, ...users}).map(([name, password]) => `"${name}" "${password}"\n`);
  await writeFile(file('users.txt'), lines.join(''), {mode: 0o600});
  await writeFile(
    file('pgbouncer.ini'),
    [
      '[databases]',
      `* = host=127.0.0.1 port=${serverPort}`,
      '[pgbouncer]',
      'listen_addr = 127.0.0.1',
      `listen_port = ${port}`,
      'unix_socket_dir =',
      'auth_type = scram-sha-256',
      `auth_file = ${file('users.txt')}`,
      'pool_mode = transaction',
      'default_pool_size = 2',
      `logfile = ${file('log')}`,
    ].join('\n'),
    {mode: 0o600},
  );
  const {uid, gid} = account;
  if (uid !== undefined && gid !== undefined) {
    for (const path of [folder, file('users.txt'), file('pgbouncer.ini')]) await chown(path, uid, gid);
  }

  const url = (database: string): string => `postgresql://postgres@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  const answers = async (): Promise<boolean> => {
    if (child?.exitCode !== null) throw new Error('it has ended');
    const client = new pg.Client({host: '127.0.0.1', port, user: 'postgres', password: PASSWORD, database: 'postgres'});
    client.on('error', () => undefined);
    return client
      .connect()
      .then(
        () => true,
        () => false,
      )
      .finally(() => client.end());
  };
  const start = async (): Promise<void> => {
    child = spawn(program, [file('pgbouncer.ini')], {...account, cwd: folder, stdio: 'ignore', env: {}});
    await until('pgbouncer takes connections', answers).catch(async (cause: unknown) => {
      throw new Error(`pgbouncer did not start: ${await readFile(file('log'), 'utf8')}`, {cause});
    });
  };
  const stop = async (): Promise<void> => {
    await kill();
    await rm(folder, {recursive: true, force: true});
  };

  await claim.release();
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {port, url, start, kill, stop};
}
