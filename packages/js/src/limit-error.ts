import {type AuthError} from '@supabase/supabase-js';

/** What Auth passes on to clients that send no API version. */
const IN_TRIGGER = /^Session limit of (\d+) exceeded for user /;

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

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
  const said = (error as {message?: unknown} | null | undefined)?.message;
  if (typeof said !== 'string') return false;
  const [before, ...after] = message.split('{limit}').map(escaped);
  const pattern = new RegExp(`^${[before, ...after].join('(\\d+)')}$`);
  const match = pattern.exec(said) ?? IN_TRIGGER.exec(said);
  if (match) Object.assign(error as object, {limit: match[1] === undefined ? null : Number(match[1])});
  return match !== null;
}
