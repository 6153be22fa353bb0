import * as Args from '@oclif/core/args';

import {BaseCommand, EXIT_CODES_HELP} from '../../cli/base-command.js';
import {allowEnding} from '../../cli/consent.js';
import {confirmFlag, dryRunFlag, targetFlags, yesFlag} from '../../cli/flags.js';
import {revokeFlags} from '../../features/sessions/flags.js';
import {askSessions} from '../../features/sessions/questions.js';
import {planRevoke, revoke, revokeRequest, type RevokeOutcome} from '../../features/sessions/revoke.js';
import {revokedText, revokeWarning} from '../../features/sessions/text.js';
import {targetJson, type TargetJson} from '../../types.js';

export interface SessionsRevokeResult extends RevokeOutcome {
  target: TargetJson;
  /** With --dry-run `revoked` holds what would end. */
  dryRun: boolean;
}

const EXAMPLE = '3f2b1c9e-8d5c-4d3e-9a51-0d7a4f6a1b2c';

export default class SessionsRevoke extends BaseCommand {
  static override summary = 'End sessions by id, or the sessions of a user.';
  static override description = `Without ids and --user it asks, on a terminal, for a user and the devices. A session that is being refreshed ends with that refresh. Ctrl-C stops after the current session.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'End one session; "sessions list" shows the ids.',
      command: `<%= config.bin %> <%= command.id %> ${EXAMPLE}`,
    },
    {
      description: 'Sign a user of the linked project out everywhere except on one device.',
      command: `<%= config.bin %> <%= command.id %> --linked --user ada@example.com --keep ${EXAMPLE}`,
    },
  ];

  static override args = {id: Args.string({multiple: true, description: 'Ids of the sessions to end.'})};

  static override flags = {
    ...targetFlags,
    ...revokeFlags,
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  async run(): Promise<SessionsRevokeResult> {
    const {args, flags} = await this.parse(SessionsRevoke);
    const target = await this.target(flags);
    const ask = this.asker(flags);
    const given = revokeRequest(args.id ?? [], flags);
    const connection = await this.open(target, flags);
    const request = given ?? {ids: await askSessions(ask, connection, this.view().now)};
    const base = {target: targetJson(target), dryRun: flags['dry-run']};
    if ('ids' in request && request.ids.length === 0) {
      this.note('No session was selected. Nothing was changed.');
      return {...base, revoked: [], notFound: []};
    }

    const plan = await planRevoke(connection, request);
    this.log(this.withProgram(revokeWarning(plan, await this.jwtExpiry(target), this.view())));
    if (flags['dry-run'] || plan.list.matched.sessions === 0) {
      this.note(flags['dry-run'] ? 'Dry run: nothing was changed.' : 'Nothing to do.');
      return {...base, revoked: plan.ids, notFound: plan.notFound};
    }

    await allowEnding(ask, target, {message: 'End them', given: flags.confirm});
    const outcome: RevokeOutcome = {revoked: [], notFound: [...plan.notFound]};
    try {
      await this.finishingOnInterrupt(async (signal) => revoke(connection, plan, signal, outcome));
    } catch (error) {
      throw this.stoppedAfter(error, {...outcome});
    }

    this.note(revokedText(plan, outcome));
    return {...base, ...outcome};
  }
}
