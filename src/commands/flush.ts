import {BaseCommand, EXIT_CODES_HELP} from '../cli/base-command.js';
import {flush, planFlush, untouched, type FlushResult as Outcome} from '../features/sessions/flush.js';
import {connect} from '../database/connection.js';
import {batchSizeFlag, confirmFlag, dryRunFlag, targetFlags, yesFlag} from '../cli/flags.js';
import {filterFlags} from '../features/sessions/flags.js';
import {allowEnding} from '../cli/consent.js';
import {targetJson, type TargetJson} from '../types.js';
import {progressBar} from '../cli/progress.js';
import {listCommand} from '../features/sessions/text.js';
import {flushedText} from '../features/sessions/flush-text.js';
import {flushWarning} from '../features/sessions/flush-text.js';

export interface FlushResult extends Outcome {
  target: TargetJson;
  dryRun: boolean;
  /** Which sessions were meant, in words; empty for all. */
  selection: string[];
}

export default class Flush extends BaseCommand {
  static override summary = 'End all sessions, or those that flags select.';
  static override description = `Deletes the sessions that exist and match when it starts, in small batches. Sign-ins meanwhile are let through; with --user alone they end too. Ctrl-C stops after the batch that is running.
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
    {
      description: 'End what nobody has used for 90 days, but nothing of one user.',
      command: '<%= config.bin %> <%= command.id %> --idle 90d --except ada@example.com',
    },
  ];

  static override flags = {
    ...targetFlags,
    ...filterFlags,
    'batch-size': batchSizeFlag('Sessions that one transaction deletes at most.', 1000),
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  async run(): Promise<FlushResult> {
    const {flags} = await this.parse(Flush);
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const {selection, found} = await planFlush(connection, flags);
    const {filter, words} = selection;
    const {sessions} = found;
    this.log(flushWarning(found, words, await this.jwtExpiry(target)));
    if (sessions > 0) this.note(`See them: ${listCommand(flags, target)}`);

    const base = {target: targetJson(target), dryRun: flags['dry-run'], selection: words};
    if (flags['dry-run'] || sessions === 0) {
      this.note(flags['dry-run'] ? 'Dry run: nothing was changed.' : 'Nothing to do.');
      return {...base, ...untouched(sessions)};
    }

    await allowEnding(ask, target, {message: words.length === 0 ? 'End them all' : 'End these', given: flags.confirm});

    const outcome = await this.finishingOnInterrupt(async (signal) => {
      const bar = progressBar(sessions, 'sessions');
      try {
        return await flush(connection, {
          filter,
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
