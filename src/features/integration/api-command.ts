import {dryRunFlag, integrationFlags, targetFlags, yesFlag} from '../../cli/flags.js';
import type {TargetJson} from '../../types.js';
import {isApiConfigured, planApi, type ApiPlan} from './api.js';
import {apiAlready, apiDone, apiInstructions, apiText, apiUnverified} from './api-text.js';
import type {Reachable} from './queries.js';
import type {ChangedPart, ConfigOrigin, SwitchState} from './source.js';
import {IntegrationCommand, type SwitchFlags} from './switch-command.js';

export interface ApiResult {
  target: TargetJson;
  /** How the Data API is configured now; if the reader has to do it (`instructions`), how it is to be. */
  api: SwitchState;
  where: ConfigOrigin;
  /** Whether the configuration was read back. */
  verified: boolean;
  /** What can be reached over the Data API once our schema is exposed, and as which roles; empty on the way back. */
  functions: Reachable[];
  tables: Reachable[];
  /** What was changed, in this order. */
  changed: ChangedPart[];
  dryRun: boolean;
}

export const apiFlags = {...targetFlags, ...integrationFlags, 'dry-run': dryRunFlag, yes: yesFlag};

/** What the two commands on the Data API share. */
export abstract class ApiCommand extends IntegrationCommand<ApiPlan> {
  protected readonly integration = {
    questions: {enabled: 'Expose our functions', disabled: 'Take our functions out of the Data API'},
    isConfigured: isApiConfigured,
    alreadyText: apiAlready,
    planText: apiText,
    instructions: apiInstructions,
    unverifiedText: apiUnverified,
    doneText: apiDone,
  };

  protected async switchApi(wanted: SwitchState, flags: SwitchFlags): Promise<ApiResult> {
    const {plan, outcome} = await this.switchIntegration(flags, async (request) => planApi(request, wanted));
    const {target, state, where, verified, changed, dryRun} = outcome;
    return {target, api: state, where, verified, functions: plan.functions, tables: plan.tables, changed, dryRun};
  }
}
