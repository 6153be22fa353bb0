import {closest} from '../../../src/cli/closest.js';

const COMMANDS = ['autocomplete', 'config', 'flush', 'help', 'init', 'sandbox', 'sessions', 'status'];
const FLAGS = ['--dry-run', '--enable', '--max', '--save', '--strategy', '--yes'];

test.each([
  ['confg', 'config'],
  ['CONFIG', 'config'],
  ['conf', 'config'],
  ['statsu', 'status'],
  ['int', 'init'],
  ['flsuh', 'flush'],
  ['sesions', 'sessions'],
])('%s means %s', (typed, meant) => {
  expect(closest(typed, COMMANDS)).toBe(meant);
});

test.each(['s', 'xyz', 'exit', 'deploy', ''])('%j means nothing that is known', (typed) => {
  expect(closest(typed, COMMANDS)).toBeUndefined();
});

test.each([
  ['--strateg', '--strategy'],
  ['--stratgey', '--strategy'],
  ['--dryrun', '--dry-run'],
  ['--sav', '--save'],
])('%s means %s', (typed, meant) => {
  expect(closest(typed, FLAGS)).toBe(meant);
});

test.each(['--', '--nope', '--x', '-x'])('%s is near no flag, of which the dashes count for nothing', (typed) => {
  expect(closest(typed, FLAGS)).toBeUndefined();
});

test('nothing is near where nothing is known', () => {
  expect(closest('config', [])).toBeUndefined();
});
