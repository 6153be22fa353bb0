import type {Command} from '@oclif/core';
import {Help} from '@oclif/core/help';

import {CompactHelp} from './command-help.js';
import {EXIT_CODES_HELP} from './exit-codes.js';
import {startedBy} from './program.js';

/** The commands and topics of the first page, in the order in which somebody new needs them. Those that no group names stand last. */
export const GROUPS: readonly {title: string; names: readonly string[]}[] = [
  {title: 'SET UP', names: ['init', 'upgrade', 'uninstall', 'doctor', 'sandbox']},
  {title: 'LIMITS', names: ['config', 'rules', 'enforce']},
  {title: 'SESSIONS', names: ['status', 'sessions', 'access', 'flush', 'prune', 'history']},
  {title: 'CUTTING OFF', names: ['hook', 'guard', 'protect', 'api']},
  {title: 'MORE', names: ['autocomplete', 'help']},
];

/** The help of the stand-alone program; a host that loads us as a plugin has its own. */
export default class ProgramHelp extends Help {
  protected override CommandHelpClass = CompactHelp;

  override async showHelp(argv: string[]): Promise<void> {
    try {
      await super.showHelp(argv);
    } catch (error) {
      // The only thing that it throws, and in words only.
      const subject = error instanceof Error && /^Command (.*) not found\.$/s.exec(error.message)?.[1];
      if (!subject) throw error;
      const {unknownCommand} = await import('./unknown.js');
      throw unknownCommand(subject, this.config);
    }
  }

  /** How the command exits, as the last line and not in the middle. */
  protected override formatCommand(command: Command.Loadable): string {
    const {description} = command;
    if (!description?.includes(EXIT_CODES_HELP)) return super.formatCommand(command);
    const text = super.formatCommand({...command, description: description.replace(EXIT_CODES_HELP, '').trimEnd()});
    return `${text}\n\n${EXIT_CODES_HELP}`;
  }

  protected override async showRootHelp(): Promise<void> {
    const summaries = this.#summaries();
    const width = Math.max(...[...summaries.keys()].map((name) => name.length));
    const named = new Set(GROUPS.flatMap(({names}) => names));
    const rest = [...summaries.keys()].filter((name) => !named.has(name)).sort();
    const last = GROUPS.length - 1;
    const sections = GROUPS.map(({title, names}, index) => {
      const shown = names.concat(index === last ? rest : []).filter((name) => summaries.has(name));
      return this.section(title, shown.map((name) => `${name.padEnd(width)}  ${summaries.get(name) ?? ''}`).join('\n'));
    });
    const {bin, pjson} = this.config;
    const typed = startedBy(process.argv[1] ?? '', process.cwd(), process.env) + bin;
    this.log(
      [
        pjson.description,
        this.section('USAGE', `$ ${bin} <command> [flags]`),
        ...sections,
        `First time here: ${typed} init\nFlags, examples: ${typed} <command> --help`,
      ].join('\n\n'),
    );
  }

  /** Names as they are typed, with what they are for: all commands with --nested-commands, else one line for a topic. */
  #summaries(): Map<string, string> {
    const topics = this.opts.all
      ? []
      : this.sortedTopics
          .filter(({name}) => !name.includes(':'))
          .map(({name, description}) => [name, description] as const);
    const commands = this.sortedCommands
      .filter(({id}) => this.opts.all || !id.includes(':'))
      .map((command) => [command.id.replaceAll(':', ' '), this.summary(command)] as const);
    return new Map([...topics, ...commands].map(([name, summary]) => [name, this.render(summary ?? '')]));
  }
}
