import type {Interfaces} from '@oclif/core';

import {closest} from './closest.js';
import {SupasessionError} from '../errors.js';
import {maskPasswords} from './failure.js';

// Why not @oclif/plugin-not-found: with --json its error has code UNEXPECTED and no suggestion (the name goes to stderr, in words); it asks
// "Did you mean" whenever stdin is a terminal, also with --json; and it repeats all that was typed, a password in a URL included.

/**
 * @param id what oclif took for a command: all words before the first flag, joined by colons; the last ones may have been meant as arguments
 * @returns USAGE, with the command that was probably meant. It repeats only the first wrong word: what follows could be a secret
 */
export function unknownCommand(id: string, config: Interfaces.Config): SupasessionError {
  if (id.startsWith('-')) return usage(`A command has to come before ${maskPasswords(id)}.`, '--help');

  const words = id.split(':');
  const first = (count: number) => words.slice(0, count).join(' ');
  const commands = namesOfCommands(config);
  const names = [...new Set([...commands, ...commands.flatMap(topicsOf)])];
  let known = 0;
  while (known < words.length - 1 && names.includes(first(known + 1))) known++;
  const wrong = words[known] ?? '';

  const topic = known === 0 ? '' : `${first(known)} `;
  const within = names.filter((name) => name.startsWith(topic)).map((name) => name.slice(topic.length));
  // A wrong topic and a wrong command in it are corrected together; what follows may be arguments.
  for (let count = words.length - known; count > 0; count--) {
    const typed = words.slice(known, known + count).join(' ');
    const meant = closest(
      typed,
      within.filter((name) => name.split(' ').length === count),
    );
    if (meant !== undefined) return usage(`"${topic}${wrong}" is not a command.`, topic + meant);
  }

  return commands.includes(first(known))
    ? usage(`Unexpected argument: ${wrong}`, `${topic}--help`)
    : usage(`"${topic}${wrong}" is not a command.`, `${topic}--help`);
}

function usage(message: string, suggestion: string): SupasessionError {
  return new SupasessionError('USAGE', message, {suggestions: [`{bin} ${suggestion}`]});
}

/** The commands and their aliases as they are typed. */
function namesOfCommands(config: Interfaces.Config): string[] {
  return config.commands
    .filter(({hidden}) => !hidden)
    .flatMap(({id, aliases}) => [id, ...aliases])
    .map((name) => name.replaceAll(':', ' '));
}

/** The topics that a command stands in, from the outermost. */
function topicsOf(command: string): string[] {
  const words = command.split(' ').slice(0, -1);
  return words.map((_, index) => words.slice(0, index + 1).join(' '));
}
