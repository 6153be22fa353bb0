import pg from 'pg';
import {startCopy, startFresh} from './prepared.js';

/** What the database `postgres` can begin with: Supabase's auth tables, the same with our SQL, or as `keep` found it. */
export type Beginning = 'supabase_template' | 'supasession_template' | 'kept';

/** A server of a test file's own, for what works on the database `postgres`, as a local target does. */
export interface TestServer {
  port: number;
  /** The URL of the database `postgres` for a login role (default `postgres`). */
  url: (role?: string) => string;
  /** A connection as a login role (default `postgres`); ended by `reset`, `keep` and `stop`. */
  connect: (role?: string) => Promise<pg.Client>;
  /** Makes the database `postgres` anew (default: with Supabase's auth tables and nothing of ours), and ends all connections. */
  reset: (beginning?: Beginning) => Promise<void>;
  /** Keeps the database as it is now, for `reset('kept')`: what takes long is done once. Ends all connections. */
  keep: () => Promise<void>;
  stop: () => Promise<void>;
}

/** Starts a server, with nothing of ours in it; `fresh`: with an identity (pg_control's) of its own. */
export async function startServer({fresh = false} = {}): Promise<TestServer> {
  const sandbox = await (fresh ? startFresh() : startCopy());
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
  /** Everybody's connections to the database end: it can be cloned only when nobody uses it. */
  const copy = async (from: string, to: string): Promise<void> => {
    await closeAll();
    const admin = await open('supabase_admin', 'template1');
    await admin.query(`drop database if exists ${to} with (force)`);
    await admin.query(
      'select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
      [from],
    );
    await admin.query(`create database ${to} template ${from} owner postgres strategy file_copy`);
    await admin.query(`grant all on database ${to} to dashboard_user`);
    await admin.end();
  };

  return {
    port: sandbox.port,
    url: (role = 'postgres') => sandbox.url({role}),
    connect: async (role = 'postgres') => {
      const client = await open(role, 'postgres');
      clients.add(client);
      return client;
    },
    reset: async (beginning = 'supabase_template') => copy(beginning, 'postgres'),
    keep: async () => copy('postgres', 'kept'),
    stop: async () => {
      await closeAll();
      await sandbox.stop();
    },
  };
}
