import type {Interfaces} from '@oclif/core';
import {Command} from '@oclif/core/command';
import * as Flags from '@oclif/core/flags';
import {ux} from '@oclif/core/ux';

import {resolveTarget, type TargetContext} from '../database/target.js';
import {connect, type Connection} from '../database/connection.js';
import {isConnectionLost, sqlstateOf, toSupasessionError} from '../database/errors.js';
import {matchHistory, readAppliedMigrations} from '../database/history.js';
import {SupasessionError} from '../errors.js';
import {errorJson, maskPasswords, toFailure, withProgram, type ErrorJson} from './failure.js';
import {rewriteOutput} from './aliases.js';
import {oneTarget, type ParsedTarget, rewriteRemote} from './flags.js';
import {startedBy} from './program.js';
import {Asker} from './asker.js';
import {requireOwnProject, type Use} from './consent.js';
import {JsonStream} from './json-stream.js';
import type {ManagementApi} from '../supabase/management-api.js';
import {listMigrations} from '../supabase/migrations.js';
import {findProject, type Project} from '../supabase/project.js';
import type {Target} from '../types.js';
import {errorText, targetLine} from './text.js';
import {wrapped} from './wrap.js';

export {EXIT_CODES_HELP} from './exit-codes.js';

const INSUFFICIENT_PRIVILEGE = '42501';

/** What every command shares: the project and the target, questions, output, errors and exit codes, and closing what was opened. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    workdir: Flags.string({
      // Not with `env`: the error has to tell the variable from the flag.
      summary: 'The folder of the project (or SUPABASE_WORKDIR).',
      helpGroup: 'GLOBAL',
      helpValue: '<dir>',
    }),
  };

  protected workdir: string | undefined;
  readonly #connections = new Set<Connection>();
  #project: Promise<Project> | undefined;
  #ownsInterrupt = false;
  #stream: JsonStream | undefined;

  /** What to type before a command's name. As a plugin, supasession is a topic of the host, which also decides how topics are written. */
  protected get program(): string {
    const {bin, topicSeparator} = this.config;
    if (this.id?.startsWith('supasession:')) return `${bin} supasession${topicSeparator}`;
    return `${startedBy(process.argv[1] ?? '', process.cwd(), process.env)}${bin} `;
  }

  /** Fills in what to type for `{bin}`. */
  protected withProgram(text: string): string {
    return withProgram(text, this.program, this.workdir);
  }

  /** Whether somebody can answer questions; a script that wants JSON cannot. */
  protected get interactive(): boolean {
    return process.stdin.isTTY && process.stderr.isTTY && !this.jsonEnabled();
  }

  override async init(): Promise<void> {
    this.argv = rewriteOutput(this.argv);
    await super.init();
    process.on('SIGINT', this.#onInterrupt);
  }

  protected override async parse<
    F extends Interfaces.OutputFlags<F>,
    B extends Interfaces.OutputFlags<B>,
    A extends Interfaces.OutputArgs<A>,
  >(options?: Interfaces.Input<F, B, A>, argv = this.argv): Promise<Interfaces.ParserOutput<F, B, A>> {
    const parsed = await super.parse(options, rewriteRemote(argv));
    if ('workdir' in parsed.flags && typeof parsed.flags.workdir === 'string') this.workdir = parsed.flags.workdir;
    return parsed;
  }

  /** Tells the reader something besides the result: on stderr, also with --json. */
  protected note(text: string): void {
    ux.stderr(this.#fitting(this.withProgram(text), process.stderr));
  }

  /** A result for the reader; nothing with --json. */
  override log(text = ''): void {
    super.log(this.#fitting(text, process.stdout));
  }

  /** A text whose lines fit the terminal; what goes elsewhere is not broken, so that a script finds each thing on one line. */
  #fitting(text: string, {isTTY, columns}: NodeJS.WriteStream): string {
    return isTTY && columns > 0 ? wrapped(text, columns, this.program) : text;
  }

  /** For tables; without a terminal, 80 columns. */
  protected view(): {width: number; now: number} {
    return {width: process.stdout.columns || 80, now: Date.now()};
  }

  protected asker(flags: {yes?: boolean}): Asker {
    return new Asker({interactive: this.interactive, yes: flags.yes ?? false});
  }

  protected project(): Promise<Project> {
    return (this.#project ??= findProject({cwd: process.cwd(), workdir: this.workdir, env: process.env}));
  }

  /** @returns the project, or null if there is none and none was named: not every target needs one */
  protected async projectIfAny(): Promise<Project | null> {
    try {
      return await this.project();
    } catch (error) {
      const named = this.workdir ?? process.env.SUPABASE_WORKDIR;
      if (!named && error instanceof SupasessionError && error.code === 'PROJECT_NOT_FOUND') return null;
      throw error;
    }
  }

  /**
   * @returns lifetime of an access token in seconds, as the project configures it for this target; null without a project
   */
  protected async jwtExpiry(target: Target): Promise<number | null> {
    const project = await this.projectIfAny();
    if (project === null) return null;
    const {readConfig} = await import('../supabase/config.js');
    return (await readConfig(project, process.env, {projectRef: target.projectRef ?? undefined})).jwtExpiry;
  }

  /**
   * Does not connect.
   * @throws SupasessionError USAGE if two targets are named, and what `resolveTarget` throws
   */
  protected async target(flags: ParsedTarget): Promise<Target> {
    return resolveTarget(oneTarget(flags), this.#targetContext());
  }

  /** Each import only when a target needs it. */
  #targetContext(): TargetContext {
    const asker = this.asker({});
    return {
      env: process.env,
      stack: async (name) => {
        const {stackUrl, usesStacks} = await import('../supabase/stack.js');
        const project = await this.project();
        if (await usesStacks(project, process.env)) return stackUrl(project, name, process.env);
        if (name === undefined) return null;
        throw new SupasessionError('USAGE', `--stack ${name}: this project does not use named stacks.`, {
          suggestions: ['Set stack = true in [experimental] of config.toml'],
        });
      },
      localPort: async () => {
        const {readConfig} = await import('../supabase/config.js');
        return (await readConfig(await this.project(), process.env)).dbPort;
      },
      link: async (projectRef) => {
        const {findLink} = await import('../database/link.js');
        return findLink(() => this.project(), process.env, projectRef);
      },
      passfile: async (where) => {
        const {passfilePassword} = await import('../database/passfile.js');
        return passfilePassword(where);
      },
      loginRole: async (projectRef) => {
        const api = await this.managementApi();
        if (api === null) return null;
        this.note('No database password is set: using a temporary login role, which can take half a minute.');
        return api.createLoginRole(projectRef, {readOnly: false});
      },
      askPassword: (question) => asker.password(question),
    };
  }

  /**
   * @returns the Management API of hosted projects; null if there is no access token that can be read
   * @throws SupasessionError CONFIG_INVALID, CONFIG_UNREADABLE, API_UNAUTHORIZED for what cannot be a token
   */
  protected async managementApi(): Promise<ManagementApi | null> {
    const {findManagementApi} = await import('../supabase/management-api.js');
    return findManagementApi(await this.projectIfAny(), process.env);
  }

  /**
   * Opens a connection that is closed when the command ends, and says where it leads.
   * @param use whether the command reads or changes what is there
   * @throws SupasessionError OTHER_PROJECT for a change of another project's database, and what `connect` throws
   */
  protected async open(target: Target, use: Use): Promise<Connection> {
    const connection = this.track(await connect(target));
    await this.#compareHistory(connection);
    this.note(targetLine(connection));
    requireOwnProject(target, use);
    return connection;
  }

  /** If either side cannot be read, nothing is said: a command that needs it fails by itself. */
  async #compareHistory(connection: Connection): Promise<void> {
    try {
      const project = await this.projectIfAny();
      if (project === null) return;
      const files = await listMigrations(project);
      const applied = await readAppliedMigrations(connection);
      connection.target.history = matchHistory(
        applied,
        files.map(({version}) => version),
      );
    } catch (error) {
      if (!(error instanceof SupasessionError) && sqlstateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    }
  }

  protected track(connection: Connection): Connection {
    this.#connections.add(connection);
    return connection;
  }

  /** Runs what has to finish its step before it can stop: Ctrl-C aborts the signal, and a second one ends the process. */
  protected async finishingOnInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const abort = () => controller.abort();
    this.#ownsInterrupt = true;
    process.once('SIGINT', abort);
    try {
      return await work(controller.signal);
    } finally {
      process.off('SIGINT', abort);
      this.#ownsInterrupt = false;
    }
  }

  #interrupts = 0;
  readonly #onInterrupt = (): void => {
    this.#interrupts++;
    if (this.#ownsInterrupt && this.#interrupts === 1) return;
    // Closing politely could take as long as what is being interrupted; the server notices by itself.
    this.#report(new SupasessionError('INTERRUPTED', 'Interrupted.'));
    // A signal handler has nobody to throw to.
    process.exit(130);
  };

  #convert(error: unknown): SupasessionError {
    const [connection] = this.#connections;
    const ours = toFailure(error, this.commandName);
    return ours.code === 'UNEXPECTED' &&
      ours !== error &&
      connection !== undefined &&
      error instanceof Error &&
      ('code' in error || isConnectionLost(error))
      ? toSupasessionError(error, connection.target)
      : ours;
  }

  /** Adds who holds the lock, if the error does not say so yet. */
  async #explained(error: SupasessionError): Promise<SupasessionError> {
    const [connection] = this.#connections;
    if (error.code !== 'LOCK_TIMEOUT' || error.details !== undefined || connection === undefined) return error;
    const {namingHolders} = await import('../database/locks.js');
    return namingHolders(error, connection);
  }

  /**
   * The error to throw if a command stops after it has done something.
   * @param done what it did, for `details`
   * @param next suggestions after the error's own
   */
  protected stoppedAfter(error: unknown, done: Record<string, unknown>, next: string[] = []): SupasessionError {
    const {code, message, suggestions, details} = this.#convert(error);
    return new SupasessionError(code, message, {
      suggestions: [...suggestions, ...next],
      details: {...details, ...done},
      cause: error,
    });
  }

  protected get commandName(): string {
    return (this.id ?? '').replace(/^supasession:/, '');
  }

  /** A list as JSON that is written while it is being read; its command returns nothing more to print. */
  protected jsonStream(head: Record<string, unknown>, list: string): JsonStream {
    return (this.#stream = new JsonStream(head, list));
  }

  #report(error: SupasessionError): void {
    // After half a JSON document a second one would only confuse: programs see that the first has no end, and people read this.
    if (this.jsonEnabled() && !this.#stream?.begun) this.logJson(this.toErrorJson(error));
    else this.note(errorText(error));
  }

  protected override async catch(error: Error & {code?: string}): Promise<void> {
    if (error.code === 'EEXIT') throw error;
    const ours = await this.#explained(this.#convert(error));
    this.#report(ours);
    if (process.env.SUPASESSION_DEBUG && error.stack) this.logToStderr(maskPasswords(error.stack));
    await this.finally();
    this.exit(ours.exit);
  }

  protected override async finally(): Promise<void> {
    process.off('SIGINT', this.#onInterrupt);
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    this.#connections.clear();
  }

  protected override toErrorJson(error: unknown): ErrorJson {
    return errorJson(this.#convert(error), this.program, this.workdir);
  }
}
