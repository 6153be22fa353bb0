import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../cli/base-command.js';
import {planPrune, prune, type PruneResult as Outcome} from '../features/sessions/prune.js';
import type {Prunable} from '../features/sessions/enforce-queries.js';
import {batchSizeFlag, confirmFlag, dryRunFlag, targetFlags, yesFlag} from '../cli/flags.js';
import {allowChange, allowEnding} from '../cli/consent.js';
import {targetJson, type TargetJson} from '../types.js';
import {prunedText, pruneText} from '../features/sessions/enforce-text.js';
import {withProgress} from '../cli/progress.js';

export interface PruneResult extends Outcome {
  target: TargetJson;
  /** What was found before anything was removed. */
  found: Prunable;
  dryRun: boolean;
}

export default class Prune extends BaseCommand {
  static override summary = 'Remove sessions that ended or were last used long ago.';
  static override description = `Auth itself keeps them. This command shows how many of them still work, then removes them in small batches. It also removes events older than events_retention, and notes about sessions that are gone. Ctrl-C stops after the current batch; run it again to continue.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'See what would be removed.',
      command: '<%= config.bin %> <%= command.id %> --older-than 30d --dry-run',
    },
    {
      description: 'Remove old sessions from the linked project, in a script.',
      command: '<%= config.bin %> <%= command.id %> --older-than 90d --linked --confirm abcdefghijklmnopqrst',
    },
  ];

  static override flags = {
    ...targetFlags,
    'older-than': Flags.string({
      required: true,
      summary: 'Ended or last used longer ago than this span (30d), or before this date (2026-11-01); at least a day.',
      helpValue: '<span|date>',
    }),
    'batch-size': batchSizeFlag('Most sessions in one transaction.', 1000),
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  async run(): Promise<PruneResult> {
    const {flags} = await this.parse(Prune);
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const plan = await planPrune(connection, flags['older-than']);
    const {found} = plan;
    this.log(pruneText(plan, await this.jwtExpiry(target)));

    const base = {target: targetJson(target), found, dryRun: flags['dry-run']};
    const total = found.ended + found.live;
    if (flags['dry-run'] || total === 0) {
      this.note(flags['dry-run'] ? 'Dry run: nothing was changed.' : 'Nothing to do.');
      return {...base, removed: 0, completed: total === 0, seconds: 0};
    }

    if (found.live > 0) await allowEnding(ask, target, {message: 'Remove them all', given: flags.confirm});
    else await allowChange(ask, target, {ends: null, askLocally: false, given: flags.confirm});

    const outcome = await this.finishingOnInterrupt(async (signal) =>
      withProgress(total, 'sessions', async (onProgress) =>
        prune(connection, plan, {batchSize: flags['batch-size'], signal, onProgress}),
      ),
    );
    this.note(prunedText(outcome));
    return {...base, ...outcome};
  }
}
