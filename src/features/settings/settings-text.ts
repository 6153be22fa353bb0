import chalk from 'chalk';

import {changedSettings} from './changes.js';
import {SETTING_GROUPS, SETTING_NAMES, SETTINGS, settingWords} from './catalogue.js';
import {spanWords} from '../../database/spans.js';
import {DEFAULT_SETTINGS, type SettingName, type Settings} from '../../types.js';

/** What a sign-in above the limit comes to. */
function limitInWords(settings: Settings): string[] {
  const {strategy, eviction_order: order, max_sessions: max} = settings;
  const most = `At most ${max.toLocaleString('en-US')} session${max === 1 ? '' : 's'} per user`;
  const first = SETTINGS.eviction_order.words[order];
  return strategy === 'dequeue'
    ? [`${most}; a sign-in above that ends ${first}.`]
    : [
        `${most}; a sign-in above that is refused${settings.reject_in_hook ? ' with 403 and a message, through the access token hook' : ''}.`,
        settings.reject_ignores_idle === null
          ? 'Sessions count however long they have not been used.'
          : `Sessions unused for ${spanWords(settings.reject_ignores_idle)} do not count, and make room.`,
      ];
}

/** When sessions end by themselves. */
function deadlinesInWords(settings: Settings): string[] {
  const {timebox, inactivity_timeout: inactivity, low_aal_timeout: pending} = settings;
  const ends = [
    ...(timebox === null ? [] : [spanWords(timebox)]),
    ...(inactivity === null ? [] : [`${spanWords(inactivity)} without use`]),
  ];
  const lines = ends.length === 0 ? [] : [`Sessions end after ${ends.join(', or ')}.`];
  if (pending !== null) lines.push(`Sessions that miss their second factor end after ${spanWords(pending)}.`);
  return lines;
}

/** What else is not as a fresh installation has it. */
function restInWords(settings: Settings): string[] {
  const lines: string[] = [];
  if (settings.oauth_clients === 'separate') lines.push('Each OAuth client has a limit of its own.');
  if (settings.oauth_clients === 'together') lines.push('Sessions of OAuth clients count like any other.');
  if (settings.record_device_changes) lines.push('A session that changes its device is recorded.');
  if (!settings.record_events) lines.push('No history is kept.');
  else if (settings.events_retention !== DEFAULT_SETTINGS.events_retention)
    lines.push(`The history is kept for ${spanWords(settings.events_retention)}.`);
  return lines;
}

/**
 * @param settings the settings
 * @returns what they come to, as short sentences without colours: whether anything is enforced first, then the limit and the deadlines, then
 *   whatever is not as a fresh installation has it
 */
export function settingsInWords(settings: Settings): string[] {
  const state = !settings.enabled
    ? ['LIMITS ARE OFF: no limit and no deadline is enforced.']
    : settings.mode === 'observe'
      ? ['OBSERVE MODE: nothing is enforced.']
      : [];
  return [...state, ...limitInWords(settings), ...deadlinesInWords(settings), ...restInWords(settings)];
}

/** What of the settings to show. */
export interface ShownSettings {
  /** As they were; null where there is nothing to compare with. */
  before: Settings | null;
  /** Those that change, shown as before -> after. */
  changed: SettingName[];
  /** Those that somebody has named: shown even when they are as always. */
  named: SettingName[];
  /** Whether to show all. */
  all: boolean;
}

/** Those of the limit are shown always, and others where they are not as a fresh installation has them. */
function unimportant(settings: Settings): SettingName[] {
  const own = changedSettings(DEFAULT_SETTINGS, settings);
  return SETTING_NAMES.filter((name) => SETTINGS[name].group !== 'limit' && !own.includes(name));
}

/**
 * @param settings the settings
 * @returns how many of them are left out where not all are shown
 */
export function leftOut(settings: Settings): number {
  return unimportant(settings).length;
}

/**
 * @param after the settings
 * @param shown which of them, and what changes
 * @returns a line for each, under the heading of its group
 */
export function settingsText(after: Settings, shown: ShownSettings): string {
  const {before, changed, named, all} = shown;
  const dull = unimportant(after).filter((name) => !changed.includes(name) && !named.includes(name));
  const line = (name: SettingName) => {
    const exact = changed.includes(name) || named.includes(name);
    const words = (settings: Settings) => {
      const text = settingWords(name, settings[name], {exact});
      return name === 'enabled' ? (settings.enabled ? chalk.green(text) : chalk.yellow(text)) : text;
    };
    const value =
      changed.includes(name) && before !== null
        ? `${chalk.dim(words(before))} ${chalk.cyan('->')} ${chalk.bold(words(after))}`
        : words(after);
    const text = `  ${SETTINGS[name].label.padEnd(20)}${value}`;
    return dull.includes(name) ? chalk.dim(text) : text;
  };
  const groups = Object.entries(SETTING_GROUPS).map(([group, heading]) => {
    const lines = SETTING_NAMES.filter((name) => SETTINGS[name].group === group)
      .filter((name) => all || !dull.includes(name))
      .map(line);
    return lines.length === 0 || heading === null ? lines : [chalk.bold(heading), ...lines];
  });
  return groups.flat().join('\n');
}
