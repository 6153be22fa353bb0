/** bash in a terminal as a person has it: of a fixed size, and looked at as it stands on the screen. Free of jest, for scripts too. */
import {createRequire} from 'node:module';
import {spawn, type IPty} from '@lydell/node-pty';
import type * as Headless from '@xterm/headless';

// Its names are none that node finds in a CommonJS module, and jest has no default export for it.
const {Terminal} = createRequire(import.meta.url)('@xterm/headless') as typeof Headless;

/** Of every terminal here, in characters. */
export const COLUMNS = 80;
export const ROWS = 24;

/** What the shell shows when it waits for a command. */
export const PROMPT = '$';

/** What stands in one place of the screen. */
export interface Cell {
  /** Empty in the second place of a wide character. */
  text: string;
  /** Whether it takes two places. */
  wide: boolean;
  /** Number of a colour of the terminal's palette; null for the ordinary one. */
  color: number | null;
  bold: boolean;
  dim: boolean;
}

export class Shell {
  readonly #pty: IPty;
  readonly #terminal = new Terminal({cols: COLUMNS, rows: ROWS, scrollback: 10_000, allowProposedApi: true});
  readonly #watchers = new Set<() => void>();
  /** The line at whose end the command was typed that runs, counted from the first one ever. */
  #from = 0;
  #ended = false;

  /** @param options.env all of the environment; nothing of the caller's own is added */
  constructor(options: {cwd: string; env: Record<string, string>}) {
    this.#pty = spawn('bash', ['--norc', '--noprofile', '-i'], {
      ...{name: 'xterm-256color', cols: COLUMNS, rows: ROWS, cwd: options.cwd},
      env: {...options.env, TERM: 'xterm-256color', PS1: `${PROMPT} `, HISTFILE: ''},
    });
    const look = () => {
      for (const watcher of this.#watchers) watcher();
    };
    this.#pty.onData((data) => this.#terminal.write(data, look));
    this.#pty.onExit(() => {
      this.#ended = true;
      look();
    });
    // Programs ask the terminal where its cursor is, and wait for the answer.
    this.#terminal.onData((answer) => this.#pty.write(answer));
  }

  /** Types text or keys. */
  type(text: string): void {
    this.#pty.write(text);
  }

  /** Types a command at the prompt, and enter. Wait with `see` for its questions, and with `done` for its end. */
  async start(command: string): Promise<void> {
    await this.#prompted();
    this.#from = this.#cursorLine;
    this.type(`${command}\r`);
  }

  /** Waits until the shell asks for the next command. Returns what the last one has left on the screen, below the line it was typed in. */
  async done(): Promise<string> {
    const typedIn = this.#from;
    await this.#until(`the end of "${this.#line(typedIn)}"`, () => this.#cursorLine > typedIn && this.#atPrompt);
    return this.output;
  }

  /** Types a command and waits for its end. Returns what it has left on the screen. */
  async run(command: string): Promise<string> {
    await this.start(command);
    return this.done();
  }

  /** Waits until this is on the screen, below the line that the last command was typed in. */
  async see(pattern: RegExp): Promise<void> {
    await this.#until(String(pattern), () => pattern.test(this.output));
  }

  /** Waits until the line that the cursor is in, with the prompt, matches. */
  async seeTyped(pattern: RegExp): Promise<void> {
    await this.#until(String(pattern), () => pattern.test(this.#line(this.#cursorLine)));
  }

  /** The lines below the one that the last command was typed in, without the next prompt. */
  get output(): string {
    return this.#numbers.map((number) => this.#line(number)).join('\n');
  }

  /** Those of these lines that the terminal has broken, because they were wider than it; each with how it goes on. */
  get broken(): string[] {
    const buffer = this.#terminal.buffer.active;
    return this.#numbers
      .filter((number) => buffer.getLine(number)?.isWrapped)
      .map((number) => `${this.#line(number - 1)}⏎${this.#line(number)}`);
  }

  /** The last command as it was typed and what it has left, cell by cell. */
  get cells(): Cell[][] {
    return [this.#from, ...this.#numbers].map((number) => {
      const line = this.#terminal.buffer.active.getLine(number);
      return Array.from({length: COLUMNS}, (_, column) => {
        const cell = line?.getCell(column);
        return {
          text: cell?.getChars() ?? '',
          wide: cell?.getWidth() === 2,
          color: cell?.isFgPalette() ? cell.getFgColor() : null,
          bold: Boolean(cell?.isBold()),
          dim: Boolean(cell?.isDim()),
        };
      });
    });
  }

  /** Ends the shell and what runs in it. */
  close(): void {
    if (!this.#ended) this.#pty.kill('SIGKILL');
    this.#terminal.dispose();
  }

  get #cursorLine(): number {
    const {baseY, cursorY} = this.#terminal.buffer.active;
    return baseY + cursorY;
  }

  get #atPrompt(): boolean {
    return this.#line(this.#cursorLine) === PROMPT;
  }

  /** The lines of the output. */
  get #numbers(): number[] {
    const buffer = this.#terminal.buffer.active;
    let first = this.#from + 1;
    // What was typed may be wider than a line.
    while (buffer.getLine(first)?.isWrapped) first++;
    const numbers = Array.from({length: Math.max(buffer.length - first, 0)}, (_, index) => first + index);
    const last = numbers.findLastIndex((number) => this.#line(number) !== '');
    return numbers.slice(0, last >= 0 && this.#line(numbers[last]!) === PROMPT ? last : last + 1);
  }

  #line(number: number): string {
    return this.#terminal.buffer.active.getLine(number)?.translateToString(true).trimEnd() ?? '';
  }

  async #prompted(): Promise<void> {
    await this.#until('the prompt', () => this.#atPrompt);
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (failure?: string) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (failure === undefined) resolve();
        else reject(new Error(`${failure} before ${what} was on the screen:\n${this.output}`));
      };
      const timer = setTimeout(() => end('two minutes passed'), 120_000);
      const look = () => {
        if (condition()) end();
        else if (this.#ended) end('the shell ended');
      };
      this.#watchers.add(look);
      look();
    });
  }
}
