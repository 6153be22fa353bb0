import {BaseCommand} from '../../cli/base-command.js';
import {isApiConfigured, planApi, type ApiState} from './api.js';
import {targetFlag} from '../../database/target.js';
import {makeWiringChange, type WiringPart, type WiringWhere} from './source.js';
import type {Reachable} from './queries.js';
import {dryRunFlag, targetFlags, wiringFlags, yesFlag} from '../../cli/flags.js';
import {allowEnding, wantsFile} from '../../cli/consent.js';
import {targetJson, type TargetJson} from '../../types.js';
import {apiAlready, apiDone, apiInstructions, apiText, apiUnverified} from './api-text.js';

export interface ApiResult {
  target: TargetJson;
  /** How the Data API is configured now; where it is up to the reader (`instructions`), how it is to be. */
  api: ApiState;
  where: WiringWhere;
  /** Whether the configuration was read back. */
  verified: boolean;
  /** What can be reached over the Data API once our schema is exposed, and as which roles; empty on the way back. */
  functions: Reachable[];
  tables: Reachable[];
  /** What was changed, in this order. */
  changed: WiringPart[];
  dryRun: boolean;
}

export const apiFlags = {...targetFlags, ...wiringFlags, 'dry-run': dryRunFlag, yes: yesFlag};

type ApiFlags = Parameters<BaseCommand['target']>[0] & {
  'config-toml'?: boolean | undefined;
  confirm: string | undefined;
  'dry-run': boolean;
  yes: boolean;
};

/** What the two commands on the Data API share. */
export abstract class ApiCommand extends BaseCommand {
  /**
   * @param wanted how the Data API is to be
   * @param flags the parsed flags
   * @returns what was done
   * @throws SupasessionError what looking and changing throw; after the first change `details` tell what has been done
   */
  protected async switchApi(wanted: ApiState, flags: ApiFlags): Promise<ApiResult> {
    const target = await this.target(flags);
    const project = target.kind === 'local' ? await this.project() : await this.projectIfAny();
    const connection = await this.open(target, flags);
    const request = {project, connection, env: process.env};
    const plan = await planApi(request, wanted);
    const {where, functions, tables, present, send} = plan;
    const dryRun = flags['dry-run'];
    const changed: WiringPart[] = [];
    const result: ApiResult = {
      target: targetJson(target),
      ...(where === 'instructions' || present === null
        ? {api: wanted, verified: present === wanted}
        : {api: present, verified: true}),
      where,
      functions,
      tables,
      changed,
      dryRun,
    };
    if (!plan.needed) {
      this.note(apiAlready(wanted));
      return result;
    }

    this.log(apiText(plan, target));
    if (dryRun) {
      if (where === 'instructions' || plan.byHand !== null) this.note(apiInstructions(plan, target));
      this.note('Dry run: nothing was changed.');
      return result;
    }

    const ask = this.asker(flags);
    const hosted = target.projectRef !== null;
    const edit = hosted && plan.edit !== null && !(await wantsFile(ask, flags)) ? null : plan.edit;
    if (edit !== null || send !== null) {
      const message = wanted === 'enabled' ? 'Expose our functions' : 'Take our functions out of the Data API';
      await allowEnding(ask, target, {message, given: flags.confirm});
      try {
        await makeWiringChange({edit, send}, changed);
      } catch (error) {
        const flag = targetFlag(target);
        throw changed.length === 0
          ? error
          : this.stoppedAfter(error, {changed}, [`{bin} ${this.commandName}${flag === '' ? '' : ` ${flag}`}`]);
      }
    }

    if (where !== 'instructions') {
      // What was sent has been read back.
      result.verified = where === 'management-api' || (await isApiConfigured(request, wanted));
      if (result.verified) result.api = wanted;
      else this.note(apiUnverified());
    }

    if (where === 'instructions' || plan.byHand !== null) this.note(apiInstructions(plan, target));
    this.note(apiDone(plan, target, changed));
    return result;
  }
}
