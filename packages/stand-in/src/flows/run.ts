/** Sending flows: whole (`run`), or a piece at a time (`Steps`), so that a test can interleave two connections by hand. */
import {DatabaseError, type ClientBase} from 'pg';
import type {Flow, Row, Statement} from './statements.js';

/** Auth's answer to a request that failed, and what the database said where it was the database. */
export class AuthError extends Error {
  /** Auth's error code (`session_expired`); `unexpected_failure` for any database error, as Auth has it. */
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  readonly sqlstate: string | undefined;
  /** The name of the statement that failed. */
  readonly statement: string | undefined;

  constructor(
    code: string,
    status: number,
    message: string,
    cause?: unknown,
    database?: {sqlstate: string | undefined; statement: string},
  ) {
    super(message, {cause});
    this.name = 'AuthError';
    this.code = code;
    this.status = status;
    this.sqlstate = database?.sqlstate;
    this.statement = database?.statement;
  }
}

/** One request under way on one connection. Any failure rolls back, is thrown as an AuthError, and ends the flow. */
export class Steps<T> {
  readonly #client: ClientBase;
  readonly #flow: Flow<T>;
  #state: IteratorResult<Statement, T>;

  constructor(client: ClientBase, flow: Flow<T>) {
    this.#client = client;
    this.#flow = flow;
    this.#state = flow.next([]);
  }

  /** The statement to be sent next; undefined when the flow is over. */
  get next(): string | undefined {
    return this.#state.done === true ? undefined : this.#state.value.name;
  }

  /** Sends the next statement. */
  async step(): Promise<void> {
    if (this.#state.done === true) throw new Error('the flow is over');
    const statement = this.#state.value;
    try {
      this.#state = this.#flow.next(await this.#send(statement));
    } catch (error) {
      // On a connection that the server has ended it fails too.
      await this.#client.query('rollback').catch(() => undefined);
      throw error;
    }
  }

  /** Sends everything before the next statement of this name. */
  async before(name: string): Promise<void> {
    while (this.next !== name) await this.step();
  }

  /** Sends everything up to and with the next statement of this name. */
  async through(name: string): Promise<void> {
    await this.before(name);
    await this.step();
  }

  /** Sends what is left and returns the flow's result. */
  async finish(): Promise<T> {
    while (this.#state.done !== true) await this.step();
    return this.#state.value;
  }

  async #send({name, sql, values}: Statement): Promise<Row[]> {
    try {
      return (await this.#client.query<Row>(sql, values)).rows;
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      const database = {sqlstate: error.code, statement: name};
      throw new AuthError('unexpected_failure', 500, error.message, error, database);
    }
  }
}

/** Sends a whole flow on a connection of role supabase_auth_admin. Throws AuthError. */
export async function run<T>(client: ClientBase, flow: Flow<T>): Promise<T> {
  return new Steps(client, flow).finish();
}
