import type {Interfaces} from '@oclif/core';

import {flagNames} from './flags.js';

/** A command as the completion needs it; its words are joined by spaces. */
interface Completed {
  name: string;
  flags: string[];
  /** What its flags take, by their names with dashes: values to choose from, a folder, or something that cannot be guessed. */
  values: Map<string, readonly string[] | 'folder' | 'anything'>;
  /** What its first argument can be. */
  argument: readonly string[];
}

function completed(config: Interfaces.Config): Completed[] {
  return config.commands
    .filter(({hidden}) => !hidden)
    .flatMap(({id, aliases, flags, args}) => {
      const values: Completed['values'] = new Map();
      for (const [name, flag] of Object.entries(flags)) {
        if (flag.type !== 'option' || flag.hidden) continue;
        const takes = flag.options ?? (flag.helpValue === '<dir>' ? 'folder' : 'anything');
        values.set(`--${name}`, takes);
        if (flag.char !== undefined) values.set(`-${flag.char}`, takes);
      }

      const argument = Object.values(args)[0]?.options ?? [];
      return [id, ...aliases].map((name) => ({
        name: name.replaceAll(':', ' '),
        flags: flagNames(flags),
        values,
        argument,
      }));
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** An arm of a `case`: what it matches, quoted, and what is done. */
function arm(patterns: readonly string[], action: string): string {
  return patterns.length === 0
    ? ''
    : `    ${patterns.map((pattern) => `'${pattern}'`).join(' | ')})${action.startsWith('\n') ? '' : ' '}${action} ;;\n`;
}

/**
 * The completion of commands, flags and their values, for bash from 3.2 on (that of macOS): `case` for tables, no compopt that has to be there.
 *
 * @param config what the program knows
 * @returns a script to be sourced
 */
export function bashCompletion(config: Interfaces.Config): string {
  const commands = completed(config);
  /** What can follow the words that stand there already. */
  const next = new Map<string, Set<string>>();
  for (const {name, argument} of commands) {
    const words = name.split(' ');
    for (const [index, word] of words.entries()) {
      const before = words.slice(0, index).join(' ');
      next.set(before, (next.get(before) ?? new Set()).add(word));
    }

    if (argument.length > 0) next.set(name, new Set([...(next.get(name) ?? []), ...argument]));
  }

  const paths = new Set(
    commands.flatMap(({name}) => name.split(' ').map((_, index, words) => words.slice(0, index + 1).join(' '))),
  );
  const taking = (kind: 'folder' | 'anything') =>
    commands.flatMap(({name, values}) =>
      [...values].filter(([, takes]) => takes === kind).map(([flag]) => `${name} ${flag}`),
    );
  const choices = commands.flatMap(({name, values}) =>
    [...values].flatMap(([flag, takes]) =>
      Array.isArray(takes) ? [[`${name} ${flag}`, takes.join(' ')] as const] : [],
    ),
  );
  const {bin} = config;
  const run = `_${bin.replaceAll(/\W/g, '_')}_autocomplete`;
  return `# Completion of ${bin} for bash. Written anew by "${bin} autocomplete --refresh-cache".

${run}() {
  local IFS=$' \\t\\n' cur="\${COMP_WORDS[COMP_CWORD]}" flag="\${COMP_WORDS[COMP_CWORD-1]}" command='' ended='' words='' word
  COMPREPLY=()

  # bash takes the = of --flag=value for a word.
  if [[ "$cur" == '=' ]]; then
    cur=''
  elif [[ "$flag" == '=' ]]; then
    flag="\${COMP_WORDS[COMP_CWORD-2]}"
  fi

  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${command:+$command }$word" in
${arm([...paths], 'command="${command:+$command }$word"').replace(/^ {4}/, '      ')}      *) ended=yes && break ;;
    esac
  done

  case "$command $flag" in
${choices.map(([pattern, values]) => arm([pattern], `words='${values}'`)).join('')}${arm(
    taking('folder'),
    `
      compopt -o filenames 2>/dev/null
      IFS=$'\\n'
      COMPREPLY=($(compgen -d -- "$cur"))
      return`,
  )}${arm(taking('anything'), 'return')}  esac

  # A command's name ends with the first flag or argument.
  if [[ -z "$words$ended" && "$cur" != -* ]]; then
    case "$command" in
${[...next].map(([path, words]) => arm([path], `words='${[...words].join(' ')}'`).replace(/^/, '  ')).join('')}    esac
  fi

  if [[ -z "$words" ]]; then
    case "$command" in
${commands.map(({name, flags}) => arm([name], `words='${flags.join(' ')}'`).replace(/^/, '  ')).join('')}    esac
  fi

  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -F ${run} ${bin}
`;
}
