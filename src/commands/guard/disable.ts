import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {stepFlags} from '../../cli/flags.js';
import {GuardCommand, type GuardResult} from '../../features/guard/command.js';

export default class GuardDisable extends GuardCommand {
  static override summary = 'Remove the guard from the Data API.';
  static override description = `Writes a migration that restores the previous pre-request function, and applies it if you want.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'Switch it off in the local database, in a script.',
      command: '<%= config.bin %> <%= command.id %> --apply --yes',
    },
    {
      description: 'Only write the migration; the next "supabase db push" applies it.',
      command: '<%= config.bin %> <%= command.id %> --no-apply',
    },
  ];

  static override flags = stepFlags;

  async run(): Promise<GuardResult> {
    const {flags} = await this.parse(GuardDisable);
    return this.switchGuard('disabled', flags);
  }
}
