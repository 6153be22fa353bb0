import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {RulesCommand} from '../../features/rules/command.js';
import {changeFlags, ruleFlags} from '../../features/rules/flags.js';
import {writeRule} from '../../features/rules/queries.js';
import {completeRule} from '../../features/rules/questions.js';
import {parseRule, planRule, ruleEndsSessions, ruleStep, type RulePlan} from '../../features/rules/rules.js';
import {rulePlanText, ruleWarnings, ruleWrittenText} from '../../features/rules/text.js';
import type {SavedFile} from '../../features/install/steps.js';
import {requireSettings} from '../../features/settings/queries.js';
import {targetJson, type TargetJson} from '../../types.js';

export interface RulesAddResult extends Omit<RulePlan, 'after'> {
  target: TargetJson;
  /** The rule as it is now, or with --dry-run would be. */
  rule: RulePlan['after'];
  dryRun: boolean;
  saved: SavedFile | null;
}

export default class RulesAdd extends RulesCommand {
  static override summary = 'Set other limits for some users, a plan or an OAuth client.';
  static override description = `A rule says who it is for and what applies to them; the settings fill in the rest. Claims are read from app_metadata, which only your backend can write, never from user_metadata, which users can change. On a terminal it asks for what is missing.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'Allow five sessions to users whose app_metadata has plan = pro.',
      command: '<%= config.bin %> <%= command.id %> pro --claim plan=pro --max 5',
    },
    {
      description: 'Lift the limit for one user of the linked project.',
      command: '<%= config.bin %> <%= command.id %> support --user support@example.com --unlimited --linked',
    },
    {
      description: 'Make administrators sign in again after 12 hours; also save a migration.',
      command: '<%= config.bin %> <%= command.id %> admins --claim role=admin --timebox 12h --save',
    },
  ];

  static override args = {
    name: Args.string({description: 'Name of the rule, for you and for the history.'}),
  };

  static override flags = {
    ...changeFlags,
    ...ruleFlags,
    replace: Flags.boolean({default: false, summary: 'Replace an existing rule of this name.'}),
  };

  async run(): Promise<RulesAddResult> {
    const {args, flags} = await this.parse(RulesAdd);
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const settings = await requireSettings(connection);
    const typed = await completeRule(ask, connection, {name: args.name, flags}, flags.yes);
    const rule = await parseRule(connection, typed.name, typed.flags);
    const plan = await planRule(connection, rule, flags.replace);
    this.log(rulePlanText(plan, settings));

    const jwtExpiry = await this.jwtExpiry(target);
    const warnings = ruleWarnings(rule, settings, jwtExpiry);
    for (const warning of warnings) this.note(warning);
    const ends = ruleEndsSessions(plan, settings, jwtExpiry);
    const saved = await this.changeRules({
      ...{ask, target, settings, flags, ends, rules: [rule], changes: plan.changed},
      ...{askLocally: typed.asked, warned: ends || warnings.length > 0},
      step: ruleStep(rule),
      done: ruleWrittenText(plan, target),
      apply: async () => writeRule(connection, rule),
    });
    const {before, changed, matched, impact} = plan;
    return {target: targetJson(target), rule, before, changed, matched, impact, dryRun: flags['dry-run'], saved};
  }
}
