import type {Client} from 'pg';
import {flush, type FlushOptions, type FlushResult} from '../../src/features/sessions/flush.js';
import {connect, type Connection} from '../../src/database/connection.js';
import {SupasessionError} from '../../src/errors.js';
import type {Target} from '../../src/types.js';
import {createSessions, createUsers} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {install} from '../helpers/install.js';
import {until} from '../helpers/wait.js';

// What keeps a flush from ending sessions, and what it does about it. The same through a pooler and at full size: flush-pooler.test.ts.

const SESSIONS = 100;
const BATCH = 10;

let database: TestDatabase;
let observer: Client;
let target: Target;
/** In the order in which a flush comes to them. */
let ids: string[];

beforeAll(async () => {
  database = await createDatabase();
  observer = await database.connect('supabase_admin');
  target = {
    ...{kind: 'url', host: '127.0.0.1', port: database.port, database: database.name, user: 'postgres'},
    ...{projectRef: null, tls: 'disable', tlsRootCert: null},
    login: async () => ({user: 'postgres', password: async () => 'postgres', role: null}),
  };
});

afterAll(async () => database.drop());

beforeEach(async () => {
  await observer.query('delete from auth.users');
  const users = await createUsers(observer, SESSIONS / 2);
  const sessions = await createSessions(
    observer,
    users.map(({userId}) => userId),
    2,
  );
  ids = sessions.map(({sessionId}) => sessionId).sort();
});

/** A flush under way; `reached` resolves when it has ended that many sessions. */
function start(
  connection: Connection,
  options: Partial<FlushOptions> = {},
): {outcome: Promise<FlushResult>; reached: (deleted: number) => Promise<void>} {
  let done = 0;
  const outcome = flush(connection, {
    filter: {},
    reconnect: async () => connect(target),
    batchSize: BATCH,
    signal: new AbortController().signal,
    onProgress: (deleted) => {
      done = deleted;
    },
    ...options,
  }).finally(() => connection.close());
  // Awaited later, where a failure is looked at.
  outcome.catch(() => undefined);
  return {outcome, reached: async (deleted) => until(`${deleted} sessions are ended`, async () => done >= deleted)};
}

async function failure(outcome: Promise<FlushResult>): Promise<SupasessionError> {
  const error: unknown = await outcome.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SupasessionError)) throw new Error('it did not fail in our words', {cause: error});
  return error;
}

/** Locks sessions as a refresh does, until the function that it returns is called. */
async function lock(sessionIds: string[]): Promise<() => Promise<unknown>> {
  const client = await database.connect('supabase_auth_admin');
  await client.query('begin');
  await client.query('select from auth.sessions where id = any ($1) for update', [sessionIds]);
  return async () => client.query('rollback');
}

async function present(): Promise<string[]> {
  return (await observer.query<{id: string}>('select id from auth.sessions order by id')).rows.map(({id}) => id);
}

/** Ends a connection from the server's side. */
async function cut(connection: Connection): Promise<void> {
  const {rows} = await connection.query<{pid: number}>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid;
  await observer.query('select pg_terminate_backend($1)', [pid]);
  await until('the connection is gone', async () => {
    const {rowCount} = await observer.query('select from pg_stat_activity where pid = $1', [pid]);
    return rowCount === 0;
  });
}

/** A connection over which each batch runs, and the answer never comes. */
function deaf(connection: Connection, before: () => Promise<unknown>): Connection {
  return {
    ...connection,
    query: async (sql, values) => {
      if (!sql.includes('delete from')) return connection.query(sql, values);
      await before();
      throw Object.assign(new Error('read ECONNRESET'), {code: 'ECONNRESET'});
    },
  };
}

describe('locked sessions', () => {
  it('are left out, come back to, and ended when the lock is gone', async () => {
    const unlock = await lock([ids[3]!, ids[55]!, ids[99]!]);
    const {outcome, reached} = start(await connect(target));
    await reached(SESSIONS - 3);
    expect(await present()).toEqual([ids[3], ids[55], ids[99]]);
    await unlock();
    expect(await outcome).toMatchObject({matched: SESSIONS, deleted: SESSIONS, remaining: 0, completed: true});
    expect(await present()).toEqual([]);
  });

  it('that stay locked are reported with how many they are', async () => {
    const unlock = await lock(ids.slice(0, 12));
    const error = await failure(start(await connect(target), {patience: 300}).outcome);
    expect(error.code).toBe('LOCK_TIMEOUT');
    expect(error.message).toBe('Some sessions stay locked: 88 of 100 sessions have ended, 12 are left.');
    expect(error.suggestions).toEqual(['Run the command again to continue']);
    expect(error.details).toEqual({
      ...{matched: SESSIONS, deleted: 88, remaining: 12, batches: 9, completed: false},
      seconds: expect.any(Number) as number,
    });
    expect(await present()).toEqual(ids.slice(0, 12));

    await unlock();
    expect(await start(await connect(target)).outcome).toMatchObject({matched: 12, deleted: 12, completed: true});
  });

  it('may be locked by way of a refresh token only: their batch comes last', async () => {
    const client = await database.connect('supabase_auth_admin');
    await client.query('begin');
    await client.query('select from auth.refresh_tokens where session_id = $1 for update', [ids[42]]);
    const {outcome, reached} = start(await connect(target));
    await reached(SESSIONS - BATCH);
    expect(await present()).toEqual(ids.slice(40, 50));
    await client.query('commit');
    expect(await outcome).toMatchObject({matched: SESSIONS, deleted: SESSIONS, remaining: 0, completed: true});
  });

  it('that are signed out meanwhile are no work of ours', async () => {
    const client = await database.connect('supabase_auth_admin');
    await client.query('begin');
    await client.query('delete from auth.sessions where id = $1', [ids[42]]);
    const {outcome, reached} = start(await connect(target));
    await reached(SESSIONS - 1);
    await client.query('commit');
    expect(await outcome).toMatchObject({matched: SESSIONS, deleted: SESSIONS - 1, remaining: 0, completed: true});
  });
});

describe('all sessions of a user, where supasession is installed', () => {
  it('end, also one that stays in use: it counts as ended, and ends with its refresh', async () => {
    const own = await createDatabase();
    try {
      const postgres = await own.connect();
      await install(postgres);
      const [user, other] = await createUsers(postgres, 2);
      const made = await createSessions(postgres, [user!.userId, other!.userId], 2 * BATCH);
      const [inUse] = made;
      const auth = await own.connect('supabase_auth_admin');
      await auth.query('begin');
      await auth.query('select from sessions where id = $1 for update', [inUse!.sessionId]);
      const {outcome} = start(await connect({...target, database: own.name}), {filter: {userIds: [user!.userId]}});
      expect(await outcome).toMatchObject({matched: 2 * BATCH, deleted: 2 * BATCH, remaining: 0, completed: true});
      const {rows} = await postgres.query(
        `select (select count(*)::int from auth.sessions where user_id = $1) as others,
           (select array_agg(id) from auth.sessions where user_id = $2) as left,
           (select array_agg(session_id) from supasession.pending_ends) as ending`,
        [other!.userId, user!.userId],
      );
      expect(rows).toEqual([{others: 2 * BATCH, left: [inUse!.sessionId], ending: [inUse!.sessionId]}]);
    } finally {
      await own.drop();
    }
  });
});

describe('a lost connection', () => {
  it('is replaced, and the flush goes on', async () => {
    const unlock = await lock([ids[99]!]);
    const connection = await connect(target);
    let attempts = 0;
    const {outcome, reached} = start(connection, {
      reconnectWaits: [10, 10, 10],
      reconnect: async () => {
        attempts++;
        // The server is still coming back at first.
        return connect(attempts < 3 ? {...target, database: 'not_there_yet'} : target);
      },
    });
    await reached(SESSIONS - 1);
    await cut(connection);
    await until('there is a new one', async () => attempts === 3);
    await unlock();
    expect(await outcome).toMatchObject({matched: SESSIONS, deleted: SESSIONS, remaining: 0, completed: true});
  });

  it('hides what became of a batch: what that batch ended counts', async () => {
    const connection = await connect(target);
    const batch = async (): Promise<unknown> =>
      observer.query('delete from auth.sessions where id = any ($1)', [ids.slice(0, BATCH)]);
    const {outcome} = start(deaf(connection, batch), {reconnectWaits: [10]});
    expect(await outcome).toMatchObject({deleted: SESSIONS, batches: SESSIONS / BATCH, remaining: 0, completed: true});
    await connection.close();
  });

  it('may leave a batch behind that the server is still at', async () => {
    const connection = await connect(target);
    const server = await database.connect();
    const batch = async (): Promise<void> => {
      await server.query('begin');
      await server.query('delete from auth.sessions where id = any ($1)', [ids.slice(0, BATCH)]);
    };
    const {outcome, reached} = start(deaf(connection, batch), {reconnectWaits: [10]});
    await reached(SESSIONS - BATCH);
    await server.query('commit');
    expect(await outcome).toMatchObject({deleted: SESSIONS, remaining: 0, completed: true});
    await connection.close();
  });

  it('that does not come back is reported with how far it got', async () => {
    const unlock = await lock(ids.slice(95));
    const connection = await connect(target);
    let attempts = 0;
    const {outcome, reached} = start(connection, {
      reconnectWaits: [10, 10],
      reconnect: async () => {
        attempts++;
        return connect({...target, database: 'gone'});
      },
    });
    await reached(95);
    await cut(connection);
    const error = await failure(outcome);
    expect(error.code).toBe('CONNECTION_LOST');
    expect(error.message).toBe(
      `The connection to 127.0.0.1:${database.port} was lost: 95 of 100 sessions have ended, 5 are left.`,
    );
    expect(error.details).toMatchObject({matched: SESSIONS, deleted: 95, remaining: 5, completed: false});
    expect(attempts).toBe(2);
    await unlock();
  });

  it('is not tried for ever where a pooler answers for a database that does not', async () => {
    const dead = async (): Promise<Connection> => {
      const connection = await connect(target);
      await cut(connection);
      return connection;
    };
    const connection = await connect(target);
    let attempts = 0;
    const {outcome} = start(
      deaf(connection, async () => undefined),
      {
        reconnectWaits: [10, 10, 10],
        reconnect: async () => {
          attempts++;
          return dead();
        },
      },
    );
    const error = await failure(outcome);
    expect(error.code).toBe('CONNECTION_LOST');
    expect(error.details).toMatchObject({matched: SESSIONS, deleted: 0, remaining: SESSIONS, completed: false});
    expect(attempts).toBe(3);
    await connection.close();
  });

  it('can be waited for no longer: an interruption counts as one', async () => {
    const interrupt = new AbortController();
    const connection = await connect(target);
    const {outcome} = start(
      deaf(connection, async () => undefined),
      {
        signal: interrupt.signal,
        reconnectWaits: [10, 600_000],
        reconnect: async () => {
          interrupt.abort();
          throw new Error('no connection');
        },
      },
    );
    const error = await failure(outcome);
    expect([error.code, error.exit]).toEqual(['INTERRUPTED', 130]);
    expect(error.details).toMatchObject({deleted: 0, remaining: SESSIONS});
    await connection.close();
  });
});
