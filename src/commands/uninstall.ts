import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../cli/base-command.js';
import {
  planUninstall,
  readWires,
  requireGone,
  requireUnused,
  uninstallSteps,
  unwire,
} from '../features/install/uninstall.js';
import type {StepFile} from '../features/install/steps.js';
import type {ChangedPart} from '../features/integration/source.js';
import type {Dependent} from '../features/install/dependents.js';
import {SupasessionError} from '../errors.js';
import {stepFlags} from '../cli/flags.js';
import {allowEnding} from '../cli/consent.js';
import {StepCommand} from '../features/install/step-command.js';
import {targetJson, type TargetJson} from '../types.js';
import {uninstalledText, uninstallText, unwiredText} from '../features/install/uninstall-text.js';

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

export default class Uninstall extends StepCommand {
  static override summary = 'Remove supasession; users and sessions stay.';
  static override description = `Removes the hook and the schema of supasession from the configuration. Then writes a migration that removes the guard and drops everything of supasession, and applies it once Auth no longer calls the hook. Refuses while objects of the project use supasession.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'See what would be removed, and what uses it.',
      command: '<%= config.bin %> <%= command.id %> --dry-run',
    },
    {
      description: "Also drop the project's policies and functions that use it.",
      command: '<%= config.bin %> <%= command.id %> --drop-dependents',
    },
  ];

  static override flags = {
    ...stepFlags,
    'drop-dependents': Flags.boolean({
      default: false,
      summary: "Also drop the project's own objects that use supasession, each in its own migration.",
    }),
    unwired: Flags.boolean({
      default: false,
      summary:
        "Confirm that Auth does not call supasession's hook and the Data API does not expose its schema, if that cannot be checked.",
    }),
  };

  async run(): Promise<UninstallResult> {
    const {flags} = await this.parse(Uninstall);
    const project = await this.project();
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const ask = this.asker(flags);
    const plan = await planUninstall(project, connection);
    const dryRun = flags['dry-run'];
    const result: UninstallResult = {
      target: targetJson(target),
      installed: plan.installed,
      dependents: plan.dependents.map(({kind, name}) => ({kind, name})),
      unwired: [],
      files: [],
      applied: !plan.installed,
      dryRun,
    };
    if (!plan.installed && !plan.inMigrations) {
      this.note('Nothing to do: neither this database nor the migrations have supasession.');
      return result;
    }

    const request = {project, connection, env: process.env};
    const wires = await readWires(request);
    this.log(this.withProgram(uninstallText(plan, wires)));
    requireUnused(plan.dependents, flags['drop-dependents']);

    if (!dryRun) {
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

    try {
      if (!dryRun) await unwire(request, wires, result.unwired);
      const steps = await uninstallSteps(flags['drop-dependents'] ? plan.dependents : []);
      // The services that run still have the old configuration.
      const [apply, next] =
        result.unwired.length > 0 ? [false, unwiredText(target, plan.dependents.length > 0)] : [flags.apply, undefined];
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

    return result;
  }
}
