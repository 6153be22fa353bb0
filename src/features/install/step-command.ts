import {BaseCommand} from '../../cli/base-command.js';
import {applyWithCli, planApply, type ApplyPlan} from './apply.js';
import {writeStep, type MigrationStep, type StepFile} from './steps.js';
import type {Connection} from '../../database/connection.js';
import {allowEnding, allowPending} from '../../cli/consent.js';
import type {Asker} from '../../cli/asker.js';
import type {Project} from '../../supabase/project.js';
import {declaredText} from './declared-text.js';
import {applyCommand, pendingText, unfinished} from './pending-text.js';

/** What a command with `stepFlags` has parsed. */
export interface StepFlags {
  apply?: boolean | undefined;
  'include-pending': boolean;
  'dry-run': boolean;
  confirm: string | undefined;
  yes: boolean;
}

/** A question beyond whether to apply. */
export interface Consent {
  /** Without the question mark. */
  message: string;
  /** Whether to ask for the local database too; for others the user must always type the target's name. */
  local: boolean;
}

export interface StepsDone {
  files: StepFile[];
  /** Whether the target has them now. */
  applied: boolean;
}

interface Work {
  project: Project;
  connection: Connection;
  flags: StepFlags;
  ask: Asker;
  /** The next step if it is not applied; by default how to apply it. */
  next?: string | undefined;
  consent?: Consent;
}

/** A command whose work is one migration or several: it writes them, and applies them with the supabase CLI as `init` does. */
export abstract class StepCommand extends BaseCommand {
  /**
   * Writes steps and, if wanted, applies them. The caller has shown what they do.
   * @throws SupasessionError what writing and applying throw; `details` tell which files were written
   */
  protected async runSteps({steps, ...work}: Work & {steps: MigrationStep[]}): Promise<StepsDone> {
    const writers = steps.map(
      (step) => async (dryRun: boolean) => writeStep(work.project, step, {env: process.env, dryRun}),
    );
    return this.runFiles({...work, writers});
  }

  /** The same for steps that write their files themselves; in a dry run a writer only names its file. */
  protected async runFiles(work: Work & {writers: Array<(dryRun: boolean) => Promise<StepFile>>}): Promise<StepsDone> {
    const {project, connection, writers, flags} = work;
    const {target} = connection;
    const dryRun = flags['dry-run'];
    const pending = (await this.#wantsApply(work, writers.length)) ? await this.#allowed(work) : null;
    const files: StepFile[] = [];
    try {
      for (const write of writers) files.push(await write(dryRun));
      this.#tell(files, dryRun);
      if (pending !== null && !dryRun) await this.#apply(project, connection, pending);
    } catch (error) {
      const written = files.filter((file) => file.written).map(({file}) => file);
      const next = pending === null || written.length === 0 ? [] : unfinished(project, written, applyCommand(target));
      throw this.stoppedAfter(error, {written, applied: false}, next);
    }

    if (pending === null && !dryRun) {
      this.note(work.next ?? `Not applied. Next: ${applyCommand(target)}`);
    }

    return {files, applied: pending !== null && !dryRun};
  }

  async #wantsApply({connection, flags, ask}: Work, files: number): Promise<boolean> {
    if (flags.apply !== undefined) return flags.apply;
    if (flags['dry-run']) return false;
    return ask.confirm({
      flag: '--apply or --no-apply',
      message: `Apply ${files === 1 ? 'it' : 'them'} now?`,
      default: connection.target.kind === 'local',
    });
  }

  /** What is pending; in a dry run that is only shown, else it has been allowed to apply it. */
  async #allowed({project, connection, flags, ask, consent}: Work): Promise<ApplyPlan> {
    const {target} = connection;
    const dryRun = flags['dry-run'];
    const pending = await planApply(project, connection, process.env);
    if (pending.others.length > 0 && !flags['include-pending']) {
      this.note(pendingText(pending.others));
      if (!dryRun) await allowPending(ask, target, pending.others, {yes: flags.yes, command: this.commandName});
    }

    if (!dryRun && consent !== undefined && (consent.local || target.kind !== 'local'))
      await allowEnding(ask, target, {message: consent.message, given: flags.confirm});
    return pending;
  }

  #tell(files: StepFile[], dryRun: boolean): void {
    for (const {file, written} of files) {
      this.note(
        written
          ? `Wrote supabase/migrations/${file}.`
          : dryRun
            ? `Would write supabase/migrations/${file}.`
            : `supabase/migrations/${file} says the same already.`,
      );
    }

    const declared = declaredText(
      files.flatMap((file) => file.declared),
      dryRun,
    );
    if (declared !== null) this.note(declared);
  }

  async #apply(project: Project, connection: Connection, {cli, outOfOrder}: ApplyPlan): Promise<void> {
    await this.finishingOnInterrupt(async () =>
      applyWithCli(project, connection, {cli, env: process.env, output: process.stderr, includeAll: outOfOrder}),
    );
  }
}
