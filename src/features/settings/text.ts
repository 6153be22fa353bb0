import chalk from 'chalk';

import {changedSettings, settingFlag} from './changes.js';
import {SETTING_GROUPS, SETTING_NAMES, SETTINGS, settingWords} from './catalogue.js';
import {spanWords} from '../../database/spans.js';
import {configOn} from '../../database/target.js';
import {count} from '../../cli/text.js';
import {DEFAULT_SETTINGS, inForce, type SettingName, type Settings, type Target} from '../../types.js';

/** A sign-in ends at most so many sessions of its user. */
const MOST_AT_SIGN_IN = 100;

/** The last line of a run: that nothing is enforced, and how to change that. Null if limits are in force. */
export function notInForce({enabled, mode}: Pick<Settings, 'enabled' | 'mode'>, target: Target): string | null {
  const config = configOn(target);
  if (!enabled) return `${chalk.yellow('Limits are OFF.')} Switch them on: ${config} ${settingFlag('enabled', true)}`;
  if (mode === 'observe')
    return `${chalk.yellow('OBSERVE MODE: nothing is enforced.')} Change that: ${config} ${settingFlag('mode', 'enforce')}`;
  return null;
}

export function limitsOff(target: Target): string {
  return notInForce({enabled: false, mode: 'enforce'}, target)!;
}

/** What a change would come to if limits were in force, as the end of a sentence; empty if they are. */
export function unlessInForce({mode, enabled}: Settings): string {
  if (!enabled) return ' once the limit is on';
  return mode === 'observe' ? ' under --mode enforce' : '';
}

/**
 * @param mostOver the most sessions that one user is over the limit by
 * @returns that these end only gradually; null if a sign-in is enough, or if nothing is enforced
 */
export function drainText(settings: Pick<Settings, 'enabled' | 'mode' | 'strategy'>, mostOver: number): string | null {
  if (mostOver <= MOST_AT_SIGN_IN || !inForce(settings)) return null;
  const signIn = settings.strategy === 'dequeue' ? `a sign-in ends at most ${MOST_AT_SIGN_IN}, and ` : '';
  return `One user is over the limit by ${count(mostOver, 'session')}. They end gradually: ${signIn}a refresh ends only its own session.`;
}

/** What happens at a sign-in over the limit. */
function limitInWords(settings: Settings): string[] {
  const {strategy, eviction_order: order, max_sessions: max} = settings;
  const most = `At most ${max.toLocaleString('en-US')} session${max === 1 ? '' : 's'} per user`;
  if (strategy === 'dequeue')
    return [`${most}; a sign-in over the limit ends ${SETTINGS.eviction_order.words[order]}.`];
  const how = settings.reject_in_hook ? ' with 403 and a message, through the access token hook' : '';
  return [
    `${most}; a sign-in over the limit is refused${how}.`,
    settings.reject_ignores_idle === null
      ? 'Every session counts, however long it has been unused.'
      : `Sessions unused for ${spanWords(settings.reject_ignores_idle)} do not count.`,
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
  if (pending !== null) lines.push(`Sessions without their second factor end after ${spanWords(pending)}.`);
  return lines;
}

/** What else is not at its default. */
function restInWords(settings: Settings): string[] {
  const lines: string[] = [];
  if (settings.oauth_clients === 'separate') lines.push('Each OAuth client has a limit of its own.');
  if (settings.oauth_clients === 'together') lines.push('Sessions of OAuth clients count like any other session.');
  if (settings.record_device_changes) lines.push('A refresh from another device is recorded.');
  if (!settings.record_events) lines.push('No history is kept.');
  else if (settings.events_retention !== DEFAULT_SETTINGS.events_retention)
    lines.push(`The history is kept for ${spanWords(settings.events_retention)}.`);
  return lines;
}

/** The settings as short sentences without colours: first whether anything is enforced, then limit and deadlines, then what else is not at its default. */
export function settingsInWords(settings: Settings): string[] {
  const state = !settings.enabled
    ? ['LIMITS ARE OFF: no limit and no deadline is enforced.']
    : settings.mode === 'observe'
      ? ['OBSERVE MODE: nothing is enforced.']
      : [];
  return [...state, ...limitInWords(settings), ...deadlinesInWords(settings), ...restInWords(settings)];
}

/** Which settings to show. */
export interface ShownSettings {
  /** As they were; null if there is nothing to compare with. */
  before: Settings | null;
  /** Those that change, shown as before -> after. */
  changed: SettingName[];
  /** Those that somebody has named: shown even at their default. */
  named: SettingName[];
  all: boolean;
}

const ALWAYS_SHOWN: ReadonlySet<SettingName> = new Set(['enabled', 'max_sessions', 'strategy', 'eviction_order']);

function atDefault(settings: Settings): SettingName[] {
  const own = changedSettings(DEFAULT_SETTINGS, settings);
  return SETTING_NAMES.filter((name) => !ALWAYS_SHOWN.has(name) && !own.includes(name));
}

/** @returns how many settings only --all shows */
export function leftOut(settings: Settings): number {
  return atDefault(settings).length;
}

/** @returns a line for each setting, under the heading of its group */
export function settingsText(after: Settings, {before, changed, named, all}: ShownSettings): string {
  const dull = atDefault(after).filter((name) => !changed.includes(name) && !named.includes(name));
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
