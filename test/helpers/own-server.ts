import type {Sandbox} from '../../src/sandbox/index.js';
import {startCopy} from './prepared.js';

/**
 * Starts a server for this test file alone, which createDatabase() uses from then on: for tests that change what belongs to a whole
 * server, such as roles, their settings and rights on parameters. The caller stops it.
 */
export async function startOwnServer(): Promise<Sandbox> {
  const server = await startCopy();
  // Jest gives every test file an environment of its own.
  process.env['SUPASESSION_TEST_PORT'] = String(server.port);
  return server;
}
