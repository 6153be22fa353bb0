import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../cli/base-command.js';
import {readStatus, type Status as Found} from '../features/status/status.js';
import {findConfigSource, readConfigured} from '../features/integration/source.js';
import {EXIT} from '../errors.js';
import {targetFlags} from '../cli/flags.js';
import {targetJson, type TargetJson} from '../types.js';
import {notInForce} from '../features/settings/text.js';

export interface StatusResult extends Found {
  target: TargetJson;
}

export default class Status extends BaseCommand {
  static override summary = 'Show settings, sessions, recently ended ones, and problems.';
  static override description = `With --check it also checks every session, and exits with 3 if something is wrong: supasession is not installed, a trigger or a right is missing, or a session is over the limit or lacks its deadline. Limits that are off are shown, but are not a problem.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Look at the local database.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Let a nightly job fail if something is wrong with the linked project.',
      command: '<%= config.bin %> <%= command.id %> --linked --check',
    },
  ];

  static override flags = {
    ...targetFlags,
    check: Flags.boolean({default: false, summary: 'Exit with 3 if something is wrong.'}),
  };

  async run(): Promise<StatusResult> {
    const {flags} = await this.parse(Status);
    const target = await this.target(flags);
    const project = target.kind === 'local' ? await this.project() : await this.projectIfAny();
    const configured = await readConfigured(await findConfigSource(target, project, process.env));
    const connection = await this.open(target, 'reads');
    const status = await readStatus(connection, {configured, counting: flags.check});
    const typed = (text: string) => this.withProgram(text);
    if (!this.jsonEnabled()) {
      const {statusText} = await import('../features/status/text.js');
      this.log(statusText(status, target, {...this.view(), checked: flags.check, typed}));
    }

    const off = status.settings === null ? null : notInForce(status.settings, target);
    if (off !== null) this.note(off);
    if (flags.check && !status.ok) process.exitCode = EXIT.found;
    const problems = status.problems.map((problem) => ({...problem, fix: typed(problem.fix)}));
    return {target: targetJson(target), ...status, problems};
  }
}
