import type {Client} from 'pg';

/**
 * Lets time pass: everything that happened in this database is set back by `interval` (an interval of Postgres, of whole seconds: a
 * deadline that supasession gave is known by its fraction of a second). Needs a connection of the superuser, whose
 * session_replication_role keeps triggers out of it.
 */
export async function passTime(superuser: Client, interval: string): Promise<void> {
  const back = (table: string, ...columns: string[]): string =>
    `update ${table} set ${columns.map((column) => `${column} = ${column} - $1::interval`).join(', ')}`;
  await superuser.query('begin');
  await superuser.query('set local session_replication_role = replica');
  for (const statement of [
    back('auth.sessions', 'created_at', 'updated_at', 'refreshed_at', 'not_after'),
    back('auth.flow_state', 'created_at', 'updated_at', 'auth_code_issued_at'),
    back('supasession.foreign_deadlines', 'not_after'),
    back('supasession.pending_ends', 'at'),
    back('supasession.revoked', 'at'),
    back('supasession.events', 'at'),
  ]) {
    await superuser.query(statement, [interval]);
  }
  await superuser.query('commit');
}
