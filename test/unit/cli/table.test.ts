import {broken, fitColumns, table} from '../../../src/cli/table.js';

describe('the widths of columns', () => {
  test.each([
    ['all fit', [5, 10, 20], 40, [5, 10, 20]],
    ['the only wide one gives', [5, 10, 60], 40, [5, 10, 25]],
    ['two wide ones share what the narrow one leaves', [4, 60, 60], 44, [4, 20, 20]],
    ['one a little too wide keeps what it needs', [4, 15, 60], 44, [4, 15, 25]],
    ['none vanishes', [60, 60, 60], 9, [8, 8, 8]],
  ])('%s', (_, natural, room, widths) => {
    expect(fitColumns(natural, room)).toEqual(widths);
  });
});

test('a table fits its room: short columns stay on one line, and the long one is wrapped', () => {
  const rows = [
    ['pro', '100', 'app_metadata {"plan": "pro"}', 'at most 5 sessions, refuse the new one, 30 days at most'],
  ];
  const lines = table(['Rule', 'Priority', 'For', 'Sets'], rows, {width: 80}).split('\n');
  expect(lines.map((line) => line.length).filter((length) => length > 80)).toEqual([]);
  expect(lines.length).toBeGreaterThan(2);
  expect(lines[1]).toMatch(/^ {2}pro {3}100 {7}app_metadata \{"plan": "pro"\} {2}at most/);
  // With room for all, and in a file, nothing is broken.
  for (const options of [{width: 200}, {}]) expect(table([], rows, options).split('\n')).toHaveLength(1);
});

describe('a word that is wider than its column', () => {
  test.each([
    ['of narrow characters', 'abcdefghij@example.com', ['abcdefgh', 'ij@examp', 'le.com']],
    ['of wide characters', '日本語のとても@例.jp', ['日本語の', 'とても@', '例.jp']],
    ['of characters that are several code units', '👩‍💻👩‍💻👩‍💻👩‍💻👩‍💻', ['👩‍💻👩‍💻👩‍💻👩‍💻', '👩‍💻']],
  ])('is broken and not cut off: %s', (_, word, lines) => {
    expect(broken(word, 8).split('\n')).toEqual(lines);
    const drawn = table([], [[word, 'x']], {widths: [8, 1], indent: ''});
    expect(drawn.split('\n').map((line) => line.replace(/ +x?$/, ''))).toEqual(lines);
  });

  test('stays as it is if it fits', () => {
    expect(broken('日本語の', 8)).toBe('日本語の');
  });
});
