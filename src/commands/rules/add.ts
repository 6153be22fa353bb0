import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {signsOutAll} from '../../features/settings/consequences.js';
import {requireSettings} from '../../features/settings/queries.js';
import {
  DEFAULT_PRIORITY,
  parseDeadline,
  parseRule,
  planRule,
  ruleGiven,
  rulesEndSessions,
  rulesHold,
  ruleStep,
  type RuleFlags,
} from '../../features/rules/rules.js';
import {findUser} from '../../features/sessions/users.js';
import type {SavedFile} from '../../features/install/steps.js';
import {writeRule} from '../../features/rules/queries.js';
import {type ListedRule} from '../../features/settings/rules.js';
import type {RuleImpact} from '../../features/settings/verdicts.js';
import {maxFlag, strategyFlag} from '../../features/settings/flags.js';
import {askRule} from '../../features/rules/questions.js';
import {RulesCommand} from '../../features/rules/command.js';
import {targetJson, type TargetJson} from '../../types.js';
import {rulePlanText, ruleWarnings, ruleWrittenText} from '../../features/rules/text.js';

export interface RulesAddResult {
  target: TargetJson;
  /** The rule as it is now, or with --dry-run would be. */
  rule: ListedRule;
  /** The rule that it took the place of. */
  before: ListedRule | null;
  changed: boolean;
  /** Users it matches now. */
  matched: {users: number};
  impact: RuleImpact;
  dryRun: boolean;
  saved: SavedFile | null;
}

const MATCH = 'WHOM IT IS FOR';

export default class RulesAdd extends RulesCommand {
  static override summary = 'Give some users, a plan or an OAuth client limits of their own.';
  static override description = `A rule says whom it is for and what holds for them; what it leaves out is as in the settings. Claims are those of app_metadata, which only your backend writes; user_metadata, which users change themselves, is not looked at. On a terminal it asks for what is not given.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'Five sessions for users whose app_metadata has plan = pro.',
      command: '<%= config.bin %> <%= command.id %> pro --claim plan=pro --max 5',
    },
    {
      description: 'No limit for one user of the linked project.',
      command: '<%= config.bin %> <%= command.id %> support --user support@example.com --unlimited --linked',
    },
    {
      description: 'Administrators sign in again after 12 hours; written as a migration too.',
      command: '<%= config.bin %> <%= command.id %> admins --claim role=admin --timebox 12h --save',
    },
  ];

  static override args = {
    name: Args.string({description: 'Name of the rule, for you and for the history.'}),
  };

  static override flags = {
    ...RulesCommand.changeFlags,
    claim: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      summary:
        'Users whose app_metadata has this; given again, all have to hold. true, false and numbers are taken as such; dots lead into objects.',
      helpGroup: MATCH,
      helpValue: '<key=value>',
      exclusive: ['user', 'client'],
    }),
    user: Flags.string({summary: 'This user.', helpGroup: MATCH, helpValue: '<email|id>', exclusive: ['client']}),
    client: Flags.string({summary: 'Sessions of this OAuth client.', helpGroup: MATCH, helpValue: '<id>'}),
    max: maxFlag,
    unlimited: Flags.boolean({default: false, summary: 'No limit.', exclusive: ['max']}),
    strategy: strategyFlag,
    timebox: Flags.string({
      summary: 'Longest life of a session from its sign-in.',
      helpValue: '<12h>',
    }),
    inactivity: Flags.string({
      summary: 'Longest time between two refreshes of a session.',
      helpValue: '<30m>',
    }),
    'no-deadline': Flags.boolean({
      default: false,
      summary: 'Sessions have no deadline, whatever the settings say.',
      exclusive: ['timebox', 'inactivity'],
    }),
    priority: Flags.integer({
      default: DEFAULT_PRIORITY,
      summary: "Order among rules that match: the lowest number goes first. A user's own rule goes before all.",
      helpValue: '<n>',
      min: -2_147_483_648,
      max: 2_147_483_647,
    }),
    replace: Flags.boolean({default: false, summary: 'Take the place of the rule of that name.'}),
  };

  async run(): Promise<RulesAddResult> {
    const {args, flags} = await this.parse(RulesAdd);
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const settings = await requireSettings(connection);

    let given: {name: string | undefined; flags: RuleFlags} = {name: args.name, flags};
    const {match, values} = ruleGiven(flags);
    const asks = ask.interactive && !flags.yes && (args.name === undefined || !match || !values);
    if (asks) {
      given = await askRule(ask, given, {
        user: async (text) => findUser(connection, text),
        deadline: async (flag, text) => parseDeadline(connection, flag, text),
      });
    }

    const rule = await parseRule(connection, given.name, given.flags);
    const plan = await planRule(connection, rule, flags.replace);
    this.log(rulePlanText(plan, settings));
    const jwtExpiry = await this.jwtExpiry(target);
    for (const warning of ruleWarnings(rule, settings, jwtExpiry)) this.note(warning);
    const trapped = signsOutAll({...settings, inactivity_timeout: rule.inactivity_timeout}, jwtExpiry);

    const saved = await this.changeRules({
      ...{ask, target, settings, flags, askLocally: asks, rules: [rule], changes: plan.changed},
      ends: rulesEndSessions(settings, plan.impact) || (trapped && rulesHold(settings) && plan.matched.users > 0),
      step: ruleStep(rule),
      done: ruleWrittenText(plan, target),
      apply: async () => writeRule(connection, rule),
    });
    return {
      target: targetJson(target),
      rule,
      before: plan.before,
      changed: plan.changed,
      matched: plan.matched,
      impact: plan.impact,
      dryRun: flags['dry-run'],
      saved,
    };
  }
}
