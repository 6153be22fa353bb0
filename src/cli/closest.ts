import {createRequire} from 'node:module';

import type Levenshtein from 'fastest-levenshtein';

const require = createRequire(import.meta.url);

/** Part of the longer word that may be wrong. */
const TOLERANCE = 0.4;

/**
 * @returns what was probably meant: the only one that begins like that, else the one with the fewest letters to change; undefined if
 *   nothing is near
 */
export function closest(typed: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const word = typed.toLowerCase();
  const beginning = known.filter((name) => name.startsWith(word));
  if (beginning.length === 1 && /\w/.test(word)) return beginning[0];
  // Loaded only now: what is typed correctly needs no advice.
  const {closest: nearest, distance} = require('fastest-levenshtein') as typeof Levenshtein;
  const near = nearest(word, known);
  const letters = Math.max(word.length, near.length) - (near.startsWith('--') ? 2 : 0);
  return distance(word, near) <= Math.floor(letters * TOLERANCE) ? near : undefined;
}
