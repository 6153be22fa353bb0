import {type MigrationStep, type SavedFile, readMigrations, requireSavable, writeStep} from '../install/index.js';
import {type Change, ChangeCommand, type Rule} from '../settings/index.js';
import {requireSavableRules} from './rules.js';
import {rulesSavedText} from './text.js';

/** A change of rules that has been shown. */
interface RuleChange extends Pick<
  Change<SavedFile>,
  'apply' | 'ask' | 'askLocally' | 'changes' | 'flags' | 'settings' | 'target' | 'warned'
> {
  /** What was done to the rules, as for "Done: ...". */
  done: string;
  rules: Rule[];
  /** Whether sessions end that would otherwise go on. */
  ends: boolean;
  step: MigrationStep;
}

/** A command that changes rules, in the database and, if wanted, in the project's migrations. */
export abstract class RulesCommand extends ChangeCommand {
  protected async changeRules({rules, step, ...change}: RuleChange): Promise<SavedFile | null> {
    const {flags, changes, ends} = change;
    if (flags.save) {
      requireSavableRules(rules);
      requireSavable(await readMigrations(await this.project()));
    }

    return this.change({
      ...change,
      made: {changed: changes},
      ends: ends ? 'Change the rules, so that these sessions end' : null,
      done: flags['dry-run'] ? 'Dry run: nothing was changed.' : change.done,
      savable: async () => this.#savable(rules),
      save: async () => {
        const {file, written} = await writeStep(await this.project(), step, {env: process.env, dryRun: false});
        return {file, written};
      },
      savedText: rulesSavedText,
    });
  }

  async #savable(rules: Rule[]): Promise<boolean> {
    if (rules.some(({user_id: userId}) => userId !== null)) return false;
    const project = await this.projectIfAny();
    return project !== null && (await readMigrations(project)).active.some(({kind}) => kind === 'installation');
  }
}
