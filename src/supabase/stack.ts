import {parseEnv} from 'node:util';
import {SupasessionError} from '../errors.js';
import {findCli} from './cli.js';
import {readConfig} from './config.js';
import {runProcess} from './process.js';
import type {Env, Project} from './project.js';

/** How Go, and so the supabase CLI, writes a yes in the environment. */
const YES = /^(1|t|true)$/i;

/** Whether the supabase CLI runs local stacks on ports of their own: SUPABASE_EXPERIMENTAL_STACK of the shell, else `[experimental] stack`. */
export async function usesStacks(project: Project, env: Env): Promise<boolean> {
  const override = env['SUPABASE_EXPERIMENTAL_STACK'];
  if (override) return YES.test(override);
  const {experimental} = (await readConfig(project, env)).raw;
  return typeof experimental === 'object' && experimental !== null && 'stack' in experimental
    ? YES.test(String(experimental.stack))
    : false;
}

/**
 * Asks the supabase CLI where a stack's database is.
 * @param name undefined for the project's own stack
 * @returns the URL, which holds the password; the error to end with if the stack is not running
 * @throws SupasessionError CLI_MISSING, CLI_FAILED, INTERRUPTED
 */
export async function stackUrl(
  project: Project,
  name: string | undefined,
  env: Env,
): Promise<string | SupasessionError> {
  const cli = await findCli(project, env);
  const named = name === undefined ? [] : ['--stack', name];
  const args = ['stack', 'status', '--env', '--output-format', 'text', ...named, '--workdir', project.root];
  const result = await runProcess(cli.path, args, {cwd: project.cwd, env});
  if (result.outcome === 'interrupted') throw new SupasessionError('INTERRUPTED', 'Interrupted.');
  const url = result.outcome === 'exited' && result.exitCode === 0 ? parseEnv(result.stdout)['DB_URL'] : undefined;
  if (url !== undefined) return url;
  const which = name === undefined ? 'The local stack of this project' : `The local stack "${name}"`;
  return new SupasessionError('CONNECTION_REFUSED', `${which} is not running.`, {
    suggestions: [`{supabase} ${['stack', 'start', ...named].join(' ')}`, '{supabase} stack list'],
    details: {stack: name ?? null},
  });
}
