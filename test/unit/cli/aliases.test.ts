import {expandAliases, rewriteOutput} from '../../../src/cli/aliases.js';
import {commands} from '../../../src/index.js';
import {thrownBy} from '../supabase/support.js';

describe('other names of commands', () => {
  test.each([
    ['rules rm pro', 'rules remove pro'],
    ['sessions ls --json', 'sessions list --json'],
    ['sessions:ls', 'sessions list'],
    ['devices --user a@example.com', 'sessions list --user a@example.com'],
    ['devices rm', 'sessions list rm'],
    ['help devices', 'help sessions list'],
    ['version', '--version'],
    ['completion zsh', 'autocomplete zsh'],
    ['config devices', 'config devices'],
    ['sessions', 'sessions'],
    ['--version', '--version'],
  ])('%s is %s', (typed, meant) => {
    expect(expandAliases(typed.split(' '))).toEqual(meant.split(' '));
  });

  test('stand in the way of no command', () => {
    expect(expandAliases([])).toEqual([]);
    for (const id of Object.keys(commands)) expect(expandAliases(id.split(':'))).toEqual(id.split(':'));
  });
});

describe('-o and --output-format of the supabase CLI', () => {
  test.each([
    [['-o', 'json'], ['--json']],
    [
      ['--output', 'json', '--all'],
      ['--json', '--all'],
    ],
    [
      ['--all', '--output-format=json'],
      ['--all', '--json'],
    ],
    [['--output-format', 'text'], []],
    [['-o', 'table'], []],
    [
      ['a', '--', '-o', 'json'],
      ['a', '--', '-o', 'json'],
    ],
  ])('%j is %j', (typed, meant) => {
    expect(rewriteOutput(typed)).toEqual(meant);
  });

  test('no other format', () => {
    expect(thrownBy(() => rewriteOutput(['--output-format', 'stream-json']))).toMatchObject({
      code: 'USAGE',
      message: '--output-format must be json or text, not "stream-json".',
    });
    expect(thrownBy(() => rewriteOutput(['-o']))).toMatchObject({
      code: 'USAGE',
      message: '-o needs a value: json or text.',
    });
  });
});
