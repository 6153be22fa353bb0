import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../cli/base-command.js';
import {planUninstall, readWires, requireUnused} from '../features/install/uninstall.js';
import {UninstallCommand, type UninstallResult} from '../features/install/uninstall-command.js';
import {uninstallText} from '../features/install/uninstall-text.js';
import {stepFlags} from '../cli/flags.js';
import {targetJson} from '../types.js';

export default class Uninstall extends UninstallCommand {
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
    if (!dryRun) await this.allow(target, flags, wires);
    await this.carryOut({request, plan, wires, flags, result});
    return result;
  }
}
