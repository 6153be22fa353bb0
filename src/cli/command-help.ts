import {CommandHelp, type HelpSectionRenderer} from '@oclif/core/help';
import type {Command} from '@oclif/core';

/** Groups that many commands share. */
const TARGET = 'TARGET';
const GLOBAL = 'GLOBAL';

/** Those with a letter first: the list is indented by its first line. */
function sorted(flags: Command.Flag.Any[]): Command.Flag.Any[] {
  const hasLetter = ({char}: Command.Flag.Any) => char !== undefined;
  return [...flags.filter(hasLetter), ...flags.filter((flag) => !hasLetter(flag))];
}

/** The help of a command in few lines: the summary and each choice once, no blank lines in the examples, and groups of flags in the order of the command. */
export class CompactHelp extends CommandHelp {
  constructor(...[command, config, opts]: ConstructorParameters<typeof CommandHelp>) {
    super(command, config, {...opts, showFlagOptionsInTitle: true, flagSortOrder: 'none'});
  }

  protected override description(): string | undefined {
    return this.command.description && this.wrap(this.command.description);
  }

  protected override examples(examples: Command.Example[] | string | undefined): string | undefined {
    const body = super.examples(examples);
    return body?.replaceAll('\n\n', '\n');
  }

  protected override sections(): Array<{generate: HelpSectionRenderer; header: string}> {
    return super
      .sections()
      .map((section) =>
        section.header === 'FLAGS' ? {...section, generate: ({flags}) => this.#flagSections(flags)} : section,
      );
  }

  /** What a command is about, then its other flags, then the target. */
  #flagSections(flags: Command.Flag.Any[]): Array<{body: [string, string | undefined][]; header: string}> {
    const {mainFlags, flagGroups} = this.groupFlags(flags);
    const {[TARGET]: target = [], [GLOBAL]: global = [], ...own} = flagGroups;
    const groups = {...own, FLAGS: sorted([...mainFlags, ...global]), [TARGET]: target};
    return Object.entries(groups).flatMap(([header, group]) => {
      const body = this.flags(group);
      return body === undefined ? [] : [{header, body}];
    });
  }
}
