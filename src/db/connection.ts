import {readFileSync} from 'node:fs';
import type {ConnectionOptions} from 'node:tls';

import pg from 'pg';

import {SupasessionError} from '../errors.js';
import type {Target} from '../types.js';
import {toSupasessionError} from './errors.js';

/** Time for a connection to be made, in milliseconds; a hosted database that wakes up takes a few seconds. */
const CONNECT_TIMEOUT = 10_000;

/** What the query functions need. */
export interface Queryable {
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<Row>>;
}

/** An open connection. Queries throw what the driver throws; `toSupasessionError` puts it in words. */
export interface Connection extends Queryable {
  readonly target: Target;
  /** Whether what goes over it is encrypted. */
  readonly encrypted: boolean;
  /** Whether the server has been checked against a certificate. */
  readonly verified: boolean;
  /** Ends the connection; a second call does nothing. */
  close(): Promise<void>;
}

function tlsOptions(target: Target): ConnectionOptions | false {
  if (target.tls === 'disable') return false;
  const verify = target.tls === 'verify-ca' || target.tls === 'verify-full';
  if (!verify) return {rejectUnauthorized: false};
  const options: ConnectionOptions = {rejectUnauthorized: true};
  if (target.tlsRootCert !== null) {
    try {
      options.ca = readFileSync(target.tlsRootCert, 'utf8');
    } catch (error) {
      throw new SupasessionError('TLS_FAILED', `The certificate file ${target.tlsRootCert} cannot be read.`, {
        suggestions: ['Check sslrootcert in the URL, or PGSSLROOTCERT'],
        cause: error,
      });
    }
  }

  // verify-ca: the chain counts, the name does not.
  if (target.tls === 'verify-ca') options.checkServerIdentity = () => undefined;
  return options;
}

async function connectOnce(target: Target, ssl: ConnectionOptions | false): Promise<pg.Client> {
  const client = new pg.Client({
    host: target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    // Called only when the server asks. A missing one is reported by pg as not being a string.
    password: async () => (await target.password()) as string,
    ssl,
    application_name: 'supasession',
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    keepAlive: true,
  });
  // A connection that dies between two queries is reported by the next one.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }

  return client;
}

/**
 * Opens a connection; the only place that does.
 * @param target where to
 * @returns the connection, to be closed by the caller
 * @throws SupasessionError saying why there is none
 */
export async function connect(target: Target): Promise<Connection> {
  const ssl = tlsOptions(target);
  let client: pg.Client;
  let encrypted = ssl !== false;
  try {
    try {
      client = await connectOnce(target, ssl);
    } catch (error) {
      if (target.tls !== 'prefer' || !(error instanceof Error) || !error.message.includes('does not support SSL'))
        throw error;
      encrypted = false;
      client = await connectOnce(target, false);
    }
  } catch (error) {
    throw toSupasessionError(error, target);
  }

  let closed = false;
  return {
    target,
    encrypted,
    verified: encrypted && ssl !== false && ssl.rejectUnauthorized === true,
    query: (text, values) => client.query(text, values),
    async close() {
      if (closed) return;
      closed = true;
      await client.end().catch(() => {});
    },
  };
}
