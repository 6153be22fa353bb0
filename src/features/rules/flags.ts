import * as Flags from '@oclif/core/flags';

import {confirmFlag, dryRunFlag, saveFlag, targetFlags, yesFlag} from '../../cli/flags.js';
import {maxFlag, strategyFlag} from '../settings/index.js';
import {DEFAULT_PRIORITY} from './rules.js';

/** The flags of a command that changes rules. */
export const changeFlags = {
  ...targetFlags,
  save: saveFlag,
  'dry-run': dryRunFlag,
  confirm: confirmFlag,
  yes: yesFlag,
};

const MATCH = 'WHOM IT IS FOR';

/** The flags that say whom a rule is for, and what it sets. */
export const ruleFlags = {
  claim: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    summary:
      'Users whose app_metadata has this. Repeat it to require several. true, false and numbers are read as such; dots lead into objects.',
    helpGroup: MATCH,
    helpValue: '<key=value>',
    exclusive: ['user', 'client'],
  }),
  user: Flags.string({summary: 'This user.', helpGroup: MATCH, helpValue: '<email|id>', exclusive: ['client']}),
  client: Flags.string({summary: 'Sessions of this OAuth client.', helpGroup: MATCH, helpValue: '<id>'}),
  max: maxFlag,
  unlimited: Flags.boolean({default: false, summary: 'No limit.', exclusive: ['max']}),
  strategy: strategyFlag,
  timebox: Flags.string({summary: 'Longest life of a session, from its sign-in.', helpValue: '<12h>'}),
  inactivity: Flags.string({summary: 'Longest time unused; must exceed jwt_expiry.', helpValue: '<2h>'}),
  'no-deadline': Flags.boolean({
    default: false,
    summary: 'No deadline, whatever the settings say.',
    exclusive: ['timebox', 'inactivity'],
  }),
  priority: Flags.integer({
    default: DEFAULT_PRIORITY,
    summary: "Among rules that match, the lowest number applies. A user's own rule comes before all.",
    helpValue: '<n>',
    min: -2_147_483_648,
    max: 2_147_483_647,
  }),
};
