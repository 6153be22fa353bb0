import type {Queryable} from './connection.js';

/** Something of the project's own that uses ours. */
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
  /** Of a policy: whether it narrows what others allow. */
  restrictive: boolean | null;
  /** Null for what has to be changed by hand. */
  drop_statement: string | null;
}

/**
 * @param db an open connection to a database with our SQL
 * @returns what of the project's own uses ours
 */
export async function readDependents(db: Queryable): Promise<Dependent[]> {
  const {rows} = await db.query<Dependent>('select * from supasession.dependents()');
  return rows;
}

/** What of ours an uninstallation ends, beside the limits. */
export interface Belongings {
  rules: number;
  events: number;
  /** Users who are barred, and no longer will be. */
  revoked: number;
  /** Live sessions with a deadline: it stays, and nothing moves it on any more. */
  deadlines: number;
}

/**
 * @param db an open connection to a database with our SQL
 * @returns what there is
 */
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
