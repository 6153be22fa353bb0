import type {AddressInfo} from 'node:net';
import {serve} from '@hono/node-server';
import {createApp} from './app.js';
import type {Project} from './supabase.js';

/** Serves the site on 127.0.0.1; port 0 is a free one. */
export async function serveSite(project: Project, port = 0): Promise<{url: string; close: () => Promise<void>}> {
  const app = createApp(project);
  const server = serve({fetch: app.fetch, hostname: '127.0.0.1', port});
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      if ('closeAllConnections' in server) server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
