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
  /** Whether the function exists; null for a name without a schema, which may be in any. */
  found: boolean | null;
}

/** Needs no installation. Null if the setting is unset or empty. */
export async function readPreRequest(db: Connection): Promise<PreRequest | null> {
  const setting = await readRoleSetting(db, SETTING);
  if (setting === null || setting.value === '') return null;
  return {...setting, found: setting.value.includes('.') ? await hasRequestFunction(db, setting.value) : null};
}

/** A "db reset --linked" leaves the setting behind, without its function. */
export function judgePreRequest(preRequest: PreRequest | null, target: Target, repair: Repair | null): Finding {
  const check = 'pre-request setting';
  if (preRequest === null) return passed('database', check, 'none');
  const {value, scope, found: exists} = preRequest;
  if (exists !== false) return passed('database', check, value);
  const known = value.startsWith('supasession.');
  const role = `alter role authenticator${scope === 'server' ? '' : ' in database <name>'}`;
  const reset = `${role} reset ${SETTING}; notify pgrst, 'reload config';`;
  return found('database', 'error', check, {
    detail: `${SETTING} of role authenticator names ${value}, which does not exist: every request of the Data API fails.`,
    fix: [known ? commandOn(target, 'doctor --fix') : `Create ${value}()`, `Or: ${reset}`],
    repair: known ? (value === GUARD && repair !== null ? repair : 'pre-request') : null,
  });
}
