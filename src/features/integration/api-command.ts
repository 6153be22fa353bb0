import {dryRunFlag, integrationFlags, targetFlags, yesFlag} from '../../cli/flags.js';
import type {TargetJson} from '../../types.js';
import {isApiConfigured, planApi, type ApiPlan} from './api.js';
import {apiAlready, apiDone, apiInstructions, apiText, apiUnverified} from './api-text.js';
import type {Reachable} from './queries.js';
import type {ChangedPart, ConfigOrigin, SwitchState} from './source.js';
import {IntegrationCommand, type SwitchFlags} from './switch-command.js';

export interface ApiResult {
  target: TargetJson;
  /** How the Data API is configured now; for `instructions`, how it should be configured. */
  api: SwitchState;
  where: ConfigOrigin;
  /** Whether the configuration was read back. */
  verified: boolean;
  /** What the Data API offers once the schema is exposed, and to which roles; empty if it is being removed. */
  functions: Reachable[];
  tables: Reachable[];
  /** What was changed, in this order. */
  changed: ChangedPart[];
  dryRun: boolean;
}

export const apiFlags = {...targetFlags, ...integrationFlags, 'dry-run': dryRunFlag, yes: yesFlag};

/** `api enable` and `api disable`. */
export abstract class ApiCommand extends IntegrationCommand<ApiPlan> {
  protected readonly integration = {
    questions: {enabled: "Expose supasession's functions", disabled: 'Remove supasession from the Data API'},
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
