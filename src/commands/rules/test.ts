import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../../cli/base-command.js';
import {requireSettings} from '../../features/settings/queries.js';
import {testRules, type RuleTest} from '../../features/rules/rule-test.js';
import {targetFlags} from '../../cli/flags.js';
import {targetJson, type TargetJson} from '../../types.js';
import {ruleTestText} from '../../features/rules/text.js';
import {notInForce} from '../../features/settings/text.js';

export interface RulesTestResult extends RuleTest {
  target: TargetJson;
}

export default class RulesTest extends BaseCommand {
  static override summary = 'Show which rule applies to a user, and why.';
  static override description = `Tries the rules in order and shows what applies to the user's sessions.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'See which limit a user has.',
      command: '<%= config.bin %> <%= command.id %> --user ada@example.com',
    },
    {
      description: "See which limit applies to the user's sessions of an OAuth client.",
      command:
        '<%= config.bin %> <%= command.id %> --user ada@example.com --client 9a3f2c1e-5b7d-4e8a-9c0d-1f2e3a4b5c6d',
    },
  ];

  static override flags = {
    ...targetFlags,
    user: Flags.string({summary: 'The user.', helpValue: '<email|id>', required: true}),
    client: Flags.string({summary: 'The OAuth client of the session.', helpValue: '<id>'}),
  };

  async run(): Promise<RulesTestResult> {
    const {flags} = await this.parse(RulesTest);
    const target = await this.target(flags);
    const connection = await this.open(target, 'reads');
    const settings = await requireSettings(connection);
    const outcome = await testRules(connection, flags.user, flags.client);
    this.log(ruleTestText(outcome, settings));
    const state = notInForce(settings, target);
    if (state !== null) this.note(state);
    return {target: targetJson(target), ...outcome};
  }
}
