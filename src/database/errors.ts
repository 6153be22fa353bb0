import {SupasessionError, type ErrorCode} from '../errors.js';
import type {Target} from '../types.js';
import {poolerHints, unreachableHints} from './unreachable.js';

/** SQLSTATEs with an error of their own, and why. Everything else is a DATABASE_ERROR in the server's words. */
const SQLSTATE = {
  invalidAuthorization: '28000', // no such role, or no pg_hba line for it
  invalidPassword: '28P01',
  protocolViolation: '08P01', // see pgbouncer, below
  insufficientPrivilege: '42501',
  lockNotAvailable: '55P03', // lock_timeout ran out
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

/** Whether the connection is gone, so that the work may go on over a new one. */
export function isConnectionLost(error: unknown): boolean {
  const {code, message} = driverError(error);
  return (
    (code !== undefined && (LOST_CODES.has(code) || code.startsWith('08'))) ||
    // pg gives no code when the socket closes under a query, and when a closed client is asked again.
    /Connection terminated|Client has encountered a connection error|Client was closed/.test(message)
  );
}

/** The code that the server or the network gave. */
export function sqlstateOf(error: unknown): string | undefined {
  return driverError(error).code;
}

export function isLockTimeout(error: unknown): boolean {
  return driverError(error).code === SQLSTATE.lockNotAvailable;
}

const MISSING: ReadonlySet<string | undefined> = new Set([
  SQLSTATE.undefinedTable,
  SQLSTATE.undefinedColumn,
  SQLSTATE.undefinedFunction,
]);

/** What `read` finds; a text if an incomplete installation lacks a table, column or function for it: which one, in the server's words. */
export async function ifWhole<T extends object | null>(read: () => Promise<T>): Promise<T | string> {
  try {
    return await read();
  } catch (error) {
    const {code, message} = driverError(error);
    if (MISSING.has(code)) return message;
    throw error;
  }
}

/** What the driver reported, with what the message needs. */
interface Reported extends DriverError {
  target: Target;
  where: string;
  lost: boolean;
}

/** The first failure whose `when` holds counts. */
interface Failure {
  code: ErrorCode;
  when: (reported: Reported) => boolean;
  message: (reported: Reported) => string;
  suggestions?: (reported: Reported) => string[];
}

const state =
  (...states: string[]) =>
  ({code}: Reported) =>
    code !== undefined && states.includes(code);

const FAILURES: readonly Failure[] = [
  {
    code: 'CONNECTION_REFUSED',
    when: state('ECONNREFUSED'),
    message: ({where}) => `Nothing is listening on ${where}.`,
    suggestions: ({target}) =>
      target.kind === 'local' ? ['{supabase} start', '{bin} sandbox'] : ['Check the host and the port'],
  },
  {
    code: 'CONNECTION_FAILED',
    when: ({code, message}) => UNREACHABLE_CODES.has(code ?? '') || message === 'timeout expired',
    message: ({where, code}) => `${where} cannot be reached (${code ?? 'timed out'}).`,
    suggestions: ({target, code}) => unreachableHints(target, code),
  },
  {
    // The pooler of hosted projects finds a project by the user's name, and only in its own region.
    code: 'AUTHENTICATION_FAILED',
    when: ({message}) => /tenant or user not found/i.test(message),
    message: ({where, target}) => `The pooler at ${where} does not know the user ${target.user}.`,
    suggestions: ({target}) => poolerHints(target),
  },
  {
    code: 'AUTHENTICATION_FAILED',
    when: ({code, message}) =>
      code === SQLSTATE.invalidPassword ||
      code === SQLSTATE.invalidAuthorization ||
      // pgbouncer says it in its own way, with the code of a broken connection.
      (code === SQLSTATE.protocolViolation && /authentication failed/i.test(message)),
    message: ({where, target}) => `${where} refused the password of role ${target.user}.`,
    suggestions: ({target}) => [
      target.kind === 'linked'
        ? 'Set SUPABASE_DB_PASSWORD to the database password (dashboard: Project Settings, Database)'
        : 'Set PGPASSWORD to the password, or give it in the URL',
    ],
  },
  {
    code: 'ANSWER_REQUIRED',
    when: ({message}) => /password must be a string|no password supplied/i.test(message),
    message: ({where, target}) =>
      `${where} wants a password for role ${target.user}, and there is no terminal to ask on.`,
    suggestions: ({target}) =>
      target.kind === 'linked'
        ? ['Set SUPABASE_DB_PASSWORD', 'Or set SUPABASE_ACCESS_TOKEN, for a temporary login role']
        : ['Set PGPASSWORD'],
  },
  {
    code: 'TLS_FAILED',
    when: ({message}) => message.includes('does not support SSL'),
    message: ({where}) => `${where} does not encrypt connections, and this target needs it.`,
    suggestions: () => ['Add ?sslmode=disable to the URL if you trust the network'],
  },
  {
    code: 'TLS_FAILED',
    when: state('ERR_TLS_CERT_ALTNAME_INVALID'),
    message: ({where}) => `The certificate of ${where} is for another host.`,
    suggestions: () => [
      'Connect with a host name of the certificate, or check only the certificate chain: sslmode=verify-ca',
    ],
  },
  {
    code: 'TLS_FAILED',
    when: ({code, message}) =>
      /certificate|self[- ]signed|altnames|unable to verify|SSL|TLS/i.test(`${code ?? ''} ${message}`) &&
      !/^\w{5}$/.test(code ?? ''),
    message: ({where, code, message}) => `The certificate of ${where} was not accepted (${code ?? message}).`,
    suggestions: () => [
      'Point PGSSLROOTCERT at the certificate of the project (dashboard: Project Settings, Database, SSL)',
    ],
  },
  {code: 'CONNECTION_LOST', when: ({lost}) => lost, message: ({where}) => `The connection to ${where} was lost.`},
  {
    code: 'CONNECTION_FAILED',
    when: state(SQLSTATE.invalidCatalogName),
    message: ({where, target}) => `${where} has no database "${target.database}".`,
  },
  {
    code: 'CONNECTION_FAILED',
    when: state(SQLSTATE.cannotConnectNow, SQLSTATE.tooManyConnections),
    message: ({where, message}) => `${where} takes no connection now: ${message}.`,
  },
  {
    code: 'PERMISSION_DENIED',
    when: state(SQLSTATE.insufficientPrivilege),
    message: ({where, target, message}) => `Role ${target.user} may not do this at ${where}: ${message}.`,
    suggestions: () => ['Connect as the role postgres of the project'],
  },
  {
    code: 'LOCK_TIMEOUT',
    when: state(SQLSTATE.lockNotAvailable),
    message: ({where, message}) => `Timed out waiting for a lock at ${where}: ${message}.`,
  },
  {
    code: 'SETTING_INVALID',
    when: state(SQLSTATE.checkViolation),
    message: ({message}) => `The database refused a setting: ${message}.`,
  },
];

/** The message contains no value of a connection string. A SupasessionError is returned as it is. */
export function toSupasessionError(error: unknown, target: Target): SupasessionError {
  if (error instanceof SupasessionError) return error;
  const reported = {...driverError(error), target, where: address(target), lost: isConnectionLost(error)};
  const failure = FAILURES.find(({when}) => when(reported));
  if (failure === undefined) {
    const {where, code, message} = reported;
    const shown = code === undefined ? '' : ` (${code})`;
    return new SupasessionError('DATABASE_ERROR', `The database at ${where} reported: ${message}${shown}.`, {
      cause: error,
    });
  }

  return new SupasessionError(failure.code, failure.message(reported), {
    suggestions: failure.suggestions?.(reported) ?? [],
    cause: error,
  });
}
