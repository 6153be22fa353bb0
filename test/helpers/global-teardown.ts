/** Stops the server of this test run, which also removes its data. */
export default async function globalTeardown(): Promise<void> {
  await globalThis.supasessionTestServer?.stop();
  globalThis.supasessionTestServer = undefined;
}
