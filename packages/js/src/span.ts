import {type Span} from './types.js';

const UNITS = {s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000};

/**
 * A span in milliseconds.
 *
 * @throws RangeError for anything else: a misspelt limit must not mean "no limit".
 */
export function milliseconds(span: Span): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(String(span)) ?? [];
  const result = typeof span === 'number' ? span : Number(number) * UNITS[unit as keyof typeof UNITS];
  if (!(result >= 0)) throw new RangeError(`Not a span of time: ${String(span)} (90000, '90s', '30m', '12h', '7d')`);
  return result;
}
