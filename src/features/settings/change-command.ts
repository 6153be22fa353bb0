import type {Asker} from '../../cli/asker.js';
import {BaseCommand} from '../../cli/base-command.js';
import {allowChange, wantsSaving} from '../../cli/consent.js';
import type {Settings, Target} from '../../types.js';
import {notInForce} from './text.js';

/** What a command that changes settings or rules has parsed. */
export interface ChangeFlags {
  save: boolean;
  'dry-run': boolean;
  confirm: string | undefined;
  yes: boolean;
}

/** A change of settings or rules that has been shown. */
export interface Change<Saved> {
  ask: Asker;
  target: Target;
  flags: ChangeFlags;
  changes: boolean;
  /** What of it an error says was done, if it cannot be saved. */
  made: {changed: unknown};
  /** Whether the local database needs a yes without a warning too: the change was put together from answers, or removes something. */
  askLocally: boolean;
  /** Whether the reader was warned of something; then a terminal asks in any case. */
  warned: boolean;
  /** What to ask if sessions end or users are kept out, without the question mark; else null. */
  ends: string | null;
  apply: () => Promise<void>;
  /** Says what was done; with a dry run, what was not. */
  done: string | null;
  /** Whether there is a project that a terminal offers to save to. */
  savable: () => Promise<boolean>;
  save: () => Promise<Saved>;
  savedText: (saved: Saved) => string;
  /** The settings afterwards. */
  settings: Settings;
}

/** A command that changes settings or rules: in the database and then, if wanted, in the project's migrations. */
export abstract class ChangeCommand extends BaseCommand {
  /** Asks, applies, and saves; with --dry-run none of that. */
  protected async change<Saved>(change: Change<Saved>): Promise<Saved | null> {
    const {ask, target, flags, changes, ends, done} = change;
    let saved: Saved | null = null;
    if (!flags['dry-run'] && changes) {
      const askLocally = change.askLocally || (ask.interactive && change.warned);
      await allowChange(ask, target, {ends, askLocally, given: flags.confirm});
      await change.apply();
    }

    if (done !== null) this.note(done);
    if (!flags['dry-run']) {
      // Only now, so that a no to saving is not taken for a no to the change.
      const offers = changes && ask.interactive && !flags.yes && (await change.savable());
      if (flags.save || (offers && (await wantsSaving(ask)))) saved = await this.#save(change);
    }

    const state = notInForce(change.settings, target);
    if (state !== null) this.note(state);
    return saved;
  }

  async #save<Saved>({save, savedText, made}: Change<Saved>): Promise<Saved> {
    try {
      const saved = await save();
      this.note(savedText(saved));
      return saved;
    } catch (error) {
      throw this.stoppedAfter(error, made);
    }
  }
}
