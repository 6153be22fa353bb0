import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../../cli/base-command.js';
import {readSelection, readSessions} from '../../features/sessions/sessions.js';
import type {SessionRow} from '../../features/sessions/queries.js';
import {targetFlags} from '../../cli/flags.js';
import {filterFlags} from '../../features/sessions/flags.js';
import {targetJson, type TargetJson} from '../../types.js';
import {sessionsText} from '../../features/sessions/text.js';

export interface SessionsListResult {
  target: TargetJson;
  /** The last used first; at most --limit. */
  sessions: SessionRow[];
  /** All that match, also those beyond --limit. */
  matched: {sessions: number; users: number};
}

export default class SessionsList extends BaseCommand {
  static override summary = 'List sessions (devices), the last used first.';
  static override description = `All flags that are given have to hold. What it lists is what "flush" ends with the same flags. Works on any database with Supabase Auth, but --over-limit needs supasession in it.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'The devices of a user.',
      command: '<%= config.bin %> <%= command.id %> --user ada@example.com',
    },
    {
      description: 'What nobody has used for a month on the linked project, for a script.',
      command: '<%= config.bin %> <%= command.id %> --linked --idle 30d --limit 10000 --json',
    },
  ];

  static override flags = {
    ...targetFlags,
    ...filterFlags,
    limit: Flags.integer({
      summary: 'How many to show at most; all are counted.',
      default: 50,
      min: 1,
      max: 1_000_000,
      helpValue: '<n>',
    }),
  };

  async run(): Promise<SessionsListResult> {
    const {flags} = await this.parse(SessionsList);
    const target = await this.target(flags);
    const connection = await this.open(target, 'reads');
    const {filter, words} = await readSelection(connection, flags);
    const {rows, matched} = await readSessions(connection, filter, flags.limit);
    this.log(sessionsText({rows, matched}, words, this.view()));
    return {target: targetJson(target), sessions: rows, matched};
  }
}
