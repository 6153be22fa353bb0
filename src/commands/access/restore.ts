import {AccessCommand, type AccessResult} from '../../features/access/command.js';
import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {planAccess, restore} from '../../features/access/access.js';
import {allowChange} from '../../cli/consent.js';
import {accessText, restoreText, revokedText} from '../../features/access/text.js';

export default class AccessRestore extends AccessCommand {
  static override summary = 'Let a user whose access was revoked use the app again.';
  static override description = `Undoes "access revoke". Ended sessions stay ended: the user has to sign in again.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Let a user sign in again.', command: '<%= config.bin %> <%= command.id %> mallory@example.com'},
    {
      description: 'On the linked project, in a script.',
      command: '<%= config.bin %> <%= command.id %> mallory@example.com --linked --yes',
    },
  ];

  static override args = AccessCommand.args;
  static override flags = AccessCommand.flags;

  async run(): Promise<AccessResult> {
    const {args, flags} = await this.parse(AccessRestore);
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const plan = await planAccess(connection, args.user);
    const outcome = {sessions: 0, reason: plan.access.revoked?.reason ?? null, dryRun: flags['dry-run']};
    const revoked = revokedText(plan);
    if (revoked === null) {
      this.note(accessText(plan));
      return this.result(target, plan, {...outcome, changed: false});
    }

    this.note(revoked);
    this.log(restoreText(plan));
    if (flags['dry-run']) this.note('Dry run: nothing was changed.');
    else {
      await allowChange(ask, target, {ends: null, askLocally: false, given: flags.confirm});
      await restore(connection, plan);
      this.note('Restored.');
    }

    return this.result(target, plan, {...outcome, changed: true});
  }
}
