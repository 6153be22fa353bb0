import type {Connection} from '../../database/connection.js';
import {resetPreRequest, runInstallation} from './queries.js';
import {address, toSupasessionError} from '../../database/errors.js';
import {SupasessionError} from '../../errors.js';
import {recordedSql, shippedSql} from '../install/migration.js';
import type {Finding, Repair} from './finding.js';
import {readPreRequest} from './pre-request.js';

/** Something that --fix does. */
export interface RepairStep {
  repair: Repair;
  /** The checks that it mends. */
  checks: string[];
}

/** What is in the way of requests goes first. */
const ORDER: readonly Repair[] = ['pre-request', 'installation'];

/**
 * @param findings what was found
 * @returns what --fix would do about it, in order
 */
export function planRepairs(findings: Finding[]): RepairStep[] {
  return ORDER.map((repair) => ({
    repair,
    checks: findings.filter((finding) => finding.repair === repair).map(({check}) => check),
  })).filter(({checks}) => checks.length > 0);
}

async function takeSettingAway(connection: Connection): Promise<void> {
  const set = await readPreRequest(connection);
  if (set?.found !== false) return;
  try {
    await resetPreRequest(connection, set.scope);
  } catch (error) {
    const {target} = connection;
    const cause = toSupasessionError(error, target);
    if (cause.code !== 'PERMISSION_DENIED') throw error;
    throw new SupasessionError(
      'PERMISSION_DENIED',
      `Role ${target.user} may not take pgrst.db_pre_request from role authenticator at ${address(target)}. Hosted projects and the local stack allow it; this Postgres does not.`,
      {
        suggestions: ['Connect as a superuser: {bin} doctor --db-url <url> --fix'],
        cause,
      },
    );
  }
}

/**
 * Does one of them.
 * @param connection an open connection
 * @param step what to do
 * @throws SupasessionError PERMISSION_DENIED where the role may not change the setting; what the driver throws: 55P03 where our SQL does not get its
 *   locks
 */
export async function makeRepair(connection: Connection, {repair}: RepairStep): Promise<void> {
  switch (repair) {
    case 'pre-request': {
      return takeSettingAway(connection);
    }

    case 'installation': {
      return runInstallation(connection, recordedSql(await shippedSql()));
    }
  }
}
