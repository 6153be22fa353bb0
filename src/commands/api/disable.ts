import {ApiCommand, apiFlags, type ApiResult} from '../../features/integration/api-command.js';
import {EXIT_CODES_HELP} from '../../cli/base-command.js';

export default class ApiDisable extends ApiCommand {
  static override summary = 'Take our functions out of the Data API again.';
  static override description = `Removes the schema supasession from what the Data API exposes. To be done before the schema is dropped: PostgREST answers no request at all while a schema that it is to expose is gone.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Take it out of the local stack.', command: '<%= config.bin %> <%= command.id %>'},
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
