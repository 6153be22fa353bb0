import type {Asker} from '../../cli/asker.js';
import {allowEnding, wantsFile} from '../../cli/consent.js';
import {commandOn} from '../../database/target.js';
import {SupasessionError} from '../../errors.js';
import type {ConfigEdit} from '../../supabase/config-edit.js';
import {targetJson, type Target, type TargetJson} from '../../types.js';
import type {StepFile} from '../install/index.js';
import {StepCommand, type StepFlags} from '../install/step-command.js';
import {
  makeChange,
  type ChangedPart,
  type ConfigOrigin,
  type SwitchPlan,
  type SwitchRequest,
  type SwitchState,
} from './source.js';

export type SwitchFlags = Parameters<StepCommand['target']>[0] &
  Pick<StepFlags, 'confirm' | 'dry-run' | 'yes'> & {'config-toml'?: boolean | undefined};

/** What differs between the hook and the Data API. */
export interface Integration<Plan extends SwitchPlan> {
  /** Without the question mark. */
  questions: Record<SwitchState, string>;
  isConfigured: (request: SwitchRequest, wanted: SwitchState) => Promise<boolean>;
  alreadyText: (plan: Plan, target: Target) => string;
  planText: (plan: Plan, target: Target) => string;
  instructions: (plan: Plan, target: Target) => string;
  unverifiedText: () => string;
  doneText: (plan: Plan, target: Target, changed: ChangedPart[]) => string;
  /** What was done before a failure. */
  stoppedText?: (wanted: SwitchState, changed: ChangedPart[]) => string;
}

export interface SwitchOutcome {
  target: TargetJson;
  /** How it is configured now; for `instructions`, how it should be configured. */
  state: SwitchState;
  where: ConfigOrigin;
  /** Whether the configuration was read back. */
  verified: boolean;
  /** In this order. */
  changed: ChangedPart[];
  steps?: {files: StepFile[]; applied: boolean};
  dryRun: boolean;
}

export interface SwitchWork<Plan, Flags> {
  request: SwitchRequest;
  plan: Plan;
  flags: Flags;
  ask: Asker;
  outcome: SwitchOutcome;
}

/** One flow for the commands that change how Auth or the Data API is configured. */
export abstract class IntegrationCommand<
  Plan extends SwitchPlan,
  Flags extends SwitchFlags = SwitchFlags,
> extends StepCommand {
  protected abstract readonly integration: Integration<Plan>;

  /** Changes the database first. False if the configuration has to wait; the user has been told why. */
  protected async prepare(_work: SwitchWork<Plan, Flags>): Promise<boolean> {
    return true;
  }

  protected changesDatabase(_plan: Plan): boolean {
    return false;
  }

  /** Plans, shows, asks, and changes. After the first change the `details` of an error tell what was done. */
  protected async switchIntegration(
    flags: Flags,
    judge: (request: SwitchRequest) => Promise<Plan>,
  ): Promise<{plan: Plan; outcome: SwitchOutcome}> {
    const target = await this.target(flags);
    const project = target.kind === 'local' ? await this.project() : await this.projectIfAny();
    const connection = await this.open(target, flags);
    const request = {project, connection, env: process.env};
    const plan = await judge(request);
    const outcome = untouched(plan, target, flags['dry-run']);
    if (!plan.needed) {
      this.note(this.integration.alreadyText(plan, target));
      return {plan, outcome};
    }

    this.log(this.withProgram(this.integration.planText(plan, target)));
    const work = {request, plan, flags, ask: this.asker(flags), outcome};
    const edit = await this.#allowedEdit(work, target);
    try {
      if (await this.prepare(work)) await this.#configure(work, target, edit);
    } catch (error) {
      throw outcome.changed.length === 0 ? error : this.#stopped(error, work, target);
    }

    return {plan, outcome};
  }

  async #allowedEdit({plan, flags, ask}: SwitchWork<Plan, Flags>, target: Target): Promise<ConfigEdit | null> {
    const hosted = target.projectRef !== null;
    const edit = hosted && plan.edit !== null && !(await wantsFile(ask, flags)) ? null : plan.edit;
    if (!flags['dry-run'] && (edit !== null || plan.send !== null || this.changesDatabase(plan))) {
      const message = this.integration.questions[plan.wanted];
      await allowEnding(ask, target, {message, given: flags.confirm});
    }

    return edit;
  }

  async #configure(work: SwitchWork<Plan, Flags>, target: Target, edit: ConfigEdit | null): Promise<void> {
    const {request, plan, outcome} = work;
    const {integration} = this;
    const byHand = plan.where === 'instructions' || plan.byHand !== null;
    if (outcome.dryRun) {
      if (byHand) this.note(integration.instructions(plan, target));
      this.note('Dry run: nothing was changed.');
      return;
    }

    await makeChange({edit, send: plan.send}, outcome.changed);
    if (plan.where !== 'instructions') {
      // What was sent has been read back.
      outcome.verified = plan.where === 'management-api' || (await integration.isConfigured(request, plan.wanted));
      if (outcome.verified) outcome.state = plan.wanted;
      else this.note(integration.unverifiedText());
    }

    if (byHand) this.note(integration.instructions(plan, target));
    this.note(integration.doneText(plan, target, outcome.changed));
  }

  #stopped(error: unknown, {plan, outcome}: SwitchWork<Plan, Flags>, target: Target): SupasessionError {
    const {changed, steps} = outcome;
    const stopped = this.stoppedAfter(error, {changed, ...steps}, [commandOn(target, this.commandName)]);
    const {code, message, suggestions, details = {}} = stopped;
    const done = this.integration.stoppedText?.(plan.wanted, changed);
    return new SupasessionError(code, done === undefined ? message : `${message} ${done}`, {
      suggestions,
      details,
      cause: error,
    });
  }
}

function untouched({where, present, wanted}: SwitchPlan, target: Target, dryRun: boolean): SwitchOutcome {
  const state =
    where === 'instructions' || present === null
      ? {state: wanted, verified: present === wanted}
      : {state: present, verified: true};
  return {target: targetJson(target), ...state, where, changed: [], dryRun};
}
