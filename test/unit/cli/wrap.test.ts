import {stripVTControlCharacters} from 'node:util';
import {wrapped} from '../../../src/cli/wrap.js';

const wrap = (text: string, width = 40) => wrapped(text, width, 'supasession ');

test('lines that fit stay as they are', () => {
  const text = `  Limit    ON\n\n${'x'.repeat(40)}`;
  expect(wrap(text)).toBe(text);
});

test('others are broken between words, and go on below where they began', () => {
  expect(wrap('  No user is over the limit: no session ends (in observe mode).')).toBe(
    '  No user is over the limit: no session\n  ends (in observe mode).',
  );
  expect(wrap('  Refused by  the database, which is an error 500')).toBe(
    '  Refused by  the database, which is an\n              error 500',
  );
  expect(wrap('  → Start it, or say with a flag which one is meant')).toBe(
    '  → Start it, or say with a flag which\n    one is meant',
  );
});

test('a word that is wider than the terminal has a line to itself', () => {
  const word = 'x'.repeat(50);
  expect(wrap(`See ${word} there`)).toBe(`See\n${word}\nthere`);
});

test('colours take no room', () => {
  const line = `\x1B[33mWarning:\x1B[39m ${'word '.repeat(12)}end`;
  const lines = wrap(line).split('\n').map(stripVTControlCharacters);
  expect(lines.map(({length}) => length)).toEqual([38, 33]);
  expect(wrap('\x1B[1mexactly forty characters in this line ok\x1B[22m')).not.toContain('\n');
});

test('wide characters take two columns, and combining ones none', () => {
  expect(wrap('利用者の名前 利用者の名前 利用者の名前 最後')).toBe('利用者の名前 利用者の名前 利用者の名前\n最後');
  expect(wrap(`${'e\u0301'.repeat(39)} x`, 41)).not.toContain('\n');
  expect(wrap('  名前のラベル  One that goes on below where it began', 40)).toBe(
    '  名前のラベル  One that goes on below\n                where it began',
  );
});

test('a command goes to a line of its own, or goes on so that it can be pasted', () => {
  expect(wrap('Changed. Undo: supasession config --max 1')).toBe('Changed. Undo:\nsupasession config --max 1');
  expect(wrap('Changed. Undo: supasession config --max 1 --strategy dequeue --disable')).toBe(
    'Changed. Undo: supasession config \\\n--max 1 --strategy dequeue --disable',
  );
  // Exactly as wide as the terminal, where nothing follows.
  expect(wrap('Undo it so: supasession config --strategy reject --order oldest --x')).toBe(
    'Undo it so: supasession config \\\n--strategy reject --order oldest --x',
  );
});
