// Writes docs/commands.md from oclif.manifest.json, below its marker. Part of the build; .ci/run fails if that changes the page.
import {readFile, writeFile} from 'node:fs/promises';

const FILE = new URL('../docs/commands.md', import.meta.url);
const MARKER = '<!-- Everything below is written by the build, from the help of the commands. -->\n';
const PREFIX = 'supasession:';
/** Groups of flags that many commands share: listed once. */
const SHARED = ['TARGET', 'GLOBAL'];

const cell = (text) => text.replaceAll('\n', ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;');
const code = (text) => `\`${text.replaceAll('|', '\\|')}\``;
const title = (id) => `supasession ${id.replaceAll(':', ' ')}`;
const anchor = (id) => title(id).replaceAll(' ', '-');

function typed(name, flag) {
  const value =
    flag.type === 'option' ? ` ${flag.helpValue ?? (flag.options ? flag.options.join('|') : '<value>')}` : '';
  const long = `--${flag.allowNo ? '[no-]' : ''}${name}${value}`;
  return flag.char === undefined ? code(long) : `${code(`-${flag.char}`)}, ${code(long)}`;
}

function flagRow([name, flag]) {
  const notes = [
    ...(flag.required ? ['Required.'] : []),
    ...(flag.multiple ? ['May be repeated.'] : []),
    ...(flag.type === 'option' && flag.default !== undefined ? [`Default: ${String(flag.default)}.`] : []),
  ].filter((note) => !(flag.summary ?? '').toLowerCase().includes(note.slice(0, -1).toLowerCase()));
  return `| ${typed(name, flag)} | ${cell([flag.summary ?? flag.description ?? '', ...notes].join(' '))} |`;
}

const table = (rows) => ['| | |', '| --- | --- |', ...rows].join('\n');
const visible = (flags) => Object.entries(flags).filter(([, {hidden}]) => !hidden);

function section(id, command) {
  const fill = (text) =>
    text
      .replaceAll(/<%= *config\.bin *%>/g, 'npx supasession')
      .replaceAll(/<%= *command\.id *%>/g, id.replaceAll(':', ' '));
  const args = Object.values(command.args ?? {});
  const placeholders = args.map(({name, required, multiple}) => {
    const text = `<${name}${multiple ? '...' : ''}>`;
    return required ? text : `[${text}]`;
  });
  const own = visible(command.flags).filter(([, {helpGroup}]) => !SHARED.includes(helpGroup));
  // The exit codes are the same for all, and have a page.
  const description = fill(command.description ?? '').replace(/\s*Exit codes: [^\n]*/, '');
  const examples = (command.examples ?? []).map((example) => `# ${example.description}\n${fill(example.command)}`);
  return [
    `## ${title(id)}`,
    fill(command.summary),
    ['```', ['npx supasession', id.replaceAll(':', ' '), ...placeholders, '[flags]'].join(' '), '```'].join('\n'),
    description,
    ...(command.aliases?.length > 0
      ? [`Also: ${command.aliases.map((alias) => code(title(alias.replace(PREFIX, '')))).join(', ')}.`]
      : []),
    ...(args.length + own.length > 0
      ? [
          table([
            ...args.map(({name, description: text}) => `| ${code(`<${name}>`)} | ${cell(text ?? '')} |`),
            ...own.map(flagRow),
          ]),
        ]
      : []),
    ...(examples.length > 0 ? [['```', examples.join('\n\n'), '```'].join('\n')] : []),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function page(commands) {
  const shared = new Map();
  for (const {flags} of Object.values(commands))
    for (const [name, flag] of visible(flags)) if (SHARED.includes(flag.helpGroup)) shared.set(name, flag);
  const ids = Object.keys(commands);
  return [
    ids.map((id) => `- [${title(id)}](#${anchor(id)}): ${cell(commands[id].summary)}`).join('\n'),
    '## Flags of many commands',
    'All commands take `--json` and `--workdir`; those that work on a database also take the flags that say [which](connecting.md).',
    table([...shared].map(flagRow)),
    ...ids.map((id) => section(id, commands[id])),
  ].join('\n\n');
}

const manifest = JSON.parse(await readFile(new URL('../oclif.manifest.json', import.meta.url), 'utf8'));
const commands = Object.fromEntries(
  Object.entries(manifest.commands).map(([id, command]) => [id.replace(PREFIX, ''), command]),
);
const present = await readFile(FILE, 'utf8');
const head = present.slice(0, present.indexOf(MARKER) + MARKER.length);
const text = `${head}\n${page(commands)}\n`;

if (text !== present) await writeFile(FILE, text);
