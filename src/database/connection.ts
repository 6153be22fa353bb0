import {readFileSync} from 'node:fs';
import {setTimeout as wait} from 'node:timers/promises';
import type {ConnectionOptions} from 'node:tls';

import type Pg from 'pg';

import {SupasessionError, type ErrorCode} from '../errors.js';
import type {Login, Target} from '../types.js';
import {address, toSupasessionError} from './errors.js';
import {pg} from './pg.js';

/** Time for a connection to be made, in milliseconds; a hosted database that wakes up takes a few seconds. */
const CONNECT_TIMEOUT = 10_000;

/** Longest wait for a lock, in milliseconds: as in the SQL of supasession, giving up is better than hanging behind an open transaction. */
const LOCK_TIMEOUT = 3000;

/** Pauses before each new attempt with a new role, in milliseconds; few, because the platform bans clients that fail too often. */
const NEW_ROLE_PAUSES = [3000, 4000, 6000, 9000];

/** The errors of a server or pooler that does not know a role or its password yet. */
const NOT_KNOWN: readonly ErrorCode[] = ['AUTHENTICATION_FAILED', 'CONNECTION_LOST', 'DATABASE_ERROR'];

/** What the query functions need. */
export interface Queryable {
  query<Row extends Pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Pg.QueryResult<Row>>;
}

/** An open connection. Queries throw what the driver throws; `toSupasessionError` puts it in words. */
export interface Connection extends Queryable {
  readonly target: Target;
  /**
   * Runs queries in one transaction and undoes them: to judge a change by making it.
   */
  rehearse<T>(work: (db: Queryable) => Promise<T>): Promise<T>;
  /** Runs queries that change nothing in one transaction: they all see the same moment, and may share a cursor. */
  snapshot<T>(work: (db: Queryable) => Promise<T>): Promise<T>;
  readonly encrypted: boolean;
  /** Whether the server's certificate was checked. */
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

/** Fails if the user took too long to type the password. A second attempt can use it then. */
async function connectOnce(
  target: Target,
  login: Login,
  ssl: ConnectionOptions | false,
): Promise<{client: Pg.Client} | {failure: unknown; waitedForPassword: boolean}> {
  let asked: number | undefined;
  const client = new pg.Client({
    host: target.host,
    port: target.port,
    database: target.database,
    user: login.user,
    // Called only when the server asks. A missing one is reported by pg as not being a string.
    password: async () => {
      asked = performance.now();
      return (await login.password()) as string;
    },
    ssl,
    application_name: 'supasession',
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    keepAlive: true,
  });
  // A connection that dies between two queries is reported by the next one.
  client.on('error', () => {});
  try {
    await client.connect();
    return {client};
  } catch (failure) {
    await client.end().catch(() => {});
    return {failure, waitedForPassword: asked !== undefined && performance.now() - asked > CONNECT_TIMEOUT / 2};
  }
}

async function connectPatiently(target: Target, login: Login, ssl: ConnectionOptions | false): Promise<Pg.Client> {
  const first = await connectOnce(target, login, ssl);
  if ('client' in first) return first.client;
  if (!first.waitedForPassword) throw first.failure;
  await login.password();
  const second = await connectOnce(target, login, ssl);
  if ('client' in second) return second.client;
  throw second.failure;
}

/** A pooler caches roles and their passwords: it does not know a new role at once. */
async function connectAs(target: Target, login: Login, ssl: ConnectionOptions | false): Promise<Pg.Client> {
  const pauses = login.role === null ? [] : [...NEW_ROLE_PAUSES];
  for (;;) {
    try {
      return await connectPatiently(target, login, ssl);
    } catch (error) {
      const pause = NOT_KNOWN.includes(toSupasessionError(error, target).code) ? pauses.shift() : undefined;
      if (pause === undefined) throw error;
      await wait(pause);
    }
  }
}

/** A client, and the TLS that it really uses: with sslmode=prefer none if the server has none. */
interface Opened {
  client: Pg.Client;
  ssl: ConnectionOptions | false;
}

async function connectPreferred(target: Target, login: Login, ssl: Opened['ssl']): Promise<Opened> {
  try {
    return {client: await connectAs(target, login, ssl), ssl};
  } catch (error) {
    if (target.tls !== 'prefer' || !(error instanceof Error) || !error.message.includes('does not support SSL'))
      throw error;
    return {client: await connectAs(target, login, false), ssl: false};
  }
}

function notConnected(error: unknown, target: Target, user: string): SupasessionError {
  const failure = toSupasessionError(error, {...target, user});
  // There was none to lose yet.
  if (failure.code !== 'CONNECTION_LOST') return failure;
  return new SupasessionError(
    'CONNECTION_FAILED',
    `${address(target)} closed the connection while it was being made.`,
    {cause: error},
  );
}

type Transact = <T>(work: () => Promise<T>, end: 'commit' | 'rollback') => Promise<T>;

/** Runs work in a transaction each, because a pooler in transaction mode forgets, or hands on, what is set for the session. */
function transactions(client: Pg.Client, role: string | null): Transact {
  const setRole = role === null ? '' : `set local role ${pg.escapeIdentifier(role)};`;
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: two that overlap would share a transaction. */
  const queued = async <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
  return async (work, end) =>
    queued(async () => {
      try {
        await client.query(`begin; ${setRole} set local lock_timeout = ${LOCK_TIMEOUT}`);
        const result = await work();
        await client.query(end);
        return result;
      } catch (error) {
        await client.query('rollback').catch(() => {});
        throw error;
      }
    });
}

/**
 * Opens a connection, to be closed by the caller; the only place that does.
 * @throws SupasessionError saying why there is none
 */
export async function connect(target: Target): Promise<Connection> {
  // Before the login, which may ask for a password: a certificate that cannot be read is known without.
  const wanted = tlsOptions(target);
  const login = await target.login();
  const {client, ssl} = await connectPreferred(target, login, wanted).catch((error: unknown) => {
    throw notConnected(error, target, login.user);
  });
  const transact = transactions(client, login.role);
  const inTransaction: Queryable = {query: async (text, values) => client.query(text, values)};
  let closed = false;
  return {
    target,
    encrypted: ssl !== false,
    verified: ssl !== false && ssl.rejectUnauthorized === true,
    async query<Row extends Pg.QueryResultRow>(text: string, values?: unknown[]) {
      return transact(async () => client.query<Row>(text, values), 'commit');
    },
    async rehearse(work) {
      return transact(async () => work(inTransaction), 'rollback');
    },
    async snapshot(work) {
      return transact(async () => {
        await client.query('set transaction isolation level repeatable read, read only');
        return work(inTransaction);
      }, 'commit');
    },
    async close() {
      if (closed) return;
      closed = true;
      await client.end().catch(() => {});
    },
  };
}
