import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {stepFlags} from '../../cli/flags.js';
import {GuardCommand, type GuardResult} from '../../features/guard/command.js';

export default class GuardEnable extends GuardCommand {
  static override summary = 'Refuse tokens of ended sessions in the Data API at once.';
  static override description = `Without the guard, a token works until it expires, even if its session has ended. Writes a migration that makes PostgREST call supasession.check_request() before every request, and applies it if you want. The project's own pre-request function is kept.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'Switch it on in the local database.',
      command: '<%= config.bin %> <%= command.id %> --apply',
    },
    {
      description: 'See what it would change on the linked project.',
      command: '<%= config.bin %> <%= command.id %> --linked --apply --dry-run',
    },
  ];

  static override flags = stepFlags;

  async run(): Promise<GuardResult> {
    const {flags} = await this.parse(GuardEnable);
    return this.switchGuard('enabled', flags);
  }
}
