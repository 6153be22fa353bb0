import {randomBytes} from 'node:crypto';
import pg from 'pg';

/** A database of its own for one test file. */
export interface TestDatabase {
  name: string;
  port: number;
  /** The URL for a login role (default `postgres`). */
  url(role?: string): string;
  /**
   * A connection as a login role (default `postgres`; `supabase_auth_admin` is Auth, `supabase_admin` the superuser).
   * `drop` closes it. A connection that the server ends does not fail the test; its next query does.
   */
  connect(role?: string): Promise<pg.Client>;
  /** Ends everybody's connections, also those that wait for a lock, and drops the database. */
  drop(): Promise<void>;
}

/**
 * Makes a database for a test file: a clone of a template, with Supabase's roles and auth tables, and nothing of ours or our SQL installed.
 * Roles and their settings (`alter role ... set`) belong to the whole server: a test that changes them changes them for
 * every other file that runs now or later, and has to put them back.
 *
 * @param options - a name, when a test needs a certain one; whether our SQL is installed
 * @throws when the server of the test run cannot be reached
 */
export async function createDatabase(options: {name?: string; installed?: boolean} = {}): Promise<TestDatabase> {
  const port = serverPort();
  const name = options.name ?? `test_${randomBytes(6).toString('hex')}`;
  const quoted = pg.escapeIdentifier(name);
  const url = (role = 'postgres', database = name) =>
    `postgresql://${role}:postgres@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const clients: pg.Client[] = [];

  await asAdmin(url, async (admin) => {
    // A clone takes over what is in a database, not whose it is and who may use it.
    const template = options.installed === true ? 'supasession_template' : 'supabase_template';
    // Copied as files, and not block by block through the log: half the time to make it, a quarter to drop it.
    await admin.query(`create database ${quoted} template ${template} owner postgres strategy file_copy`);
    await admin.query(`grant all on database ${quoted} to dashboard_user`);
  });

  return {
    ...{name, port},
    url: (role) => url(role),
    connect: async (role) => {
      const client = new pg.Client({connectionString: url(role)});
      client.on('error', () => undefined);
      clients.push(client);
      await client.connect();
      return client;
    },
    drop: async () => {
      await asAdmin(url, (admin) => admin.query(`drop database if exists ${quoted} with (force)`));
      await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    },
  };
}

function serverPort(): number {
  const port = Number(process.env['SUPASESSION_TEST_PORT']);
  if (Number.isInteger(port) && port > 0) return port;
  throw new Error(
    'No test server: run these tests with `npm run test:db` or `npm run test:e2e`, whose global setup starts one.',
  );
}

async function asAdmin(
  url: (role: string, database: string) => string,
  work: (admin: pg.Client) => Promise<unknown>,
): Promise<void> {
  const admin = new pg.Client({connectionString: url('supabase_admin', 'postgres')});
  admin.on('error', () => undefined);
  try {
    await admin.connect();
  } catch (error) {
    throw new Error(
      'The test server does not answer. Its log is server.log in /dev/shm/supasession-test-* or /tmp/supasession-test-*; run the tests again.',
      {cause: error},
    );
  }
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}
