import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {planHookDisable} from '../../features/integration/hook.js';
import {HookCommand, hookFlags, type HookResult} from '../../features/integration/hook-command.js';

export default class HookDisable extends HookCommand {
  static override summary = 'Take our hook out of Auth again.';
  static override description = `Switches reject_in_hook off, then takes the hook out of the configuration; a hook of the project's own comes back. Auth goes on calling ours until it has been restarted, so what ours calls in turn is cleared by a second run with --auth-restarted.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Take it out of the local stack.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Take it out of the linked project, in a script.',
      command: '<%= config.bin %> <%= command.id %> --linked --config-toml --confirm abcdefghijklmnopqrst',
    },
    {
      description: 'After Auth has been restarted: let ours call no other hook.',
      command: '<%= config.bin %> <%= command.id %> --auth-restarted --apply',
    },
  ];

  static override flags = {
    ...hookFlags,
    'auth-restarted': Flags.boolean({
      default: false,
      summary: 'Auth has been restarted without our hook: clear the one that ours called in turn.',
    }),
  };

  async run(): Promise<HookResult> {
    const {flags} = await this.parse(HookDisable);
    return this.switchHook(flags, async (request) => planHookDisable(request, flags['auth-restarted']));
  }
}
