import {checkGuard, planGuard, type GuardState} from './guard.js';
import type {StepFile} from '../install/index.js';
import {StepCommand, type StepFlags} from '../install/step-command.js';
import {targetJson, type TargetJson} from '../../types.js';
import {guardAlready, guardDone, guardText} from './text.js';

export interface GuardResult {
  target: TargetJson;
  /** In the target, now. */
  guard: GuardState;
  /** The project's own pre-request function, `schema.function`: called after the guard, and restored by `guard disable`. */
  chained: string | null;
  /** The roles of the Data API. */
  roles: string[];
  files: StepFile[];
  /** Whether it was applied now. */
  applied: boolean;
  dryRun: boolean;
}

/** `guard enable` and `guard disable`. */
export abstract class GuardCommand extends StepCommand {
  protected async switchGuard(
    wanted: GuardState,
    flags: StepFlags & Parameters<StepCommand['target']>[0],
  ): Promise<GuardResult> {
    const project = await this.project();
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const plan = await planGuard(project, connection, wanted);
    const {step, present, chained, roles} = plan;
    const base = {target: targetJson(target), chained, roles, dryRun: flags['dry-run']};
    if (step === null) {
      this.note(guardAlready(wanted));
      return {...base, guard: present, files: [], applied: false};
    }

    this.log(guardText(plan, await this.jwtExpiry(target)));
    const {files, applied} = await this.runSteps({
      ...{project, connection, flags},
      steps: [step],
      ask: this.asker(flags),
      consent:
        wanted === 'enabled'
          ? {message: 'Switch the guard on', local: false}
          : {message: 'Switch the guard off', local: true},
    });
    if (applied) {
      try {
        await checkGuard(connection, wanted);
      } catch (error) {
        throw this.stoppedAfter(error, {files, applied});
      }

      this.note(guardDone(wanted, target));
    } else if (flags['dry-run']) this.note('Dry run: nothing was changed.');
    return {...base, guard: applied ? wanted : present, files, applied};
  }
}
