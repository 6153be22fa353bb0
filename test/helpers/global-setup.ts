import {mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {require as tsxRequire} from 'tsx/cjs/api';
import type * as SandboxModule from '../../src/sandbox/index.js';

declare global {
  /** The server of this test run, from the global setup to the teardown. */
  var supasessionTestServer: SandboxModule.Sandbox | undefined;
}

/**
 * Boots the one server of a test run, whatever projects of jest take part in it, and makes the template that every test
 * database is cloned from: Supabase's roles and auth tables, and nothing of ours. Test files find the server by
 * SUPASESSION_TEST_PORT.
 */
export default async function globalSetup(): Promise<void> {
  // Jest compiles this file alone, to CommonJS, and does not know our .js specifiers here: tsx does.
  const {startSandbox} = tsxRequire('../../src/sandbox/index.ts', __filename) as typeof SandboxModule;
  const server = await startSandbox({
    dataDir: await mkdtemp(join(tmpdir(), 'supasession-test-')),
    port: 0,
    durable: false,
    temporary: true,
  });
  try {
    const admin = new pg.Client({connectionString: server.url({role: 'supabase_admin'})});
    await admin.connect();
    await admin.query('create database supabase_template template postgres owner postgres is_template true');
    await admin.end();
  } catch (error) {
    await server.stop();
    throw error;
  }
  globalThis.supasessionTestServer = server;
  process.env['SUPASESSION_TEST_PORT'] = String(server.port);
}
