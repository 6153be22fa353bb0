/** Process exit codes, the same with and without --json; docs/errors.md lists them. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  found: 3,
  declined: 4,
  interrupted: 130,
} as const;

/**
 * Every error code of `--json` output, with the exit code of the process.
 * Scripts branch on these: never rename a code. docs/errors.md lists them all (a unit test compares).
 */
export const ERROR_CODES = {
  ANSWER_REQUIRED: EXIT.usage,
  API_FAILED: EXIT.failed,
  API_UNAUTHORIZED: EXIT.failed,
  AUTHENTICATION_FAILED: EXIT.failed,
  AUTH_SCHEMA_MISSING: EXIT.failed,
  CLI_FAILED: EXIT.failed,
  CLI_MISSING: EXIT.failed,
  CONFIG_INVALID: EXIT.failed,
  CONFIG_UNREADABLE: EXIT.failed,
  CONFIG_UNWRITABLE: EXIT.failed,
  CONNECTION_FAILED: EXIT.failed,
  CONNECTION_LOST: EXIT.failed,
  CONNECTION_REFUSED: EXIT.failed,
  DATABASE_ERROR: EXIT.failed,
  DECLINED: EXIT.declined,
  ENV_NOT_SET: EXIT.failed,
  INTERRUPTED: EXIT.interrupted,
  LOCK_TIMEOUT: EXIT.failed,
  MIGRATIONS_UNREADABLE: EXIT.failed,
  MIGRATIONS_UNWRITABLE: EXIT.failed,
  MIGRATION_EDITED: EXIT.failed,
  NEWER_RELEASE: EXIT.failed,
  NOT_INSTALLED: EXIT.failed,
  NOT_LINKED: EXIT.failed,
  OTHER_MIGRATIONS_PENDING: EXIT.failed,
  OTHER_PROJECT: EXIT.failed,
  PERMISSION_DENIED: EXIT.failed,
  PORT_IN_USE: EXIT.failed,
  PROJECT_NOT_FOUND: EXIT.failed,
  RULE_EXISTS: EXIT.failed,
  RULE_NOT_FOUND: EXIT.failed,
  SANDBOX_DATA: EXIT.failed,
  SANDBOX_FAILED: EXIT.failed,
  SANDBOX_UNAVAILABLE: EXIT.failed,
  SESSION_NOT_FOUND: EXIT.failed,
  SETTING_INVALID: EXIT.usage,
  STILL_USED: EXIT.failed,
  TABLE_UNFIT: EXIT.failed,
  TARGET_INVALID: EXIT.usage,
  TLS_FAILED: EXIT.failed,
  UNEXPECTED: EXIT.failed,
  USAGE: EXIT.usage,
  USER_NOT_FOUND: EXIT.failed,
  WIRING_REFUSED: EXIT.failed,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorOptions {
  /** Commands to type next, or what to change; one per line. Write `{bin} sessions:list`, `{supabase} start` and `{add} <package>`: see withProgram. */
  suggestions?: string[];
  /** Work done so far, or what a script needs to go on; part of the JSON shape of the error. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** What went wrong, where, and what to type next. Every failure that a user can cause or fix is one of these. */
export class SupasessionError extends Error {
  readonly code: ErrorCode;
  readonly suggestions: string[];
  readonly details: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.name = 'SupasessionError';
    this.code = code;
    this.suggestions = options.suggestions ?? [];
    this.details = options.details;
  }

  /** The exit code of the process. */
  get exit(): number {
    return ERROR_CODES[this.code];
  }
}

/** @returns a word as it is typed into a POSIX shell; in quotes only if necessary */
export function shellWord(text: string): string {
  return /^[\w@.+:=/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
