import {SupasessionError} from '../errors.js';
import type {Queryable} from './connection.js';
import {looksLikeSpan, parseSpan, type SpanBounds, spanWords} from './spans.js';

/** A moment in the past. */
export interface Moment {
  /** As Postgres reads it and JSON has it, in UTC. */
  at: string;
  /** How long ago, as Postgres prints it; null for one that was given as a date. */
  span: string | null;
}

const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** @returns milliseconds of the epoch; undefined for what is no date, NaN for one that no calendar has */
function readDate(text: string): number | undefined {
  const parts = DATE.exec(text.trim());
  if (parts === null) return undefined;
  const [, day = '', time = '00:00', zone = ''] = parts;
  const midnight = Date.parse(`${day}T00:00Z`);
  // Node rolls February 30 over into March.
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day)) return Number.NaN;
  const offset = zone.length === 3 ? `${zone}:00` : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2').toUpperCase();
  // Without a zone this is local time, as in the history that people read.
  return Date.parse(`${day}T${time}${offset}`);
}

/**
 * Understands how long ago (7d, "1 week") or since when (2026-11-01, 2026-11-01T14:00+01:00).
 * @param flag the flag that it was given with, for the message
 * @param bounds what is refused as too recent
 * @throws SupasessionError SETTING_INVALID
 */
export async function parseMoment(db: Queryable, flag: string, text: string, bounds: SpanBounds = {}): Promise<Moment> {
  const invalid = (reason: string) =>
    new SupasessionError('SETTING_INVALID', `${flag} ${text}: ${reason}.`, {
      suggestions: [
        'Give a span (12h, 7d, "1 week"), a date (2026-11-01) or a time (2026-11-01T14:00, with Z or +01:00 if not local)',
      ],
    });
  const date = readDate(text);
  if (date === undefined) {
    if (!looksLikeSpan(text)) throw invalid('neither a span of time nor a date');
    const span = await parseSpan(db, flag, text, bounds);
    const {rows} = await db.query<{at: string}>(
      `select to_char((now() - $1::interval) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
      [span.text],
    );
    return {at: rows[0]!.at, span: span.text};
  }

  if (Number.isNaN(date)) throw invalid('there is no such date');
  const age = (Date.now() - date) / 1000;
  if (age < 0) throw invalid('it is in the future');
  if (age < (bounds.shortest ?? 0)) throw invalid('it is too recent');
  return {at: new Date(date).toISOString(), span: null};
}

/** @returns a moment in local time, to the minute: "2026-11-01 14:00 (UTC+1)" */
function localTime(at: string): string {
  const time = new Date(at);
  const minutes = -time.getTimezoneOffset();
  const two = (number: number) => String(number).padStart(2, '0');
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  const zone = minutes === 0 ? '' : `${minutes < 0 ? '-' : '+'}${hours}${rest === 0 ? '' : `:${two(rest)}`}`;
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())} (UTC${zone})`;
}

/** What can be said of a moment: `ago` of a span ("for 7 days"), `then` of a date ("since 2026-11-01 00:00 (UTC)"). */
export function momentWords({at, span}: Moment, ago: (span: string) => string, then: (date: string) => string): string {
  return span === null ? then(localTime(at)) : ago(spanWords(span));
}
