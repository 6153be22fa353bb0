import {BaseCommand} from '../../cli/base-command.js';
import {type MigrationStep, type SavedFile, readMigrations, requireSavable, writeStep} from '../install/index.js';
import {requireSavableRules} from './rules.js';
import {type Rule, notInForce} from '../settings/index.js';
import {confirmFlag, dryRunFlag, saveFlag, targetFlags, yesFlag} from '../../cli/flags.js';
import {allowChange, wantsSaving} from '../../cli/consent.js';
import type {Asker} from '../../cli/asker.js';
import type {Settings, Target} from '../../types.js';
import {rulesSavedText} from './text.js';

/** What a command has parsed that changes rules. */
interface ChangeFlags {
  save: boolean;
  'dry-run': boolean;
  confirm: string | undefined;
  yes: boolean;
}

/** A change of rules that has been shown. */
interface RuleChange {
  ask: Asker;
  target: Target;
  settings: Settings;
  flags: ChangeFlags;
  /** What was done to the rules, as for "Done: ...". */
  done: string;
  /** Whether there is anything to do. */
  changes: boolean;
  /** Whether the local database is asked about too: where the change was put together from answers, or removes something. */
  askLocally: boolean;
  rules: Rule[];
  /** Whether sessions end by it that would otherwise go on. */
  ends: boolean;
  step: MigrationStep;
  apply: () => Promise<void>;
}

/** A command that changes rules, in the database and, if wanted, in the project's migrations. */
export abstract class RulesCommand extends BaseCommand {
  /** Its flags beside those that say what is to be changed. */
  static readonly changeFlags = {
    ...targetFlags,
    save: saveFlag,
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  /** Asks what has to be asked, makes the change, and saves it where that is wanted. Hands back the file. */
  protected async changeRules(change: RuleChange): Promise<SavedFile | null> {
    const {ask, target, settings, flags, rules, step} = change;
    if (flags.save) {
      requireSavableRules(rules);
      requireSavable(await readMigrations(await this.project()));
    }

    let saved: SavedFile | null = null;
    if (flags['dry-run']) this.note('Dry run: nothing was changed.');
    else {
      const {changes, askLocally} = change;
      if (changes) {
        const ends = change.ends ? 'Change the rules, so that these sessions end' : null;
        await allowChange(ask, target, {ends, askLocally, given: flags.confirm});
      }

      const save = flags.save || (changes && (await this.#offersSaving(ask, flags, rules)) && (await wantsSaving(ask)));
      if (changes) await change.apply();
      this.note(change.done);
      if (save) {
        try {
          const {file, written} = await writeStep(await this.project(), step, {env: process.env, dryRun: false});
          saved = {file, written};
        } catch (error) {
          throw this.stoppedAfter(error, {changed: changes});
        }

        this.note(rulesSavedText(saved));
      }
    }

    const state = notInForce(settings, target);
    if (state !== null) this.note(state);
    return saved;
  }

  async #offersSaving(ask: Asker, flags: ChangeFlags, rules: Rule[]): Promise<boolean> {
    if (!ask.interactive || flags.yes || rules.some(({user_id: userId}) => userId !== null)) return false;
    const project = await this.projectIfAny();
    return project !== null && (await readMigrations(project)).active.some(({kind}) => kind === 'installation');
  }
}
