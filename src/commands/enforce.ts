import {BaseCommand, EXIT_CODES_HELP} from '../cli/base-command.js';
import {enforce, inLine, planEnforce, type EnforceResult as Outcome} from '../features/sessions/enforce.js';
import {batchSizeFlag, confirmFlag, dryRunFlag, targetFlags, yesFlag} from '../cli/flags.js';
import {allowChange, allowEnding} from '../cli/consent.js';
import {targetJson, type TargetJson} from '../types.js';
import {enforcedText, enforcePlanText} from '../features/sessions/enforce-text.js';
import {withProgress} from '../cli/progress.js';
import {limitsOff} from '../features/settings/text.js';

export interface EnforceResult extends Outcome {
  target: TargetJson;
  dryRun: boolean;
}

export default class Enforce extends BaseCommand {
  static override summary = 'Apply settings and rules to existing sessions now.';
  static override description = `Without it, a limit reaches a session at its next refresh, or at its user's next sign-in. It counts first, asks, then works through the users in small batches. Ctrl-C stops after the current batch; run it again to continue.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'See what would end, and change nothing.',
      command: '<%= config.bin %> <%= command.id %> --dry-run',
    },
    {
      description: 'Enforce them on the linked project, in a script.',
      command: '<%= config.bin %> <%= command.id %> --linked --confirm abcdefghijklmnopqrst',
    },
  ];

  static override flags = {
    ...targetFlags,
    'batch-size': batchSizeFlag('Most users in one transaction.', 200),
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  async run(): Promise<EnforceResult> {
    const {flags} = await this.parse(Enforce);
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const dryRun = flags['dry-run'];
    const base = {target: targetJson(target), dryRun};
    const plan = await planEnforce(connection, dryRun);
    const {installed, settings, found} = plan;
    if (installed && !settings.enabled) {
      this.note(limitsOff(target));
      return {...base, ...found};
    }

    this.log(enforcePlanText(plan, await this.jwtExpiry(target)));
    if (!installed) this.note('supasession is not installed here: this is what its default settings would do.');
    const observing = settings.mode === 'observe';
    if (dryRun || observing || inLine(found)) {
      this.note(
        observing
          ? 'Observe mode: nothing was changed. In enforce mode, this would happen.'
          : dryRun
            ? 'Dry run: nothing was changed.'
            : 'Nothing to do.',
      );
      return {...base, ...found};
    }

    if (found.evicted + found.expired > 0)
      await allowEnding(ask, target, {message: 'End these sessions', given: flags.confirm});
    else await allowChange(ask, target, {ends: null, askLocally: false, given: flags.confirm});

    const outcome = await this.finishingOnInterrupt(async (signal) =>
      withProgress(found.users, 'users', async (onProgress) =>
        enforce(connection, {batchSize: flags['batch-size'], signal, onProgress}),
      ),
    );
    this.note(enforcedText(outcome));
    return {...base, ...outcome};
  }
}
