import {stripVTControlCharacters} from 'node:util';

import {closest} from './closest.js';
import {addPackage, supabaseIn} from './program.js';
import {shellWord, SupasessionError, type ErrorCode} from '../errors.js';
import {flagNames, type KnownFlags} from './flags.js';
import {usageMessage} from './usage.js';

/** The error shape of --json. */
export interface ErrorJson {
  error: {code: ErrorCode; message: string; suggestions: string[]; details?: Record<string, unknown>};
}

/** What oclif's own errors say about themselves. */
interface OclifError extends Error {
  oclif?: {exit?: number | false};
  /** The unknown ones, as typed. */
  flags?: string[];
  /** The missing ones. */
  args?: unknown[];
  parse?: {input?: {flags?: KnownFlags; context?: {id?: string}}};
}

/**
 * Removes passwords from what oclif or node says: the parser repeats what it did not understand.
 */
export function maskPasswords(text: string): string {
  return text.replaceAll(/(\w+:\/\/[^\s:/@]*:)[^\s]*(@)/g, '$1***$2');
}

/**
 * Turns oclif's errors about what was typed into USAGE, and any other error into UNEXPECTED.
 * @param command id of the command, if it is known: its help is suggested
 */
export function toFailure(error: unknown, command: string | undefined): SupasessionError {
  if (error instanceof SupasessionError) return error;
  const {oclif, message, flags, args, parse}: OclifError = error instanceof Error ? error : new Error(String(error));
  if (oclif?.exit !== 2) {
    return new SupasessionError('UNEXPECTED', maskPasswords(message), {
      suggestions: ['Please report this, with the command that you typed'],
      cause: error,
    });
  }

  const summary = stripVTControlCharacters(message)
    .replace(/\n?See more help with.*$/s, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const id = command ?? parse?.input?.context?.id;
  const called = id === undefined ? '{bin}' : `{bin} ${id}`;
  const [unknown] = flags ?? [];
  // Only the name of `--name=value`.
  const near = unknown && closest(unknown.replace(/=.*$/s, ''), flagNames(parse?.input?.flags ?? {}));
  return new SupasessionError('USAGE', maskPasswords(usageMessage(summary, args)), {
    suggestions: [`${called} ${near ?? '--help'}`],
  });
}

/**
 * Fills in what to type, so that a hint can be pasted.
 * @param text with `{bin} ` and the id of a command (`sessions:list`), `{supabase} ` and its command, or `{add} ` and a package
 * @param program what to type before a command's name; its last character also stands between topic and command
 * @param workdir as --workdir was given: the commands need it too
 */
export function withProgram(text: string, program: string, workdir?: string): string {
  const there = workdir === undefined ? '' : ` --workdir ${shellWord(workdir)}`;
  return text
    .replaceAll(
      /\{bin\} ([\w-]+(?::[\w-]+)*)/g,
      (_, id: string) => program + id.replaceAll(':', program.at(-1)!) + there,
    )
    .replaceAll('{bin} ', program)
    .replaceAll(/\{supabase\}(?!.* --workdir)/g, () => supabaseIn(process.cwd()) + there)
    .replaceAll('{supabase}', () => supabaseIn(process.cwd()))
    .replaceAll(/\{add\} (\S+)/g, (_, name: string) => addPackage(process.cwd(), name));
}

export function errorJson(
  {code, message, suggestions, details}: SupasessionError,
  program: string,
  workdir?: string,
): ErrorJson {
  return {
    error: {
      code,
      message,
      suggestions: suggestions.map((suggestion) => withProgram(suggestion, program, workdir)),
      ...(details === undefined ? {} : {details}),
    },
  };
}
