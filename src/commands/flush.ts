import {Flags} from '@oclif/core';

import {BaseCommand, EXIT_CODES_HELP} from '../base-command.js';
import {flush, planFlush, untouched, type FlushResult as Outcome} from '../core/flush.js';
import {connect} from '../db/connection.js';
import {confirmFlag, dryRunFlag, targetFlags, yesFlag} from '../flags.js';
import {allowEnding} from '../prompts/consent.js';
import {targetJson, type TargetJson} from '../types.js';
import {progressBar} from '../ui/progress.js';
import {flushedText, flushWarning} from '../ui/text.js';

export interface FlushResult extends Outcome {
  target: TargetJson;
  dryRun: boolean;
}

export default class Flush extends BaseCommand {
  static override summary = 'End all sessions: everybody has to sign in again.';
  static override description = `Deletes the sessions that exist when it starts, in small batches; sign-ins meanwhile are let through. Ctrl-C stops after the batch that is running.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'See how many sessions and users it would be.',
      command: '<%= config.bin %> <%= command.id %> --dry-run',
    },
    {
      description: 'End all sessions of the linked project, in a script.',
      command: '<%= config.bin %> <%= command.id %> --linked --confirm abcdefghijklmnopqrst',
    },
  ];

  static override flags = {
    ...targetFlags,
    'batch-size': Flags.integer({
      summary: 'Sessions that one transaction deletes at most.',
      default: 1000,
      min: 1,
      max: 100_000,
      helpValue: '<n>',
    }),
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  async run(): Promise<FlushResult> {
    const {flags} = await this.parse(Flush);
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const connection = await this.open(target);
    const {sessions, users} = await planFlush(connection);
    this.log(flushWarning({sessions, users}, await this.jwtExpiry(target)));

    const base = {target: targetJson(target), dryRun: flags['dry-run']};
    if (flags['dry-run'] || sessions === 0) {
      this.note(flags['dry-run'] ? 'Dry run: nothing was changed.' : 'Nothing to do.');
      return {...base, ...untouched(sessions)};
    }

    await allowEnding(ask, target, {message: 'End them all', given: flags.confirm});

    const outcome = await this.finishingOnInterrupt(async (signal) => {
      const bar = progressBar(sessions, 'sessions');
      try {
        return await flush(connection, {
          reconnect: async () => this.track(await connect(target)),
          batchSize: flags['batch-size'],
          signal,
          onProgress: ({deleted}) => bar.update(deleted),
        });
      } finally {
        bar.stop();
      }
    });
    this.note(flushedText(outcome));
    return {...base, ...outcome};
  }
}
