import type {ServerVersion} from './queries.js';
import type {SupabaseCli} from '../../supabase/cli.js';
import {compareReleases} from '../install/migration.js';
import {found, passed, type Finding} from './finding.js';

/** The newest major version of the supabase CLI whose flags we know. */
const KNOWN_CLI = 3;
const OLDEST_SERVER = 15;
const OLDEST_NODE = '20.17.0';

/**
 * @param cli the supabase CLI
 * @returns whether it is one that we know
 */
export function judgeCli({version, major, path}: SupabaseCli): Finding {
  const check = 'supabase CLI';
  if (major <= KNOWN_CLI) return passed('cli', check, `${version} (${path})`);
  return found('cli', 'warning', check, {
    detail: `${version} (${path}) is newer than this program knows: its flags may differ.`,
    fix: ['npm install --save-dev supasession@latest', `Or: npm install --save-dev supabase@${KNOWN_CLI}`],
  });
}

/**
 * @param node the version of Node that runs this
 * @param own the release of this program
 * @returns whether they are right
 */
export function judgeProgram(node: string, own: string): Finding[] {
  return [
    passed('cli', 'supasession', own),
    compareReleases(node, OLDEST_NODE) >= 0
      ? passed('cli', 'Node', node)
      : found('cli', 'warning', 'Node', {
          detail: `${node}; this program needs ${OLDEST_NODE} or newer.`,
          fix: ['https://nodejs.org'],
        }),
  ];
}

/**
 * @param server the version of the server
 * @param configured `[db] major_version` of the project that it belongs to; null for a server that belongs to none
 * @returns whether our SQL works there
 */
export function judgeServer({major, text}: ServerVersion, configured: number | null): Finding[] {
  const server =
    major >= OLDEST_SERVER
      ? passed('cli', 'Postgres', text)
      : found('cli', 'error', 'Postgres', {
          detail: `The server is Postgres ${text}; our SQL needs ${OLDEST_SERVER} or newer.`,
          fix: ['Upgrade it: https://supabase.com/docs/guides/platform/upgrading'],
        });
  if (configured === null) return [server];
  return [
    server,
    configured === major
      ? passed('cli', '[db] major_version', String(configured))
      : found('cli', 'info', '[db] major_version', {
          detail: `The configuration says ${configured}, and the server is Postgres ${text}: what works on the one may not on the other.`,
          fix: [`Set major_version = ${major} in [db] of the project's configuration`],
        }),
  ];
}
