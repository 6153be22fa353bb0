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

/** What has to be allowed, beyond the answer whether to apply it. */
export interface Consent {
  /** What is asked, without the question mark. */
  message: string;
  /** Whether it is asked on the local database too; elsewhere the target's name has to be typed in any case. */
  local: boolean;
}

/** What became of steps. */
export interface StepsDone {
  files: StepFile[];
  /** Whether the target has them now. */
  applied: boolean;
}

interface Work {
  project: Project;
  /** Open, to the target. */
  connection: Connection;
  flags: StepFlags;
  ask: Asker;
  /** What to do next where it is not applied; by default how to apply it. */
  next?: string | undefined;
  consent?: Consent;
}

/** A command whose work is one migration or several: it writes them, and applies them with the supabase CLI as `init` does. */
export abstract class StepCommand extends BaseCommand {
  /**
   * Writes steps and, if wanted, applies them. What they do has been shown before.
   * @param work where, how, and the steps in order
   * @returns what was done
   * @throws SupasessionError what writing and applying throw; `details` tell what had been written
   */
  protected async runSteps({steps, ...work}: Work & {steps: MigrationStep[]}): Promise<StepsDone> {
    const writers = steps.map(
      (step) => async (dryRun: boolean) => writeStep(work.project, step, {env: process.env, dryRun}),
    );
    return this.runFiles({...work, writers});
  }

  /** The same for what writes its file in a way of its own; in a dry run it only names it. */
  protected async runFiles(work: Work & {writers: Array<(dryRun: boolean) => Promise<StepFile>>}): Promise<StepsDone> {
    const {project, connection, writers, flags, ask, consent} = work;
    const {target} = connection;
    const dryRun = flags['dry-run'];
    const apply =
      flags.apply ??
      (dryRun
        ? false
        : await ask.confirm({
            flag: '--apply or --no-apply',
            message: `Apply ${writers.length === 1 ? 'it' : 'them'} now?`,
            default: target.kind === 'local',
          }));
    const pending = apply ? await planApply(project, connection, process.env) : null;
    if (pending !== null && pending.others.length > 0 && !flags['include-pending']) {
      this.note(pendingText(pending.others));
      if (!dryRun) await allowPending(ask, target, pending.others, {yes: flags.yes, command: this.commandName});
    }

    if (apply && !dryRun && consent !== undefined && (consent.local || target.kind !== 'local')) {
      await allowEnding(ask, target, {message: consent.message, given: flags.confirm});
    }

    const files: StepFile[] = [];
    try {
      for (const write of writers) files.push(await write(dryRun));
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

      if (pending !== null && !dryRun) await this.#apply(project, connection, pending);
    } catch (error) {
      const written = files.filter((file) => file.written).map(({file}) => file);
      const next = pending === null || written.length === 0 ? [] : unfinished(written, applyCommand(target));
      throw this.stoppedAfter(error, {written, applied: false}, next);
    }

    if (pending === null && !dryRun) {
      this.note(work.next ?? `Not applied. Next: ${applyCommand(target)}`);
    }

    return {files, applied: pending !== null && !dryRun};
  }

  async #apply(project: Project, connection: Connection, {cli, outOfOrder}: ApplyPlan): Promise<void> {
    await this.finishingOnInterrupt(async () =>
      applyWithCli(project, connection, {cli, env: process.env, output: process.stderr, includeAll: outOfOrder}),
    );
  }
}
