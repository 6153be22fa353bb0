import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../../cli/base-command.js';
import {targetFlags} from '../../cli/flags.js';
import {readRevoked} from '../../features/access/access.js';
import type {RevokedUser} from '../../features/access/queries.js';
import {revokedList} from '../../features/access/text.js';
import {targetJson, type TargetJson} from '../../types.js';

export interface AccessListResult {
  target: TargetJson;
  /** The latest first; at most --limit. */
  users: RevokedUser[];
  /** Including those beyond --limit. */
  total: number;
}

export default class AccessList extends BaseCommand {
  static override summary = 'List the users whose access is revoked, the latest first.';
  static override description = `Shows since when, and the reason if one was given. "access restore" lets a user in again.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'See who has no access.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Read the list of the linked project in a script.',
      command: '<%= config.bin %> <%= command.id %> --linked --limit 10000 --json',
    },
  ];

  static override flags = {
    ...targetFlags,
    limit: Flags.integer({
      summary: 'Show at most this many users.',
      default: 50,
      min: 1,
      max: 100_000,
      helpValue: '<n>',
    }),
  };

  async run(): Promise<AccessListResult> {
    const {flags} = await this.parse(AccessList);
    const target = await this.target(flags);
    const connection = await this.open(target, 'reads');
    const revoked = await readRevoked(connection, flags.limit);
    if (!this.jsonEnabled()) this.log(revokedList(revoked, this.view()));
    return {target: targetJson(target), ...revoked};
  }
}
