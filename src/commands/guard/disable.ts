import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {stepFlags} from '../../cli/flags.js';
import {GuardCommand, type GuardResult} from '../../features/guard/command.js';

export default class GuardDisable extends GuardCommand {
  static override summary = 'Take the guard out of the Data API again.';
  static override description = `Writes a migration that puts back the pre-request function that was there before, and applies it if wanted.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'Switch it off in the local database, in a script.',
      command: '<%= config.bin %> <%= command.id %> --apply --yes',
    },
    {
      description: 'Write the migration, to be applied by the next "supabase db push".',
      command: '<%= config.bin %> <%= command.id %> --no-apply',
    },
  ];

  static override flags = stepFlags;

  async run(): Promise<GuardResult> {
    const {flags} = await this.parse(GuardDisable);
    return this.switchGuard('disabled', flags);
  }
}
