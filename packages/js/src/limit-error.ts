import {type AuthError} from '@supabase/supabase-js';

/**
 * Whether a sign-in was refused because the user has too many sessions. `error.limit` is that limit then; it is null if
 * the message has no number.
 *
 * @param error what `signInWithPassword` or another sign-in of supabase-js gave.
 * @param options.message the setting `refusal_message` of the database, if it was changed.
 */
export function isLimitError(
  error: unknown,
  {message = 'Session limit of {limit} reached'}: {message?: string} = {},
): error is AuthError & {limit: number | null} {
  const template = message.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace('{limit}', '(\\d+)');
  // The second is what Auth passes on to clients that send no API version.
  const refusal = new RegExp(`^${template}$|^Session limit of (\\d+) exceeded for user `);
  const match = refusal.exec(String((error as {message?: unknown} | null)?.message));
  if (match) Object.assign(error as object, {limit: Number(match[1] ?? match[2]) || null});
  return match !== null;
}
