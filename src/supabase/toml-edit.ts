import {getStaticTOMLValue, ParseError, parseTOML, type AST} from 'toml-eslint-parser';

/** What a key can be set to; undefined removes it. */
export type TomlValue = string | boolean | number | readonly string[];

/** One key, and what it shall be. */
export interface TomlEdit {
  /** From the root, one part a name: `['auth', 'hook', 'custom_access_token', 'enabled']`. */
  path: readonly string[];
  value: TomlValue | undefined;
}

/** A piece of the text, and what takes its place. */
interface Splice {
  start: number;
  end: number;
  text: string;
}

type Container = AST.TOMLTopLevelTable | AST.TOMLTable | AST.TOMLInlineTable;

/** A `key = value`, with its path from the root and the path of what it stands in. */
interface Entry {
  node: AST.TOMLKeyValue;
  path: (string | number)[];
  container: Container;
  containerPath: (string | number)[];
}

const BOM = '\uFEFF';

/**
 * Sets and removes keys in a TOML text by cutting and inserting: every other byte stays as it is. What is set already is left alone.
 *
 * - a key that is there: only its value changes, of an array only the elements that come and go
 * - a key of a table that is there: a line of its own, after the comment that shows it (`# uri = "..."`), else after the table's last key;
 *   where the table is written inline or by dotted keys, in that form
 * - a table that is not there: after the comment block that shows it (`# [auth.hook.custom_access_token]`), else at the end of the file
 * - a removed key: its line goes, a comment behind it stays; the header above goes with the last key of its table
 * - an array that changes by more than one element is written anew
 *
 * So setting and removing again gives the first text back.
 *
 * @param text valid TOML, with or without a byte order mark
 * @returns the new text; what it says has not been checked (`planConfigEdit` does)
 * @throws ParseError for what is no TOML
 */
export function editToml(text: string, edits: readonly TomlEdit[]): string {
  const mark = text.startsWith(BOM) ? BOM : '';
  return mark + edits.reduce(applyEdit, text.slice(mark.length));
}

function applyEdit(text: string, {path, value}: TomlEdit): string {
  // Positions change with every edit.
  const document = new TomlDocument(text);
  const splices = value === undefined ? document.remove(path) : document.set(path, value);
  return splices
    .toSorted((a, b) => b.start - a.start)
    .reduce((rest, {start, end, text: inserted}) => rest.slice(0, start) + inserted + rest.slice(end), text);
}

/** A parsed text that answers with what to splice. */
class TomlDocument {
  private readonly program: AST.TOMLProgram;
  private readonly entries: Entry[];

  constructor(private readonly text: string) {
    this.program = parse(text);
    this.entries = [...entriesOf(this.top, [])];
  }

  set(path: readonly string[], value: TomlValue): Splice[] {
    const existing = this.entries.find((entry) => samePath(entry.path, path));
    if (existing) return this.replaceValue(existing.node.value, value);
    const parent = path.slice(0, -1);
    const inline = this.inlineAbove(path);
    if (inline) return this.addToInline(inline, path, value);
    const sibling = this.entries.findLast(
      ({path: other, containerPath}) =>
        containerPath.length < parent.length && other.length > parent.length && startsWith(other, parent),
    );
    if (sibling) return this.addDotted(sibling, path, value);
    const table = parent.length === 0 ? this.top : this.tables.find((node) => isHeaderOf(node, parent));
    if (table) return this.addToTable(table, path.at(-1)!, value);
    return this.addTable(parent, `${keyText(path.slice(-1))} = ${valueText(value)}`);
  }

  remove(path: readonly string[]): Splice[] {
    const entry = this.entries.find((candidate) => samePath(candidate.path, path));
    if (!entry) return [];
    const {node, container} = entry;
    if (container.type === 'TOMLInlineTable') return this.removeItem(container, container.body.indexOf(node));
    const direct = container.type === 'TOMLTable' && path.length === entry.containerPath.length + 1;
    if (!direct || container.body.length > 1) return [this.removeLines(...node.range)];
    // The header of the table goes too; comments that stand between the two, stay.
    const header = this.headerRange(container);
    if (!this.isBlank(header[1], node.range[0])) return [this.removeLines(...header), this.removeLines(...node.range)];
    return [this.withBlankLineAbove(this.removeLines(header[0], node.range[1]))];
  }

  private get top(): AST.TOMLTopLevelTable {
    return this.program.body[0];
  }

  private get tables(): AST.TOMLTable[] {
    return this.top.body.filter((node) => node.type === 'TOMLTable');
  }

  /** From `[` to `]`: a table's own range goes on to its last key. */
  private headerRange(table: AST.TOMLTable): [number, number] {
    return [table.range[0], this.text.indexOf(']', table.key.range[1]) + 1];
  }

  // ---- where a new key goes

  /** The innermost inline table that the path leads through: TOML lets nothing but itself extend it. */
  private inlineAbove(path: readonly string[]): {node: AST.TOMLInlineTable; path: (string | number)[]} | undefined {
    const [innermost] = this.entries
      .filter((entry) => entry.path.length < path.length && startsWith(path, entry.path))
      .toSorted((a, b) => b.path.length - a.path.length);
    if (innermost?.node.value.type !== 'TOMLInlineTable') return undefined;
    return {node: innermost.node.value, path: innermost.path};
  }

  private addToInline(
    {node, path: above}: {node: AST.TOMLInlineTable; path: (string | number)[]},
    path: readonly string[],
    value: TomlValue,
  ): Splice[] {
    const item = `${keyText(path.slice(above.length))} = ${valueText(value)}`;
    if (node.body.length > 0) return this.appendItem(node, item);
    const [start, end] = node.range;
    const empty = this.isBlank(start + 1, end - 1);
    return [empty ? {start, end, text: `{ ${item} }`} : insertion(start + 1, ` ${item}`)];
  }

  /** Below a sibling that is written `table.key = value`, since a header for that table would be an error. */
  private addDotted(sibling: Entry, path: readonly string[], value: TomlValue): Splice[] {
    const own = path.length - 1 - sibling.containerPath.length;
    const {keys} = sibling.node.key;
    const prefix = this.text.slice(keys[0]!.range[0], keys[own]!.range[0]);
    return [
      this.linesAfter(sibling.node.range[1], [
        `${this.indentOf(sibling.node.range[0])}${prefix}${keyText(path.slice(-1))} = ${valueText(value)}`,
      ]),
    ];
  }

  private addToTable(table: AST.TOMLTopLevelTable | AST.TOMLTable, key: string, value: TomlValue): Splice[] {
    const line = `${keyText([key])} = ${valueText(value)}`;
    const shown = this.commentOfKey(table, key);
    if (shown) return [this.linesAfter(shown.range[1], [this.indentOf(shown.range[0]) + line])];
    const keys = table.body.filter((node) => node.type === 'TOMLKeyValue');
    const last = keys.at(-1);
    if (last) return [this.linesAfter(last.range[1], [this.indentOf(last.range[0]) + line])];
    if (table.type === 'TOMLTable') {
      const [start, end] = this.headerRange(table);
      return [this.linesAfter(end, [this.indentOf(start) + line])];
    }
    return [insertion(0, line + this.eolAfter(0))];
  }

  private addTable(path: readonly string[], line: string): Splice[] {
    const header = `[${keyText(path)}]`;
    const shown = this.commentOfTable(path);
    if (shown) {
      const indent = this.indentOf(shown.first.range[0]);
      return [this.linesAfter(shown.last.range[1], [indent + header, indent + line])];
    }
    const content = this.text.trimEnd().length;
    if (content > 0) return [this.linesAfter(content, ['', header, line])];
    const eol = this.eolAfter(0);
    return [insertion(0, `${header}${eol}${line}${eol}`)];
  }

  /** The comment that shows a key of a table, before any that shows another table. */
  private commentOfKey(table: AST.TOMLTopLevelTable | AST.TOMLTable, key: string): AST.Comment | undefined {
    const next = this.tables.find((node) => node !== table && node.range[0] >= table.range[0]);
    for (const comment of this.ownLineComments) {
      if (comment.range[0] < table.range[0] && table.type === 'TOMLTable') continue;
      if (next && comment.range[0] > next.range[0]) return undefined;
      const shown = parseComment(comment);
      if (shown?.type === 'TOMLTable') return undefined;
      if (shown?.type === 'TOMLKeyValue' && samePath(partsOf(shown.key), [key])) return comment;
    }
    return undefined;
  }

  /** The comment that shows a table's header, and the last one of the same block that shows a key. */
  private commentOfTable(path: readonly string[]): {first: AST.Comment; last: AST.Comment} | undefined {
    const comments = this.ownLineComments;
    for (const [index, first] of comments.entries()) {
      const shown = parseComment(first);
      if (shown?.type !== 'TOMLTable' || !isHeaderOf(shown, path)) continue;
      let last = first;
      let previousLine = first.loc.start.line;
      for (const comment of comments.slice(index + 1)) {
        const {line} = comment.loc.start;
        const more = parseComment(comment);
        if (line !== previousLine + 1 || more?.type === 'TOMLTable') break;
        previousLine = line;
        if (more) last = comment;
      }
      // A key below it would become one of the new table.
      const below = this.top.body.flatMap((node) => (node.type === 'TOMLTable' ? [node, ...node.body] : [node]));
      const next = below.find((node) => node.range[0] > last.range[1]);
      if (next?.type !== 'TOMLKeyValue') return {first, last};
    }
    return undefined;
  }

  /** Comments that have a line for themselves, those inside a value left out. */
  private get ownLineComments(): AST.Comment[] {
    return this.program.comments.filter(
      ({range: [start]}) =>
        this.isBlank(this.lineStart(start), start) &&
        !this.entries.some(({node}) => node.range[0] < start && start < node.range[1]),
    );
  }

  // ---- values and lists

  private replaceValue(node: AST.TOMLContentNode, value: TomlValue): Splice[] {
    if (typeof value !== 'object') {
      const same = node.type === 'TOMLValue' && node.value === value;
      return same ? [] : [replacement(node.range, valueText(value))];
    }
    if (node.type !== 'TOMLArray') return [replacement(node.range, valueText(value))];
    return this.replaceElements(node, value) ?? [replacement(node.range, valueText(value))];
  }

  /** Takes single elements out, or puts one behind the last; undefined for every other change. */
  private replaceElements(node: AST.TOMLArray, wanted: readonly string[]): Splice[] | undefined {
    const present = node.elements.map((element) => getStaticTOMLValue(element) as unknown);
    if (samePath(present, wanted)) return [];
    const [gone, ...moreGone] = present.flatMap((element, index) =>
      wanted.includes(element as string) ? [] : [index],
    );
    if (gone !== undefined && moreGone.length === 0 && samePath(present.toSpliced(gone, 1), wanted)) {
      return this.removeItem(node, gone);
    }
    if (present.length === 0 && wanted.length === 1 && !this.isBlank(node.range[0] + 1, node.range[1] - 1)) {
      return [insertion(node.range[0] + 1, valueText(wanted[0]!))];
    }
    if (present.length === 0 || !samePath(present, wanted.slice(0, present.length))) return undefined;
    return wanted.length === present.length + 1 ? this.appendItem(node, valueText(wanted.at(-1)!)) : undefined;
  }

  private appendItem(list: AST.TOMLArray | AST.TOMLInlineTable, item: string): Splice[] {
    const last = itemsOf(list).at(-1)!;
    const [start, end] = last.range;
    const comma = this.commaAfter(end, list.range[1]);
    const lineEnd = this.lineEnd(end);
    const ownLine = this.isBlank(this.lineStart(start), start) && lineEnd < list.range[1];
    if (comma === undefined) {
      if (!ownLine) {
        const broken = this.isBlank(this.lineStart(start), start);
        return [insertion(end, `,${broken ? this.eolAfter(start) + this.indentOf(start) : ' '}${item}`)];
      }
      return [insertion(end, ','), this.linesAfter(end, [this.indentOf(start) + item])];
    }
    if (ownLine && comma < lineEnd) return [this.linesAfter(end, [`${this.indentOf(start)}${item},`])];
    return [insertion(comma + 1, ` ${item},`)];
  }

  private removeItem(list: AST.TOMLArray | AST.TOMLInlineTable, index: number): Splice[] {
    const items = itemsOf(list);
    const [start, end] = items[index]!.range;
    const previous = items[index - 1];
    const next = items[index + 1];
    const comma = this.commaAfter(end, next ? next.range[0] : list.range[1]);
    const commaBefore = previous && this.commaAfter(previous.range[1], start);
    // Behind the last one a comma stays only where there was one.
    const dangling = comma === undefined && commaBefore !== undefined ? [cut(commaBefore, commaBefore + 1)] : [];
    const after = comma === undefined ? end : comma + 1;
    const lineEnd = this.lineEnd(after);
    const alone =
      this.isBlank(this.lineStart(start), start) &&
      this.lineEnd(end) === lineEnd &&
      (this.isBlank(after, lineEnd) || this.isComment(after));
    if (alone) return [...dangling, this.removeLines(start, after)];
    if (next) return [cut(start, this.isBlank(after, next.range[0]) ? next.range[0] : after)];
    if (commaBefore === undefined) return [cut(start, after)];
    if (!this.isBlank(commaBefore + 1, start)) return [...dangling, cut(start, after)];
    return comma === undefined ? [cut(commaBefore, end)] : [cut(commaBefore + 1, after)];
  }

  /** Position of the next comma that is one of the list's; none in `range` where it would come after the last item. */
  private commaAfter(start: number, end: number): number | undefined {
    const token = this.program.tokens.find(({range, type}) => range[0] >= start && type === 'Punctuator');
    return token?.value === ',' && token.range[0] < end ? token.range[0] : undefined;
  }

  // ---- lines

  private lineStart(position: number): number {
    return this.text.lastIndexOf('\n', position - 1) + 1;
  }

  /** Where the line's text ends: before `\n` or `\r\n`. */
  private lineEnd(position: number): number {
    const newline = this.text.indexOf('\n', position);
    if (newline === -1) return this.text.length;
    return this.text[newline - 1] === '\r' ? newline - 1 : newline;
  }

  /** The line ending that the line has; the file's first one where it is the last line. */
  private eolAfter(position: number): string {
    const at = this.lineEnd(position);
    return /^\r?\n/.exec(this.text.slice(at, at + 2))?.[0] ?? /\r?\n/.exec(this.text)?.[0] ?? '\n';
  }

  private indentOf(position: number): string {
    return /^[\t ]*/.exec(this.text.slice(this.lineStart(position), position))![0];
  }

  private isBlank(start: number, end: number): boolean {
    return this.text.slice(start, end).trim() === '';
  }

  private isComment(position: number): boolean {
    return /^[\t ]*#/.test(this.text.slice(position));
  }

  /** New lines below the one that `position` is in; the last line of the file gets no line ending that it did not have. */
  private linesAfter(position: number, lines: readonly string[]): Splice {
    const eol = this.eolAfter(position);
    return insertion(this.lineEnd(position), lines.map((line) => eol + line).join(''));
  }

  /** Cuts from a line's first word to its end, with the line itself; a comment behind `end` keeps the line, and its place in front. */
  private removeLines(start: number, end: number): Splice {
    const from = this.lineStart(start);
    const to = this.lineEnd(end);
    if (this.isComment(end)) return cut(start, end + /^[\t ]*/.exec(this.text.slice(end))![0].length);
    if (to < this.text.length) return cut(from, this.text.indexOf('\n', to) + 1);
    const before = this.text.slice(0, from).replace(/\r?\n$/, '');
    return cut(before.length, to);
  }

  /** What is cut off the end of the file takes the empty line above it along, as it was put there with one. */
  private withBlankLineAbove(splice: Splice): Splice {
    if (!this.isBlank(splice.end, this.text.length)) return splice;
    const before = this.text.slice(0, splice.start);
    const empty = (this.text.endsWith('\n') ? /(?<=\n)\r?\n$/ : /\r?\n$/).exec(before);
    return {...splice, start: splice.start - (empty?.[0].length ?? 0)};
  }
}

function parse(text: string): AST.TOMLProgram {
  return parseTOML(text, {tomlVersion: '1.1'});
}

/** What a comment would say without its `#`, where that is one line of TOML. */
function parseComment({value}: AST.Comment): AST.TOMLTable | AST.TOMLKeyValue | undefined {
  try {
    const [node, ...more] = parse(value.replace(/^#+/, '').trim()).body[0].body;
    return more.length === 0 ? node : undefined;
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}

function* entriesOf(container: Container, path: (string | number)[]): Generator<Entry> {
  for (const node of container.body) {
    if (node.type === 'TOMLTable') {
      yield* entriesOf(node, node.resolvedKey);
      continue;
    }
    const entry = {node, path: [...path, ...partsOf(node.key)], container, containerPath: path};
    yield entry;
    if (node.value.type === 'TOMLInlineTable') yield* entriesOf(node.value, entry.path);
  }
}

function partsOf(key: AST.TOMLKey): string[] {
  return key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value));
}

function itemsOf(list: AST.TOMLArray | AST.TOMLInlineTable): (AST.TOMLContentNode | AST.TOMLKeyValue)[] {
  return list.type === 'TOMLArray' ? list.elements : list.body;
}

function isHeaderOf(table: AST.TOMLTable, path: readonly string[]): boolean {
  return table.kind === 'standard' && samePath(table.resolvedKey, path);
}

function samePath(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && startsWith(a, b);
}

function startsWith(path: readonly unknown[], prefix: readonly unknown[]): boolean {
  return prefix.every((part, index) => part === path[index]);
}

function keyText(parts: readonly string[]): string {
  return parts.map((part) => (/^[\w-]+$/.test(part) ? part : quoted(part))).join('.');
}

/** A value as TOML writes it, on one line. */
export function valueText(value: TomlValue): string {
  if (typeof value === 'object') return `[${value.map(quoted).join(', ')}]`;
  return typeof value === 'string' ? quoted(value) : String(value);
}

/** JSON's escapes are all among TOML's; only DEL has to be escaped in addition. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u007F', String.raw`\u007F`);
}

function replacement([start, end]: readonly [number, number], text: string): Splice {
  return {start, end, text};
}

function insertion(position: number, text: string): Splice {
  return {start: position, end: position, text};
}

function cut(start: number, end: number): Splice {
  return {start, end, text: ''};
}
