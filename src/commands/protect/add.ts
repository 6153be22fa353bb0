import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {COMMANDS, protectionsFor} from '../../features/protect/policies.js';
import {planProtection} from '../../features/protect/protect.js';
import {parseSpan} from '../../database/spans.js';
import {stepFlags} from '../../cli/flags.js';
import {ProtectCommand, type ProtectResult} from '../../features/protect/command.js';
import {protectionText} from '../../features/protect/text.js';

export default class ProtectAdd extends ProtectCommand {
  static override summary = 'Refuse tokens of ended sessions on tables, by policies.';
  static override description = `Writes a migration for each table, and applies them if wanted: restrictive policies for anon and authenticated, which narrow what your own policies allow. They hold wherever row level security does: Data API, Storage (storage.objects), and Realtime (database changes; private channels by realtime.messages).
A name is taken to the letter; one without a schema is of public. ${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'Two tables of the local database.',
      command: '<%= config.bin %> <%= command.id %> orders public.invoices --apply',
    },
    {
      description: 'Besides, let only those write who signed in during the last five minutes.',
      command: '<%= config.bin %> <%= command.id %> payouts --max-age 5m --apply',
    },
    {
      description: 'Private channels: asked when a client joins, and when it sends a new token.',
      command: '<%= config.bin %> <%= command.id %> realtime.messages --apply',
    },
  ];

  static override args = {
    tables: Args.string({
      multiple: true,
      required: true,
      name: 'table',
      description: 'Tables, as <schema>.<table>; quoted as in SQL if a name holds a dot or quotes.',
    }),
  };

  static override flags = {
    for: Flags.option({options: COMMANDS, multiple: true, multipleNonGreedy: true})({
      summary: 'Only for this; may be given again (default: all, and with --max-age what writes).',
    }),
    'max-age': Flags.string({
      summary: 'Only with a sign-in that is not older than this; anon has none, and is refused.',
      helpValue: '<5m>',
    }),
    ...stepFlags,
  };

  async run(): Promise<ProtectResult> {
    const {args, flags} = await this.parse(ProtectAdd);
    const tables = this.tables(args.tables);
    const project = await this.project();
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const given = flags['max-age'];
    const maxAge = given === undefined ? null : (await parseSpan(connection, '--max-age', given)).text;
    const protections = protectionsFor([...new Set(flags.for)], maxAge);
    return this.changePolicies({
      ...{connection, flags, wanted: true},
      plans: await planProtection(project, connection, tables, protections),
      show: async (plans) => protectionText(plans, target),
      consent: {message: 'Make these policies', local: false},
    });
  }
}
