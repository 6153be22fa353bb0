import type {ErrorJson} from '../../src/cli/failure.js';
import type {RunOptions} from './cli.js';
import type {TestProject} from './project.js';

/** A failure as scripts and people see it. */
export interface Failure {
  code: number | null;
  error: ErrorJson['error'];
  /** What the run without --json writes. */
  stdout: string;
  stderr: string;
}

/**
 * Runs a command that has to fail, as it is and with --json, and checks that both tell the same: exit code, error code, message and
 * what to type next; and that --json writes nothing else to standard output. Both run at once: a command that fails has changed nothing.
 */
export async function failure(
  project: Pick<TestProject, 'run'>,
  args: readonly string[],
  env: Record<string, string | undefined> = {},
  options: Partial<RunOptions> = {},
): Promise<Failure> {
  const [text, json] = await Promise.all([
    project.run(args, env, options),
    project.run([...args, '--json'], env, options),
  ]);
  const {error, ...rest} = json.json as ErrorJson;
  expect(rest).toEqual({});
  expect(json.code).toBe(text.code);
  expect(json.stderr).not.toContain('Error:');
  expect(text.stderr).toContain(`[${error.code}]`);
  expect(text.stderr).toMatch(/^Error: /m);
  for (const suggestion of error.suggestions) expect(text.stderr).toContain(`  → ${suggestion}`);
  return {code: text.code, error, stdout: text.stdout, stderr: text.stderr};
}
