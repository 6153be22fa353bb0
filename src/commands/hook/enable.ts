import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {parseHookName, planHookEnable} from '../../features/integration/hook.js';
import {HookCommand, hookFlags, type HookResult} from '../../features/integration/hook-command.js';

export default class HookEnable extends HookCommand {
  static override summary = 'Let Auth answer a refused sign-in with 403 and a message.';
  static override description = `Makes supasession.access_token_hook Auth's custom access token hook: in config.toml for the local stack, through the Management API for a hosted project, by hand for a self-hosted one. It also calls the project's own hook if that is a Postgres function; it cannot call an https hook. Last, switch on the setting reject_in_hook: only then do refusals use the hook.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Configure the local stack.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'See what would change on the linked project.',
      command: '<%= config.bin %> <%= command.id %> --linked --dry-run',
    },
    {
      description: 'On a self-hosted project with its own hook: keep that one, and see what to set.',
      command: '<%= config.bin %> <%= command.id %> --db-url <url> --next-hook public.my_hook --apply',
    },
  ];

  static override flags = {
    ...hookFlags,
    'next-hook': Flags.string({
      summary: "The project's own hook, if the configuration does not name it; it is called too.",
      helpValue: '<schema.function>',
    }),
  };

  async run(): Promise<HookResult> {
    const {flags} = await this.parse(HookEnable);
    const given = flags['next-hook'] === undefined ? null : parseHookName(flags['next-hook']);
    return this.switchHook(flags, async (request) => planHookEnable(request, given));
  }
}
