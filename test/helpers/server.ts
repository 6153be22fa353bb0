import {mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {startSandbox, type Sandbox} from '../../src/sandbox/index.js';

/** A server of a test file's own, for what works on the database `postgres`, as a local target does. */
export interface TestServer {
  port: number;
  /** The URL of the database `postgres` for a login role (default `postgres`). */
  url: (role?: string) => string;
  /** A connection as a login role (default `postgres`); ended by `reset` and `stop`. */
  connect: (role?: string) => Promise<pg.Client>;
  /** Makes the database `postgres` anew, with Supabase's auth tables and nothing of ours, and ends all connections. */
  reset: () => Promise<void>;
  stop: () => Promise<void>;
}

/** Starts a server, which takes about a second. */
export async function startServer(): Promise<TestServer> {
  const sandbox: Sandbox = await startSandbox({
    dataDir: await mkdtemp(join(tmpdir(), 'supasession-e2e-')),
    port: 0,
    durable: false,
    temporary: true,
  });
  const clients = new Set<pg.Client>();
  const open = async (role: string, database: string): Promise<pg.Client> => {
    const client = new pg.Client({connectionString: sandbox.url({role, database})});
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const closeAll = async (): Promise<void> => {
    await Promise.all([...clients].map(async (client) => client.end().catch(() => undefined)));
    clients.clear();
  };
  const asAdmin = async (...statements: string[]): Promise<void> => {
    const admin = await open('supabase_admin', 'template1');
    for (const statement of statements) await admin.query(statement);
    await admin.end();
  };

  await asAdmin('create database pristine template postgres owner postgres');
  return {
    port: sandbox.port,
    url: (role = 'postgres') => sandbox.url({role}),
    connect: async (role = 'postgres') => {
      const client = await open(role, 'postgres');
      clients.add(client);
      return client;
    },
    reset: async () => {
      await closeAll();
      await asAdmin(
        'drop database if exists postgres with (force)',
        'create database postgres template pristine owner postgres',
        'grant all on database postgres to dashboard_user',
      );
    },
    stop: async () => {
      await closeAll();
      await sandbox.stop();
    },
  };
}
