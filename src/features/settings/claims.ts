import {SupasessionError} from '../../errors.js';

/**
 * Parses claims of app_metadata: "plan=pro" is text, "beta=true" and "seats=5" are JSON values, and "org.tier=gold" is nested.
 * @throws SupasessionError USAGE for an invalid claim, and for two that contradict each other
 */
export function parseClaims(claims: string[]): Record<string, unknown> {
  // Without a prototype, so that no key has another meaning.
  const node = () => Object.create(null) as Record<string, unknown>;
  const merged = node();
  for (const claim of claims) {
    const equals = claim.indexOf('=');
    const keys = claim.slice(0, Math.max(equals, 0)).split('.');
    if (equals < 1 || keys.includes('')) {
      throw new SupasessionError('USAGE', `--claim ${claim}: not of the form key=value.`, {
        suggestions: ['--claim plan=pro', '--claim org.tier=gold'],
      });
    }

    let parent = merged;
    const clash = () => new SupasessionError('USAGE', `--claim ${claim}: another --claim says otherwise.`);
    for (const key of keys.slice(0, -1)) {
      const inner = (parent[key] ??= node());
      if (typeof inner !== 'object') throw clash();
      parent = inner as Record<string, unknown>;
    }

    const last = keys.at(-1)!;
    const value = claimValue(claim, claim.slice(equals + 1));
    if (last in parent && parent[last] !== value) throw clash();
    parent[last] = value;
  }

  return merged;
}

function claimValue(claim: string, text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text)) return text;
  const number = Number(text);
  if (Number.isInteger(number) && !Number.isSafeInteger(number))
    throw new SupasessionError('USAGE', `--claim ${claim}: a number so large cannot be compared exactly.`);
  return number;
}
