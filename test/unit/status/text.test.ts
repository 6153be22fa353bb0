import {bar, buckets} from '../../../src/features/status/text.js';

const HISTOGRAM = [1, 2, 3, 4, 5, 6, 9, 10, 20, 21].map((sessions) => ({sessions, users: sessions * 100}));

/** Ranges as they are shown, with their users. */
function ranges(limit: number | null, histogram = HISTOGRAM): string[] {
  return buckets(histogram, limit).map(({from, to, users}) => `${from}-${to} ${users}`);
}

describe('the ranges of the histogram', () => {
  test('are seven at most, and count every user once', () => {
    expect(ranges(null)).toEqual(['1-1 100', '2-2 200', '3-3 300', '4-4 400', '5-9 2000', '10-Infinity 5100']);
    for (const limit of [1, 4, 5, 9, 10, 50, 2_147_483_647]) {
      const found = buckets(HISTOGRAM, limit);
      expect(found.length).toBeLessThanOrEqual(7);
      expect(found.reduce((sum, {users}) => sum + users, 0)).toBe(8100);
    }
  });

  test('end at the limit, so that what is over it stands apart', () => {
    expect(ranges(5).slice(4)).toEqual(['5-5 500', '6-9 1500', '10-Infinity 5100']);
    expect(ranges(20).slice(4)).toEqual(['5-9 2000', '10-20 3000', '21-Infinity 2100']);
    expect(ranges(4)).toEqual(ranges(null));
  });

  test('end with the last that has users', () => {
    expect(ranges(5, [{sessions: 3, users: 1}])).toEqual(['1-1 0', '2-2 0', '3-3 1']);
    expect(ranges(5, [])).toEqual([]);
  });
});

test('a bar is as long as its share, and seen where it is not nothing', () => {
  expect([bar(0, 8), bar(4, 8).length, bar(8, 8).length, bar(1, 1_000_000)]).toEqual(['', 20, 40, '▏']);
  expect(bar(1, 64)).toBe('▋');
});
