import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../cli/base-command.js';
import {planApply} from '../features/install/apply.js';
import {currentSettings} from '../features/settings/config.js';
import {
  applyPending,
  connectIfListening,
  judgeEnable,
  planInit,
  settle,
  writeGiven,
  writeInit,
  type InitMigration,
} from '../features/install/init.js';
import {connect} from '../database/connection.js';
import {confirmFlag, dryRunFlag, includePendingFlag, targetFlags, yesFlag} from '../cli/flags.js';
import {maxFlag, strategyFlag} from '../features/settings/flags.js';
import {allowEnding, allowPending} from '../cli/consent.js';
import {askInit, type InitFlags} from '../features/install/questions.js';
import {DEFAULT_SETTINGS, targetJson, type TargetJson} from '../types.js';
import {endingQuestion, impactText, rejectWarning} from '../features/settings/text.js';
import {fileText, givenText, initText} from '../features/install/text.js';
import {pendingText} from '../features/install/pending-text.js';
import {targetLine} from '../cli/text.js';

export interface InitResult {
  /** The project's folder. */
  project: string;
  /** Null where no database was looked at. */
  target: TargetJson | null;
  migration: InitMigration;
  /** Whether the target has this release now. */
  applied: boolean;
}

export default class Init extends BaseCommand {
  static override summary = 'Add session limits to this Supabase project, as a migration.';
  static override description = `Writes supabase/migrations/<timestamp>_supasession.sql and, if wanted, applies it with the supabase CLI and switches the limit on.
A second run writes nothing. ${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Set everything up, answering questions.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Three devices per user, on the local database, at once.',
      command: '<%= config.bin %> <%= command.id %> --max 3 --strategy dequeue --enable --apply',
    },
    {
      description: 'See what would be written and applied on the linked project.',
      command: '<%= config.bin %> <%= command.id %> --linked --apply --dry-run',
    },
  ];

  static override flags = {
    ...targetFlags,
    max: maxFlag,
    strategy: strategyFlag,
    enable: Flags.boolean({allowNo: true, summary: 'Switch the limit on in the target, after applying.'}),
    save: Flags.boolean({
      default: false,
      summary: 'With --enable: switch it on in the migration too, so that the next db push does.',
    }),
    apply: Flags.boolean({allowNo: true, summary: 'Apply the migration to the target with the supabase CLI.'}),
    'include-pending': includePendingFlag,
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  async run(): Promise<InitResult> {
    const {flags} = await this.parse(Init);
    const project = await this.project();
    const target = await this.target(flags);
    const plan = await planInit(project);
    const ask = this.asker(flags);

    // The local database is looked at without being asked to, unless told to leave it alone: whether it runs decides what is worth asking.
    const given: InitFlags = flags;
    const looks = target.kind === 'local' && (given.apply !== false || given.enable !== false);
    let connection = looks ? await connectIfListening(target) : null;
    const found = connection === null ? null : await currentSettings(this.track(connection));
    const answers = await askInit(ask, flags, {
      plan,
      target,
      reachable: looks ? connection !== null : null,
      installed: (found?.installed.version ?? null) !== null,
      settings: found?.settings ?? DEFAULT_SETTINGS,
    });
    if (connection === null && (answers.apply || (answers.enable && target.kind !== 'local'))) {
      connection = this.track(await connect(target));
    }

    if (connection !== null) this.note(targetLine(connection));

    const pending = answers.apply && connection !== null ? await planApply(project, connection, process.env) : null;
    const runs = pending !== null && (plan.current === null || pending.own.length > 0);
    if (runs && pending.others.length > 0 && !flags['include-pending']) {
      this.note(pendingText(pending.others));
      if (!flags['dry-run']) await allowPending(ask, target, pending.others, {yes: flags.yes, command: 'init'});
    }

    if (answers.enable && connection !== null) {
      const {settings, report, consequences} = await judgeEnable(connection, answers.settings);
      this.note(impactText(settings, report, null));
      if (consequences.length > 0 && target.kind !== 'local' && !flags['dry-run']) {
        await allowEnding(ask, target, {message: endingQuestion(consequences), given: flags.confirm});
      }
    }

    const {migration, future} = await writeInit(project, plan, answers.settings, {
      env: process.env,
      dryRun: flags['dry-run'],
    });
    this.note(fileText({plan, migration, future, dryRun: flags['dry-run']}));
    const saved = await writeGiven(project, plan, answers.settings, flags['dry-run']);
    if (saved !== null) this.note(givenText(saved, flags['dry-run']));
    let applied = false;
    let enabled = false;
    try {
      if (connection !== null && !flags['dry-run']) {
        if (pending !== null) {
          const work = {env: process.env, output: process.stderr, pending, migration, settings: saved};
          const open = connection;
          await this.finishingOnInterrupt(() => applyPending(project, open, work));
          applied = true;
        }

        const {settings} = answers;
        if (answers.enable) enabled = await settle(connection, {...settings, enabled: true});
        else if (applied) await settle(connection, settings);
      }
    } catch (error) {
      throw this.stoppedAfter(error, {written: migration.written ? migration.file : saved, applied});
    }

    if (answers.settings.strategy === 'reject') this.note(rejectWarning(found?.settings ?? DEFAULT_SETTINGS));
    this.note(
      initText({
        migration,
        saved,
        applied,
        enabled,
        wanted: answers,
        target,
        reachable: looks ? connection !== null : null,
        dryRun: flags['dry-run'],
        program: this.program,
      }),
    );
    return {project: project.root, target: connection === null ? null : targetJson(target), migration, applied};
  }
}
