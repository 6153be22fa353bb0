import {integrationFlags, stepFlags} from '../../cli/flags.js';
import type {TargetJson} from '../../types.js';
import type {StepFile} from '../install/index.js';
import type {StepFlags} from '../install/step-command.js';
import {checkNextHook, isHookConfigured, rejectWithoutHook, type HookPlan} from './hook.js';
import {
  hookAlready,
  hookDone,
  hookInstructions,
  hookPending,
  hookStopped,
  hookText,
  hookUnverified,
} from './hook-text.js';
import {functionText, type ChangedPart, type ConfigOrigin, type SwitchRequest, type SwitchState} from './source.js';
import {IntegrationCommand, type SwitchFlags, type SwitchWork} from './switch-command.js';

export interface HookResult {
  target: TargetJson;
  /** How Auth is configured now; for `instructions`, how it should be configured. */
  hook: SwitchState;
  where: ConfigOrigin;
  /** Whether the configuration was read back. */
  verified: boolean;
  /** The project's own hook, `schema.function`: called by supasession's hook, or by Auth again. */
  next: string | null;
  files: StepFile[];
  /** Whether these were applied now. */
  applied: boolean;
  /** What was changed, in this order. */
  changed: ChangedPart[];
  dryRun: boolean;
}

export const hookFlags = {...stepFlags, ...integrationFlags};

type HookFlags = StepFlags & SwitchFlags;

/** `hook enable` and `hook disable`. */
export abstract class HookCommand extends IntegrationCommand<HookPlan, HookFlags> {
  protected readonly integration = {
    questions: {enabled: "Let Auth call supasession's hook", disabled: "Remove supasession's hook from Auth"},
    isConfigured: isHookConfigured,
    alreadyText: hookAlready,
    planText: hookText,
    instructions: hookInstructions,
    unverifiedText: hookUnverified,
    doneText: hookDone,
    stoppedText: hookStopped,
  };

  protected async switchHook(
    flags: HookFlags,
    judge: (request: SwitchRequest) => Promise<HookPlan>,
  ): Promise<HookResult> {
    const {plan, outcome} = await this.switchIntegration(flags, judge);
    const {target, state, where, verified, changed, dryRun, steps = {files: [], applied: false}} = outcome;
    const next = plan.next === null ? null : functionText(plan.next);
    return {target, hook: state, where, verified, next, ...steps, changed, dryRun};
  }

  protected override changesDatabase({step, rejectInHook}: HookPlan): boolean {
    return step !== null || rejectInHook;
  }

  protected override async prepare(work: SwitchWork<HookPlan, HookFlags>): Promise<boolean> {
    const {request, plan, flags, ask, outcome} = work;
    const {project, connection} = request;
    const {wanted, step} = plan;
    outcome.steps = {files: [], applied: false};
    if (step !== null) {
      outcome.steps = await this.runSteps({project: project!, connection, steps: [step], flags, ask});
      if (outcome.steps.applied) {
        await checkNextHook(connection, wanted === 'enabled' ? plan.next : null);
        outcome.changed.push('next_hook');
      } else if (!outcome.dryRun && wanted === 'enabled' && !plan.wired) {
        if (plan.present !== 'enabled') this.note(hookPending(connection.target));
        return false;
      }
    }

    if (plan.rejectInHook && !outcome.dryRun) {
      await rejectWithoutHook(connection);
      outcome.changed.push('reject_in_hook');
    }

    return true;
  }
}
