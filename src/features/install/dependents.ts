import {readSql} from '../../database/sql.js';
import type {Connection, Queryable} from '../../database/connection.js';

/** An object of the project that uses supasession. */
export interface Dependent {
  kind:
    | 'policy'
    | 'view'
    | 'materialized view'
    | 'constraint'
    | 'default'
    | 'trigger'
    | 'column'
    | 'function'
    | 'procedure';
  /** As SQL writes it. */
  name: string;
  /** Its expression or text. */
  definition: string;
  /** For a policy: whether it narrows what others allow. */
  restrictive: boolean | null;
  /** Null if it must be changed by hand. */
  drop_statement: string | null;
}

export async function readDependents(connection: Connection): Promise<Dependent[]> {
  const query = await readSql('queries/dependents.sql');
  return connection.rehearse(async (db) => {
    // So that names come with their schemas.
    await db.query('set local search_path = pg_catalog');
    return (await db.query<Dependent>(query)).rows;
  });
}

/** What an uninstallation removes or leaves behind, beside the limits. */
export interface Belongings {
  rules: number;
  events: number;
  /** Users whose access is revoked, which ends. */
  revoked: number;
  /** Live sessions with a deadline: it stays, and nothing extends it any more. */
  deadlines: number;
}

export async function readBelongings(db: Queryable): Promise<Belongings> {
  const {rows} = await db.query<Record<keyof Belongings, string>>(`
    select
      (select count(*) from supasession.rules) as rules,
      (select count(*) from supasession.events) as events,
      (select count(*) from supasession.revoked) as revoked,
      (select count(*) from auth.sessions where not_after > now()) as deadlines`);
  const {rules, events, revoked, deadlines} = rows[0]!;
  return {rules: Number(rules), events: Number(events), revoked: Number(revoked), deadlines: Number(deadlines)};
}
