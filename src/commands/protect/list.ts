import {BaseCommand, EXIT_CODES_HELP} from '../../cli/base-command.js';
import {listProtection, type ProtectionList} from '../../features/protect/list.js';
import {targetFlags} from '../../cli/flags.js';
import {readConfig} from '../../supabase/config.js';
import {targetJson, type TargetJson} from '../../types.js';
import {protectionListText} from '../../features/protect/text.js';

export interface ProtectListResult extends ProtectionList {
  target: TargetJson;
}

export default class ProtectList extends BaseCommand {
  static override summary = 'Show which tables refuse tokens of ended sessions, and which do not.';
  static override description = `Lists the policies that use supasession, including your own, and the tables without one that anon or authenticated can reach through the Data API (the first 20 by name). Views are not listed: a view that runs as its owner bypasses every policy.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'See the tables of the local database.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Read those of the linked project in a script.',
      command: '<%= config.bin %> <%= command.id %> --linked --json',
    },
  ];

  static override flags = targetFlags;

  async run(): Promise<ProtectListResult> {
    const {flags} = await this.parse(ProtectList);
    const target = await this.target(flags);
    const project = await this.projectIfAny();
    const connection = await this.open(target, 'reads');
    const configured =
      project === null
        ? ['public']
        : (await readConfig(project, process.env, {projectRef: target.projectRef ?? undefined})).apiSchemas;
    const list = await listProtection(connection, configured);
    this.log(protectionListText(list));
    return {target: targetJson(target), ...list};
  }
}
