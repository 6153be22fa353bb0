import {BaseCommand, EXIT_CODES_HELP} from '../cli/base-command.js';
import {flush, planFlush, untouched, type FlushResult as Outcome} from '../features/sessions/flush.js';
import {connect} from '../database/connection.js';
import {batchSizeFlag, confirmFlag, dryRunFlag, targetFlags, yesFlag} from '../cli/flags.js';
import {filterFlags} from '../features/sessions/flags.js';
import {allowEnding} from '../cli/consent.js';
import {targetJson, type TargetJson} from '../types.js';
import {withProgress} from '../cli/progress.js';
import {listCommand} from '../features/sessions/text.js';
import {flushedText, flushWarning} from '../features/sessions/flush-text.js';

export interface FlushResult extends Outcome {
  target: TargetJson;
  dryRun: boolean;
  /** Which sessions, in words; empty for all. */
  selection: string[];
}

export default class Flush extends BaseCommand {
  static override summary = 'End all sessions, or those that the flags select.';
  static override description = `Deletes the sessions that match when it starts, in small batches. Users can sign in meanwhile; with --user alone, it ends those sessions too. If you give several flags, a session must match all of them. Ctrl-C stops after the current batch.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'See how many sessions of how many users would end.',
      command: '<%= config.bin %> <%= command.id %> --dry-run',
    },
    {
      description: 'End all sessions of the linked project, in a script.',
      command: '<%= config.bin %> <%= command.id %> --linked --confirm abcdefghijklmnopqrst',
    },
    {
      description: 'End sessions that nobody has used for 90 days, except those of one user.',
      command: '<%= config.bin %> <%= command.id %> --idle 90d --except ada@example.com',
    },
    {
      description: 'End sessions from an address range since a certain time, on one plan only.',
      command: '<%= config.bin %> <%= command.id %> --ip 203.0.113.0/24 --since 2026-11-01T14:00Z --claim plan=pro',
    },
  ];

  static override flags = {
    ...targetFlags,
    ...filterFlags,
    'batch-size': batchSizeFlag('Most sessions in one transaction.', 1000),
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

    const outcome = await this.finishingOnInterrupt(async (signal) =>
      withProgress(sessions, 'sessions', async (onProgress) => {
        const reconnect = async () => this.track(await connect(target));
        return flush(connection, {filter, reconnect, batchSize: flags['batch-size'], signal, onProgress});
      }),
    );
    this.note(flushedText(outcome));
    return {...base, ...outcome};
  }
}
