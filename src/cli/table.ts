import {createRequire} from 'node:module';

import chalk from 'chalk';
import type CliTable from 'cli-table3';
import type {Cell} from 'cli-table3';
import widthOf from 'string-width';

const require = createRequire(import.meta.url);

/** Differences from the usual drawing. */
export interface TableOptions {
  /** Widths of the columns, to which the cells are wrapped, in characters without the gaps; by default as wide as the content. */
  widths?: number[];
  /** Room for a line, in characters: what is too long is wrapped, the widest columns first. Default: the terminal's width, else none. */
  width?: number | undefined;
  /** What stands before each line. */
  indent?: string;
}

/** What stands between two columns. */
export const GAP = '  ';

/** A column never gets narrower than this to make room for others, in characters. */
const NARROWEST_COLUMN = 8;

/**
 * Shares out the room of a line: each column as wide as its content, and if that is too much, the widest ones give.
 * @param natural widths of the contents, in characters
 * @param room for all of them, without the gaps
 */
export function fitColumns(natural: readonly number[], room: number): number[] {
  const total = natural.reduce((sum, width) => sum + width, 0);
  if (total <= room) return [...natural];
  // From the narrowest on: who needs less than an equal share leaves the rest to the others.
  const order = natural.map((width, index) => ({width, index})).sort((a, b) => a.width - b.width);
  const widths = [...natural];
  let left = room;
  for (const [done, {width, index}] of order.entries()) {
    const share = Math.floor(left / (order.length - done));
    widths[index] = Math.min(width, Math.max(share, NARROWEST_COLUMN));
    left -= widths[index];
  }

  return widths;
}

/** Breaks a text without spaces into lines of a width, in characters of the terminal; a table would cut such a word off. */
export function broken(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let lines = '';
  let line = '';
  for (const {segment} of new Intl.Segmenter().segment(text)) {
    if (widthOf(line + segment) > width) {
      lines += `${line}\n`;
      line = '';
    }

    line += segment;
  }

  return lines + line;
}

/** A cell without colours, with its long words broken. */
function brokenCell(cell: Cell, width = Infinity): Cell {
  if (typeof cell !== 'string' || cell.includes('\u001B')) return cell;
  return cell.replaceAll(/\S+/g, (word) => broken(word, width));
}

/** The widths of columns whose cells are too long for a line; undefined if all fit. */
function fitted(head: string[], rows: Cell[][], room: number): number[] | undefined {
  const columns = Math.max(head.length, ...rows.map((row) => row.length));
  const natural = Array.from({length: columns}, (_, column) => {
    const cells = [head, ...rows].map((row) => row[column]).filter((cell) => typeof cell === 'string');
    return Math.max(0, ...cells.flatMap((cell) => cell.split('\n').map(widthOf)));
  });
  const widths = fitColumns(natural, room - (columns - 1) * GAP.length);
  return widths.every((width, column) => width === natural[column]) ? undefined : widths;
}

/** A table without lines. Without headings there is no line of them. */
export function table(head: string[], rows: Cell[][], options: TableOptions = {}): string {
  const {indent = '  ', width = process.stdout.isTTY ? process.stdout.columns : Infinity} = options;
  const widths = options.widths ?? fitted(head, rows, width - indent.length);
  const none = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'];
  const lines = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'];
  // Loaded for the first table, so that --json does without.
  const Table = require('cli-table3') as typeof CliTable;
  const drawn = new Table({
    head: head.map((cell) => chalk.dim(cell)),
    chars: {...Object.fromEntries([...none, ...lines].map((name) => [name, ''])), middle: GAP},
    style: {head: [], border: [], 'padding-left': 0, 'padding-right': 0},
    ...(widths === undefined ? {} : {colWidths: widths, wordWrap: true}),
  });
  drawn.push(...rows.map((row) => row.map((cell, column) => brokenCell(cell, widths?.[column]))));
  // The last column is filled up with spaces.
  return drawn
    .toString()
    .split('\n')
    .map((line) => `${indent}${line.trimEnd()}`)
    .join('\n');
}
