import {checkGuard, planGuard, type GuardState} from './guard.js';
import type {StepFile} from '../install/index.js';
import {StepCommand, type StepFlags} from '../install/step-command.js';
import {targetJson, type TargetJson} from '../../types.js';
import {guardAlready, guardDone, guardText} from './text.js';

export interface GuardResult {
  target: TargetJson;
  /** How the target has it now. */
  guard: GuardState;
  /** The project's own pre-request function, `schema.function`: called after the guard, and put back when it goes. */
  chained: string | null;
  /** The roles of the Data API. */
  roles: string[];
  files: StepFile[];
  /** Whether it was applied now. */
  applied: boolean;
  dryRun: boolean;
}

/** What the two commands on the guard share, which is nearly all. */
export abstract class GuardCommand extends StepCommand {
  /**
   * @param wanted how the guard is to be
   * @param flags the parsed flags
   * @returns what was done
   * @throws SupasessionError what looking, writing and applying throw
   */
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
