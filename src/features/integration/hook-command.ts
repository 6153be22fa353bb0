import {
  checkNextHook,
  isHookConfigured,
  takeRefusalsBack,
  type HookPlan,
  type HookRequest,
  type HookState,
} from './hook.js';
import type {StepFile} from '../install/index.js';
import {StepCommand, type StepFlags} from '../install/step-command.js';
import {functionText, makeWiringChange, type WiringPart, type WiringWhere} from './source.js';
import {targetFlag} from '../../database/target.js';
import {SupasessionError} from '../../errors.js';
import {stepFlags, wiringFlags} from '../../cli/flags.js';
import {allowEnding, wantsFile} from '../../cli/consent.js';
import {targetJson, type TargetJson} from '../../types.js';
import {
  hookAlready,
  hookDone,
  hookInstructions,
  hookPending,
  hookStopped,
  hookText,
  hookUnverified,
} from './hook-text.js';

export interface HookResult {
  target: TargetJson;
  /** How Auth is configured now; where it is up to the reader (`instructions`), how it is to be. */
  hook: HookState;
  where: WiringWhere;
  /** Whether the configuration was read back. */
  verified: boolean;
  /** The project's own hook, `schema.function`: called by ours, or by Auth again. */
  next: string | null;
  files: StepFile[];
  /** Whether these were applied now. */
  applied: boolean;
  /** What was changed, in this order. */
  changed: WiringPart[];
  dryRun: boolean;
}

export const hookFlags = {...stepFlags, ...wiringFlags};

type HookFlags = StepFlags &
  Parameters<StepCommand['target']>[0] & {confirm?: string | undefined; 'config-toml'?: boolean | undefined};

/** What the two commands on the hook share. */
export abstract class HookCommand extends StepCommand {
  /**
   * @param flags the parsed flags
   * @param judge looks at how things are, and says what is to be done
   * @returns what was done
   * @throws SupasessionError what looking and changing throw; after the first change `details` tell what has been done
   */
  protected async switchHook(
    flags: HookFlags,
    judge: (request: HookRequest) => Promise<HookPlan>,
  ): Promise<HookResult> {
    const target = await this.target(flags);
    const project = target.kind === 'local' ? await this.project() : await this.projectIfAny();
    const connection = await this.open(target, flags);
    const request = {project, connection, env: process.env};
    const plan = await judge(request);
    const {wanted, where, step} = plan;
    const dryRun = flags['dry-run'];
    const result: HookResult = {
      target: targetJson(target),
      ...(where === 'instructions' || plan.present === null
        ? {hook: wanted, verified: plan.present === wanted}
        : {hook: plan.present, verified: true}),
      where,
      next: plan.next === null ? null : functionText(plan.next),
      files: [],
      applied: false,
      changed: [],
      dryRun,
    };
    if (!plan.needed) {
      this.note(hookAlready(plan, target));
      return result;
    }

    this.log(this.withProgram(hookText(plan, target)));
    const ask = this.asker(flags);
    const hosted = target.projectRef !== null;
    const edit = hosted && plan.edit !== null && !(await wantsFile(ask, flags)) ? null : plan.edit;
    const changes = step !== null || plan.rejectInHook || plan.send !== null || edit !== null;
    if (changes && !dryRun) {
      const message = wanted === 'enabled' ? 'Let Auth call our hook' : 'Take our hook out of Auth';
      await allowEnding(ask, target, {message, given: flags.confirm});
    }

    const {changed} = result;
    try {
      if (step !== null) {
        const steps = {project: project!, connection, steps: [step], flags, ask};
        Object.assign(result, await this.runSteps(steps));
        if (result.applied) {
          await checkNextHook(connection, wanted === 'enabled' ? plan.next : null);
          changed.push('next_hook');
        } else if (!dryRun && wanted === 'enabled' && !plan.wired) {
          if (plan.present !== 'enabled') this.note(hookPending(target));
          return result;
        }
      }

      if (dryRun) {
        if (plan.where === 'instructions' || plan.byHand !== null) this.note(hookInstructions(plan, target));
        this.note('Dry run: nothing was changed.');
        return result;
      }

      if (plan.rejectInHook) {
        await takeRefusalsBack(connection);
        changed.push('reject_in_hook');
      }

      await makeWiringChange({edit, send: plan.send}, changed);
      if (where !== 'instructions') {
        // What was sent has been read back.
        result.verified = where === 'management-api' || (await isHookConfigured(request, wanted));
        if (result.verified) result.hook = wanted;
      }
    } catch (error) {
      if (changed.length === 0) throw error;
      throw this.#stopped(error, plan, result);
    }

    if (where === 'instructions' || plan.byHand !== null) this.note(hookInstructions(plan, target));
    if (where !== 'instructions' && !result.verified) this.note(hookUnverified());
    this.note(hookDone(plan, target, changed));
    return result;
  }

  /** The error that stopped the work in the middle: what was done, that this is safe, and how to go on. */
  #stopped(error: unknown, plan: HookPlan, {changed, files, applied, target}: HookResult): SupasessionError {
    const flag = targetFlag(target);
    const again = `{bin} ${this.commandName}${flag === '' ? '' : ` ${flag}`}`;
    const stopped = this.stoppedAfter(error, {changed, files, applied}, [again]);
    const {code, message, suggestions, details = {}} = stopped;
    return new SupasessionError(code, `${message} ${hookStopped(plan.wanted, changed)}`, {
      suggestions,
      details,
      cause: error,
    });
  }
}
