import type {Connection} from '../../database/connection.js';
import {resetPreRequest, runInstallation} from './queries.js';
import {address, toSupasessionError} from '../../database/errors.js';
import {SupasessionError} from '../../errors.js';
import {recordedSql, shippedSql} from '../install/migration.js';
import type {Finding, Repair} from './finding.js';
import {readPreRequest} from './pre-request.js';

export interface RepairStep {
  repair: Repair;
  /** The checks that it fixes. */
  checks: string[];
}

/** What makes requests fail comes first. */
const ORDER: readonly Repair[] = ['pre-request', 'installation'];

export function planRepairs(findings: Finding[]): RepairStep[] {
  return ORDER.map((repair) => ({
    repair,
    checks: findings.filter((finding) => finding.repair === repair).map(({check}) => check),
  })).filter(({checks}) => checks.length > 0);
}

async function resetSetting(connection: Connection): Promise<void> {
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
      `Role ${target.user} may not reset pgrst.db_pre_request of role authenticator at ${address(target)}. Hosted projects and the local stack allow that; this Postgres does not.`,
      {
        suggestions: ['Connect as a superuser: {bin} doctor --db-url <url> --fix'],
        cause,
      },
    );
  }
}

/** @throws SupasessionError PERMISSION_DENIED if the role may not change the setting; what the driver throws: 55P03 if the SQL does not get its locks */
export async function makeRepair(connection: Connection, {repair}: RepairStep): Promise<void> {
  switch (repair) {
    case 'pre-request': {
      return resetSetting(connection);
    }

    case 'installation': {
      return runInstallation(connection, recordedSql(await shippedSql()));
    }
  }
}
