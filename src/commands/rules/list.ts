import {BaseCommand, EXIT_CODES_HELP} from '../../cli/base-command.js';
import {requireSettings} from '../../features/settings/queries.js';
import {readRules, type ListedRule} from '../../features/settings/rules.js';
import {targetFlags} from '../../cli/flags.js';
import {targetJson, type TargetJson} from '../../types.js';
import {rulesTable} from '../../features/rules/text.js';
import {notInForce} from '../../features/settings/text.js';

export interface RulesListResult {
  target: TargetJson;
  rules: ListedRule[];
}

export default class RulesList extends BaseCommand {
  static override summary = 'List the rules, in the order in which they are tried.';
  static override description = `The first rule that matches applies: a user's own rule, then by priority (lowest number first), then by name. The settings fill in what it leaves out.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Show the rules of the local database.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Show those of the linked project, as rows of supasession.rules.',
      command: '<%= config.bin %> <%= command.id %> --linked --json',
    },
  ];

  static override flags = {...targetFlags};

  async run(): Promise<RulesListResult> {
    const {flags} = await this.parse(RulesList);
    const target = await this.target(flags);
    const connection = await this.open(target, 'reads');
    const settings = await requireSettings(connection);
    const rules = await readRules(connection);
    if (rules.length > 0) this.log(rulesTable(rules));
    else this.note('There are no rules: the settings apply to everybody.');
    const state = notInForce(settings, target);
    if (state !== null) this.note(state);
    return {target: targetJson(target), rules};
  }
}
