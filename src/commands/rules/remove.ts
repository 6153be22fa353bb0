import * as Args from '@oclif/core/args';

import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {requireSettings} from '../../features/settings/queries.js';
import {changeEndsSessions, planRemoval, removalStep} from '../../features/rules/rules.js';
import type {SavedFile} from '../../features/install/steps.js';
import {deleteRules} from '../../features/rules/queries.js';
import {type ListedRule} from '../../features/settings/rules.js';
import type {RuleImpact} from '../../features/settings/verdicts.js';
import {RulesCommand} from '../../features/rules/command.js';
import {changeFlags} from '../../features/rules/flags.js';
import {targetJson, type TargetJson} from '../../types.js';
import {removalText, rulesRemovedText} from '../../features/rules/text.js';

export interface RulesRemoveResult {
  target: TargetJson;
  removed: ListedRule[];
  impact: RuleImpact;
  dryRun: boolean;
  saved: SavedFile | null;
}

export default class RulesRemove extends RulesCommand {
  static override summary = 'Remove rules.';
  static override description = `Its users get the next rule that matches, or else the settings.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Remove the rule pro.', command: '<%= config.bin %> <%= command.id %> pro'},
    {
      description: 'Remove two rules; also save a migration.',
      command: '<%= config.bin %> <%= command.id %> pro support --save',
    },
  ];

  static override args = {
    name: Args.string({description: 'Names of the rules.', required: true, multiple: true}),
  };

  static override flags = changeFlags;

  async run(): Promise<RulesRemoveResult> {
    const {args, flags} = await this.parse(RulesRemove);
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const settings = await requireSettings(connection);
    const names = [...new Set(args.name)];
    const plan = await planRemoval(connection, names);
    this.log(removalText(plan, settings));

    const {removed, impact} = plan;
    const ends = changeEndsSessions(settings, impact);
    const saved = await this.changeRules({
      ...{ask, target, settings, flags, ends, rules: removed, changes: true, askLocally: true, warned: ends},
      step: removalStep(removed),
      done: rulesRemovedText(plan),
      apply: async () => deleteRules(connection, names),
    });
    return {target: targetJson(target), removed, impact, dryRun: flags['dry-run'], saved};
  }
}
