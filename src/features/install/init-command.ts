import {BaseCommand} from '../../cli/base-command.js';
import {allowEnding, allowPending} from '../../cli/consent.js';
import {targetText} from '../../cli/text.js';
import {commandOn, confirmationName} from '../../database/target.js';
import type {Connection} from '../../database/connection.js';
import {SupasessionError} from '../../errors.js';
import {readLink} from '../../supabase/link.js';
import type {Project} from '../../supabase/project.js';
import type {Settings, Target} from '../../types.js';
import {currentSettings, endingQuestion, impactText} from '../settings/index.js';
import {planApply, type ApplyPlan} from './apply.js';
import {readBelongings} from './dependents.js';
import {applyPending, judgeEnable, settle, writeGiven, writeInit, type InitMigration, type InitPlan} from './init.js';
import {isRemoval, settingsOf} from './migration.js';
import {pendingText, unfinished} from './pending-text.js';
import type {InitAnswers} from './questions.js';
import {fileText, givenText, leftAloneText, removalText} from './text.js';

/** The flags of `init` that say what it may do. */
interface InitConsent {
  apply?: boolean | undefined;
  enable?: boolean | undefined;
  'include-pending': boolean;
  'dry-run': boolean;
  confirm: string | undefined;
  yes: boolean;
}

/** What `init` found in its target before it asked anything. */
export interface Look {
  connection: Connection | null;
  /** Null if it did not try to connect. */
  reachable: boolean | null;
  /** The settings there; null if nothing is installed, or if it did not connect. */
  settings: Settings | null;
  /** Why it cannot work there. */
  absent: 'not running' | 'other project' | null;
}

interface Work {
  project: Project;
  connection: Connection | null;
  plan: InitPlan;
  answers: InitAnswers;
  pending: ApplyPlan | null;
}

export interface InitDone {
  migration: InitMigration;
  /** The file of settings that was written because the migration already existed. */
  saved: string | null;
  applied: boolean;
  enabled: boolean;
  /** Whether the project is linked to a hosted one. */
  linked: boolean;
  /** Whether the project's migrations switch the limit on. */
  filesEnable: boolean;
}

export abstract class InitCommand extends BaseCommand {
  /** Connects to the local database unless --no-apply and --no-enable are given: whether it runs decides which questions make sense. */
  protected async look(target: Target, flags: InitConsent): Promise<Look> {
    const nothing: Look = {connection: null, reachable: null, settings: null, absent: null};
    if (target.kind !== 'local' || (flags.apply === false && flags.enable === false)) return nothing;
    try {
      const connection = await this.open(target, flags);
      return {...nothing, connection, reachable: true, settings: (await currentSettings(connection)).settings};
    } catch (error) {
      const code = error instanceof SupasessionError ? error.code : null;
      if (code === 'CONNECTION_REFUSED') return {...nothing, reachable: false, absent: 'not running'};
      // Writing the files does not touch that database.
      if (code !== 'OTHER_PROJECT' || flags.apply || flags.enable) throw error;
      this.note(leftAloneText(confirmationName(target)));
      return {...nothing, reachable: false, absent: 'other project'};
    }
  }

  /** Shown before the questions: where it will be applied, and whom the limit affects. */
  protected async preview(target: Target, connection: Connection | null, settings: Partial<Settings>): Promise<void> {
    if (connection === null) {
      this.note(targetText(target));
      return;
    }
    const judged = await judgeEnable(connection, settings);
    this.note(
      `With the limit on, ${judged.settings.max_sessions} per user:\n${impactText(judged.settings, judged.report, null)}`,
    );
  }

  /** Asks for consent to what applying and enabling do. */
  protected async allow(target: Target, flags: InitConsent, work: Work): Promise<void> {
    const {connection, pending, plan, answers} = work;
    if (connection === null) return;
    const ask = this.asker(flags);
    const dryRun = flags['dry-run'];
    const runs = pending !== null && (plan.current === null || pending.own.length > 0);
    if (runs && pending.others.length > 0 && !flags['include-pending']) {
      this.note(pendingText(pending.others));
      if (!dryRun) await allowPending(ask, target, pending.others, {yes: flags.yes, command: 'init'});
    }

    const removals = pending?.own.filter((file) => isRemoval(file)) ?? [];
    const {installed} = await currentSettings(connection);
    if (removals.length > 0 && installed.version !== null) {
      this.note(removalText(removals, await readBelongings(connection)));
      if (!dryRun) await allowEnding(ask, target, {message: 'Remove these for good', given: flags.confirm});
    }

    if (!answers.enable || target.kind === 'local') return;
    const {settings, report, consequences} = await judgeEnable(connection, answers.settings);
    this.note(impactText(settings, report, null));
    if (consequences.length > 0 && !dryRun) {
      await allowEnding(ask, target, {message: endingQuestion(consequences), given: flags.confirm});
    }
  }

  /** Whether the next step may speak of a linked project; a reference that cannot be read is reported by what needs it. */
  private async isLinked(project: Project): Promise<boolean> {
    const link = await readLink(project, process.env).catch(() => undefined);
    return link !== undefined;
  }

  protected async pending(project: Project, connection: Connection | null, apply: boolean): Promise<ApplyPlan | null> {
    return apply && connection !== null ? planApply(project, connection, process.env) : null;
  }

  protected async carryOut(work: Work, dryRun: boolean): Promise<InitDone> {
    const {project, connection, plan, answers, pending} = work;
    const {migration, future} = await writeInit(project, plan, answers.settings, {env: process.env, dryRun});
    this.note(fileText({plan, migration, future, dryRun}));
    const saved = await writeGiven(project, plan, answers.settings, dryRun);
    if (saved !== null) this.note(givenText(saved, dryRun));
    const linked = await this.isLinked(project);
    const inFiles = [...plan.migrations.active.map(settingsOf), answers.settings];
    const done: InitDone = {
      ...{migration, saved, applied: false, enabled: false, linked},
      filesEnable: inFiles.findLast(({enabled}) => enabled !== undefined)?.enabled === true,
    };
    if (connection === null || dryRun) return done;
    try {
      if (pending !== null) {
        const options = {env: process.env, output: process.stderr, pending, migration, settings: saved};
        await this.finishingOnInterrupt(() => applyPending(project, connection, options));
        done.applied = true;
      }

      const {settings} = answers;
      if (answers.enable) done.enabled = await settle(connection, {...settings, enabled: true});
      else if (done.applied) await settle(connection, settings);
      return done;
    } catch (error) {
      const written = migration.written ? migration.file : saved;
      const again = commandOn(connection.target, 'init --apply');
      const next = written === null || done.applied ? [] : unfinished(project, [written], again);
      throw this.stoppedAfter(error, {written, applied: done.applied}, next);
    }
  }
}
