import * as Errors from '@oclif/core/errors';
import {ux} from '@oclif/core/ux';

import {rewriteOutput} from './aliases.js';
import {errorJson, maskPasswords, toFailure, withProgram} from './failure.js';
import {startedBy} from './program.js';
import {errorText} from './text.js';

function rewritten(argv: string[]): string[] {
  try {
    return rewriteOutput(argv);
  } catch {
    return argv;
  }
}

/** Whether the result was wanted as JSON, as oclif's commands find out for themselves. */
function wantsJson(): boolean {
  const typed = rewritten(process.argv.slice(2));
  const end = typed.indexOf('--');
  return (
    typed.slice(0, end === -1 ? undefined : end).includes('--json') ||
    process.env.SUPASESSION_CONTENT_TYPE?.toLowerCase() === 'json'
  );
}

/**
 * Tells what went wrong, unless a command has, and ends the process with its exit code.
 */
export async function end(error: unknown): Promise<void> {
  if (error instanceof Errors.ExitError) return Errors.handle(error);
  const ours = toFailure(error, undefined);
  const program = `${startedBy(process.argv[1] ?? '', process.cwd(), process.env)}supasession `;
  if (wantsJson()) ux.stdout(JSON.stringify(errorJson(ours, program), null, 2));
  else ux.stderr(withProgram(errorText(ours), program));
  if (process.env.SUPASESSION_DEBUG && error instanceof Error && error.stack) ux.stderr(maskPasswords(error.stack));
  process.exitCode = ours.exit;
}
