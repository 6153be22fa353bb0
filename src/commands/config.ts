import {Flags} from '@oclif/core';

import {BaseCommand, EXIT_CODES_HELP} from '../base-command.js';
import {
  applyConfig,
  currentSettings,
  planConfig,
  requireInstalled,
  requireSavable,
  saveSettings,
  type ConfigPlan,
  type SavedSettings,
} from '../core/config.js';
import {readMigrations} from '../core/migration.js';
import {endsSessions} from '../core/settings.js';
import type {Impact} from '../db/queries.js';
import {confirmFlag, dryRunFlag, maxFlag, strategyFlag, targetFlags, yesFlag} from '../flags.js';
import {askConfig, changesFromFlags, ORDER_OPTIONS, type ConfigFlags} from '../prompts/config.js';
import {allowEnding} from '../prompts/consent.js';
import type {Asker} from '../prompts/index.js';
import {DEFAULT_SETTINGS, targetJson, type SettingName, type Settings, type Target, type TargetJson} from '../types.js';
import {settingsText} from '../ui/settings.js';
import {changedText, impactText, limitsOff, rejectWarning, savedText} from '../ui/text.js';

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
  static override summary = 'Show or change the limit.';
  static override description = `Without flags it shows the settings, and on a terminal offers to change them. With flags it shows what changes and whom it concerns, and applies it.
${EXIT_CODES_HELP}`;

  static override examples = [
    {description: 'Show the settings of the local database.', command: '<%= config.bin %> <%= command.id %>'},
    {
      description: 'Three sessions per user; a fourth sign-in is refused.',
      command: '<%= config.bin %> <%= command.id %> --max 3 --strategy reject',
    },
    {
      description: 'See whom a limit of 2 would concern on the linked project, before anything is installed there.',
      command: '<%= config.bin %> <%= command.id %> --linked --max 2 --enable --dry-run',
    },
  ];

  static override flags = {
    ...targetFlags,
    max: maxFlag,
    strategy: strategyFlag,
    enable: Flags.boolean({default: false, summary: 'Switch the limit on.', exclusive: ['disable']}),
    disable: Flags.boolean({
      default: false,
      summary: 'Switch the limit off; sessions that have been ended stay ended.',
    }),
    order: Flags.option({options: ORDER_OPTIONS})({summary: 'Which sessions go first.'}),
    'enforce-on-refresh': Flags.boolean({
      allowNo: true,
      summary: 'Check the limit at every refresh too, so that a lowered one reaches existing sessions.',
    }),
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
    if (flags.save) requireSavable(await readMigrations(await this.project()));

    const connection = await this.open(target);
    const current = await currentSettings(connection);
    if (!flags['dry-run']) await requireInstalled(current, target, migrations);

    const given: ConfigFlags = flags;
    let changes = changesFromFlags(given);
    const asked = Object.keys(changes).length > 0;
    if (!asked) {
      this.log(settingsText(null, current.settings ?? DEFAULT_SETTINGS, []));
      if (ask.interactive && !flags['dry-run'] && !flags.save && !flags.yes)
        changes = await askConfig(ask, current.settings ?? DEFAULT_SETTINGS);
    }

    const plan = await planConfig(connection, current, changes);
    const changing = Object.keys(changes).length > 0;
    if (changing) {
      const settings = settingsText(current.settings ?? DEFAULT_SETTINGS, plan.after, plan.changed);
      this.log(`${settings}\n\n${impactText(plan.after, plan.impact, await this.jwtExpiry(target))}`);
      if (plan.after.strategy === 'reject' && plan.changed.includes('strategy')) this.note(rejectWarning());
    }

    let saved: SavedSettings | null = null;
    if (!flags['dry-run']) {
      if (plan.changed.length > 0) await this.#confirm(ask, target, plan, {asked, confirm: flags.confirm});
      // Asked for before anything changes, so that Ctrl-C at any question leaves everything as it was.
      const offer = ask.interactive && plan.changed.length > 0 && (migrations?.active.length ?? 0) > 0 && !flags.yes;
      const save =
        flags.save ||
        (offer &&
          (await ask.confirm({
            flag: '--save',
            message: 'Save as a migration too, so that db reset and db push carry it?',
            default: false,
          })));
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

    const enabled = flags['dry-run'] ? plan.before?.enabled : plan.after.enabled;
    if (!enabled) this.note(limitsOff(target));
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

  /** The local database with flags needs no question; a hosted one does, and what ends sessions there wants its name. */
  async #confirm(
    ask: Asker,
    target: Target,
    plan: ConfigPlan,
    given: {asked: boolean; confirm: string | undefined},
  ): Promise<void> {
    if (target.kind === 'local') {
      if (!given.asked) await ask.proceed('Apply this?');
      return;
    }

    if (endsSessions(plan.before ?? DEFAULT_SETTINGS, plan.after, plan.impact)) {
      await allowEnding(ask, target, {message: 'End sessions above the limit', given: given.confirm});
    } else await ask.proceed('Apply this?');
  }
}
