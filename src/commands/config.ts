import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../cli/base-command.js';
import {confirmFlag, dryRunFlag, targetFlags, yesFlag} from '../cli/flags.js';
import {SettingsCommand, type ConfigResult} from '../features/settings/command.js';
import {settingFlags} from '../features/settings/flags.js';

export type {ConfigResult} from '../features/settings/command.js';

export default class Config extends SettingsCommand {
  static override summary = 'Show or change the settings: limit, deadlines, refusals.';
  static override description = `Without flags it shows the settings and, on a terminal, offers to change them. Spans of time: 30m, 12h, 7d, "1 week". More: docs/settings.md.
${EXIT_CODES_HELP}`;

  static override usage = '<%= command.id %> [--<setting> <value>...] [flags]';

  static override examples = [
    {
      description: 'Allow three sessions per user and refuse a fourth sign-in.',
      command: '<%= config.bin %> <%= command.id %> --max 3 --strategy reject',
    },
    {
      description: 'Make everybody sign in again after 12 hours, or after 2 hours without use.',
      command: '<%= config.bin %> <%= command.id %> --timebox 12h --inactivity 2h',
    },
    {
      description: 'See whom a limit of 2 would affect, before you install anything.',
      command: '<%= config.bin %> <%= command.id %> --linked --max 2 --enable --dry-run',
    },
  ];

  static override flags = {
    ...targetFlags,
    ...settingFlags,
    'from-config-toml': Flags.boolean({
      default: false,
      summary: 'Import the deadlines of [auth.sessions].',
      exclusive: ['timebox', 'inactivity'],
    }),
    all: Flags.boolean({default: false, summary: 'Show all settings, including defaults.'}),
    save: Flags.boolean({default: false, summary: 'Also write the settings as a migration.'}),
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  async run(): Promise<ConfigResult> {
    return this.configure((await this.parse(Config)).flags);
  }
}
