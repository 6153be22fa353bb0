import {spawn, type ChildProcess} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {bareEnv, PROGRAM} from './environment.js';

export {PROGRAM, TOOLS} from './environment.js';

/** A home folder of this test file's own. */
export const HOME = mkdtempSync(path.join(tmpdir(), 'supasession-home-'));
afterAll(() => rmSync(HOME, {recursive: true, force: true}));

/** How a run of the program ended, with all it wrote. */
export interface Run {
  /** Exit code; null if a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
  /** What --json printed. Throws where standard output is no JSON. */
  readonly json: unknown;
}

export interface RunOptions {
  cwd: string;
  /** Added to the known environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  /** Another program than ours, to be run by node: a host that loads us as a plugin. */
  program?: string;
  /** Where the tests run as root, who may read and write everything: run as another user. */
  unprivileged?: boolean;
  /** A process of its own also in test/commands. */
  spawned?: boolean;
}

/** The user that `unprivileged` stands for. */
export const NOBODY = 65_534;

/** The environment of every run: nothing of the caller's own but where node and the system's tools are. */
export function knownEnv(extra: Record<string, string | undefined> = {}): Record<string, string> {
  return bareEnv({HOME, ...extra});
}

/** A run under way. */
export interface Started {
  readonly child: ChildProcess;
  /** Waits until its output, both streams taken together, matches; returns the match. Fails when it ends before, or after two minutes. */
  until: (pattern: RegExp) => Promise<RegExpExecArray>;
  /** How it ended. */
  readonly result: Promise<Run>;
}

/** Starts the program without a terminal: nobody can answer it. */
export function start(args: readonly string[], options: RunOptions): Started {
  const child = spawn(process.execPath, [options.program ?? PROGRAM, ...args], {
    cwd: options.cwd,
    env: knownEnv(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.unprivileged === true && process.getuid?.() === 0 ? {uid: NOBODY, gid: NOBODY} : {}),
  });
  const output = {stdout: '', stderr: ''};
  let ended = false;
  const watchers = new Set<() => void>();
  const collect = (stream: 'stdout' | 'stderr') => (chunk: Buffer) => {
    output[stream] += chunk.toString();
    for (const look of watchers) look();
  };
  child.stdout.on('data', collect('stdout'));
  child.stderr.on('data', collect('stderr'));
  const result = new Promise<Run>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      ended = true;
      for (const look of watchers) look();
      resolve(withJson({code, ...output}));
    });
  });
  const until = async (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const fail = (why: string) => {
        watchers.delete(look);
        reject(new Error(`${why} before ${String(pattern)} came:\n${output.stdout}\n${output.stderr}`));
      };
      const timer = setTimeout(() => fail('two minutes passed'), 120_000);
      const look = () => {
        const found = pattern.exec(output.stdout + output.stderr);
        if (!found && !ended) return;
        clearTimeout(timer);
        if (!found) fail('it ended');
        else {
          watchers.delete(look);
          resolve(found);
        }
      };
      watchers.add(look);
      look();
    });
  return {child, until, result};
}

type InProcess = (args: readonly string[], options: RunOptions) => Promise<Omit<Run, 'json'>> | undefined;
let inProcess: InProcess = () => undefined;

/** Has `cli` ask first whether a run needs a process of its own: undefined says that it does. */
export function runInProcess(runner: InProcess): void {
  inProcess = runner;
}

/** Runs the program to its end: in test/commands in this process, if that shows the same. */
export async function cli(args: readonly string[], options: RunOptions): Promise<Run> {
  const {program, unprivileged, spawned} = options;
  const alone = program !== undefined || unprivileged === true || spawned === true;
  const run = alone ? undefined : inProcess(args, options);
  return run === undefined ? start(args, options).result : withJson(await run);
}

function withJson(run: Omit<Run, 'json'>): Run {
  return {
    ...run,
    get json(): unknown {
      return JSON.parse(run.stdout);
    },
  };
}
