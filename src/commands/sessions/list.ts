import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../../cli/base-command.js';
import {targetFlags} from '../../cli/flags.js';
import {filterFlags} from '../../features/sessions/flags.js';
import type {SessionRow} from '../../features/sessions/queries.js';
import {readSelection} from '../../features/sessions/selection.js';
import {streamSessions, type Matched} from '../../features/sessions/sessions.js';
import {DEFAULT_LIMIT, listEnd, listTitle, nextPage, sessionsTable} from '../../features/sessions/text.js';
import {targetJson, type TargetJson} from '../../types.js';

/** What --json prints, row by row: nothing holds all of it. */
export interface SessionsListResult {
  target: TargetJson;
  /** The last used first; at most --limit. */
  sessions: SessionRow[];
  /** All that match, including those on other pages. */
  matched: Matched;
}

export default class SessionsList extends BaseCommand {
  static override summary = 'List sessions (devices), the last used first.';
  static override description = `If you give several flags, a session must match all of them; "flush" with the same flags ends these sessions. Works on any database with Supabase Auth; --over-limit needs supasession.
With --json it writes while it reads. If that fails half-way, the JSON document stays incomplete, so that no parser accepts it; the error goes to stderr, and the exit code is not 0.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'See the devices of a user.', command: '<%= config.bin %> <%= command.id %> --user ada@example.com'},
    {
      description: 'See who signed in from an address range during an incident.',
      command:
        '<%= config.bin %> <%= command.id %> --ip 203.0.113.0/24 --since 2026-11-01T14:00Z --until 2026-11-01T16:00Z',
    },
    {
      description: 'Read the sessions of the linked project that nobody has used for a month.',
      command: '<%= config.bin %> <%= command.id %> --linked --idle 30d --limit 1000000 --json',
    },
  ];

  static override flags = {
    ...targetFlags,
    ...filterFlags,
    limit: Flags.integer({
      summary: 'Sessions per page; the total counts all.',
      default: DEFAULT_LIMIT,
      min: 1,
      max: 10_000_000,
      helpValue: '<n>',
    }),
    page: Flags.integer({summary: 'Show this page.', default: 1, min: 1, max: 1_000_000, helpValue: '<n>'}),
  };

  /** Returns nothing: the result has been written already. */
  async run(): Promise<void> {
    const {flags} = await this.parse(SessionsList);
    const target = await this.target(flags);
    const connection = await this.open(target, 'reads');
    const {filter, words} = await readSelection(connection, flags);
    if (this.jsonEnabled()) {
      const json = this.jsonStream({target: targetJson(target)}, 'sessions');
      return json.end({matched: await streamSessions(connection, filter, flags, async (rows) => json.write(rows))});
    }

    let shown = 0;
    const matched = await streamSessions(connection, filter, flags, async (rows) => {
      const first = shown === 0;
      shown += rows.length;
      this.log(`${first ? listTitle(words) : ''}${sessionsTable(rows, this.view(), first)}`);
      return process.stdout.writable;
    });
    this.log(listEnd(matched, words, {...flags, rows: shown}));
    const next = nextPage(matched, flags, target);
    if (next !== null) this.note(next);
  }
}
