import {access, readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {expandAliases} from '../../src/cli/aliases.js';
import {ERROR_CODES, EXIT} from '../../src/errors.js';
import {SETTING_NAMES, SETTINGS} from '../../src/features/settings/catalogue.js';
import {DEFAULT_SETTINGS} from '../../src/types.js';
import {commandsInBlock, commandsInText, proseOf, readPages, type Page} from '../helpers/pages.js';

// The pages name everything that there is, and nothing else.

interface ManifestFlag {
  type: 'boolean' | 'option';
  char?: string;
  allowNo?: boolean;
  hidden?: boolean;
}

interface ManifestCommand {
  aliases: string[];
  hidden?: boolean;
  flags: Record<string, ManifestFlag>;
}

const PREFIX = 'supasession:';
let pages: Page[];
/** By name as it is typed, with aliases. */
const commands = new Map<string, ManifestCommand>();
/** Without aliases. */
let names: string[];

beforeAll(async () => {
  pages = await readPages();
  const manifest = JSON.parse(await readFile('oclif.manifest.json', 'utf8')) as {
    commands: Record<string, ManifestCommand>;
  };
  const typed = (id: string) => id.replace(PREFIX, '').replaceAll(':', ' ');
  names = Object.keys(manifest.commands).map(typed);
  for (const [id, command] of Object.entries(manifest.commands))
    for (const name of [id, ...command.aliases]) commands.set(typed(name), command);
});

function page(file: string): Page {
  const found = pages.find((other) => other.file === file);
  if (found === undefined) throw new Error(`There is no ${file}.`);
  return found;
}

/** What is under a heading of the second level. */
function sectionOf({text}: Page, heading: string): string {
  const start = text.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`There is no section "${heading}".`);
  const end = text.indexOf('\n## ', start + 1);
  return text.slice(start, end < 0 ? undefined : end);
}

/** The cells of the rows of all tables in a text. */
function rowsOf(text: string): string[][] {
  return [...text.matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row!.split(/ (?<!\\)\| ?/).map((cell) => cell.trim()));
}

const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);

test('the README has at most 200 lines, and its two commands for contributors', () => {
  const {text} = page('README.md');
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
  expect(text).toMatch(/^npm ci && npm run demo\b/m);
  expect(text).toMatch(/^npm ci && npm test\b/m);
});

describe('commands', () => {
  test('have a section in docs/commands.md with all their flags, and no others', () => {
    const commandsPage = page('docs/commands.md');
    const shared = sectionOf(commandsPage, 'Flags of many commands');
    for (const name of names) {
      const section = sectionOf(commandsPage, `supasession ${name}`) + shared;
      const flags = Object.entries(commands.get(name)!.flags).filter(([, {hidden}]) => !hidden);
      const missing = flags.filter(([flag, {allowNo}]) => !section.includes(`\`--${allowNo ? '[no-]' : ''}${flag}`));
      expect([name, missing]).toEqual([name, []]);
    }

    const sections = commandsPage.headings.flatMap((heading) => /^supasession (.+)$/.exec(heading)?.[1] ?? []);
    expect(sections).toEqual(names);
  });

  test('are all in the table of the README', () => {
    const listed = rowsOf(sectionOf(page('README.md'), 'Commands')).flatMap(([cell]) => quoted(cell!));
    expect(listed.sort()).toEqual([...names].sort());
  });

  test('have the shape of their result in docs/json.md', () => {
    expect(page('docs/json.md').headings.slice(1)).toEqual(expect.arrayContaining(names));
  });

  test('have their other names in docs/commands.md', async () => {
    const {text} = page('docs/commands.md');
    const listed = rowsOf(text.slice(0, text.indexOf('\n## '))).flatMap(([typed, meant]) =>
      quoted(typed!).map((name, index) => [name, quoted(meant!)[index] ?? quoted(meant!)[0]]),
    );
    const [source] = (await readFile('src/cli/aliases.ts', 'utf8')).split('FORMATS') as [string];
    const names = [...source.matchAll(/^ {2}\['([a-z ]+)', \['[a-z-]+'(?:, '[a-z]+')?\]\],$/gm)].map(
      ([, name]) => name!,
    );
    expect(listed.map(([name]) => name).sort()).toEqual(names.sort());
    for (const [name, meant] of listed)
      expect([name, expandAliases(name!.split(' ')).join(' ')]).toEqual([name, meant]);
  });

  test('that a page shows exist, with their flags', () => {
    // Those of every program of oclif, and the name that the supabase CLI gives to --linked.
    const everywhere = ['help', 'remote'];
    const ids = [...commands.keys(), 'autocomplete', 'help'];
    const unknown = pages.flatMap((shown) =>
      [...shown.blocks.flatMap(({text}) => commandsInBlock(text, ids)), ...commandsInText(proseOf(shown), ids)].flatMap(
        ({id, flags, text}) => {
          // Another name.
          if (id === null && expandAliases(text.split(' ')).join(' ') !== text) return [];
          // The page about errors shows a slip.
          if (id === null) return text === 'confg' ? [] : [`${shown.file}: ${text}`];
          if (!commands.has(id)) return [];
          const own = Object.entries(commands.get(id)!.flags).flatMap(([name, {char, allowNo}]) => [
            ...[name, ...(allowNo ? [`no-${name}`] : []), ...(char === undefined ? [] : [char])],
          ]);
          return flags
            .filter((flag) => !own.includes(flag) && !everywhere.includes(flag))
            .map((flag) => `${shown.file}: ${text} (${flag})`);
        },
      ),
    );
    expect(unknown).toEqual([]);
  });

  test('are shown often enough for that to mean something', () => {
    const shown = pages.flatMap(({blocks}) => blocks.flatMap(({text}) => commandsInBlock(text, names)));
    expect(shown.length).toBeGreaterThan(100);
    expect(commandsInText(pages.map(proseOf).join('\n'), names).length).toBeGreaterThan(100);
    const missing = names.filter((name) => !shown.some(({id}) => id === name));
    expect(missing).toEqual([]);
  });
});

describe('settings', () => {
  /** As a person writes it. */
  const written = (value: string | number | boolean | null): string => {
    if (typeof value === 'boolean') return value ? 'on' : 'off';
    return value === null ? 'off' : String(value);
  };

  test('are all in docs/settings.md with flag and default, and no others', () => {
    const rows = rowsOf(sectionOf(page('docs/settings.md'), 'All settings')).filter(([name]) => /^`\w+`$/.test(name!));
    const listed = rows.map(([name, flag, value]) => [
      quoted(name!)[0],
      /^--(?:\[no-\])?([a-z-]+)/.exec(quoted(flag!)[0] ?? '')?.[1],
      value!.replaceAll('`', ''),
    ]);
    expect(listed).toEqual(SETTING_NAMES.map((name) => [name, SETTINGS[name].flag, written(DEFAULT_SETTINGS[name])]));
  });
});

describe('errors', () => {
  test('are all in docs/errors.md with their exit codes, in order, and say what to do', () => {
    const rows = rowsOf(page('docs/errors.md').text).filter(([code]) => /^`[A-Z_]+`$/.test(code!));
    expect(rows.map(([code, exit]) => [quoted(code!)[0], Number(exit)])).toEqual(Object.entries(ERROR_CODES));
    expect(rows.filter(([, , happened]) => !happened)).toEqual([]);
  });

  test('end with one of the exit codes that the page lists', () => {
    const rows = rowsOf(page('docs/errors.md').text).filter(([code]) => /^\d+$/.test(code!));
    expect(rows.map(([code]) => Number(code))).toEqual(Object.values(EXIT));
  });
});

describe('SQL', () => {
  let functions: string[];
  let sql: string;

  beforeAll(async () => {
    const files = (await readdir('sql/install')).sort();
    sql = (await Promise.all(files.map(async (file) => readFile(path.join('sql/install', file), 'utf8')))).join('\n');
    functions = [...sql.matchAll(/^create or replace function supasession\.([a-z]\w*)\(/gm)].map(([, name]) => name!);
  });

  test('functions that anybody may call are all in docs/sql.md, and no others', () => {
    const {text} = page('docs/sql.md');
    const now = text.slice(0, text.indexOf('\n## Asked in SQL before'));
    const listed = rowsOf(now).flatMap(([cell]) => /^`([a-z]\w*)\(.*\)`$/.exec(cell!)?.[1] ?? []);
    expect(listed.sort()).toEqual([...functions].sort());
    expect(functions.length).toBeGreaterThan(20);
  });

  test('parameters and result columns of them are named', () => {
    const rows = rowsOf(page('docs/sql.md').text);
    const names = (list: string) => [...list.matchAll(/(?:^|,)\s*"?(\w+)/g)].map(([, name]) => name!);
    for (const name of functions) {
      const head = new RegExp(`function supasession\\.${name}\\(([^)]*)\\)(?:\\s+returns table \\(([^)]*)\\))?`).exec(
        sql,
      )!;
      const [cell, returned] = rows.find(([first]) => first!.startsWith(`\`${name}(`))!;
      const [given, out] = [/^(?!\s*out )/, /^\s*out /].map((kind) =>
        head[1]!
          .split(',')
          .filter((parameter) => kind.test(parameter))
          .map((parameter) => parameter.replace(/^\s*out /, ''))
          .join(),
      ) as [string, string];
      for (const parameter of names(given)) expect([name, cell]).toEqual([name, expect.stringContaining(parameter)]);
      for (const column of names(head[2] ?? out))
        expect([name, returned]).toEqual([name, expect.stringContaining(`\`${column}\``)]);
    }
  });

  test('tables, error codes of the engine and what is gone are named', () => {
    const {text} = page('docs/sql.md');
    const named = text + page('docs/how-it-works.md').text;
    for (const [, table] of sql.matchAll(/^create table if not exists supasession\.(\w+)/gm))
      expect(named).toContain(`\`${table!}\``);
    for (const [code] of sql.matchAll(/SS\d{3}/g)) expect(text).toContain(code);
    const gone = [
      'health',
      'impact',
      'overview',
      'sessions_over_limit',
      'prunable',
      'dependents',
      'policy_for',
      'token_age',
    ];
    for (const name of gone) expect([name, functions.includes(name)]).toEqual([name, false]);
    expect(gone.filter((name) => !text.includes(`\`${name}()\``))).toEqual([]);
  });
});

describe('links', () => {
  /** As GitHub makes it of a heading. */
  const slug = (heading: string): string =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-');

  test('lead to a file and a heading that exist', async () => {
    const dead: string[] = [];
    let seen = 0;
    for (const from of pages) {
      for (const [, link] of proseOf(from).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link!)) continue;
        seen++;
        const [file, anchor] = link!.split('#') as [string, string | undefined];
        const target = file === '' ? from.file : path.join(path.dirname(from.file), file);
        const there = await access(target).then(
          () => true,
          () => false,
        );
        const headings = pages.find((other) => other.file === target)?.headings.map(slug);
        if (!there || (anchor !== undefined && !headings?.includes(anchor))) dead.push(`${from.file}: ${link!}`);
      }
    }

    expect(dead).toEqual([]);
    expect(seen).toBeGreaterThan(50);
  });

  test('reach every page from the README', () => {
    const reached = new Set(['README.md']);
    for (const file of reached)
      for (const [, link] of (pages.find((other) => other.file === file)?.text ?? '').matchAll(/\]\(([^)\s#]+)/g))
        reached.add(path.join(path.dirname(file), link!));
    expect(pages.map(({file}) => file).filter((file) => !reached.has(file) && file !== 'CONTRIBUTING.md')).toEqual([]);
  });
});
