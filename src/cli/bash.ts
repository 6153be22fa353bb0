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

/** Notes the words of a command's name as they are typed: its tables go by the name. */
function nameArms(commands: Completed[]): string {
  const paths = new Set(
    commands.flatMap(({name}) => name.split(' ').map((_, index, words) => words.slice(0, index + 1).join(' '))),
  );
  return arm([...paths], 'command="${command:+$command }$word"').replace(/^ {4}/, '      ');
}

/** What the flags before the cursor take. */
function valueArms(commands: Completed[]): string {
  const flags = commands.flatMap(({name, values}) =>
    [...values].map(([flag, takes]) => ({pattern: `${name} ${flag}`, takes})),
  );
  const taking = (kind: 'folder' | 'anything') => flags.filter(({takes}) => takes === kind).map(({pattern}) => pattern);
  const choices = flags.map(({pattern, takes}) =>
    Array.isArray(takes) ? arm([pattern], `words='${takes.join(' ')}'`) : '',
  );
  const folders = arm(
    taking('folder'),
    `
      compopt -o filenames 2>/dev/null
      IFS=$'\\n'
      COMPREPLY=($(compgen -d -- "$cur"))
      return`,
  );
  return choices.join('') + folders + arm(taking('anything'), 'return');
}

/** Arms, a level deeper, that offer words after a name. */
function wordArms(words: Iterable<readonly [string, Iterable<string>]>): string {
  return [...words].map(([name, offered]) => `  ${arm([name], `words='${[...offered].join(' ')}'`)}`).join('');
}

/** What can follow the words that stand there already: the next word of a name, or an argument. */
function followingWords(commands: Completed[]): Map<string, Set<string>> {
  const following = new Map<string, Set<string>>();
  const add = (before: string, words: readonly string[]) =>
    following.set(before, new Set([...(following.get(before) ?? []), ...words]));
  for (const {name, argument} of commands) {
    const words = name.split(' ');
    for (const [index, word] of words.entries()) add(words.slice(0, index).join(' '), [word]);
    if (argument.length > 0) add(name, argument);
  }

  return following;
}

/**
 * The completion of commands, flags and their values, for bash from 3.2 on (that of macOS): `case` for tables, no compopt that has to be there.
 */
export function bashCompletion(config: Interfaces.Config): string {
  const commands = completed(config);
  const [names, values] = [nameArms(commands), valueArms(commands)];
  const following = wordArms(followingWords(commands));
  const flags = wordArms(commands.map((command) => [command.name, command.flags]));
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
${names}      *) ended=yes && break ;;
    esac
  done

  case "$command $flag" in
${values}  esac

  # A command's name ends with the first flag or argument.
  if [[ -z "$words$ended" && "$cur" != -* ]]; then
    case "$command" in
${following}    esac
  fi

  if [[ -z "$words" ]]; then
    case "$command" in
${flags}    esac
  fi

  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -F ${run} ${bin}
`;
}
