import type {Connection} from '../../database/connection.js';
import {hasRequestFunction} from './queries.js';
import {readRoleSetting, type RoleSetting} from '../../database/role-settings.js';
import type {Target} from '../../types.js';
import {commandOn} from '../../database/target.js';
import {found, passed, type Finding, type Repair} from './finding.js';

const SETTING = 'pgrst.db_pre_request';
const GUARD = 'supasession.check_request';

/** The pre-request function that PostgREST is given by the role it connects as. */
export interface PreRequest extends RoleSetting {
  /** Whether there is such a function; null for a bare name, which may stand in any schema. */
  found: boolean | null;
}

/**
 * @param db an open connection; our SQL need not be there
 * @returns the setting that counts; null where none does, or the empty name
 */
export async function readPreRequest(db: Connection): Promise<PreRequest | null> {
  const setting = await readRoleSetting(db, SETTING);
  if (setting === null || setting.value === '') return null;
  return {...setting, found: setting.value.includes('.') ? await hasRequestFunction(db, setting.value) : null};
}

/**
 * @param preRequest what PostgREST is given by its role
 * @param target where
 * @param repair whether --fix can run our SQL again
 * @returns whether it is told to call what is gone, as a "db reset --linked" leaves it
 */
export function judgePreRequest(preRequest: PreRequest | null, target: Target, repair: Repair | null): Finding {
  const check = 'pre-request setting';
  if (preRequest === null) return passed('database', check, 'none');
  const {value, scope, found: exists} = preRequest;
  if (exists !== false) return passed('database', check, value);
  const ours = value.startsWith('supasession.');
  const role = `alter role authenticator${scope === 'server' ? '' : ' in database <name>'}`;
  const reset = `${role} reset ${SETTING}; notify pgrst, 'reload config';`;
  return found('database', 'error', check, {
    detail: `${SETTING} of role authenticator names ${value}, which is gone: every request of the Data API fails.`,
    fix: [ours ? commandOn(target, 'doctor --fix') : `Create ${value}()`, `Or: ${reset}`],
    repair: ours ? (value === GUARD && repair !== null ? repair : 'pre-request') : null,
  });
}
