import type {Env} from './project.js';

/** Where a child's output goes as it comes; `process.stderr` is one. */
export interface Writer {
  write: (chunk: string | Uint8Array) => unknown;
}

/** How a child process ended, with all it wrote. */
export type ProcessResult =
  | {outcome: 'exited'; exitCode: number; stdout: string; stderr: string}
  /** Ctrl-C: `exitCode` if the child still ended by itself (0 = it had done its work). */
  | {outcome: 'interrupted'; exitCode: number | undefined; stdout: string; stderr: string}
  | {outcome: 'killed'; signal: string; stdout: string; stderr: string}
  /** There was no process: `code` is ENOENT for a missing program, EACCES for one that may not be run. */
  | {outcome: 'not-started'; code: string};

/**
 * Runs a program to its end and says how it ended; never throws for what the program does. The child gets no standard input.
 *
 * On Ctrl-C the terminal signals the child too, as it shares our process group: we wait for it, so that no half-done work goes on behind
 * the prompt.
 *
 * @param args each one argument, never passed through a shell; no secret may be among them
 * @param options.env the child's whole environment
 * @param options.stdout gets the child's standard output as it comes (`stderr` likewise)
 */
export async function runProcess(
  file: string,
  args: readonly string[],
  options: {cwd: string; env: Env; stdout?: Writer | undefined; stderr?: Writer | undefined},
): Promise<ProcessResult> {
  const {execa} = await import('execa');
  const state = {interrupted: false};
  const onInterrupt = (): void => {
    state.interrupted = true;
  };
  process.on('SIGINT', onInterrupt);
  try {
    const child = execa(file, args, {
      cwd: options.cwd,
      env: options.env,
      extendEnv: false,
      stdin: 'ignore',
      stripFinalNewline: false,
      windowsHide: true,
      // The text of execa's errors repeats every argument: none is ever made.
      reject: false,
    });
    child.stdout.on('data', (chunk: Uint8Array) => options.stdout?.write(chunk));
    child.stderr.on('data', (chunk: Uint8Array) => options.stderr?.write(chunk));
    const {exitCode, signal, code, stdout, stderr} = await child;
    if (state.interrupted || signal === 'SIGINT') return {outcome: 'interrupted', exitCode, stdout, stderr};
    if (exitCode !== undefined) return {outcome: 'exited', exitCode, stdout, stderr};
    if (signal !== undefined) return {outcome: 'killed', signal, stdout, stderr};
    return {outcome: 'not-started', code: code ?? 'UNKNOWN'};
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}
