import type {Connection} from '../../database/connection.js';
import {configOn} from '../../database/target.js';
import {DEFAULT_SETTINGS, targetJson, type SettingName, type Settings, type TargetJson} from '../../types.js';
import type {Asker} from '../../cli/asker.js';
import {requireOwnProject} from '../../cli/consent.js';
import {readMigrations, requireSavable, type MigrationState} from '../install/index.js';
import {ChangeCommand, type ChangeFlags} from './change-command.js';
import {changedText, endingQuestion, impactText, importedText, notes, savedText, warnings} from './change-text.js';
import {changesFromFlags, readSetting} from './changes.js';
import {
  applyConfig,
  currentSettings,
  importAuthSettings,
  planConfig,
  saveSettings,
  type ConfigPlan,
  type SavedSettings,
} from './config.js';
import {leftOut, settingsText} from './text.js';
import type {Impact} from './verdicts.js';

export interface ConfigResult {
  target: TargetJson;
  /** The settings as they are now, or with --dry-run would be. */
  config: Settings;
  /** The settings before; null if supasession is not in the target. */
  before: Settings | null;
  changed: SettingName[];
  /** Null if no change was asked for. */
  impact: Impact | null;
  dryRun: boolean;
  saved: SavedSettings | null;
}

/** What `config` has parsed, beside a flag for each setting. */
interface ConfigFlags extends ChangeFlags, Record<string, unknown> {
  all: boolean;
  'from-config-toml': boolean;
}

/** How `config` shows and changes the settings. */
export abstract class SettingsCommand extends ChangeCommand {
  protected async configure(flags: ConfigFlags & Parameters<ChangeCommand['target']>[0]): Promise<ConfigResult> {
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const migrations = await this.#migrations(flags.save);
    const connection = await this.open(target, 'reads');
    const dryRun = flags['dry-run'];
    const current = await currentSettings(connection, dryRun ? 'auth' : 'installed', migrations);

    const before = current.settings ?? DEFAULT_SETTINGS;
    const given = await this.#given(connection, flags);
    const named = Object.keys(given) as SettingName[];
    const changes = named.length > 0 ? given : await this.#asked(ask, connection, before, flags);
    const changing = Object.keys(changes).length > 0;
    const plan = await planConfig(connection, current, changes, await this.jwtExpiry(target));
    if (changing || flags.save) requireOwnProject(target, flags);
    const warned = changing && this.#show(plan, named, flags.all);
    const saved = await this.change({
      ...{ask, target, flags, warned, changes: plan.changed.length > 0, askLocally: named.length === 0},
      made: {changed: plan.changed},
      ends: plan.consequences.length > 0 ? endingQuestion(plan.consequences) : null,
      apply: async () => applyConfig(connection, plan),
      done: changing ? changedText(plan, target, dryRun) : null,
      savable: async () => (migrations?.active.length ?? 0) > 0,
      save: async () => saveSettings(await this.project(), plan.after),
      savedText: (file) => savedText(file, plan.after),
      settings: dryRun ? before : plan.after,
    });
    const impact = changing ? plan.impact : null;
    return {
      target: targetJson(target),
      config: plan.after,
      before: plan.before,
      changed: plan.changed,
      impact,
      dryRun,
      saved,
    };
  }

  /** The project's migrations; null if there is no project, and nothing to save. */
  async #migrations(save: boolean): Promise<MigrationState | null> {
    const project = save ? await this.project() : await this.projectIfAny();
    const migrations = project === null ? null : await readMigrations(project);
    if (save && migrations !== null) requireSavable(migrations);
    return migrations;
  }

  /** What the flags ask for. */
  async #given(connection: Connection, flags: ConfigFlags): Promise<Partial<Settings>> {
    const changes = await changesFromFlags(connection, flags);
    if (!flags['from-config-toml']) return changes;
    const project = await this.project();
    const {readConfig} = await import('../../supabase/config.js');
    const config = await readConfig(project, process.env, {projectRef: connection.target.projectRef ?? undefined});
    const imported = await importAuthSettings(connection, project, config);
    this.note(importedText(imported));
    return {...changes, ...imported.changes};
  }

  /** Without a flag for a setting: shows them, and on a terminal offers to change them. */
  async #asked(ask: Asker, connection: Connection, before: Settings, flags: ConfigFlags): Promise<Partial<Settings>> {
    this.log(settingsText(before, {before: null, changed: [], named: [], all: flags.all}));
    if (ask.interactive && !flags['dry-run'] && !flags.save && !flags.yes)
      // Only here, so that a look at the settings does not load it.
      return (await import('./questions.js')).askConfig(ask, before, async (name, text) =>
        readSetting(connection, name, text),
      );
    const hidden = flags.all ? 0 : leftOut(before);
    if (hidden > 0) this.note(`${configOn(connection.target)} --all shows ${hidden} more.`);
    return {};
  }

  /** Shows the change, whom it concerns, and what to know before agreeing to it. Returns whether it needs a yes. */
  #show(plan: ConfigPlan, named: SettingName[], all: boolean): boolean {
    const before = plan.before ?? DEFAULT_SETTINGS;
    const settings = settingsText(plan.after, {before, changed: plan.changed, named, all});
    this.log(`${settings}\n\n${impactText(plan.after, plan, plan.jwtExpiry)}`);
    const found = warnings(plan);
    for (const text of [...found, ...notes(plan)]) this.note(text);
    return found.length > 0 || plan.consequences.length > 0;
  }
}
