import {readdir, readFile} from 'node:fs/promises';

/** A fenced block of a page. */
export interface Block {
  /** What is written behind the fence: sh, sql, ts; empty for none. */
  language: string;
  text: string;
  /** Number of its first line in the page, from 1. */
  line: number;
  /** The heading that it is under. */
  heading: string;
  /** Why it is not run, by a comment before it: `<!-- not run: why -->`. */
  notRun: string | null;
}

/** A Markdown file that people read. */
export interface Page {
  /** Path from the root of the repository. */
  file: string;
  text: string;
  blocks: Block[];
  headings: string[];
}

/** The text without its blocks, whose lines stay, empty. */
export function proseOf({text}: Page): string {
  return text.replaceAll(/^ *```[^]*?^ *```$/gm, (block) => '\n'.repeat(block.split('\n').length - 1));
}

/** Every page, the README first. */
export async function readPages(): Promise<Page[]> {
  const docs = (await readdir('docs')).filter((file) => file.endsWith('.md')).sort();
  const files = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'bench/README.md',
    ...docs.map((file) => `docs/${file}`),
  ];
  return Promise.all(files.map(readPage));
}

async function readPage(file: string): Promise<Page> {
  const text = await readFile(file, 'utf8');
  const page: Page = {file, text, blocks: [], headings: []};
  let notRun: string | null = null;
  let open: Block | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^ *```(\w*)/.exec(line);
    if (open === null && fence !== null) {
      open = {language: fence[1]!, text: '', line: index + 2, heading: page.headings.at(-1) ?? '', notRun};
      notRun = null;
    } else if (open !== null && fence !== null) {
      page.blocks.push(open);
      open = null;
    } else if (open !== null) {
      open.text += `${line}\n`;
    } else {
      const heading = /^#+ (.+)$/.exec(line)?.[1];
      if (heading !== undefined) page.headings.push(heading);
      notRun = /^<!-- not run: (.+) -->$/.exec(line)?.[1] ?? null;
    }
  }

  return page;
}

/** A call of the program as a page shows it. */
export interface TypedCommand {
  /** Such as `sessions revoke`; null if there is no such command. */
  id: string | null;
  /** Names, without dashes and values. */
  flags: string[];
  text: string;
}

/** The two words of a command in a topic, or its one. */
function commandOf(words: readonly string[], ids: readonly string[]): string | null {
  return [2, 1].map((count) => words.slice(0, count).join(' ')).find((name) => ids.includes(name)) ?? null;
}

function typedCommand(typed: string, ids: readonly string[]): TypedCommand {
  const words = typed
    .replaceAll(/"[^"]*"|'[^']*'/g, 'value')
    .trim()
    .split(/\s+/);
  const comment = words.findIndex((word) => word.startsWith('#'));
  const own = comment < 0 ? words : words.slice(0, comment);
  const flags = own.flatMap((word) => /^(?:--(?:\[no-\])?|-)([a-z][\w-]*)/.exec(word)?.[1] ?? []);
  return {id: commandOf(own, ids), flags, text: typed.trim()};
}

/** The calls of the program in a block: what follows its name, after a prompt or not. */
export function commandsInBlock(text: string, ids: readonly string[]): TypedCommand[] {
  const calls = text.replaceAll('\\\n', ' ').matchAll(/(?:^|[$→:] |npx )supasession +([a-z].*)$/gm);
  return [...calls].map(([, typed]) => typedCommand(typed!, ids));
}

/** The calls of the program in running text, between backquotes: with its name, or a command by itself. */
export function commandsInText(text: string, ids: readonly string[]): TypedCommand[] {
  const topics = new Set(ids.filter((id) => id.includes(' ')).map((id) => id.split(' ')[0]!));
  return [...text.matchAll(/`(?:npx )?((?:supasession )?)([a-z][^`]*)`/g)].flatMap(([, name, typed]) => {
    const words = typed!.split(/\s+/);
    const meant = name !== '' || commandOf(words, ids) !== null || (topics.has(words[0]!) && words.length > 1);
    return meant ? [typedCommand(typed!, ids)] : [];
  });
}
