import {isDeepStrictEqual as same} from 'node:util';
import {getStaticTOMLValue, ParseError, parseTOML, type AST} from 'toml-eslint-parser';

// Why not `@decimalturn/toml-patch` (3.3.0, measured: 50 of the 65 tests fail): it writes the whole file anew, so spaces at line ends go and
// mixed line endings become one kind; a removed key takes the template's comment above it along; an element that is removed from behind a
// comment leaves `"b" # keep]`, which is no TOML; a new table never goes below the comment that shows it. The wasm editors lose CRLF and BOM.
// So a parser says where everything is, and this file cuts and inserts.

/** What a key can be set to; undefined removes it. */
export type TomlValue = string | boolean | number | readonly string[];

/** One key, and what it shall be. */
export interface TomlEdit {
  /** From the root, one part a name: `['auth', 'hook', 'custom_access_token', 'enabled']`. */
  path: readonly string[];
  value: TomlValue | undefined;
}

type Range = readonly [start: number, end: number];
type Statement = AST.TOMLTable | AST.TOMLKeyValue;
type List = AST.TOMLArray | AST.TOMLInlineTable;

/** A `key = value`, with its path from the root, what it stands in, and the path of that. */
interface Entry {
  node: AST.TOMLKeyValue;
  path: (string | number)[];
  container: AST.TOMLTopLevelTable | AST.TOMLTable | AST.TOMLInlineTable;
  above: (string | number)[];
}

/** A statement, or a comment with a line of its own and the statement that it would be without its `#`. */
interface Line {
  range: Range;
  row: number;
  comment: boolean;
  node: Statement | undefined;
}

const BOM = '\uFEFF';

/**
 * Sets and removes keys in a TOML text; every other byte stays as it is, and what is set already is left alone.
 *
 * - A new key goes below the comment that shows it (`# uri = "..."`), else below the table's last key, written as its neighbours are
 *   (inline, or by dotted keys).
 * - A new table goes below the comment block that shows it (`# [auth.hook.custom_access_token]`), else to the end of the file.
 * - A removed key takes its line along, but no comment; the header goes with the last key of its table.
 *
 * So setting and removing again gives the first text back.
 *
 * @param text valid TOML, with or without a byte order mark
 * @returns the new text; what it says has not been checked (`planConfigEdit` does)
 * @throws ParseError for what is no TOML
 */
export function editToml(text: string, edits: readonly TomlEdit[]): string {
  const mark = text.startsWith(BOM) ? BOM : '';
  const edit = (rest: string, {path, value}: TomlEdit) => {
    const document = new TomlText(rest);
    return value === undefined ? document.without(path) : document.with(path, value);
  };
  return mark + edits.reduce(edit, text.slice(mark.length));
}

class TomlText {
  private readonly program: AST.TOMLProgram;
  private readonly entries: Entry[];

  constructor(private readonly text: string) {
    this.program = parseTOML(text, {tomlVersion: '1.1'});
    this.entries = entriesOf(this.program.body[0], []);
  }

  with(path: readonly string[], value: TomlValue): string {
    const existing = this.entries.find((entry) => same(entry.path, path));
    if (existing) return this.withValue(existing.node.value, value);
    const parent = path.slice(0, -1);
    const line = assignment(path.slice(-1), value);

    // Nothing but an inline table itself may extend it.
    const inline = this.entries.findLast(({node, path: outer}) => isInline(node.value) && startsWith(path, outer));
    if (inline) return this.withItem(inline.node.value as List, assignment(path.slice(inline.path.length), value));

    const lines = this.lines();
    const header = lines.findIndex(({comment, node}) => !comment && isHeaderOf(node, parent));
    const shown = header >= 0 || parent.length === 0 ? commentOfKey(lines.slice(header + 1), path.at(-1)!) : undefined;
    if (shown) return this.below(shown.range, [line]);

    const sibling = this.entries.findLast(
      ({container, path: other, above}) =>
        !isInline(container) &&
        above.length <= parent.length &&
        other.length > parent.length &&
        startsWith(other, parent),
    );
    if (sibling) {
      // A header for a table that is written by dotted keys would be an error.
      const {keys} = sibling.node.key;
      const dots = this.text.slice(keys[0]!.range[0], keys[parent.length - sibling.above.length]!.range[0]);
      return this.below(sibling.node.range, [dots + line]);
    }
    if (header >= 0) return this.below((lines[header]!.node as AST.TOMLTable).key.range, [line]);
    return this.withTable(lines, parent, line);
  }

  without(path: readonly string[]): string {
    const entry = this.entries.find((candidate) => same(candidate.path, path));
    if (!entry) return this.text;
    const {node, container, above} = entry;
    if (isInline(container)) return this.withoutItem(container, container.body.indexOf(node));
    if (container.type !== 'TOMLTable' || container.body.length > 1 || path.length > above.length + 1) {
      return cut(this.text, node.range);
    }
    const header: Range = [container.range[0], this.text.indexOf(']', container.key.range[1]) + 1];
    const [before, rest] = [this.text.slice(0, lineStart(this.text, header[0])), this.text.slice(node.range[1])];
    const last = before !== '' && rest.trim() === '' && this.isBlank(header[1], node.range[0]);
    // At the end of the file it was put there with an empty line above.
    return last ? before.replace(/(?:\r?\n){1,2}$/, '') + rest : cut(cut(this.text, node.range), header);
  }

  private withTable(lines: readonly Line[], path: readonly string[], line: string): string {
    const added = path.length === 0 ? [line] : [`[${keyText(path)}]`, line];
    const shown = commentOfTable(lines, path);
    if (shown) return this.below(shown, added);
    const end = this.text.trimEnd().length;
    if (end > 0 && path.length > 0) return this.below([end, end], ['', ...added], '');
    return added.map((one) => one + this.eolAfter(0)).join('') + this.text;
  }

  private withValue(node: AST.TOMLContentNode, value: TomlValue): string {
    const present: unknown = getStaticTOMLValue(node);
    if (same(present, value)) return this.text;
    if (node.type === 'TOMLArray' && Array.isArray(present) && typeof value === 'object') {
      const gone = present.findIndex((element) => !value.includes(element as string));
      if (gone >= 0 && same(present.toSpliced(gone, 1), value)) return this.withoutItem(node, gone);
      const added = value.at(-1);
      if (added !== undefined && same(present.concat(added), value)) return this.withItem(node, valueText(added));
    }
    return splice(this.text, node.range, valueText(value));
  }

  /** Puts an item behind the last one of an array or inline table, on a line of its own if that one has one. */
  private withItem(list: List, item: string): string {
    const [open, close]: Range = [list.range[0] + 1, list.range[1] - 1];
    const last = itemsOf(list).at(-1);
    if (!last) {
      const space = isInline(list) ? ' ' : '';
      return this.isBlank(open, close)
        ? splice(this.text, [open, close], space + item + space)
        : splice(this.text, [open, open], space + item);
    }
    const [start, end] = last.range;
    const comma = this.commaAfter(end);
    const after = comma === undefined ? end : comma + 1;
    const ownLine = this.isBlank(lineStart(this.text, start), start);
    const at = ownLine && lineEnd(this.text, after) < close ? lineEnd(this.text, after) : after;
    const space = ownLine ? this.eolAfter(start) + this.indentOf(start) : ' ';
    const text = splice(this.text, [at, at], space + item + (comma === undefined ? '' : ','));
    return comma === undefined ? splice(text, [end, end], ',') : text;
  }

  private withoutItem(list: List, index: number): string {
    const items = itemsOf(list);
    const [start, end] = items[index]!.range;
    const comma = this.commaAfter(end);
    if (comma !== undefined) return cut(this.text, [start, comma + 1]);
    if (index === 0) return cut(this.text, [start, end]);
    // Behind the last one there was no comma, so the one before goes.
    const before = this.commaAfter(items[index - 1]!.range[1])!;
    return this.isBlank(before + 1, start)
      ? splice(this.text, [before, end], '')
      : splice(cut(this.text, [start, end]), [before, before + 1], '');
  }

  private lines(): Line[] {
    const inValue = (position: number) =>
      this.entries.some(({node}) => node.range[0] < position && position < node.range[1]);
    const statements = this.program.body[0].body
      .flatMap((node): Statement[] => (node.type === 'TOMLTable' ? [node, ...node.body] : [node]))
      .map((node) => ({range: node.range, row: node.loc.start.line, comment: false, node}));
    const comments = this.program.comments
      .filter(({range: [start]}) => this.isBlank(lineStart(this.text, start), start) && !inValue(start))
      .map(({range, loc, value}) => ({range, row: loc.start.line, comment: true, node: shownBy(value)}));
    return [...statements, ...comments].sort((a, b) => a.range[0] - b.range[0]);
  }

  /** With new lines below the one that `range` ends in; the last line of a file gets no line ending that it did not have. */
  private below([start, end]: Range, lines: readonly string[], indent = this.indentOf(start)): string {
    const at = lineEnd(this.text, end);
    const eol = this.eolAfter(end);
    return splice(this.text, [at, at], lines.map((line) => eol + indent + line).join(''));
  }

  private commaAfter(position: number): number | undefined {
    const token = this.program.tokens.find(({range, type}) => range[0] >= position && type === 'Punctuator');
    return token?.value === ',' ? token.range[0] : undefined;
  }

  /** The line ending that the line has; the file's first one if it is the last line. */
  private eolAfter(position: number): string {
    const at = lineEnd(this.text, position);
    return /^\r?\n/.exec(this.text.slice(at))?.[0] ?? /\r?\n/.exec(this.text)?.[0] ?? '\n';
  }

  private indentOf(position: number): string {
    return /^[\t ]*/.exec(this.text.slice(lineStart(this.text, position), position))![0];
  }

  private isBlank(start: number, end: number): boolean {
    return this.text.slice(start, end).trim() === '';
  }
}

function entriesOf(container: Entry['container'], above: (string | number)[]): Entry[] {
  return container.body.flatMap((node) => {
    if (node.type === 'TOMLTable') return entriesOf(node, node.resolvedKey);
    const path = [...above, ...getStaticTOMLValue(node.key)];
    const entry = {node, path, container, above};
    return isInline(node.value) ? [entry, ...entriesOf(node.value, path)] : [entry];
  });
}

/** The comment that shows a key, before the next table and any comment that shows one. */
function commentOfKey(lines: readonly Line[], key: string): Line | undefined {
  const end = lines.findIndex(({node}) => node?.type === 'TOMLTable');
  const isKey = ({comment, node}: Line) => comment && node !== undefined && same(getStaticTOMLValue(node.key), [key]);
  return lines.slice(0, end === -1 ? undefined : end).find(isKey);
}

/** From the comment that shows a table's header to the last one of the same block that shows a key. */
function commentOfTable(lines: readonly Line[], path: readonly string[]): Range | undefined {
  for (const [index, first] of lines.entries()) {
    if (!first.comment || !isHeaderOf(first.node, path)) continue;
    let last = index;
    for (let next = index + 1; lines[next]?.comment && lines[next]!.row === first.row + next - index; next++) {
      if (lines[next]!.node?.type === 'TOMLTable') break;
      if (lines[next]!.node) last = next;
    }
    // A key below it would become one of the new table.
    const below = lines.slice(last + 1).find(({comment}) => !comment);
    if (below?.node?.type !== 'TOMLKeyValue') return [first.range[0], lines[last]!.range[1]];
  }
  return undefined;
}

/** What a comment would say without its `#`, if that is one line of TOML. */
function shownBy(comment: string): Statement | undefined {
  try {
    const [node, ...more] = parseTOML(comment.replace(/^#+/, '').trim(), {tomlVersion: '1.1'}).body[0].body;
    return more.length === 0 ? node : undefined;
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}

function isHeaderOf(node: Statement | undefined, path: readonly string[]): boolean {
  return node?.type === 'TOMLTable' && node.kind === 'standard' && same(node.resolvedKey, path);
}

function isInline(node: {type: string}): node is AST.TOMLInlineTable {
  return node.type === 'TOMLInlineTable';
}

function itemsOf(list: List): (AST.TOMLContentNode | AST.TOMLKeyValue)[] {
  return isInline(list) ? list.body : list.elements;
}

function startsWith(path: readonly unknown[], prefix: readonly unknown[]): boolean {
  return same(path.slice(0, prefix.length), prefix);
}

function assignment(path: readonly string[], value: TomlValue): string {
  return `${keyText(path)} = ${valueText(value)}`;
}

function keyText(parts: readonly string[]): string {
  return parts.map((part) => (/^[\w-]+$/.test(part) ? part : valueText(part))).join('.');
}

/** A value as TOML writes it, on one line. */
export function valueText(value: TomlValue): string {
  if (typeof value === 'object') return `[${value.map(valueText).join(', ')}]`;
  // JSON's escapes are all among TOML's; only DEL has to be escaped in addition.
  return typeof value === 'string' ? JSON.stringify(value).replaceAll('\u007F', String.raw`\u007F`) : String(value);
}

function splice(text: string, [start, end]: Range, inserted: string): string {
  return text.slice(0, start) + inserted + text.slice(end);
}

/** Takes a piece out, with the spaces behind it, and its lines if nothing else is in them. */
function cut(text: string, [start, end]: Range): string {
  const from = lineStart(text, start);
  const behind = end + /^[\t ]*/.exec(text.slice(end))![0].length;
  const to = lineEnd(text, end);
  if (text.slice(from, start).trim() !== '' || behind < to) return splice(text, [start, behind], '');
  if (to < text.length) return splice(text, [from, text.indexOf('\n', to) + 1], '');
  return text.slice(0, from).replace(/\r?\n$/, '');
}

function lineStart(text: string, position: number): number {
  return text.lastIndexOf('\n', position - 1) + 1;
}

/** Where the line's text ends: before `\n` or `\r\n`. */
function lineEnd(text: string, position: number): number {
  const at = text.slice(position).search(/\r?\n|$/);
  return position + at;
}
