import {stripVTControlCharacters} from 'node:util';

// Release 4, as cli-table3 and oclif have it: tables and lines agree, and nothing more is loaded.
import widthOf from 'string-width';

/** A label at the left and what belongs to it, in colours: where the second begins, the lines below it do too. */
const LABELLED = /^ *(?:→ |\S+(?: \S+){0,3} {2,})(?=\S)/;

/** Where a command to be typed begins that goes to the end of the line, or Infinity; in columns. */
function commandStart(line: string, program: string): number {
  const found = ['→ ', ': ']
    .map((before) => [before, line.indexOf(before + program)] as const)
    .find(([, index]) => index !== -1);
  return found === undefined ? Infinity : widthOf(line.slice(0, found[1] + found[0].length));
}

function wrapLine(line: string, width: number, program: string): string {
  const plain = stripVTControlCharacters(line);
  const total = widthOf(plain);
  if (total <= width) return line;
  const label = LABELLED.exec(plain)?.[0] ?? '';
  const labelWidth = widthOf(label);
  const indent = ' '.repeat(labelWidth > 0 && labelWidth < width / 2 ? labelWidth : plain.search(/\S|$/));
  const command = commandStart(plain, program);
  const lines: string[] = [];
  let current = '';
  let passed = 0;
  for (const [, gap = '', word = ''] of line.matchAll(/( *)([^ ]+)/g)) {
    const at = passed + gap.length;
    passed = at + widthOf(word);
    // A command gets its own line if it fits there; otherwise a backslash tells the shell that it goes on.
    const whole = at === command && indent.length + total - command <= width;
    const room = at > command && passed < total ? width - 2 : width;
    const fits = widthOf(current) + gap.length + (whole ? total - command : widthOf(word)) <= room;
    if (current.trim() === '' || fits) current += gap + word;
    else {
      lines.push(at > command ? `${current} \\` : current);
      current = indent + word;
    }
  }

  return [...lines, current].join('\n');
}

/**
 * @param width of the terminal, in characters
 * @param program how a command of supasession begins, as it is typed
 * @returns the same in lines that fit, broken between words; a command that had to be broken can still be pasted
 */
export function wrapped(text: string, width: number, program: string): string {
  return text
    .split('\n')
    .map((line) => wrapLine(line, width, program))
    .join('\n');
}
