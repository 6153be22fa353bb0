import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../../cli/base-command.js';
import {requireOurs} from '../../features/install/installed.js';
import {planRevoke, revoke, type RevokeOutcome, type RevokeRequest} from '../../features/sessions/revoke.js';
import type {Connection} from '../../database/connection.js';
import {listSessions} from '../../features/sessions/queries.js';
import {searchUsers} from '../../features/sessions/users-queries.js';
import {SupasessionError} from '../../errors.js';
import {confirmFlag, dryRunFlag, targetFlags, yesFlag} from '../../cli/flags.js';
import {allowEnding} from '../../cli/consent.js';
import type {Asker} from '../../cli/asker.js';
import {askSessions} from '../../features/sessions/questions.js';
import {targetJson, type TargetJson} from '../../types.js';
import {revokedText, revokeWarning, sessionChoice, userChoice} from '../../features/sessions/text.js';

export interface SessionsRevokeResult extends RevokeOutcome {
  target: TargetJson;
  /** With --dry-run `revoked` holds what would end. */
  dryRun: boolean;
}

/** How many users are offered while somebody types, and how many sessions to tick. */
const OFFERED_USERS = 10;
const OFFERED_SESSIONS = 200;

export default class SessionsRevoke extends BaseCommand {
  static override summary = 'End sessions: by their ids, or those of a user.';
  static override description = `Without ids and --user it asks, on a terminal, for a user and the devices. A session that is being refreshed at that moment ends with that refresh. Ctrl-C stops after the session that is being ended.
${EXIT_CODES_HELP}`;

  static override examples = [
    {
      description: 'End one session; "sessions list" shows the ids.',
      command: '<%= config.bin %> <%= command.id %> 3f2b1c9e-8d5c-4d3e-9a51-0d7a4f6a1b2c',
    },
    {
      description: 'Sign a user of the linked project out everywhere but on one device.',
      command:
        '<%= config.bin %> <%= command.id %> --linked --user ada@example.com --except 3f2b1c9e-8d5c-4d3e-9a51-0d7a4f6a1b2c',
    },
  ];

  static override args = {
    id: Args.string({multiple: true, description: 'Ids of the sessions that end.'}),
  };

  static override flags = {
    ...targetFlags,
    user: Flags.string({
      summary: 'All sessions of this user, also one that signs in at this moment.',
      helpValue: '<email|id>',
    }),
    except: Flags.string({
      multiple: true,
      summary: 'With --user: a session that stays, by its id; may be given again.',
      helpValue: '<id>',
      dependsOn: ['user'],
    }),
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  async run(): Promise<SessionsRevokeResult> {
    const {args, flags} = await this.parse(SessionsRevoke);
    const ids = args.id ?? [];
    if (ids.length > 0 && flags.user !== undefined) {
      throw new SupasessionError('USAGE', 'Ids and --user are both given.', {suggestions: ['Give one of them']});
    }

    const ask = this.asker(flags);
    const target = await this.target(flags);
    const connection = await this.open(target, flags);
    const request = await this.#request(ask, connection, {ids, user: flags.user, except: flags.except ?? []});
    const base = {target: targetJson(target), dryRun: flags['dry-run']};
    if ('ids' in request && request.ids.length === 0) {
      this.note('Nothing was ticked: nothing was changed.');
      return {...base, revoked: [], notFound: []};
    }

    const plan = await planRevoke(connection, request);
    this.log(this.withProgram(revokeWarning(plan, await this.jwtExpiry(target), this.view())));
    const nothing = plan.list.matched.sessions === 0;
    if (flags['dry-run'] || nothing) {
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

  /** What was typed, or is asked for where nothing was. */
  async #request(
    ask: Asker,
    connection: Connection,
    given: {ids: string[]; user: string | undefined; except: string[]},
  ): Promise<RevokeRequest> {
    if (given.user !== undefined) return {user: given.user, except: given.except};
    if (given.ids.length > 0) return {ids: given.ids};
    await requireOurs(connection);
    return {
      ids: await askSessions(ask, {
        users: async (text) => (await searchUsers(connection, text, OFFERED_USERS)).map((user) => userChoice(user)),
        sessions: async (userId) =>
          (await listSessions(connection, {userIds: [userId]}, OFFERED_SESSIONS)).map((session) =>
            sessionChoice(session, this.view().now),
          ),
      }),
    };
  }
}
