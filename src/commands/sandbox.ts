import path from 'node:path';

import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../cli/base-command.js';
import {yesFlag} from '../cli/flags.js';
import {dataDirOf, startSandbox} from '../sandbox/index.js';
import {readConfig} from '../supabase/config.js';
import {sandboxText} from '../cli/text.js';

export interface SandboxResult {
  url: string;
  port: number;
  dataDir: string;
  pid: number;
}

export default class Sandbox extends BaseCommand {
  static override summary = "Run a local Postgres with Supabase's roles and auth tables.";
  static override description = `Listens on the project's [db].port, so that supasession and the supabase CLI find it as the local database. Ctrl-C stops it; the data stays.
It needs no Docker and has no Auth server: use it to try migrations and limits. ${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Start it for this project.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Start with empty data on another port.',
      command: '<%= config.bin %> <%= command.id %> --port 54329 --reset --yes',
    },
  ];

  static override flags = {
    port: Flags.integer({
      summary: 'Port on 127.0.0.1; 0 for a free one (default: [db].port).',
      min: 0,
      max: 65_535,
      helpValue: '<n>',
    }),
    data: Flags.string({
      summary: "Data folder (default: one for each project, in supasession's own data folder).",
      helpValue: '<dir>',
    }),
    reset: Flags.boolean({default: false, summary: 'Delete the existing data first.'}),
    yes: yesFlag,
  };

  async run(): Promise<SandboxResult> {
    const {flags} = await this.parse(Sandbox);
    const project =
      flags.port === undefined || flags.data === undefined ? await this.project() : await this.projectIfAny();
    const port = flags.port ?? (await readConfig(await this.project(), process.env)).dbPort;
    const dataDir =
      flags.data === undefined ? dataDirOf(this.config.dataDir, (await this.project()).root) : path.resolve(flags.data);
    if (flags.reset) await this.asker(flags).proceed(`Delete the data in ${dataDir}?`);

    return this.finishingOnInterrupt(async (signal) => {
      const server = await startSandbox({
        dataDir,
        port,
        reset: flags.reset,
        signal,
        ...(project === null ? {} : {resolveFrom: project.root}),
      });
      const result = {url: server.url(), port: server.port, dataDir: server.dataDir, pid: server.pid};
      // Printed here, because the result of a command is shown only when it ends. One line, because the reader cannot wait for the end.
      if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(result)}\n`);
      else this.log(sandboxText(result));
      const interrupted = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), {once: true});
        if (signal.aborted) resolve();
      });
      await Promise.race([interrupted, server.exited]);
      await server.stop();
      this.note('Stopped.');
      return result;
    });
  }

  protected override toSuccessJson(): void {}
}
