import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../cli/base-command.js';
import {readHistory} from '../features/sessions/history.js';
import {EVENT_KINDS, type EventRow} from '../features/sessions/history-queries.js';
import {targetFlags} from '../cli/flags.js';
import {targetJson, type TargetJson} from '../types.js';
import {eventsText, historyEnd} from '../features/sessions/history-text.js';

export interface HistoryResult {
  target: TargetJson;
  /** The newest first; at most --limit. */
  events: EventRow[];
}

export default class History extends BaseCommand {
  static override summary = 'Show what supasession did, and why, newest first.';
  static override description = `Shows ended sessions, revoked and restored access, and changes of settings and rules. In observe mode it shows what would have happened, at most once per user and hour. Sign-outs are in Auth's own audit log.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'See the last 50 events.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'See why a user was signed out this week.',
      command: '<%= config.bin %> <%= command.id %> --user ada@example.com --since 7d --kind evicted --kind expired',
    },
  ];

  static override flags = {
    ...targetFlags,
    user: Flags.string({
      summary: 'Events of this user (email or id); the id also finds a deleted user.',
      helpGroup: 'WHICH EVENTS',
      helpValue: '<email|id>',
    }),
    since: Flags.string({
      summary: 'Events of this span (1d), or since this date or time (2026-11-01T14:00; local if without zone).',
      helpGroup: 'WHICH EVENTS',
      helpValue: '<span|date>',
    }),
    until: Flags.string({
      summary: 'Events longer ago than this span, or before this date or time.',
      helpGroup: 'WHICH EVENTS',
      helpValue: '<span|date>',
    }),
    kind: Flags.option({options: EVENT_KINDS, multiple: true})({
      summary: 'Events of this kind; may be repeated.',
      helpGroup: 'WHICH EVENTS',
    }),
    limit: Flags.integer({
      summary: 'Show at most this many events.',
      default: 50,
      min: 1,
      max: 1_000_000,
      helpGroup: 'WHICH EVENTS',
      helpValue: '<n>',
    }),
  };

  async run(): Promise<HistoryResult> {
    const {flags} = await this.parse(History);
    const target = await this.target(flags);
    const connection = await this.open(target, 'reads');
    const {events, recording} = await readHistory(connection, flags);
    if (events.length > 0 && !this.jsonEnabled()) this.log(eventsText(events, this.view()));
    const end = historyEnd({events, recording}, flags.limit);
    if (end !== null) this.note(end);
    return {target: targetJson(target), events};
  }
}
