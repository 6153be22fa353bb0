import path from 'node:path';
import {fileURLToPath} from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The stand-alone program, as it is built. */
export const PROGRAM = path.join(ROOT, 'bin/run.js');

/** The folder of the real supabase CLI. */
export const TOOLS = path.join(ROOT, 'node_modules/.bin');

/** An environment with nothing of the caller's own but where node and the system's tools are; undefined takes a variable away. */
export function bareEnv(extra: Record<string, string | undefined>): Record<string, string> {
  const env: Record<string, string | undefined> = {
    PATH: [path.dirname(process.execPath), '/usr/bin', '/bin'].join(path.delimiter),
    NODE_OPTIONS: `--require ${JSON.stringify(path.join(ROOT, 'test/helpers/own-stack.cjs'))}`,
    SUPABASE_TELEMETRY_DISABLED: '1',
    SUPABASE_NO_UPDATE_NOTIFIER: '1',
    // The supabase CLI is a program of Bun: its optimising compiler and garbage collector take half of its start of 1 s, and pay only in longer runs.
    BUN_JSC_useDFGJIT: '0',
    BUN_JSC_useGC: '0',
    ...extra,
  };
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
