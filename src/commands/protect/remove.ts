import * as Args from '@oclif/core/args';

import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {planRemoval} from '../../features/protect/protect.js';
import {stepFlags} from '../../cli/flags.js';
import {ProtectCommand, type ProtectResult} from '../../features/protect/command.js';
import {removalText} from '../../features/protect/text.js';

export default class ProtectRemove extends ProtectCommand {
  static override summary = 'Remove the policies that "protect add" made.';
  static override description = `Shows what becomes accessible, writes a migration for each table, and applies them if you want. Your own policies stay.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'Remove them from one table of the local database.',
      command: '<%= config.bin %> <%= command.id %> orders --apply',
    },
    {
      description: 'See what would become accessible on the linked project.',
      command: '<%= config.bin %> <%= command.id %> orders --linked --dry-run',
    },
  ];

  static override args = {
    tables: Args.string({
      multiple: true,
      required: true,
      name: 'table',
      description: 'Tables, named as for "protect add".',
    }),
  };

  static override flags = stepFlags;

  async run(): Promise<ProtectResult> {
    const {args, flags} = await this.parse(ProtectRemove);
    const tables = this.tables(args.tables);
    const project = await this.project();
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    return this.changePolicies({
      ...{connection, flags, wanted: false},
      plans: await planRemoval(project, connection, tables),
      show: async (plans) => removalText(plans, target, await this.jwtExpiry(target)),
      consent: {message: 'Remove these policies', local: true},
    });
  }
}
