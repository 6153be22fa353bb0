/** Builds the page for a project and serves it: for the demo and the tests. */
import {execFile} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {createRequire} from 'node:module';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {serve} from '@hono/node-server';
import {serveStatic} from '@hono/node-server/serve-static';
import {Hono} from 'hono';

const ROOT = fileURLToPath(new URL('.', import.meta.url));
const VITE = path.join(path.dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin/vite.js');

/** A served example. */
export interface Served {
  url: string;
  close: () => Promise<void>;
}

/**
 * Builds the page into a temporary folder and serves it on 127.0.0.1, until it is closed.
 *
 * @param project the URL of a project and its publishable (anon) key
 * @param port 0 for a free one
 */
export async function servePage(project: {url: string; key: string}, port = 0): Promise<Served> {
  const folder = await mkdtemp(path.join(tmpdir(), 'supasession-web-'));
  const remove = async (): Promise<void> => rm(folder, {recursive: true, force: true});
  try {
    await build(folder, {VITE_SUPABASE_URL: project.url, VITE_SUPABASE_KEY: project.key});
    const server = serve({fetch: new Hono().use(serveStatic({root: folder})).fetch, hostname: '127.0.0.1', port});
    await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      close: async () => {
        if ('closeAllConnections' in server) server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** In a process of its own: Vite does not run within jest. */
async function build(folder: string, settings: Record<string, string>): Promise<void> {
  const env = {...process.env, NODE_ENV: 'production', ...settings};
  await promisify(execFile)(process.execPath, [VITE, 'build', ROOT, '--outDir', folder, '--logLevel', 'warn'], {env});
}
