import {createRequire} from 'node:module';

import chalk from 'chalk';
import type CliTable from 'cli-table3';
import type {Cell} from 'cli-table3';

const require = createRequire(import.meta.url);

/** How a table is drawn, where it is not the usual. */
export interface TableOptions {
  /** Widths of the columns, to which the cells are wrapped, in characters without the gaps; as wide as the content where it is not given. */
  widths?: number[];
  /** What stands before each line. */
  indent?: string;
}

/** What stands between two columns. */
export const GAP = '  ';

/**
 * @param head the headings of the columns; none for no line of them
 * @param rows the cells, a row each
 * @param options how
 * @returns a table without lines
 */
export function table(head: string[], rows: Cell[][], options: TableOptions = {}): string {
  const none = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'];
  const lines = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'];
  // Loaded for the first table, so that --json does without.
  const Table = require('cli-table3') as typeof CliTable;
  const drawn = new Table({
    head: head.map((cell) => chalk.dim(cell)),
    chars: {...Object.fromEntries([...none, ...lines].map((name) => [name, ''])), middle: GAP},
    style: {head: [], border: [], 'padding-left': 0, 'padding-right': 0},
    ...(options.widths === undefined ? {} : {colWidths: options.widths, wordWrap: true}),
  });
  drawn.push(...rows);
  // The last column is filled up with spaces.
  return drawn
    .toString()
    .split('\n')
    .map((line) => `${options.indent ?? '  '}${line.trimEnd()}`)
    .join('\n');
}
