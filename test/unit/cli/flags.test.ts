import {rewriteRemote} from '../../../src/cli/flags.js';

describe('--remote, the newer spelling of the supabase CLI', () => {
  test.each([
    [['--remote'], ['--linked']],
    [['--remote=abcdefghijklmnopqrst'], ['--project-ref', 'abcdefghijklmnopqrst']],
    [['--remote=postgresql://u@h/d?a=b'], ['--db-url', 'postgresql://u@h/d?a=b']],
    [['--remote=postgres://u@h/d'], ['--db-url', 'postgres://u@h/d']],
    [['--remote='], ['--project-ref', '']],
    [
      ['--max', '3', '--remote', '--yes'],
      ['--max', '3', '--linked', '--yes'],
    ],
  ])('%j is %j', (typed, expected) => {
    expect(rewriteRemote(typed)).toEqual(expected);
  });

  test('is left alone after --, and in what only looks like it', () => {
    const argv = ['--remotely', '--', '--remote', '--remote=x'];
    expect(rewriteRemote(argv)).toEqual(argv);
  });
});
