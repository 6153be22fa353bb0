import type {Queryable} from './connection.js';
import {readSpan, type Span} from './read-span.js';
import {SupasessionError} from '../errors.js';

/** Ten years of 365.25 days, in seconds: the longest that the settings take. Longer is a slip of the unit. */
const LONGEST = 315_576_000;

/** The word for "no such limit" beside spans of time. */
export const OFF = 'off';

export interface SpanBounds {
  /** In seconds; 1 by default. */
  shortest?: number;
}

/** A number with its unit, or 12:30: Postgres would take a bare number for seconds. */
export function looksLikeSpan(text: string): boolean {
  return /\d\s*[a-z]|\d:\d\d/i.test(text);
}

/**
 * Understands a span of time as config.toml has it (12h, 1h30m) or as Postgres does (7 days, 1 week). The database reads it, so that it means there what
 * it means here.
 * @param db an open connection
 * @param flag the flag that it was given with, for the message
 * @param text what was typed
 * @param bounds what is refused as too short
 * @returns the span
 * @throws SupasessionError SETTING_INVALID
 */
export async function parseSpan(db: Queryable, flag: string, text: string, bounds: SpanBounds = {}): Promise<Span> {
  const invalid = (reason: string) =>
    new SupasessionError('SETTING_INVALID', `${flag} ${text}: ${reason}.`, {
      suggestions: ['Give a number with its unit: 30m, 12h, 7d, "1 week"'],
    });
  if (!looksLikeSpan(text)) throw invalid('not a span of time');
  let span: Span;
  try {
    span = await readSpan(db, text);
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('22'))
      throw invalid('not a span of time');
    throw error;
  }

  if (span.seconds <= 0) throw invalid('it has to be longer than nothing');
  if (span.seconds < (bounds.shortest ?? 1)) throw invalid(`it is ${span.text}, which is too short`);
  if (span.seconds > LONGEST) throw invalid(`it is ${span.text}, and ten years are the most`);
  return span;
}

/**
 * The same for a setting that can be off.
 * @param db an open connection
 * @param flag the flag that it was given with
 * @param text a span of time, or "off"
 * @param bounds what is refused as too short
 * @returns the span; null for "off"
 * @throws SupasessionError SETTING_INVALID
 */
export async function parseSpanOrOff(
  db: Queryable,
  flag: string,
  text: string,
  bounds: SpanBounds = {},
): Promise<Span | null> {
  return text.toLowerCase() === OFF ? null : parseSpan(db, flag, text, bounds);
}

/** The parts of a span as Postgres prints one. */
export interface Interval {
  years: number;
  months: number;
  days: number;
  hours: number;
  minutes: number;
  seconds: number;
}

const PRINTED =
  /^(?=.)(?:(?<years>\d+) years? ?)?(?:(?<months>\d+) mons? ?)?(?:(?<days>\d+) days? ?)?(?:(?<hours>\d+):(?<minutes>\d\d):(?<seconds>\d\d(?:\.\d+)?))?$/;

/**
 * @param text a span as Postgres prints it
 * @returns its parts; null for one that nobody means (negative parts) or of another IntervalStyle
 */
export function readInterval(text: string): Interval | null {
  const parts = PRINTED.exec(text)?.groups;
  if (parts === undefined) return null;
  const part = (name: keyof Interval) => Number(parts[name] ?? 0);
  return {
    ...{years: part('years'), months: part('months'), days: part('days')},
    ...{hours: part('hours'), minutes: part('minutes'), seconds: part('seconds')},
  };
}

/**
 * @param text a span as Postgres prints it
 * @returns its length in seconds as `extract(epoch ...)` has it, a month taken as 30 days and a year as 365.25; null if it cannot be read
 */
export function spanSeconds(text: string): number | null {
  const span = readInterval(text);
  if (span === null) return null;
  const days = span.years * 365.25 + span.months * 30 + span.days;
  return ((days * 24 + span.hours) * 60 + span.minutes) * 60 + span.seconds;
}

/**
 * @param text a span as Postgres prints it
 * @returns the same as people type it, which Postgres reads back as it was: "12h", "7d", "1h30m"; if it cannot be read, the text
 */
export function typedSpan(text: string): string {
  const span = readInterval(text);
  if (span === null) return text;
  const units = {years: 'y', months: 'mon', days: 'd', hours: 'h', minutes: 'm', seconds: 's'} as const;
  return (Object.keys(units) as (keyof Interval)[])
    .filter((part) => span[part] > 0)
    .map((part) => `${span[part]}${units[part]}`)
    .join('');
}

/**
 * @param text a span as Postgres prints it
 * @returns it in words, exactly: "12 hours", "8 hours 30 minutes", "7 days"; if it cannot be read, the text
 */
export function spanWords(text: string): string {
  const span = readInterval(text);
  if (span === null) return text;
  // 36:00:00 is a day and a half to everybody but Postgres.
  const {years, months, minutes, seconds} = span;
  const days = span.days + Math.floor(span.hours / 24);
  const units = {year: years, month: months, day: days, hour: span.hours % 24, minute: minutes, second: seconds};
  return Object.entries(units)
    .filter(([, number]) => number > 0)
    .map(([unit, number]) => `${number} ${unit}${number === 1 ? '' : 's'}`)
    .join(' ');
}
