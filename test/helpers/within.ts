import type {Client} from 'pg';

/** Transactions of the code under test, as savepoints; what is deferred to the end of one is done at that end. */
const INSTEAD: Record<string, string> = {
  begin: 'savepoint request',
  commit: 'set constraints all immediate; set constraints all deferred; release savepoint request',
  rollback: 'rollback to savepoint request; release savepoint request',
};

/**
 * The connection for work inside of a transaction that the test itself has begun, and rolls back: whatever has been changed for it, such
 * as a table dropped, needs no undoing. The work may begin and end transactions of its own.
 */
export function within(client: Client): Client {
  const query = async (sql: string, values?: unknown[]): Promise<unknown> => client.query(INSTEAD[sql] ?? sql, values);
  return new Proxy(client, {
    get: (target, name) => (name === 'query' ? query : (Reflect.get(target, name) as unknown)),
  });
}
