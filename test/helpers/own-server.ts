import {mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {startSandbox, type Sandbox} from '../../src/sandbox/index.js';

/**
 * Starts a server for this test file alone, which createDatabase() uses from then on: for tests that change what belongs to a whole
 * server, such as roles, their settings and rights on parameters. The caller stops it.
 */
export async function startOwnServer(): Promise<Sandbox> {
  const server = await startSandbox({
    dataDir: await mkdtemp(join(tmpdir(), 'supasession-test-')),
    port: 0,
    durable: false,
    temporary: true,
  });
  const admin = new pg.Client({connectionString: server.url({role: 'supabase_admin'})});
  await admin.connect();
  await admin.query('create database supabase_template template postgres owner postgres is_template true');
  await admin.end();
  // Jest gives every test file an environment of its own.
  process.env['SUPASESSION_TEST_PORT'] = String(server.port);
  return server;
}
