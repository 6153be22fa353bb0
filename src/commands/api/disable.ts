import {ApiCommand, apiFlags, type ApiResult} from '../../features/integration/api-command.js';
import {EXIT_CODES_HELP} from '../../cli/base-command.js';

export default class ApiDisable extends ApiCommand {
  static override summary = "Stop exposing supasession's functions through the Data API.";
  static override description = `Removes the schema supasession from the exposed schemas of the Data API. Do this before you drop the schema: PostgREST answers no request at all while an exposed schema is missing.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Stop exposing it on the local stack.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'See what would change on the linked project.',
      command: '<%= config.bin %> <%= command.id %> --linked --dry-run',
    },
  ];

  static override flags = apiFlags;

  async run(): Promise<ApiResult> {
    const {flags} = await this.parse(ApiDisable);
    return this.switchApi('disabled', flags);
  }
}
