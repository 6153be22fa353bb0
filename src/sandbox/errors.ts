import {SupasessionError} from '../errors.js';

// Told by what they have and not by `instanceof Error`: under jest the system's errors are made outside of the test's realm.

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  const message = property(error, 'message');
  return typeof message === 'string' ? message : String(error);
}

/** The code of a system or database error (`ENOENT`, `42501`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  const code = property(error, 'code');
  return typeof code === 'string' ? code : undefined;
}

function property(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined;
}

/**
 * The error for a data folder that cannot be used as it is.
 *
 * @param message - what is wrong with it, with its path
 * @param suggestions - what to type or change next
 */
export function dataError(message: string, suggestions: string[], cause?: unknown): SupasessionError {
  return new SupasessionError('SANDBOX_DATA', message, {suggestions, cause});
}
