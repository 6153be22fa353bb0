/** The server of a benchmark, and one database on it for each thing that is measured. */
import {mkdtemp} from 'node:fs/promises';
import {cpus, tmpdir, totalmem} from 'node:os';
import {join} from 'node:path';
import pg from 'pg';
import {startSandbox} from '../src/sandbox/index.js';
import {install, type Settings} from '../test/helpers/install.js';

/** A Postgres of its own for one run of a benchmark, thrown away at its end. */
export interface BenchServer {
  /** The URL of a database for the role `postgres`. */
  url(database: string): string;
  /** A connection as a login role (`postgres`, `supabase_auth_admin`, `supabase_admin`) to a database. */
  connect(database: string, role?: string): Promise<pg.Client>;
  /** Makes a database as a copy of another one. */
  clone(database: string, template: string): Promise<void>;
  drop(database: string): Promise<void>;
  /** What the numbers were measured on, in one line. */
  facts(): Promise<string>;
  stop(): Promise<void>;
}

/** The database that every other one is copied from: Supabase's roles and auth tables, and nothing of ours. */
export const TEMPLATE = 'postgres';

/** Boots the server. Its commits do not wait for the disk: what is compared is the work. */
export async function startServer(): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'supasession-bench-'));
  const sandbox = await startSandbox({dataDir, port: 0, durable: false, temporary: true});
  const clients: pg.Client[] = [];
  const connect = async (database: string, role = 'postgres'): Promise<pg.Client> => {
    const client = new pg.Client({connectionString: sandbox.url({database, role})});
    client.on('error', () => undefined);
    clients.push(client);
    await client.connect();
    return client;
  };
  const admin = await connect('template1', 'supabase_admin');
  return {
    url: (database) => sandbox.url({database}),
    connect,
    clone: async (database, template) => {
      await admin.query(
        `create database ${pg.escapeIdentifier(database)} template ${pg.escapeIdentifier(template)} owner postgres strategy file_copy`,
      );
    },
    drop: async (database) => {
      await admin.query(`drop database ${pg.escapeIdentifier(database)} with (force)`);
    },
    facts: async () => {
      const {rows} = await admin.query<{version: string}>("select current_setting('server_version') as version");
      const [processor] = cpus();
      return [
        `${cpus().length} x ${processor?.model.trim() ?? 'unknown processor'}`,
        `${Math.round(totalmem() / 2 ** 30)} GB`,
        `${process.platform} ${process.arch}`,
        `Postgres ${rows[0]?.version ?? '?'} (fsync, synchronous_commit and full_page_writes off)`,
        `Node ${process.versions.node}`,
      ].join(', ');
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
      await sandbox.stop();
    },
  };
}

/** Installs our SQL in a database and sets it up. */
export async function installOurs(
  server: BenchServer,
  database: string,
  settings: Settings,
  more = 'select',
): Promise<void> {
  const client = await server.connect(database);
  await install(client);
  await client.query('begin');
  const names = Object.keys(settings);
  await client.query(
    `update supasession.config set ${names.map((name, i) => `${name} = $${i + 1}`).join(', ')} where true`,
    Object.values(settings),
  );
  await client.query('commit');
  await client.query(more);
  await client.end();
}

/** The middle one of some numbers (the mean of both middle ones). */
export function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
