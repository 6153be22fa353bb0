import {ApiCommand, apiFlags, type ApiResult} from '../../features/integration/api-command.js';
import {EXIT_CODES_HELP} from '../../cli/base-command.js';

export default class ApiEnable extends ApiCommand {
  static override summary = "Expose supasession's functions, so that users can see and end their own sessions.";
  static override description = `Shows which functions become callable, and by which roles. Then it adds the schema supasession to the exposed schemas of the Data API: in config.toml for the local stack, through the Management API for a hosted project, by hand for a self-hosted one. Policies and the guard do not need it.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'See what would become callable, and by whom.',
      command: '<%= config.bin %> <%= command.id %> --dry-run',
    },
    {
      description: 'Expose it on the linked project and in config.toml, in a script.',
      command: '<%= config.bin %> <%= command.id %> --linked --config-toml --confirm abcdefghijklmnopqrst',
    },
  ];

  static override flags = apiFlags;

  async run(): Promise<ApiResult> {
    const {flags} = await this.parse(ApiEnable);
    return this.switchApi('enabled', flags);
  }
}
