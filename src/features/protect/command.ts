import type {PolicyCommand} from './policies.js';
import {checkProtection, type TablePlan} from './protect.js';
import type {StepFile} from '../install/index.js';
import {type Consent, StepCommand, type StepFlags} from '../install/step-command.js';
import {parseTableName, qualified, tableName} from './tables.js';
import type {Connection} from '../../database/connection.js';
import type {TableName} from './queries.js';
import {SupasessionError} from '../../errors.js';
import {targetJson, type TargetJson} from '../../types.js';
import {protectAlready, protectDone} from './text.js';

export interface ProtectResult {
  target: TargetJson;
  tables: Array<{
    table: string;
    /** Added by `protect add`, dropped by `protect remove`. */
    policies: Array<{name: string; command: PolicyCommand; maxAge: string | null}>;
    changes: boolean;
  }>;
  files: StepFile[];
  /** Whether it was applied now. */
  applied: boolean;
  dryRun: boolean;
}

/** `protect add` and `protect remove`. */
export abstract class ProtectCommand extends StepCommand {
  protected tables(names: string[]): TableName[] {
    const tables = names.map((name) => parseTableName(name));
    return [...new Map(tables.map((table) => [qualified(table), table])).values()];
  }

  protected async changePolicies(work: {
    connection: Connection;
    plans: TablePlan[];
    flags: StepFlags;
    wanted: boolean;
    show: (plans: TablePlan[]) => Promise<string>;
    consent: Consent;
  }): Promise<ProtectResult> {
    const {connection, plans, flags, wanted, show, consent} = work;
    const {target} = connection;
    const changing = plans.flatMap((plan) => (plan.step === null ? [] : [{plan, step: plan.step}]));
    const idle = plans.filter(({step}) => step === null).map(({table}) => table);
    const base = {
      target: targetJson(target),
      tables: plans.map(({table, policies, step}) => ({
        table: tableName(table),
        policies: policies.map(({name, command, maxAge}) => ({name, command, maxAge})),
        changes: step !== null,
      })),
      dryRun: flags['dry-run'],
    };
    if (idle.length > 0) this.note(protectAlready(idle, wanted));
    if (changing.length === 0) return {...base, files: [], applied: false};

    const changed = changing.map(({plan}) => plan);
    this.log(await show(changed));
    const {files, applied} = await this.#run(connection, {flags, consent, steps: changing.map(({step}) => step)});
    if (applied) {
      try {
        await checkProtection(connection, changed, wanted);
      } catch (error) {
        throw this.stoppedAfter(error, {files, applied});
      }

      this.note(protectDone(changed, target, wanted));
    } else if (flags['dry-run']) this.note('Dry run: nothing was changed.');
    return {...base, files, applied};
  }

  async #run(
    connection: Connection,
    work: Pick<Parameters<StepCommand['runSteps']>[0], 'flags' | 'consent' | 'steps'>,
  ): ReturnType<StepCommand['runSteps']> {
    try {
      return await this.runSteps({...work, project: await this.project(), connection, ask: this.asker(work.flags)});
    } catch (error) {
      if (!(error instanceof SupasessionError) || error.code !== 'LOCK_TIMEOUT') throw error;
      throw new SupasessionError('LOCK_TIMEOUT', error.message, {
        suggestions: ['Run the command again at a quiet time: it applies the files that were written'],
        ...(error.details === undefined ? {} : {details: error.details}),
        cause: error,
      });
    }
  }
}
