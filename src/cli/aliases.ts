import {SupasessionError} from '../errors.js';

/** Other names that people try, of the stand-alone program: under a host they could be commands of its own. */
const ALIASES: ReadonlyMap<string, readonly string[]> = new Map([
  ['access ls', ['access', 'list']],
  ['completion', ['autocomplete']],
  ['devices', ['sessions', 'list']],
  ['protect ls', ['protect', 'list']],
  ['protect rm', ['protect', 'remove']],
  ['rules ls', ['rules', 'list']],
  ['rules rm', ['rules', 'remove']],
  ['sessions ls', ['sessions', 'list']],
  ['version', ['--version']],
]);

/** Replaces another name of a command, also after `help`, by its name. */
export function expandAliases(argv: readonly string[]): string[] {
  const [first, ...rest] = argv;
  if (first === undefined) return [];
  if (first === 'help') return [first, ...expandAliases(rest)];
  const words = [...first.split(':'), ...rest];
  for (const count of [2, 1]) {
    const command = ALIASES.get(words.slice(0, count).join(' '));
    if (command !== undefined) return [...command, ...words.slice(count)];
  }

  return [...argv];
}

const OUTPUT = /^(?:-o|--output|--output-format)(?:=(.*))?$/s;
/** What the supabase CLI calls its formats; `table` and `pretty` are for people. */
const FORMATS: ReadonlyMap<string, readonly string[]> = new Map([
  ['json', ['--json']],
  ['pretty', []],
  ['table', []],
  ['text', []],
]);

/**
 * Turns the supabase CLI's ways to choose a format, `-o json` and `--output-format json`, into `--json`. What follows `--` is left alone.
 * @throws SupasessionError USAGE for another format
 */
export function rewriteOutput(argv: readonly string[]): string[] {
  const rewritten: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index]!;
    if (argument === '--') return [...rewritten, ...argv.slice(index)];
    const found = OUTPUT.exec(argument);
    if (found === null) {
      rewritten.push(argument);
      continue;
    }

    const format = found[1] ?? argv[++index];
    const words = FORMATS.get(format ?? '');
    if (words === undefined) {
      const flag = argument.replace(/=.*$/s, '');
      const given = format === undefined ? 'needs a value: json or text.' : `must be json or text, not "${format}".`;
      throw new SupasessionError('USAGE', `${flag} ${given}`, {suggestions: ['--json']});
    }

    rewritten.push(...words);
  }

  return rewritten;
}
