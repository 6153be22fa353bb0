/** Shows what became of sign-ins: as a table that is redrawn in place on a terminal, as a line each elsewhere. */
import chalk from 'chalk';
import Table from 'cli-table3';
import {detail, say} from './stage.js';

/** A user as the board shows it; devices by their names. */
export interface Row {
  user: string;
  live: string[];
  ended: string[];
  refused: string[];
}

const HEAD = ['User', 'Signed in on', 'Ended', 'Refused'];
/** Widths of the columns without borders: wide enough for what the demo shows, narrow enough for 80 columns. */
const WIDTHS = [9, 27, 19, 14];
const TABLE_WIDTH = 80;
/** Lines that the table takes at most; lines that have scrolled away cannot be redrawn. */
const TABLE_HEIGHT = 16;
/** No lines between the rows. */
const COMPACT = {mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': ''};

/** A board for one round of sign-ins. */
export class Board {
  /** Lines on the screen that the next drawing replaces. */
  #drawn = 0;
  readonly #live = process.stdout.isTTY && process.stdout.columns >= TABLE_WIDTH && process.stdout.rows > TABLE_HEIGHT;

  /** Whether somebody watches the table change. */
  get live(): boolean {
    return this.#live;
  }

  /**
   * Shows the outcome of a sign-in.
   */
  show(rows: readonly Row[], line: string): void {
    if (!this.#live) {
      detail(line);
      return;
    }
    const table = new Table({
      ...{head: HEAD, colWidths: WIDTHS, wordWrap: true, chars: COMPACT},
      style: {head: ['bold'], border: ['gray']},
    });
    for (const {user, live, ended, refused} of rows) {
      table.push([user, chalk.green(live.join(', ')), chalk.yellow(ended.join(', ')), chalk.red(refused.join(', '))]);
    }
    const text = `${table.toString()}\n${line}`.replaceAll(/^/gm, '   ');
    if (this.#drawn > 0) process.stdout.write(`\u001B[${this.#drawn}A\u001B[0J`);
    say(text);
    this.#drawn = text.split('\n').length;
  }
}
