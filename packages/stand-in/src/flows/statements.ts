/**
 * The pieces of which the flows are made: named statements, sent in Auth's words on a connection of role supabase_auth_admin
 * (its search_path is auth, so no table is qualified here).
 */
import {randomUUID} from 'node:crypto';

export type Row = Record<string, unknown>;

export interface Statement {
  /** Verb and table (`insert sessions`; `lock` for a select that locks), or `begin`, `commit`, `rollback`, `hook`, `set`, `pause`. */
  name: string;
  sql: string;
  values?: unknown[];
}

/** A request to Auth as the statements that it sends; each `yield` gives back the rows that came of it. */
export type Flow<T> = Generator<Statement, T, Row[]>;

/** The only instance that Supabase has. */
export const INSTANCE = '00000000-0000-0000-0000-000000000000';

/** Now in UTC to the microsecond, as Auth's own clock writes it (a Date has milliseconds only, and sign-ins would tie). */
export function now(): string {
  const micros = Math.round((performance.timeOrigin + performance.now()) * 1000);
  return `${new Date(Math.floor(micros / 1000)).toISOString().slice(0, -1)}${String(micros % 1000).padStart(3, '0')}Z`;
}

export function select(table: string, where: string, values: unknown[], lock = false): Statement {
  const tail = lock ? ' limit 1 for update skip locked' : '';
  return {name: `${lock ? 'lock' : 'select'} ${table}`, sql: `select * from ${table} where ${where}${tail}`, values};
}

export function insert(table: string, row: Row): Statement {
  const columns = Object.keys(row);
  return {
    name: `insert ${table}`,
    sql: `insert into ${table} (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
    values: Object.values(row),
  };
}

export function update(table: string, id: unknown, row: Row): Statement {
  const columns = Object.keys(row);
  return {
    name: `update ${table}`,
    sql: `update ${table} set ${columns.map((c, i) => `${c} = $${i + 1}`).join(', ')} where ${table}.id = $${columns.length + 1}`,
    values: [...Object.values(row), id],
  };
}

export function remove(table: string, where: string, values: unknown[]): Statement {
  return {name: `delete ${table}`, sql: `delete from ${table} where ${where}`, values};
}

export const BEGIN: Statement = {name: 'begin', sql: 'begin'};
export const COMMIT: Statement = {name: 'commit', sql: 'commit'};
export const ROLLBACK: Statement = {name: 'rollback', sql: 'rollback'};

export function audit(action: string, userId: string): Statement {
  const payload = JSON.stringify({action, actor_id: userId});
  return insert('audit_log_entries', {
    created_at: now(),
    id: randomUUID(),
    instance_id: INSTANCE,
    ip_address: '',
    payload,
  });
}
