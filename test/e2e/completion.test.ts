import {execFile} from 'node:child_process';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import {cli, knownEnv, PROGRAM} from '../helpers/cli.js';
import type {Host} from '../helpers/host.js';
import {openProgram} from '../helpers/pty.js';
import {describeWith, tool} from '../helpers/tools.js';
import {createTopics} from '../helpers/topics.js';

let home: string;
let topics: Host;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'supasession-completion-'));
  topics = await createTopics();
});
afterAll(async () => Promise.all([rm(home, {recursive: true, force: true}), topics.remove()]));

const environment = () => ({HOME: home, XDG_CACHE_HOME: path.join(home, 'cache')});
const written = (file: string) => path.join(home, 'cache/supasession/autocomplete', file);

async function write(program = PROGRAM): Promise<void> {
  const run = await cli(['autocomplete', '--refresh-cache'], {cwd: home, env: environment(), program});
  expect(run).toMatchObject({code: 0});
}

test.each(['bash', 'zsh', 'powershell'])('autocomplete %s says how to set it up', async (shell) => {
  const {code, stdout} = await cli(['autocomplete', shell], {cwd: home, env: environment()});
  expect(code).toBe(0);
  expect(stdout).toContain(`supasession autocomplete script ${shell}`);
  const script = await cli(['autocomplete', 'script', shell], {cwd: home, env: environment()});
  expect(script.stdout).toContain(home);
});

describe('the function for bash', () => {
  /** What it offers for such words, the last of which is being typed. */
  async function offers(...words: string[]): Promise<string[]> {
    const script = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _supasession_autocomplete; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const file = written('functions/bash/supasession.bash');
    const args = ['--norc', '-u', '-c', script, file, 'supasession', ...words];
    const {stdout} = await promisify(execFile)('bash', args, {cwd: home, env: knownEnv(environment())});
    return stdout.split('\n').filter((line) => line !== '');
  }

  describe('of the program', () => {
    beforeAll(async () => write());

    test.each([
      [['con'], ['config']],
      [
        ['autocomplete', ''],
        ['zsh', 'bash', 'powershell'],
      ],
      [['config', '--strat'], ['--strategy']],
      [['config', '--max', '3', '--strat'], ['--strategy']],
      [['config', '--no-record-d'], ['--no-record-device-changes']],
      [['init', '--no-a'], ['--no-apply']],
      [
        ['config', '--strategy', ''],
        ['dequeue', 'reject'],
      ],
      [['config', '--enable', '--strategy', 'r'], ['reject']],
      // As bash splits --strategy= and --strategy=r.
      [
        ['config', '--strategy', '='],
        ['dequeue', 'reject'],
      ],
      [['config', '--strategy', '=', 'r'], ['reject']],
      // What cannot be guessed, and what is hidden.
      [['config', '--max', ''], []],
      [['config', '--project'], []],
      [['nope', ''], []],
      [['nope', '--'], []],
      // A name ends with the first flag.
      [['--yes', 'con'], []],
    ])('%j', async (words, expected) => {
      expect(await offers(...words)).toEqual(expected);
    });

    test('offers every command, and after one its flags', async () => {
      expect((await offers('')).sort()).toEqual(
        expect.arrayContaining(['autocomplete', 'config', 'flush', 'help', 'init', 'sandbox']),
      );
      expect(await offers('flush', '')).toEqual(expect.arrayContaining(['--dry-run', '--json', '--help', '--remote']));
    });

    test('offers the folders for --workdir, also with spaces in their names', async () => {
      expect(await offers('config', '--workdir', `${home}/ca`)).toEqual([`${home}/cache`]);
    });
  });

  describe('of a program with topics', () => {
    beforeAll(async () => write(topics.program));

    test.each([
      [['se'], ['sessions']],
      [['dev'], ['devices']],
      [
        ['sessions', ''],
        ['list', 'revoke'],
      ],
      [['sessions', 'l'], ['list']],
      [['sessions', 'list', '--us'], ['--user']],
      [['devices', '--us'], ['--user']],
      [
        ['sessions', 'revoke', '--by', ''],
        ['id', 'user'],
      ],
      [['sessions', 'revoke', 'alice', '--b'], ['--by']],
      [['sessions', '--'], []],
    ])('%j', async (words, expected) => {
      expect(await offers(...words)).toEqual(expected);
    });
  });
});

/** In a real terminal: what is typed before the tab, and how the line goes on. */
function inTerminal(shell: string, args: string[]): void {
  test.each([
    ['supasession confi', 'g '],
    ['supasession config --strate', 'gy'],
    ['supasession config --enable --strategy re', 'ject'],
  ])('completes "%s"', async (typed, rest) => {
    await write();
    const terminal = openProgram(tool(shell)!, args, {cwd: home, env: {...environment(), PS1: 'ready> '}});
    // What it prints does not stand in what is typed, which the terminal shows too.
    terminal.type(`PS1='ready> '; . ${written(`${shell}_setup`)}; echo set-"up"\r`);
    await terminal.see(/^set-up[^]*ready> /m);
    terminal.type(`${typed}\t`);
    await terminal.see(new RegExp(`${typed}${rest}`));
    terminal.type('\x15exit\r');
    await terminal.code;
  });
}

describe('bash in a terminal', () => inTerminal('bash', ['--norc', '--noprofile', '-i']));
describeWith('zsh', 'zsh in a terminal', () => inTerminal('zsh', ['-f', '-i']));
