import type {Connection} from './connection.js';
import {readLockHolders, type LockHolder} from './queries.js';
import {SupasessionError} from '../errors.js';

function describeHolder({pid, role, application, state, seconds}: LockHolder): string {
  const age = seconds === null ? '' : ` for ${seconds} s`;
  return `process ${pid} (role ${role ?? 'unknown'}${application === null ? '' : `, ${application}`}, ${state ?? 'state hidden'}${age})`;
}

/**
 * Adds to a lock timeout who is in the way.
 * @param error the error, of code LOCK_TIMEOUT
 * @param connection an open connection to where it happened
 * @returns the error to end with; the same one where nobody holds a lock any more
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
