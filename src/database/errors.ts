import {SupasessionError} from '../errors.js';
import type {Target} from '../types.js';

/** SQLSTATEs that we tell apart, with why. Everything else is a DATABASE_ERROR in the server's words. */
const SQLSTATE = {
  invalidAuthorization: '28000', // no such role, or no pg_hba line for it
  invalidPassword: '28P01',
  protocolViolation: '08P01', // see pgbouncer, below
  insufficientPrivilege: '42501',
  lockNotAvailable: '55P03', // our lock_timeout ran out
  invalidCatalogName: '3D000', // no such database
  checkViolation: '23514', // a setting that the table refuses
  undefinedTable: '42P01',
  undefinedColumn: '42703',
  undefinedFunction: '42883',
  adminShutdown: '57P01',
  crashShutdown: '57P02',
  cannotConnectNow: '57P03', // starting up or shutting down
  tooManyConnections: '53300',
} as const;

const LOST_CODES = new Set(['ECONNRESET', 'EPIPE', SQLSTATE.adminShutdown, SQLSTATE.crashShutdown]);
const UNREACHABLE_CODES = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Where a target is, for messages. */
export function address(target: Pick<Target, 'host' | 'port'>): string {
  return `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}

interface DriverError {
  code: string | undefined;
  message: string;
}

function driverError(error: unknown): DriverError {
  // Node tries every address of a name and reports the failures together.
  const one: unknown = error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
  const code =
    typeof one === 'object' && one !== null && 'code' in one && typeof one.code === 'string' ? one.code : undefined;
  return {code, message: one instanceof Error ? one.message : String(one)};
}

/**
 * @param error what the driver threw
 * @returns whether the connection is gone, so that the work may go on over a new one
 */
export function isConnectionLost(error: unknown): boolean {
  const {code, message} = driverError(error);
  return (
    (code !== undefined && (LOST_CODES.has(code) || code.startsWith('08'))) ||
    // pg gives no code when the socket closes under a query, and when a closed client is asked again.
    /Connection terminated|Client has encountered a connection error|Client was closed/.test(message)
  );
}

/**
 * @param error what the driver threw
 * @returns the code that the server or the network gave it
 */
export function sqlstateOf(error: unknown): string | undefined {
  return driverError(error).code;
}

/**
 * @param error what the driver threw
 * @returns whether a lock could not be had in time
 */
export function isLockTimeout(error: unknown): boolean {
  return driverError(error).code === SQLSTATE.lockNotAvailable;
}

const MISSING: ReadonlySet<string | undefined> = new Set([
  SQLSTATE.undefinedTable,
  SQLSTATE.undefinedColumn,
  SQLSTATE.undefinedFunction,
]);

/**
 * Reads what an incomplete installation cannot tell.
 * @param read reads
 * @returns what was read; where a table, column or function is missing, which one, in the server's words
 * @throws what else `read` throws
 */
export async function ifWhole<T extends object | null>(read: () => Promise<T>): Promise<T | string> {
  try {
    return await read();
  } catch (error) {
    const {code, message} = driverError(error);
    if (MISSING.has(code)) return message;
    throw error;
  }
}

function startHint(target: Target): string[] {
  return target.kind === 'local' ? ['supabase start', '{bin} sandbox'] : [];
}

/**
 * Says in our words what the driver reported: no value of a connection string can be in it.
 * @param error what the driver threw
 * @param target where it happened
 * @returns the error to end with; one of ours is handed back as it is
 */
export function toSupasessionError(error: unknown, target: Target): SupasessionError {
  if (error instanceof SupasessionError) return error;
  const {code, message} = driverError(error);
  const where = address(target);
  const cause = error;

  if (code === 'ECONNREFUSED') {
    return new SupasessionError('CONNECTION_REFUSED', `Nothing is listening on ${where}.`, {
      suggestions: startHint(target),
      cause,
    });
  }

  if ((code !== undefined && UNREACHABLE_CODES.has(code)) || message === 'timeout expired') {
    return new SupasessionError('CONNECTION_FAILED', `${where} cannot be reached (${code ?? 'timed out'}).`, {cause});
  }

  // pgbouncer says it in its own way, with the code of a broken connection.
  const refused = code === SQLSTATE.protocolViolation && /authentication failed/i.test(message);
  if (refused || code === SQLSTATE.invalidPassword || code === SQLSTATE.invalidAuthorization) {
    return new SupasessionError('AUTHENTICATION_FAILED', `${where} refused the password of role ${target.user}.`, {
      suggestions: [
        target.kind === 'linked'
          ? 'Set SUPABASE_DB_PASSWORD to the database password (dashboard: Project Settings, Database)'
          : 'Set PGPASSWORD to the password, or give it in the URL',
      ],
      cause,
    });
  }

  if (/password must be a string|no password supplied/i.test(message)) {
    const variable = target.kind === 'linked' ? 'SUPABASE_DB_PASSWORD' : 'PGPASSWORD';
    return new SupasessionError(
      'ANSWER_REQUIRED',
      `${where} wants a password for role ${target.user}, and there is no terminal to ask on.`,
      {
        suggestions: [
          `Set ${variable}`,
          ...(target.kind === 'linked' ? ['Or set SUPABASE_ACCESS_TOKEN, for a temporary login role'] : []),
        ],
        cause,
      },
    );
  }

  if (message.includes('does not support SSL')) {
    return new SupasessionError('TLS_FAILED', `${where} does not encrypt connections, and this target needs it.`, {
      suggestions: ['Add ?sslmode=disable to the URL if the network is yours'],
      cause,
    });
  }

  if (
    /certificate|self[- ]signed|altnames|unable to verify|SSL|TLS/i.test(`${code ?? ''} ${message}`) &&
    !/^\w{5}$/.test(code ?? '')
  ) {
    return new SupasessionError('TLS_FAILED', `The certificate of ${where} was not accepted (${code ?? message}).`, {
      suggestions: [
        'Point PGSSLROOTCERT at the certificate of the project (dashboard: Project Settings, Database, SSL)',
      ],
      cause,
    });
  }

  if (isConnectionLost(error)) {
    return new SupasessionError('CONNECTION_LOST', `The connection to ${where} was lost.`, {cause});
  }

  switch (code) {
    case SQLSTATE.invalidCatalogName: {
      return new SupasessionError('CONNECTION_FAILED', `${where} has no database "${target.database}".`, {cause});
    }

    case SQLSTATE.cannotConnectNow:
    case SQLSTATE.tooManyConnections: {
      return new SupasessionError('CONNECTION_FAILED', `${where} takes no connection now: ${message}.`, {cause});
    }

    case SQLSTATE.insufficientPrivilege: {
      return new SupasessionError('PERMISSION_DENIED', `Role ${target.user} may not do this at ${where}: ${message}.`, {
        suggestions: ['Connect as the role postgres of the project'],
        cause,
      });
    }

    case SQLSTATE.lockNotAvailable: {
      return new SupasessionError('LOCK_TIMEOUT', `A lock could not be had in time at ${where}: ${message}.`, {cause});
    }

    case SQLSTATE.checkViolation: {
      return new SupasessionError('SETTING_INVALID', `The database refused a setting: ${message}.`, {cause});
    }

    default: {
      const state = code === undefined ? '' : ` (${code})`;
      return new SupasessionError('DATABASE_ERROR', `The database at ${where} reported: ${message}${state}.`, {cause});
    }
  }
}
