import {type Span} from './types.js';

const UNITS: Record<string, number> = {s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000};

/**
 * A span in milliseconds.
 *
 * @throws RangeError for anything else: a misspelt limit must not mean "no limit".
 */
export function milliseconds(span: Span): number {
  const result = typeof span === 'number' ? span : Number(span.slice(0, -1)) * UNITS[span.slice(-1)]!;
  if (!(result >= 0)) throw new RangeError(`Not a span of time: ${span}`);
  return result;
}
