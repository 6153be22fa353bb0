/**
 * Runs a command in this process, from src/ as jest compiles it: the same as a process of its own (helpers/cli.ts) shows, without its
 * start of 0.4 s. In test/commands, for which jest.config.js names this file, `cli()`, `project.run()` and `failure()` come here by
 * themselves: a test file of test/e2e is moved there as it is.
 *
 * Each run has its own arguments, environment, folder, standard streams and exit code, and several may run at once: `process` and
 * `console` ask which run it is that looks (AsyncLocalStorage), instead of being changed and restored. None of it is a terminal, so
 * that nobody can be asked (helpers/pty.ts is for that). A command that calls process.exit fails, and so does a file at its end when
 * a command has left a listener for SIGINT behind.
 *
 * A process is still started for what only a process has: `start`, signals, another user or program, help, versions, aliases, unknown
 * commands and the sandbox, and if a run says `{spawned: true}`. test/e2e/smoke.test.ts starts each command once.
 */
import {AsyncLocalStorage} from 'node:async_hooks';
import {Console} from 'node:console';
import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {Readable, Writable} from 'node:stream';
import {fileURLToPath} from 'node:url';
import {Config, type Interfaces} from '@oclif/core';
import {knownEnv, runInProcess, type RunOptions} from './cli.js';
import {PROGRAM} from './environment.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COMMANDS = path.join(ROOT, 'src/commands');

/** What a run has of its own: of `process` by the same names, and `console`. */
interface Own {
  argv: string[];
  env: Record<string, string>;
  cwd: () => string;
  exit: (code: number) => never;
  exitCode: number | undefined;
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  console: Console;
}

const runs = new AsyncLocalStorage<Own>();

function own(holder: object, name: keyof Own): void {
  let shared = Reflect.get(holder, name) as unknown;
  Object.defineProperty(holder, name, {
    get: () => (runs.getStore() ?? {[name]: shared})[name],
    set: (value) => {
      const run = runs.getStore();
      if (run === undefined) shared = value;
      else Object.assign(run, {[name]: value});
    },
  });
}

own(globalThis, 'console');
for (const name of ['argv', 'env', 'cwd', 'exit', 'exitCode', 'stdin', 'stdout', 'stderr'] as const) own(process, name);

afterAll(() => expect(process.listeners('SIGINT')).toEqual([]));

runInProcess((args, options) => {
  const typed = findCommand(args);
  return typed && runCommand(typed, options);
});

/** A command, by its id, and its arguments. */
interface Typed {
  id: string;
  argv: string[];
}

/** The command that is typed; undefined for what takes a process: see above. */
function findCommand(args: readonly string[]): Typed | undefined {
  const options = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  if (['--help', '-h', '--version'].some((option) => options.includes(option))) return undefined;
  const flag = args.findIndex((arg) => arg.startsWith('-'));
  const words = (flag === -1 ? args : args.slice(0, flag)).flatMap((arg, index) =>
    index === 0 ? arg.split(':') : [arg],
  );
  for (const count of [2, 1]) {
    const id = words.slice(0, count).join('/');
    if (words.length < count || id === 'sandbox' || !existsSync(path.join(COMMANDS, `${id}.ts`))) continue;
    return {id: id.replace('/', ':'), argv: [...words.slice(count), ...args.slice(flag === -1 ? args.length : flag)]};
  }
  return undefined;
}

async function runCommand(
  {id, argv}: Typed,
  {cwd, env}: RunOptions,
): Promise<{code: number; stdout: string; stderr: string}> {
  const output = {stdout: '', stderr: ''};
  const collect = (name: keyof typeof output) =>
    new Writable({
      write: (chunk: Buffer, _, done) => {
        output[name] += chunk.toString();
        done();
      },
    });
  const [stdout, stderr] = [collect('stdout'), collect('stderr')];
  const run: Own = {
    argv: [process.execPath, PROGRAM, ...id.split(':'), ...argv],
    env: knownEnv(env),
    cwd: () => cwd,
    exit: (code) => {
      throw new Error(`"${id}" called process.exit(${code})`);
    },
    exitCode: undefined,
    stdin: Readable.from([]),
    ...{stdout, stderr, console: new Console(stdout, stderr)},
  };
  await runs.run(run, async () => {
    try {
      await execute(id, argv);
    } catch (error) {
      // As bin/run.js does: a command has told of its error and asks for an exit code, or nobody has told of it.
      const {code, oclif} = error as {code?: string; oclif?: {exit: number}};
      if (code === 'EEXIT') run.exitCode = oclif?.exit;
      else await (await import('../../src/cli/end.js')).end(error);
    }
  });
  return {code: run.exitCode ?? 0, ...output};
}

let config: Promise<Config> | undefined;

/** Of the program, with none of its commands and plugins. */
async function loadConfig(): Promise<Config> {
  const pjson = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as Interfaces.PJSON;
  const oclif = {bin: 'supasession', dirname: 'supasession', topicSeparator: ' ' as const};
  return Config.load({root: ROOT, pjson: {...pjson, oclif}});
}

type Runnable = new (argv: string[], config: Config) => {_run: () => Promise<unknown>};

/** One after the other: jest hands out modules that are still being loaded by somebody else. */
let loading: Promise<unknown> = Promise.resolve();

async function load(id: string): Promise<Runnable> {
  const loaded = loading.then(async () => {
    const file = path.join(COMMANDS, `${id.replace(':', '/')}.ts`);
    const {default: Class} = (await import(file)) as {default: Runnable};
    // What oclif does with what it loads.
    return Object.assign(Class, {id});
  });
  loading = loaded;
  return loaded;
}

async function execute(id: string, argv: string[]): Promise<void> {
  config ??= loadConfig();
  const Class = await load(id);
  await new Class(argv, await config)._run();
}
