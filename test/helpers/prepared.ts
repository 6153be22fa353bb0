import {execFile} from 'node:child_process';
import {chmod, mkdtemp, rename, statfs} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import pg from 'pg';
import {startSandbox, type Sandbox} from '../../src/sandbox/index.js';
import {readInstallation} from '../../src/database/sql.js';

const COPY = promisify(execFile);

/** What the servers of a test run may need at once, in bytes. */
const ROOM = 4e9;

/** A new folder for a server's data: in memory if Linux has the room, because making and dropping a database takes half the time there. */
async function makeDataDir(): Promise<string> {
  const memory = await statfs('/dev/shm').catch(() => undefined);
  const root = memory !== undefined && memory.bavail * memory.bsize > ROOM ? '/dev/shm' : tmpdir();
  return mkdtemp(join(root, 'supasession-test-'));
}

/**
 * Makes the data folder that all servers of a test run are copies of, because initdb takes seconds of the processor. Beside the database
 * `postgres` it has two templates: `supabase_template` with Supabase's roles and auth tables, and `supasession_template` with our SQL too.
 *
 * @returns the server of the test run, which runs on the first copy; with it the folder goes
 */
export async function startPrepared(): Promise<{server: Sandbox; prepared: string}> {
  const dataDir = await makeDataDir();
  const first = await startSandbox({dataDir, port: 0, durable: false});
  try {
    await fill(first);
  } finally {
    await first.stop();
  }
  const prepared = join(first.dataDir, 'prepared');
  await rename(join(first.dataDir, 'pgdata'), prepared);
  await COPY('cp', ['-a', prepared, join(first.dataDir, 'pgdata')]);
  const server = await startSandbox({dataDir: first.dataDir, port: 0, durable: false, temporary: true});
  return {server, prepared};
}

async function fill(server: Sandbox): Promise<void> {
  const connected = async (role: string, database: string, work: (client: pg.Client) => Promise<void>) => {
    const client = new pg.Client({connectionString: server.url({role, database})});
    await client.connect();
    await work(client);
    await client.end();
  };
  await connected('supabase_admin', 'postgres', async (admin) => {
    // The password of every role again, hashed once instead of 4,096 times: the tests sign in thousands of times.
    await admin.query(`set scram_iterations = 1;
      do $$ declare name text; begin
        for name in select rolname from pg_roles where rolcanlogin loop
          execute format('alter role %I password %L', name, 'postgres');
        end loop;
      end $$`);
    // What a query reads must not hang on whether it has come by.
    await admin.query('alter system set autovacuum = off');
    await admin.query("alter system set max_wal_size = '128MB'");
    await admin.query('create database supabase_template template postgres owner postgres is_template true');
    await admin.query('create database supasession_template template postgres owner postgres is_template true');
  });
  await connected('postgres', 'supasession_template', async (client) => {
    await client.query('begin');
    await client.query(await readInstallation());
    await client.query('commit');
  });
}

/** Starts a server on a copy of that folder. The caller stops it, and its data go with it. */
export async function startCopy(): Promise<Sandbox> {
  const prepared = process.env['SUPASESSION_TEST_DATA'];
  if (prepared === undefined) throw new Error('No test server: run these tests with `npm test`.');
  const dataDir = await makeDataDir();
  // The server may run as another user.
  await chmod(dataDir, 0o711);
  await COPY('cp', ['-a', prepared, join(dataDir, 'pgdata')]);
  return startSandbox({dataDir, port: 0, durable: false, temporary: true});
}

/** Starts a server with the same in it, but with an identity of its own, which a copy shares with all others; it takes seconds longer. */
export async function startFresh(): Promise<Sandbox> {
  const server = await startSandbox({
    dataDir: await makeDataDir(),
    port: 0,
    durable: false,
    temporary: true,
  });
  await fill(server);
  return server;
}
