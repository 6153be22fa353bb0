import type {Connection, Queryable} from './connection.js';
import {SupasessionError} from '../errors.js';

function describeHolder({pid, role, application, state, seconds}: LockHolder): string {
  const age = seconds === null ? '' : ` for ${seconds} s`;
  return `process ${pid} (role ${role ?? 'unknown'}${application === null ? '' : `, ${application}`}, ${state ?? 'state hidden'}${age})`;
}

/**
 * Adds who holds the lock to a LOCK_TIMEOUT; returns the same error if nobody holds it any more.
 */
export async function namingHolders(error: SupasessionError, connection: Connection): Promise<SupasessionError> {
  const holders = await readLockHolders(connection).catch(() => []);
  const [first] = holders;
  if (first === undefined) return error;
  return new SupasessionError(
    'LOCK_TIMEOUT',
    `${[...new Set(holders.flatMap(({tables}) => tables))].sort().join(', ')} locked by ${holders.map((holder) => describeHolder(holder)).join(', ')}: gave up waiting.`,
    {
      suggestions: [
        'Run the command again when that transaction has ended',
        `Or end it: select pg_terminate_backend(${first.pid});`,
      ],
      details: {...error.details, holders},
      cause: error,
    },
  );
}

/** A backend that holds a lock which an installation has to wait for. */
export interface LockHolder {
  pid: number;
  /** The tables it holds, with their schema. */
  tables: string[];
  role: string | null;
  application: string | null;
  state: string | null;
  /** Age of its transaction, in whole seconds. */
  seconds: number | null;
}

/** The longest transaction first. */
export async function readLockHolders(db: Queryable): Promise<LockHolder[]> {
  const {rows} = await db.query<LockHolder>(`
    select
      a.pid,
      array_agg(distinct 'auth.' || c.relname) as tables,
      a.usename::text as role,
      nullif(a.application_name, '') as application,
      a.state,
      floor(extract(epoch from clock_timestamp() - a.xact_start))::integer as seconds
    from pg_catalog.pg_locks l
    join pg_catalog.pg_class c on c.oid = l.relation
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'relation'
      and n.nspname = 'auth'
      and c.relname in ('sessions', 'users', 'mfa_amr_claims')
      and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
      and l.granted
      -- An installation locks sessions exclusively, so that there a lock on rows is in its way as well.
      and (l.mode not in ('AccessShareLock', 'RowShareLock') or (c.relname = 'sessions' and l.mode = 'RowShareLock'))
      and a.pid <> pg_backend_pid()
    group by a.pid, a.usename, a.application_name, a.state, a.xact_start
    order by seconds desc nulls last`);
  return rows;
}
