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
  static override description = `Writes a migration for each table, and applies them if you want. Each adds restrictive policies for anon and authenticated, which narrow what your own policies allow. They hold wherever row level security does: Data API, Storage (storage.objects), and Realtime (database changes; private channels through realtime.messages).
Names must match exactly; a name without a schema is in public. ${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'Protect two tables of the local database.',
      command: '<%= config.bin %> <%= command.id %> orders public.invoices --apply',
    },
    {
      description: 'Allow writes only within five minutes of a sign-in.',
      command: '<%= config.bin %> <%= command.id %> payouts --max-age 5m --apply',
    },
    {
      description: 'Protect private channels: checked when a client joins or sends a new token.',
      command: '<%= config.bin %> <%= command.id %> realtime.messages --apply',
    },
  ];

  static override args = {
    tables: Args.string({
      multiple: true,
      required: true,
      name: 'table',
      description: 'Tables, as <schema>.<table>; quote a name as in SQL if it contains a dot or quotes.',
    }),
  };

  static override flags = {
    for: Flags.option({options: COMMANDS, multiple: true, multipleNonGreedy: true})({
      summary: 'Only this operation; may be repeated (default: all, with --max-age all writes).',
    }),
    'max-age': Flags.string({
      summary: 'Refuse sign-ins older than this; anon is refused, too.',
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
