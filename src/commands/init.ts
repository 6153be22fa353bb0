import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../cli/base-command.js';
import {confirmFlag, dryRunFlag, includePendingFlag, targetFlags, yesFlag} from '../cli/flags.js';
import {InitCommand} from '../features/install/init-command.js';
import {planInit, type InitMigration} from '../features/install/init.js';
import {askInit} from '../features/install/questions.js';
import {initText} from '../features/install/text.js';
import {maxFlag, strategyFlag} from '../features/settings/flags.js';
import {rejectWarning} from '../features/settings/index.js';
import {DEFAULT_SETTINGS, targetJson, type TargetJson} from '../types.js';

export interface InitResult {
  /** The project's folder. */
  project: string;
  /** Null if no database was read. */
  target: TargetJson | null;
  migration: InitMigration;
  /** Whether the target has this release now. */
  applied: boolean;
}

export default class Init extends InitCommand {
  static override summary = 'Add session limits to this Supabase project, as a migration.';
  static override description = `Writes supabase/migrations/<timestamp>_supasession.sql. If you want, it also applies the migration with the supabase CLI and switches the limit on.
A second run writes nothing. ${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Set everything up by answering questions.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Allow three devices per user in the local database, starting now.',
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
    enable: Flags.boolean({allowNo: true, summary: 'Switch the limit on in the target after applying.'}),
    save: Flags.boolean({
      default: false,
      summary: 'With --enable: also switch the limit on in the migration, for the next db push.',
    }),
    apply: Flags.boolean({allowNo: true, summary: 'Apply the migration to the target with the supabase CLI.'}),
    'include-pending': includePendingFlag,
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  async run(): Promise<InitResult> {
    const {flags} = await this.parse(Init);
    const dryRun = flags['dry-run'];
    const project = await this.project();
    const target = await this.target(flags);
    const plan = await planInit(project);

    const {settings, absent, reachable, ...looked} = await this.look(target, flags);
    let {connection} = looked;
    const answers = await askInit(this.asker(flags), flags, {plan, target, reachable, settings}, (chosen) =>
      this.preview(target, connection, chosen),
    );
    const wants = answers.apply || (answers.enable && target.kind !== 'local');
    if (connection === null && wants) connection = await this.open(target, flags);

    const pending = await this.pending(project, connection, answers.apply);
    const work = {project, connection, plan, answers, pending};
    await this.allow(target, flags, work);
    const done = await this.carryOut(work, dryRun);
    if (answers.settings.strategy === 'reject') this.note(rejectWarning(settings ?? DEFAULT_SETTINGS));
    this.note(initText({...done, wanted: answers, target, absent, dryRun}, (hint) => this.withProgram(hint)));
    const {migration, applied} = done;
    return {project: project.root, target: connection === null ? null : targetJson(target), migration, applied};
  }
}
