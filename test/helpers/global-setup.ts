import {require as tsxRequire} from 'tsx/cjs/api';
import type {Sandbox} from '../../src/sandbox/index.js';
import type * as PreparedModule from './prepared.js';

declare global {
  /** The server of this test run, from the global setup to the teardown. */
  var supasessionTestServer: Sandbox | undefined;
}

/**
 * Boots the one server of a test run, whatever projects of jest take part in it. Test files find it by SUPASESSION_TEST_PORT, and what
 * servers of their own start from by SUPASESSION_TEST_DATA: see prepared.ts.
 */
export default async function globalSetup(): Promise<void> {
  // Jest compiles this file alone, to CommonJS, and does not know our .js specifiers here: tsx does.
  const {startPrepared} = tsxRequire('./prepared.ts', __filename) as typeof PreparedModule;
  const {server, prepared} = await startPrepared();
  globalThis.supasessionTestServer = server;
  process.env['SUPASESSION_TEST_PORT'] = String(server.port);
  process.env['SUPASESSION_TEST_DATA'] = prepared;
}
