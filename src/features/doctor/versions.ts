import type {ServerVersion} from './queries.js';
import type {SupabaseCli} from '../../supabase/cli.js';
import {compareReleases} from '../install/migration.js';
import {found, passed, type Finding} from './finding.js';

/** The newest major version of the supabase CLI whose flags supasession knows. */
const KNOWN_CLI = 3;
const OLDEST_SERVER = 15;
const OLDEST_NODE = '20.17.0';

export function judgeCli({version, major, path}: SupabaseCli): Finding {
  const check = 'supabase CLI';
  if (major <= KNOWN_CLI) return passed('cli', check, `${version} (${path})`);
  return found('cli', 'warning', check, {
    detail: `${version} (${path}) is newer than supasession knows: its flags may differ.`,
    fix: ['npm install --save-dev supasession@latest', `Or: npm install --save-dev supabase@${KNOWN_CLI}`],
  });
}

export function judgeProgram(node: string, own: string): Finding[] {
  return [
    passed('cli', 'supasession', own),
    compareReleases(node, OLDEST_NODE) >= 0
      ? passed('cli', 'Node', node)
      : found('cli', 'warning', 'Node', {
          detail: `${node} is too old: supasession needs ${OLDEST_NODE} or newer.`,
          fix: ['https://nodejs.org'],
        }),
  ];
}

/** `configured`: `[db] major_version` of the project; null without one. */
export function judgeServer({major, text}: ServerVersion, configured: number | null): Finding[] {
  const server =
    major >= OLDEST_SERVER
      ? passed('cli', 'Postgres', text)
      : found('cli', 'error', 'Postgres', {
          detail: `The server is Postgres ${text}; supasession needs ${OLDEST_SERVER} or newer.`,
          fix: ['Upgrade it: https://supabase.com/docs/guides/platform/upgrading'],
        });
  if (configured === null) return [server];
  return [
    server,
    configured === major
      ? passed('cli', '[db] major_version', String(configured))
      : found('cli', 'info', '[db] major_version', {
          detail: `The configuration says ${configured}, but the server is Postgres ${text}: a migration that works on one may fail on the other.`,
          fix: [`Set major_version = ${major} in [db] of the project's configuration`],
        }),
  ];
}
