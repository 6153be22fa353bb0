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
  /** Whether our SQL was in the target. */
  installed: boolean;
  /** What of the project uses it, or used it. */
  dependents: Array<Pick<Dependent, 'kind' | 'name'>>;
  /** What was taken out of the configuration of Auth and the Data API. */
  unwired: ChangedPart[];
  files: StepFile[];
  /** Whether the target is without it now. */
  applied: boolean;
  dryRun: boolean;
}

export default class Uninstall extends StepCommand {
  static override summary = 'Take supasession out again; users and sessions stay.';
  static override description = `Takes our hook and schema out of the configuration, then writes a migration that unwires the guard and drops everything of ours, and applies it once Auth no longer calls it. Refuses while something of the project uses ours.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'See what would go, and what uses it.', command: '<%= config.bin %> <%= command.id %> --dry-run'},
    {
      description: "Drop the project's policies and functions that use it as well.",
      command: '<%= config.bin %> <%= command.id %> --drop-dependents',
    },
  ];

  static override flags = {
    ...stepFlags,
    'drop-dependents': Flags.boolean({
      default: false,
      summary: "Drop the project's own objects that use ours, each by a migration of its own.",
    }),
    unwired: Flags.boolean({
      default: false,
      summary:
        'Auth does not call our hook, and the Data API does not expose our schema: for where that cannot be seen.',
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
            'Auth and the Data API cannot be seen from here. Do neither of them use supasession (hook, exposed schemas)?',
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
      // What runs was started with the configuration as it was.
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
