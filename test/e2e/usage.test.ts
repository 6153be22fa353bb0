import {GROUPS} from '../../src/cli/help.js';
import {start, type Run} from '../helpers/cli.js';
import {failure} from '../helpers/failures.js';
import type {Host} from '../helpers/host.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {createTopics} from '../helpers/topics.js';

// What is typed wrong, and the help that answers it.

let project: TestProject;
let topics: Host;

beforeAll(async () => {
  [project, topics] = await Promise.all([createProject(), createTopics()]);
});
afterAll(async () => Promise.all([project.remove(), topics.remove()]));

const inTopics = () => ({program: topics.program});

describe('what is no command', () => {
  test.each([
    [['confg'], '"confg" is not a command.', 'supasession config'],
    [['conf', 'extra'], '"conf" is not a command.', 'supasession config'],
    [['CONFIG'], '"CONFIG" is not a command.', 'supasession config'],
    [['deploy'], '"deploy" is not a command.', 'supasession --help'],
    [['confg', '--max', '3'], '"confg" is not a command.', 'supasession config'],
    [['help', 'confg'], '"confg" is not a command.', 'supasession config'],
    [['confg', '--help'], '"confg" is not a command.', 'supasession config'],
    [['flush', 'now'], 'Unexpected argument: now', 'supasession flush --help'],
    [['flush', 'now', '--yes'], 'Unexpected argument: now', 'supasession flush --help'],
    [['flush', '--dry-run', 'now'], 'Unexpected argument: now', 'supasession flush --help'],
    [['flush', 'now', '--help'], 'Unexpected argument: now', 'supasession flush --help'],
    [['--yes', 'flush'], 'A command has to come before --yes.', 'supasession --help'],
  ])('%j', async (args, message, suggestion) => {
    const said = `Error: ${message} [USAGE]\n  → ${suggestion}\n`;
    // "help" itself knows no --json: see below.
    if (args[0] === 'help') {
      expect(await project.run(args)).toMatchObject({code: 2, stdout: '', stderr: said});
      return;
    }

    const {error, ...run} = await failure(project, args);
    expect(run).toEqual({code: 2, stdout: '', stderr: said});
    expect(error).toEqual({code: 'USAGE', message, suggestions: [suggestion]});
  });

  test.each([
    [['sessions', 'lst'], '"sessions lst" is not a command.', 'supasession sessions list'],
    [['sessions:lst'], '"sessions lst" is not a command.', 'supasession sessions list'],
    [['sesions', 'lst'], '"sesions" is not a command.', 'supasession sessions list'],
    [['sesions', 'revoke', 'alice'], '"sesions" is not a command.', 'supasession sessions revoke'],
    [['sesions'], '"sesions" is not a command.', 'supasession sessions'],
    [['sessions', 'drop'], '"sessions drop" is not a command.', 'supasession sessions --help'],
    [['devcies'], '"devcies" is not a command.', 'supasession devices'],
    [['sessions', 'list', 'all'], 'Unexpected argument: all', 'supasession sessions list --help'],
    [['sessions', 'revoke', 'a', 'b'], 'Unexpected argument: b', 'supasession sessions revoke --help'],
  ])('in a topic: %j', async (args, message, suggestion) => {
    const {code, error} = await failure(project, args, {}, inTopics());
    expect([code, error]).toEqual([2, {code: 'USAGE', message, suggestions: [suggestion]}]);
  });

  test('is told without what may be a password in it', async () => {
    const url = 'postgresql://postgres:hunter2@db.example.com/postgres';
    for (const args of [[url], ['config', url], ['confg', url], ['flush', '--dry-run', url], [`--db-url=${url}`]]) {
      const {code, stderr} = await failure(project, args);
      expect([code, stderr.includes('hunter2')]).toEqual([2, false]);
    }
  });
});

describe('what is no flag', () => {
  test.each([
    [['config', '--strateg'], 'supasession config --strategy'],
    [['config', '--strateg=reject'], 'supasession config --strategy'],
    [['config', '--no-record-event'], 'supasession config --no-record-events'],
    [['flush', '--remot'], 'supasession flush --remote'],
    [['flush', '--force'], 'supasession flush --help'],
  ])('%j', async (args, suggestion) => {
    const {code, error} = await failure(project, args);
    expect([code, error.code, error.suggestions]).toEqual([2, 'USAGE', [suggestion]]);
    expect(error.message).toBe(`Unknown flag: ${args[1]!}`);
  });
});

test('other names are taken, and help ends with the exit codes', async () => {
  const version = await project.run(['version']);
  expect([version.code, version.stdout]).toEqual([0, (await project.run(['--version'])).stdout]);
  const help = await project.run(['rules', 'rm', '--help']);
  expect([help.code, help.stdout]).toEqual([0, (await project.run(['rules', 'remove', '--help'])).stdout]);
  expect(help.stdout).toMatch(/\n\nExit codes: 0 done, .*, 130 interrupted\n+$/);
  expect(help.stdout.match(/Exit codes/g)).toHaveLength(1);
  const unknown = await project.run(['confg', '-o', 'json']);
  expect([unknown.code, unknown.json]).toMatchObject([2, {error: {code: 'USAGE'}}]);
});

test('the commands that are not ours fail in the same manner', async () => {
  const fish = await project.run(['autocomplete', 'fish']);
  expect([fish.code, fish.stderr]).toEqual([
    2,
    'Error: "fish" must be zsh, bash or powershell. [USAGE]\n  → supasession --help\n',
  ]);
  const help = await project.run(['help', 'config', '--json']);
  expect([help.code, help.json]).toEqual([
    2,
    {error: {code: 'USAGE', message: 'Unknown flag: --json', suggestions: ['supasession help --help']}},
  ]);
});

test('an error of the program is one JSON object also where colours are wanted, and by the variable', async () => {
  const colour = await project.run(['config', '--enable', '--disable', '--json'], {FORCE_COLOR: '1'});
  expect([colour.code, colour.json]).toMatchObject([
    2,
    {error: {message: '--enable and --disable cannot be used together.'}},
  ]);
  const variable = await project.run(['confg'], {SUPASESSION_CONTENT_TYPE: 'json'});
  expect([variable.code, variable.json]).toMatchObject([2, {error: {code: 'USAGE'}}]);
  const passed = await project.run(['confg', '--', '--json']);
  expect([passed.code, passed.stdout]).toEqual([2, '']);
});

test('a reader that has left is no failure', async () => {
  const {child, result} = start(['config', '--help'], {cwd: project.root});
  child.stdout!.destroy();
  expect(await result).toMatchObject({code: 0, stderr: ''});
});

describe('the first page of help', () => {
  let page: Run;

  beforeAll(async () => {
    page = await project.run([]);
  });

  test('goes from the first steps to the rest, in lines that fit, and exits 0', () => {
    const {code, stdout, stderr} = page;
    expect([code, stderr]).toEqual([0, '']);
    const names = [...stdout.matchAll(/^ {2}(\w\S*) +\S.*\.$/gm)].map(([, name]) => name);
    expect(names).toEqual(GROUPS.flatMap((group) => group.names));
    const titles = [...stdout.matchAll(/^[A-Z ]+$/gm)].map(([title]) => title);
    expect(titles).toEqual(['USAGE', ...GROUPS.map(({title}) => title)]);
    expect(stdout).toContain('First time here: supasession init\n');
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(80);
  });

  test.each([['--help'], ['-h'], ['help']])('comes for %s too', async (word) => {
    expect(await project.run([word])).toMatchObject({code: 0, stdout: page.stdout});
  });

  test('has one line for a topic, whose own page lists its commands', async () => {
    const root = await project.run([], {}, inTopics());
    expect(root.stdout).toMatch(/^ {2}sessions +Who is signed in\.$/m);
    expect(root.stdout).not.toContain('sessions list');
    const nested = await project.run(['help', '--nested-commands'], {}, inTopics());
    expect(nested.stdout).toMatch(/^ {2}sessions list +The list of the sessions\.$/m);
    const topic = await project.run(['sessions'], {}, inTopics());
    expect([topic.code, topic.stdout]).toEqual([0, expect.stringMatching(/^ {2}sessions list +The list/m)]);
  });
});
