import {allowEnding} from '../../cli/consent.js';
import {SupasessionError} from '../../errors.js';
import type {Project} from '../../supabase/project.js';
import type {Target, TargetJson} from '../../types.js';
import type {ChangedPart, ConfiguredIntegration, SwitchRequest} from '../integration/source.js';
import type {Dependent} from './dependents.js';
import {StepCommand, type StepFlags} from './step-command.js';
import type {StepFile} from './steps.js';
import {requireGone, uninstallSteps, unwire, type UninstallPlan} from './uninstall.js';
import {uninstalledText, unwiredText} from './uninstall-text.js';

export interface UninstallResult {
  target: TargetJson;
  /** Whether it was in the target. */
  installed: boolean;
  /** Objects of the project that use it, or used it. */
  dependents: Array<Pick<Dependent, 'kind' | 'name'>>;
  /** What was removed from the configuration of Auth and the Data API. */
  unwired: ChangedPart[];
  files: StepFile[];
  /** Whether the target is without it now. */
  applied: boolean;
  dryRun: boolean;
}

/** What `uninstall` has parsed. */
interface UninstallFlags extends StepFlags {
  'drop-dependents': boolean;
  unwired: boolean;
}

/** The steps of `uninstall`. */
export abstract class UninstallCommand extends StepCommand {
  /** Asks before anything is changed; what cannot be seen has to be confirmed too. */
  protected async allow(target: Target, flags: UninstallFlags, wires: ConfiguredIntegration): Promise<void> {
    const ask = this.asker(flags);
    await allowEnding(ask, target, {message: 'Remove supasession', given: flags.confirm});
    const seen = wires.hook.verified && wires.api.verified;
    const sure =
      seen ||
      flags.unwired ||
      (await ask.confirm({
        flag: '--unwired',
        message:
          'Auth and the Data API cannot be checked from here. Is supasession removed from both (hook, exposed schemas)?',
        default: false,
      }));
    if (!sure) {
      throw new SupasessionError(
        'STILL_USED',
        'Auth or the Data API may still call supasession. Nothing was changed.',
        {
          suggestions: ['{bin} hook:disable', '{bin} api:disable', '{bin} uninstall --unwired'],
        },
      );
    }
  }

  /** Unwires, writes the migrations and applies them; what is done is noted in the result. */
  protected async carryOut(work: {
    request: SwitchRequest & {project: Project};
    plan: UninstallPlan;
    wires: ConfiguredIntegration;
    flags: UninstallFlags;
    result: UninstallResult;
  }): Promise<void> {
    const {request, plan, wires, flags, result} = work;
    const {project, connection} = request;
    const {target} = connection;
    const dryRun = flags['dry-run'];
    try {
      if (!dryRun) await unwire(request, wires, result.unwired);
      const steps = await uninstallSteps(flags['drop-dependents'] ? plan.dependents : []);
      // The services that run still have the old configuration.
      const [apply, next] =
        result.unwired.length > 0 ? [false, unwiredText(target, plan.dependents.length > 0)] : [flags.apply, undefined];
      const ask = this.asker(flags);
      const done = await this.runSteps({project, connection, steps, flags: {...flags, apply}, ask, next});
      result.files = done.files;
      if (done.applied) result.applied = true;
    } catch (error) {
      throw this.stoppedAfter(error, {unwired: result.unwired});
    }

    if (dryRun) this.note('Dry run: nothing was changed.');
    else if (result.applied && plan.installed) {
      await requireGone(connection);
      this.note(uninstalledText());
    }
  }
}
