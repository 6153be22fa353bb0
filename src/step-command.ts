import {BaseCommand} from './base-command.js';
import {applyWithCli, planApply, type ApplyPlan} from './core/apply.js';
import {writeStep, type Step, type StepFile} from './core/steps.js';
import {targetFlag} from './core/target.js';
import type {Connection} from './db/connection.js';
import {allowPending} from './prompts/consent.js';
import type {Asker} from './prompts/index.js';
import type {Project} from './supabase/project.js';
import {pendingText} from './ui/init.js';

/** What a command with `stepFlags` has parsed. */
export interface StepFlags {
  apply?: boolean | undefined;
  'include-pending': boolean;
  'dry-run': boolean;
  yes: boolean;
}

/** What became of steps. */
export interface StepsDone {
  files: StepFile[];
  /** Whether the target has them now. */
  applied: boolean;
}

/** A command whose work is one migration or several: it writes them, and applies them with the supabase CLI as `init` does. */
export abstract class StepCommand extends BaseCommand {
  /**
   * Writes the steps and, if wanted, applies them. What they do has been shown before, and what needs more than a yes has been allowed.
   * @param work the project, an open connection, the steps in order, the flags, where answers come from
   * @returns what was done
   * @throws SupasessionError what writing and applying throw; `details` tell what had been written
   */
  protected async runSteps(work: {
    project: Project;
    connection: Connection;
    steps: Step[];
    flags: StepFlags;
    ask: Asker;
  }): Promise<StepsDone> {
    const {project, connection, steps, flags, ask} = work;
    const {target} = connection;
    const dryRun = flags['dry-run'];
    const apply =
      flags.apply ??
      (dryRun
        ? false
        : await ask.confirm({
            flag: '--apply or --no-apply',
            message: `Apply ${steps.length === 1 ? 'it' : 'them'} now?`,
            default: target.kind === 'local',
          }));
    const pending = apply ? await planApply(project, connection, process.env) : null;
    if (pending !== null && pending.others.length > 0 && !flags['include-pending']) {
      this.note(pendingText(pending.others));
      if (!dryRun) await allowPending(ask, target, pending.others, {yes: flags.yes, command: this.commandName});
    }

    const files: StepFile[] = [];
    try {
      for (const step of steps) files.push(await writeStep(project, step, dryRun));
      for (const {file, written} of files) {
        this.note(
          written
            ? `Wrote supabase/migrations/${file}.`
            : dryRun
              ? `Would write supabase/migrations/${file}.`
              : `supabase/migrations/${file} says the same already.`,
        );
      }

      if (pending !== null && !dryRun) await this.#apply(project, connection, pending);
    } catch (error) {
      throw this.stoppedAfter(error, {
        written: files.filter(({written}) => written).map(({file}) => file),
        applied: false,
      });
    }

    if (pending === null && !dryRun) {
      const flag = targetFlag(target);
      this.note(
        `Not applied. Next: ${target.kind === 'local' ? 'supabase migration up' : `supabase db push${flag === '--linked' ? ' --linked' : ''}`}`,
      );
    }

    return {files, applied: pending !== null && !dryRun};
  }

  async #apply(project: Project, connection: Connection, {cli, outOfOrder}: ApplyPlan): Promise<void> {
    await this.finishingOnInterrupt(async () =>
      applyWithCli(project, connection, {cli, env: process.env, output: process.stderr, includeAll: outOfOrder}),
    );
  }
}
