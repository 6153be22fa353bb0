import type * as Prompts from '@inquirer/prompts';

import {SupasessionError} from '../errors.js';

/** Questions go to stderr: stdout is for results. */
const CONTEXT = {output: process.stderr};

/** Lines of a list to tick from that are on the screen at once. */
const TICK_PAGE = 12;

export interface AskerOptions {
  /** Whether somebody can answer: a terminal on both sides, and no --json. A closed stdin would still be drawn a prompt. */
  interactive: boolean;
  /** Whether the default answers what no flag does. */
  yes: boolean;
}

/** How many choices are shown at once: what leaves room for the question, and for the line below. */
function pageSize(): number {
  return Math.max(7, (process.stderr.rows || 24) - 4);
}

async function answered<T>(ask: (prompts: typeof Prompts) => Promise<T>): Promise<T> {
  // Only now: it takes longer to load than all else that a command needs.
  const prompts = await import('@inquirer/prompts');
  try {
    return await ask(prompts);
  } catch (error) {
    if (error instanceof Error && (error.name === 'ExitPromptError' || error.name === 'AbortPromptError')) {
      throw new SupasessionError('INTERRUPTED', 'Interrupted: nothing was changed.');
    }

    throw error;
  }
}

/** Asks what no flag has said. The only place that prompts. */
export class Asker {
  readonly interactive: boolean;
  readonly #yes: boolean;

  constructor(options: AskerOptions) {
    this.interactive = options.interactive;
    this.#yes = options.yes;
  }

  /**
   * @param flag what to type instead of answering, for the message
   * @param fallback the answer that --yes gives, if it may
   * @throws SupasessionError ANSWER_REQUIRED if nobody can answer, INTERRUPTED on Ctrl-C
   */
  async #ask<T>(flag: string, fallback: {value: T} | null, ask: (prompts: typeof Prompts) => Promise<T>): Promise<T> {
    if (this.#yes && fallback !== null) return fallback.value;
    if (!this.interactive) {
      throw new SupasessionError('ANSWER_REQUIRED', `There is no terminal to ask on: give ${flag}.`, {
        suggestions:
          fallback === null || flag === '--yes' ? [flag] : [flag, '--yes takes the default of every question'],
        details: {flag},
      });
    }

    return answered(ask);
  }

  /** A yes or no that a flag may have given. */
  async confirm(question: {flag: string; message: string; default: boolean}): Promise<boolean> {
    return this.#ask(question.flag, {value: question.default}, ({confirm}) =>
      confirm({message: question.message, default: question.default}, CONTEXT),
    );
  }

  /** Permission for a change; declining ends the command with nothing changed. */
  async proceed(message: string): Promise<void> {
    const agreed = await this.#ask('--yes', {value: true}, ({confirm}) => confirm({message, default: false}, CONTEXT));
    if (!agreed) throw declined();
  }

  /** Permission that has to be typed, or given with --confirm; --yes does not answer it. */
  async proceedByName(question: {message: string; name: string; given: string | undefined}): Promise<void> {
    const {name, given} = question;
    if (given !== undefined) {
      if (given === name) return;
      throw new SupasessionError(
        'USAGE',
        `--confirm says "${given}", but the target is "${name}". Nothing was changed.`,
        {
          suggestions: [`--confirm ${name}`],
        },
      );
    }

    const typed = await this.#ask(`--confirm ${name}`, null, ({input}) =>
      input({message: `${question.message} Type ${name} to go on:`}, CONTEXT),
    );
    if (typed.trim() !== name) throw declined();
  }

  /** One of a few. */
  async choose<T extends string>(question: {
    flag: string;
    message: string;
    choices: ReadonlyArray<{value: T; name: string}>;
    default: T;
  }): Promise<T> {
    return this.#ask<T>(question.flag, {value: question.default}, ({select}) =>
      select<T>(
        {message: question.message, choices: question.choices, default: question.default, pageSize: pageSize()},
        CONTEXT,
      ),
    );
  }

  /** A text that has to be understood; what it means is returned. `read` throws a SupasessionError for what it does not understand. */
  async text<T>(question: {
    flag: string;
    message: string;
    default?: string;
    read: (text: string) => Promise<T>;
  }): Promise<T> {
    const refusal = async (text: string): Promise<string | true> => {
      try {
        await question.read(text);
      } catch (error) {
        if (error instanceof SupasessionError) return error.message;
        // Anything else comes up again below, where it can be thrown.
      }

      return true;
    };

    return this.#ask(question.flag, null, async ({input}) =>
      question.read(
        await input({message: question.message, default: question.default ?? '', validate: refusal}, CONTEXT),
      ),
    );
  }

  /** One of many, found by typing. `source` is asked at every change of the text, which is empty at first. */
  async find<T extends string>(question: {
    flag: string;
    message: string;
    source: (text: string) => Promise<ReadonlyArray<{value: T; name: string; description: string}>>;
  }): Promise<T> {
    return this.#ask<T>(question.flag, null, ({search}) =>
      search<T>(
        {
          message: question.message,
          // What was typed on meanwhile is not worth a query.
          source: async (text, {signal}) => (signal.aborted ? [] : question.source(text ?? '')),
        },
        CONTEXT,
      ),
    );
  }

  /** Any of a few, none included. */
  async tick<T extends string>(question: {
    flag: string;
    message: string;
    choices: ReadonlyArray<{value: T; name: string; short: string}>;
  }): Promise<T[]> {
    return this.#ask<T[]>(question.flag, null, ({checkbox}) =>
      checkbox<T>({message: question.message, choices: question.choices, pageSize: TICK_PAGE}, CONTEXT),
    );
  }

  /** A whole number of 1 or more. */
  async positiveInteger(question: {flag: string; message: string; default: number}): Promise<number> {
    return this.#ask(question.flag, {value: question.default}, async ({number}) =>
      number({message: question.message, default: question.default, min: 1, step: 1, required: true}, CONTEXT),
    );
  }

  /** A password, hidden while it is typed; null without a terminal, so that the caller can say which variable to set. */
  async password(message: string): Promise<string | null> {
    if (!this.interactive) return null;
    return answered(({password}) => password({message, mask: false}, CONTEXT));
  }
}

function declined(): SupasessionError {
  return new SupasessionError('DECLINED', 'Cancelled. Nothing was changed.');
}
