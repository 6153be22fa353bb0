import {readFile} from 'node:fs/promises';
import {commands, pluginCommands} from '../../src/index.js';
import {GROUPS} from '../../src/cli/help.js';
import {COMMAND_IDS} from '../helpers/commands.js';
import {shippedSql} from '../../src/features/install/migration.js';

interface Manifest {
  version: string;
  commands: Record<string, unknown>;
}

async function json<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

test('what is built from the package, and the SQL, are of one release', async () => {
  const files = ['package.json', 'bin/package.json', 'oclif.manifest.json', 'bin/oclif.manifest.json'];
  const versions = await Promise.all(files.map(async (file) => (await json<{version: string}>(file)).version));
  expect(new Set([...versions, (await shippedSql()).version]).size).toBe(1);
});

test('the commands are bare in the program and under a topic for a host', async () => {
  const names = COMMAND_IDS;
  const prefixed = names.map((name) => `supasession:${name}`);
  expect(Object.keys(commands)).toEqual(names);
  expect(Object.keys(pluginCommands)).toEqual(prefixed);
  expect(Object.keys((await json<Manifest>('bin/oclif.manifest.json')).commands).sort()).toEqual(names);
  expect(Object.keys((await json<Manifest>('oclif.manifest.json')).commands).sort()).toEqual(prefixed);
});

test('what is on the first page of help is grouped, and topics say what they are for', async () => {
  const top = Object.keys(commands).map((id) => id.split(':')[0]!);
  const named = GROUPS.flatMap(({names}) => names);
  // Those two come with plugins.
  expect([...named].sort()).toEqual([...new Set([...top, 'autocomplete', 'help'])].sort());
  for (const [file, prefix] of [
    ['bin/package.json', ''],
    ['package.json', 'supasession:'],
  ] as const) {
    const {oclif} = await json<{oclif: {topics?: Record<string, {description: string}>}}>(file);
    const topics = top.filter((name) => !(name in commands)).map((name) => `${prefix}${name}`);
    for (const topic of topics)
      expect([topic, oclif.topics?.[topic]?.description]).toEqual([topic, expect.stringMatching(/\.$/)]);
  }
});

test('completion, our help and our word on unknown commands are of the stand-alone program only', async () => {
  const oclif = async (file: string) => (await json<{oclif: Record<string, unknown>}>(file)).oclif;
  const own = ['helpClass', 'hooks', 'plugins'];
  expect(Object.keys(await oclif('bin/package.json'))).toEqual(expect.arrayContaining(own));
  expect(Object.keys(await oclif('package.json')).filter((key) => own.includes(key))).toEqual([]);
});

/** What somebody who calls a command can tell of a flag. */
const KEYS = new Set([
  ...[
    'type',
    'char',
    'options',
    'exclusive',
    'hidden',
    'env',
    'required',
    'multiple',
    'allowNo',
    'default',
    'min',
    'max',
  ],
  ...['summary', 'helpValue', 'helpGroup'],
]);

describe.each(Object.entries(commands))('%s', (_, command) => {
  test('says what it is for, has two examples at least, and tells the exit codes', () => {
    expect(command.summary).toMatch(/^[A-Z].*\.$/);
    expect(command.description).toMatch(
      /Exit codes: 0 done, 1 failed, 2 usage, 3 findings, 4 cancelled, 130 interrupted$/,
    );
    expect(command.examples.length).toBeGreaterThanOrEqual(2);
    for (const example of command.examples) {
      expect(example).toEqual({
        description: expect.stringMatching(/^[A-Z].*\.$/),
        command: expect.stringMatching(/^<%= config\.bin %> <%= command\.id %>/),
      });
    }

    expect(command.enableJsonFlag).toBe(true);
  });

  test('has these flags', () => {
    const flags = Object.entries({...command.baseFlags, ...command.flags}).map(([name, flag]) => {
      const known = Object.entries(flag).filter(([key]) => KEYS.has(key));
      return [name, Object.fromEntries(known)] as const;
    });
    expect(JSON.parse(JSON.stringify(Object.fromEntries(flags)))).toMatchSnapshot();
    expect(command.aliases).toEqual([]);
    for (const {description} of Object.values(command.args)) expect(description).toMatch(/^[A-Z].*\.$/);
    for (const [name, {hidden, summary}] of flags) {
      expect([name, hidden === true || /^[A-Z].*\.$/.test(summary ?? '')]).toEqual([name, true]);
    }
  });
});
