import {BaseCommand} from '../../cli/base-command.js';
import type {AccessPlan} from './access.js';
import {confirmChangeFlag, dryRunFlag, targetFlags, userArg, yesFlag} from '../../cli/flags.js';
import {targetJson, type Target, type TargetJson} from '../../types.js';

/** What both commands about access print with --json. */
export interface AccessResult {
  target: TargetJson;
  user: {id: string; email: string | null};
  /** Sessions that end, or with --dry-run would. */
  sessions: number;
  /** Why the user has, or had, no access. */
  reason: string | null;
  /** Whether the Data API refuses tokens of such a user at once. */
  guard: boolean;
  /** False if access was like this already. */
  changed: boolean;
  dryRun: boolean;
}

export abstract class AccessCommand extends BaseCommand {
  static override args = {user: userArg};

  static override flags = {...targetFlags, 'dry-run': dryRunFlag, confirm: confirmChangeFlag, yes: yesFlag};

  protected result(
    target: Target,
    {user, guard}: AccessPlan,
    outcome: Pick<AccessResult, 'sessions' | 'reason' | 'changed' | 'dryRun'>,
  ): AccessResult {
    const {sessions, reason, changed, dryRun} = outcome;
    return {
      target: targetJson(target),
      user: {id: user.id, email: user.email},
      ...{sessions, reason, guard, changed, dryRun},
    };
  }
}
