import * as Flags from '@oclif/core/flags';

import {AccessCommand, type AccessResult} from '../../features/access/command.js';
import {EXIT_CODES_HELP} from '../../cli/base-command.js';
import {isRevoked, planAccess, revoke} from '../../features/access/access.js';
import {confirmFlag} from '../../cli/flags.js';
import {allowEnding} from '../../cli/consent.js';
import {revokedText, revokeText} from '../../features/access/text.js';
import {count} from '../../cli/text.js';

export default class AccessRevoke extends AccessCommand {
  static override summary = 'Revoke the access of a user: end all sessions and refuse new ones.';
  static override description = `The user cannot sign in until "access restore". Before you confirm, it shows what still works, and for how long.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'Revoke the access of a user.',
      command: '<%= config.bin %> <%= command.id %> mallory@example.com --reason "stolen account"',
    },
    {
      description: 'See what it would do on the linked project.',
      command: '<%= config.bin %> <%= command.id %> mallory@example.com --linked --dry-run',
    },
  ];

  static override args = AccessCommand.args;

  static override flags = {
    ...AccessCommand.flags,
    confirm: confirmFlag,
    reason: Flags.string({summary: 'Reason, recorded in the history.', helpValue: '<text>'}),
  };

  async run(): Promise<AccessResult> {
    const {args, flags} = await this.parse(AccessRevoke);
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const plan = await planAccess(connection, args.user);
    const already = revokedText(plan);
    if (already !== null) this.note(already);

    const dryRun = flags['dry-run'];
    const reason = flags.reason ?? plan.access.revoked?.reason ?? null;
    if (isRevoked(plan, flags.reason)) {
      this.note('Nothing to do.');
      return this.result(target, plan, {sessions: 0, reason, changed: false, dryRun});
    }

    this.log(revokeText(plan, await this.jwtExpiry(target)));
    if (dryRun) {
      this.note('Dry run: nothing was changed.');
      return this.result(target, plan, {sessions: plan.access.sessions, reason, changed: true, dryRun});
    }

    await allowEnding(ask, target, {message: 'Revoke the access of this user', given: flags.confirm});
    const sessions = await revoke(connection, plan, flags.reason);
    this.note(`Revoked: ${count(sessions, 'session')} ended. Undo: {bin} access:restore ${args.user}`);
    return this.result(target, plan, {sessions, reason, changed: true, dryRun});
  }
}
