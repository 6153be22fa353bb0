/** What the demo needs: a temporary project, a sandbox for it, and the commands that a user would type. */
import {spawn} from 'node:child_process';
import {chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import chalk from 'chalk';
import pg from 'pg';
import {SupasessionError} from '../src/errors.js';
import {startSandbox, type Sandbox} from '../src/sandbox/index.js';
import {bareEnv, PROGRAM, TOOLS} from '../test/helpers/environment.js';

/** Writes a line of the story. */
export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Writes a line that belongs to the step above it. */
export function detail(line: string): void {
  say(`   ${chalk.dim('│')} ${line}`);
}

/** A temporary project with its database, and the connections to it. */
export class Stage {
  readonly #signal: AbortSignal;
  readonly #clients: pg.Client[] = [];
  #folder: string | undefined;
  #sandbox: Sandbox | undefined;

  /** @param signal ends the command that is running, and starts no other */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Makes the temporary folder. The server's account, which is another one for root, has to be able to enter it. */
  async open(): Promise<void> {
    this.#folder = await realpath(await mkdtemp(path.join(tmpdir(), 'supasession-demo-')));
    await chmod(this.#folder, 0o755);
    await mkdir(this.#at('project'));
  }

  /** The project's folder. */
  get project(): string {
    return this.#at('project');
  }

  /** The environment of what is typed. */
  get env(): Record<string, string> {
    return bareEnv({HOME: this.#folder, PATH: [TOOLS, bareEnv({})['PATH']].join(path.delimiter)});
  }

  /** Runs the real supabase CLI or the built supasession in the project. Throws when it fails, or is interrupted. */
  async type(program: 'supabase' | 'supasession', ...args: string[]): Promise<void> {
    say(`   ${chalk.cyan(`$ ${program} ${args.join(' ')}`)}`);
    this.#signal.throwIfAborted();
    const [file, before] = program === 'supabase' ? [path.join(TOOLS, 'supabase'), []] : [process.execPath, [PROGRAM]];
    const child = spawn(file, [...before, ...args], {
      cwd: this.project,
      env: {...this.env, ...(chalk.level > 0 ? {FORCE_COLOR: String(chalk.level)} : {})},
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stop = (): unknown => child.kill();
    this.#signal.addEventListener('abort', stop);
    for (const stream of [child.stdout, child.stderr]) createInterface({input: stream}).on('line', detail);
    try {
      const code = await new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('close', resolve);
      });
      this.#signal.throwIfAborted();
      if (code !== 0) throw new Error(`${program} ${args[0] ?? ''} ended with exit code ${String(code)}`);
    } finally {
      this.#signal.removeEventListener('abort', stop);
    }
  }

  /** Starts the sandbox, by default on a free port, and writes that port into the project's config.toml as its local database. */
  async startDatabase(port = 0): Promise<Sandbox> {
    this.#sandbox = await startSandbox({
      ...{dataDir: this.#at('data'), port, temporary: true, durable: false},
      signal: this.#signal,
    });
    const file = this.#at('project/supabase/config.toml');
    const toml = await readFile(file, 'utf8');
    const line = /^(\[db\]\n(?:#.*\n)*port = )\d+$/m;
    if (!line.test(toml)) throw new Error('config.toml as the supabase CLI writes it has no port under [db]');
    await writeFile(file, toml.replace(line, `$1${this.#sandbox.port}`));
    return this.#sandbox;
  }

  /** Connects to the database as a login role. */
  async connect(role: string): Promise<pg.Client> {
    const client = new pg.Client({connectionString: this.#sandbox?.url({role})});
    // A server that goes away is reported by the next query.
    client.on('error', () => undefined);
    await client.connect();
    this.#clients.push(client);
    return client;
  }

  /** Ends and removes everything. */
  async close(): Promise<void> {
    await Promise.all(this.#clients.map(async (client) => client.end().catch(() => undefined)));
    await this.#sandbox?.stop();
    if (this.#folder !== undefined) await rm(this.#folder, {recursive: true, force: true});
  }

  #at(name: string): string {
    if (this.#folder === undefined) throw new Error('the stage is not open');
    return path.join(this.#folder, name);
  }
}

/**
 * Plays a demo on a stage of its own and removes everything, also if it fails or is interrupted.
 *
 * @returns the exit code: 130 for an interruption that the demo passes on
 */
export async function perform(demo: (stage: Stage, signal: AbortSignal) => Promise<void>): Promise<number> {
  const started = performance.now();
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort());
  // The reader has left (`| head`, a closed window): clean up then, too.
  process.stdout.on('error', () => interrupt.abort());

  const stage = new Stage(interrupt.signal);
  try {
    await demo(stage, interrupt.signal);
    return 0;
  } catch (error) {
    if (interrupt.signal.aborted) {
      say(chalk.yellow('Interrupted.'));
      return 130;
    }
    process.stderr.write(
      `${chalk.red('The demo failed:')} ${error instanceof Error ? error.message : String(error)}\n`,
    );
    if (error instanceof SupasessionError)
      for (const line of error.suggestions) process.stderr.write(`  ${line.replaceAll('{bin}', 'supasession')}\n`);
    return 1;
  } finally {
    await stage.close();
    say(`Project and database have been removed. ${Math.round((performance.now() - started) / 100) / 10} s.`);
  }
}
