import * as Flags from '@oclif/core/flags';

import {BaseCommand, EXIT_CODES_HELP} from '../cli/base-command.js';
import {changesFromFlags, readSetting} from '../features/settings/changes.js';
import {
  applyConfig,
  currentSettings,
  importAuthSettings,
  planConfig,
  requireInstalled,
  saveSettings,
  type SavedSettings,
} from '../features/settings/config.js';
import {requireSavable} from '../features/install/steps.js';
import {readMigrations} from '../features/install/migration.js';
import {configOn} from '../database/target.js';
import type {Connection} from '../database/connection.js';
import type {Impact} from '../features/settings/verdicts.js';
import {confirmFlag, dryRunFlag, targetFlags, yesFlag} from '../cli/flags.js';
import {settingFlags} from '../features/settings/flags.js';
import {allowChange, requireOwnProject, wantsSaving} from '../cli/consent.js';
import {DEFAULT_SETTINGS, targetJson, type SettingName, type Settings, type TargetJson} from '../types.js';
import {changedText, endingQuestion, impactText, importedText, savedText, warnings} from '../features/settings/text.js';
import {leftOut, settingsText} from '../features/settings/settings-text.js';
import {notInForce} from '../features/settings/in-force-text.js';

export interface ConfigResult {
  target: TargetJson;
  /** The settings as they are now, or with --dry-run would be. */
  config: Settings;
  /** The settings before; null where our SQL is not in the target. */
  before: Settings | null;
  changed: SettingName[];
  /** Null where no change was asked for. */
  impact: Impact | null;
  dryRun: boolean;
  saved: SavedSettings | null;
}

export default class Config extends BaseCommand {
  static override summary = 'Show or change the settings: limit, deadlines, refusals.';
  static override description = `Without flags it shows the settings, and on a terminal offers to change them. With flags it shows what changes and whom it concerns, and applies it. Spans of time are written like 30m, 12h, 7d or "1 week".
${EXIT_CODES_HELP}`;

  static override usage = '<%= command.id %> [--<setting> <value>...] [--save] [--dry-run] [--json]';

  static override examples = [
    {description: 'Show the settings of the local database.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Three sessions per user; a fourth sign-in is refused.',
      command: '<%= config.bin %> <%= command.id %> --max 3 --strategy reject',
    },
    {
      description: 'Everybody signs in again after 12 hours, or 2 hours without use.',
      command: '<%= config.bin %> <%= command.id %> --timebox 12h --inactivity 2h',
    },
    {
      description: 'See whom a limit of 2 would concern on the linked project, before anything is installed there.',
      command: '<%= config.bin %> <%= command.id %> --linked --max 2 --enable --dry-run',
    },
  ];

  static override flags = {
    ...targetFlags,
    ...settingFlags,
    'from-config-toml': Flags.boolean({
      default: false,
      summary: "Take over timebox and inactivity_timeout of [auth.sessions] in the project's configuration.",
      exclusive: ['timebox', 'inactivity'],
    }),
    all: Flags.boolean({default: false, summary: 'Show all settings, also those that are as always.'}),
    save: Flags.boolean({
      default: false,
      summary: 'Write the settings as a migration too, so that db reset and db push carry them.',
    }),
    'dry-run': dryRunFlag,
    confirm: confirmFlag,
    yes: yesFlag,
  };

  async run(): Promise<ConfigResult> {
    const {flags} = await this.parse(Config);
    const ask = this.asker(flags);
    const target = await this.target(flags);
    const project = await this.projectIfAny();
    const migrations = project === null ? null : await readMigrations(project);
    // Without a project this says so.
    if (flags.save) requireSavable(migrations ?? (await readMigrations(await this.project())));

    const connection = await this.open(target, 'reads');
    const current = await currentSettings(connection);
    if (!flags['dry-run']) await requireInstalled(current, target, migrations);

    const before = current.settings ?? DEFAULT_SETTINGS;
    let changes = await changesFromFlags(connection, flags);
    if (flags['from-config-toml']) changes = {...changes, ...(await this.#importAuthSettings(connection))};
    const named = Object.keys(changes) as SettingName[];
    const asked = named.length > 0;
    if (!asked) {
      this.log(settingsText(before, {before: null, changed: [], named: [], all: flags.all}));
      const hidden = flags.all ? 0 : leftOut(before);
      if (hidden > 0) this.note(`${configOn(target)} --all shows ${hidden} more.`);
      if (ask.interactive && !flags['dry-run'] && !flags.save && !flags.yes)
        changes = await (
          await import('../features/settings/questions.js')
        ).askConfig(ask, before, async (name, text) => readSetting(connection, name, text));
    }

    const plan = await planConfig(connection, current, changes, await this.jwtExpiry(target));
    const changing = Object.keys(changes).length > 0;
    if (changing || flags.save) requireOwnProject(target, flags);
    if (changing) {
      const settings = settingsText(plan.after, {before, changed: plan.changed, named, all: flags.all});
      this.log(`${settings}\n\n${impactText(plan.after, plan, plan.jwtExpiry)}`);
      for (const warning of warnings(plan)) this.note(warning);
    }

    let saved: SavedSettings | null = null;
    if (!flags['dry-run']) {
      if (plan.changed.length > 0) {
        // What ends sessions or keeps users out wants the name of a target that is not local.
        const ends = plan.consequences.length > 0 ? endingQuestion(plan.consequences) : null;
        await allowChange(ask, target, {ends, askLocally: !asked, given: flags.confirm});
      }

      const offer = ask.interactive && plan.changed.length > 0 && (migrations?.active.length ?? 0) > 0 && !flags.yes;
      const save = flags.save || (offer && (await wantsSaving(ask)));
      await applyConfig(connection, plan);
      if (changing) this.note(changedText(plan, target, false));
      if (save) {
        try {
          saved = await saveSettings(await this.project(), plan.after);
        } catch (error) {
          throw this.stoppedAfter(error, {changed: plan.changed});
        }

        this.note(savedText(saved, plan.after));
      }
    } else if (changing) this.note(changedText(plan, target, true));

    const state = notInForce(flags['dry-run'] ? before : plan.after, target);
    if (state !== null) this.note(state);
    return {
      target: targetJson(target),
      config: plan.after,
      before: plan.before,
      changed: plan.changed,
      impact: changing ? plan.impact : null,
      dryRun: flags['dry-run'],
      saved,
    };
  }

  /** The deadlines of the project's configuration, as they are for the target. */
  async #importAuthSettings(connection: Connection): Promise<Partial<Settings>> {
    const project = await this.project();
    const projectRef = connection.target.projectRef ?? undefined;
    const {readConfig} = await import('../supabase/config.js');
    const config = await readConfig(project, process.env, {projectRef});
    const imported = await importAuthSettings(connection, project, config);
    this.note(importedText(imported));
    return imported.changes;
  }
}
