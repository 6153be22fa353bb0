import {stripVTControlCharacters} from 'node:util';
import {spawn, type IPty} from '@lydell/node-pty';
import {knownEnv, PROGRAM, type RunOptions} from './cli.js';

export const KEYS = {enter: '\r', down: '\x1B[B', space: ' ', ctrlC: '\x03', ctrlU: '\x15', backspace: '\x7F'} as const;

/** The program in a real terminal. */
export interface Terminal {
  /** Waits until what was printed since the last call matches. Fails when the program ends before, or after two minutes. */
  see: (pattern: RegExp) => Promise<void>;
  /** Types text or a key. */
  type: (text: string) => void;
  /** All that was printed, without colours and cursor movements. */
  readonly screen: string;
  /** The exit code, when it has ended. */
  readonly code: Promise<number>;
}

const open = new Set<IPty>();

// A test that failed has left its program waiting for an answer.
afterEach(() => {
  for (const pty of open) pty.kill('SIGKILL');
});

/** In characters; left out, a terminal is so wide that no line of ours is wrapped where a test looks. */
interface Width {
  columns?: number;
}

/** Starts the program in a terminal. */
export function openTerminal(args: readonly string[], options: RunOptions & Width): Terminal {
  return openProgram(process.execPath, [options.program ?? PROGRAM, ...args], options);
}

/** Starts any program in a terminal. */
export function openProgram(
  file: string,
  args: readonly string[],
  options: Pick<RunOptions, 'cwd' | 'env'> & Width,
): Terminal {
  const pty = spawn(file, [...args], {
    ...{name: 'xterm-256color', cols: options.columns ?? 200, rows: 50},
    cwd: options.cwd,
    env: knownEnv({TERM: 'xterm-256color', ...options.env}),
  });
  open.add(pty);
  let raw = '';
  let seen = 0;
  let ended = false;
  let look = (): void => undefined;
  pty.onData((data) => {
    raw += data;
    look();
  });
  const code = new Promise<number>((resolve) => {
    pty.onExit(({exitCode}) => {
      ended = true;
      open.delete(pty);
      look();
      resolve(exitCode);
    });
  });
  const screen = () => stripVTControlCharacters(raw).replaceAll('\r\n', '\n');
  return {
    code,
    get screen() {
      return screen();
    },
    type: (text) => pty.write(text),
    see: async (pattern) =>
      new Promise((resolve, reject) => {
        const end = (failure?: string) => {
          clearTimeout(timer);
          look = () => undefined;
          if (failure === undefined) resolve();
          else reject(new Error(`${failure} before ${String(pattern)} was on the screen:\n${screen()}`));
        };
        const timer = setTimeout(() => end('two minutes passed'), 120_000);
        look = () => {
          const text = screen();
          const match = pattern.exec(text.slice(seen));
          if (match !== null) {
            seen += match.index + match[0].length;
            end();
          } else if (ended) end('it ended');
        };
        look();
      }),
  };
}
