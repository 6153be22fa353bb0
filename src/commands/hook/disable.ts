import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {planHookDisable} from '../../features/integration/hook.js';
import {HookCommand, hookFlags, type HookResult} from '../../features/integration/hook-command.js';

export default class HookDisable extends HookCommand {
  static override summary = "Remove supasession's hook from Auth.";
  static override description = `Switches reject_in_hook off, then removes the hook from the configuration and restores the project's own one. Until Auth restarts, it keeps calling supasession's hook, which calls the project's own one. After the restart, run this again with --auth-restarted to end that.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Remove it from the local stack.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Remove it from the linked project, in a script.',
      command: '<%= config.bin %> <%= command.id %> --linked --config-toml --confirm abcdefghijklmnopqrst',
    },
    {
      description: "After Auth has restarted: stop calling the project's own hook.",
      command: '<%= config.bin %> <%= command.id %> --auth-restarted --apply',
    },
  ];

  static override flags = {
    ...hookFlags,
    'auth-restarted': Flags.boolean({
      default: false,
      summary: "Auth has restarted without supasession's hook: stop calling the project's own one.",
    }),
  };

  async run(): Promise<HookResult> {
    const {flags} = await this.parse(HookDisable);
    return this.switchHook(flags, async (request) => planHookDisable(request, flags['auth-restarted']));
  }
}
