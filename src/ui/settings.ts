import chalk from 'chalk';

import {readInterval} from '../core/spans.js';
import {SETTING_NAMES, settingOf, SETTINGS} from '../core/settings.js';
import {DEFAULT_SETTINGS, type SettingName, type Settings} from '../types.js';

/**
 * @param text a span as Postgres prints it
 * @returns it in words, exactly: "12 hours", "8 hours 30 minutes", "7 days"; where it cannot be read, the text
 */
export function spanWords(text: string): string {
  const span = readInterval(text);
  if (span === null) return text;
  // 36:00:00 is a day and a half to everybody but Postgres.
  const {years, months, minutes, seconds} = span;
  const days = span.days + Math.floor(span.hours / 24);
  const units = {year: years, month: months, day: days, hour: span.hours % 24, minute: minutes, second: seconds};
  return Object.entries(units)
    .filter(([, number]) => number > 0)
    .map(([unit, number]) => `${number} ${unit}${number === 1 ? '' : 's'}`)
    .join(' ');
}

/** @returns a value of a setting in words */
function settingValue<Name extends SettingName>(name: Name, value: Settings[Name]): string {
  const setting = settingOf(name);
  const text = String(value);
  switch (setting.kind) {
    case 'boolean': {
      return value === true ? setting.words.on : setting.words.off;
    }

    case 'choice': {
      return setting.words[text] ?? text;
    }

    case 'spanOrOff': {
      return value === null ? setting.off : setting.words(spanWords(text));
    }

    case 'span': {
      return setting.words(spanWords(text));
    }

    case 'integer': {
      return text;
    }

    case 'text': {
      return JSON.stringify(text);
    }
  }
}

/** What a sign-in above the limit comes to. */
function limitInWords(settings: Settings): string[] {
  const {strategy, eviction_order: order, max_sessions: max, enforce_on_refresh: atRefresh} = settings;
  const most = `At most ${max.toLocaleString('en-US')} session${max === 1 ? '' : 's'} per user`;
  const first = SETTINGS.eviction_order.words[order];
  const lines =
    strategy === 'dequeue'
      ? [`${most}; a sign-in above that ends ${first}.`]
      : [
          `${most}; a sign-in above that is refused${settings.reject_in_hook ? ' with 403 and a message, through the access token hook' : ''}.`,
          ...(settings.reject_ignores_idle === null
            ? ['Sessions count however long they have not been used.']
            : [`Sessions unused for ${spanWords(settings.reject_ignores_idle)} do not count, and make room.`]),
          ...(settings.recovery_makes_room ? [`Recovery and magic links are let in, and end ${first}.`] : []),
        ];
  if (!atRefresh) lines.push('The limit is checked at sign-in only: existing sessions above it go on.');
  return lines;
}

/** When sessions end by themselves. */
function deadlinesInWords(settings: Settings): string[] {
  const {timebox, inactivity_timeout: inactivity, low_aal_timeout: pending} = settings;
  const ends = [
    ...(timebox === null ? [] : [spanWords(timebox)]),
    ...(inactivity === null ? [] : [`${spanWords(inactivity)} without use`]),
  ];
  const lines = ends.length === 0 ? [] : [`Sessions end after ${ends.join(', or ')}.`];
  if (pending === null) lines.push('Sessions that miss their second factor have no deadline of their own.');
  else if (pending !== DEFAULT_SETTINGS.low_aal_timeout)
    lines.push(`Sessions that miss their second factor end after ${spanWords(pending)}.`);
  if (settings.count_pending_mfa) lines.push('Sessions that miss their second factor count like any other.');
  return lines;
}

/** What else is not as a fresh installation has it. */
function restInWords(settings: Settings): string[] {
  const lines: string[] = [];
  if (settings.oauth_clients === 'separate') lines.push('Each OAuth client has a limit of its own.');
  if (settings.oauth_clients === 'together') lines.push('Sessions of OAuth clients count like any other.');
  if (settings.on_error === 'refuse') lines.push('Where supasession itself fails, nobody signs in.');
  if (!settings.block_revoked) lines.push('Users whose access is revoked are NOT stopped.');
  const changes = [
    ...(settings.end_on_password_change ? ['a changed password'] : []),
    ...(settings.end_on_ban ? ['a ban'] : []),
    ...(settings.end_on_delete ? ['a soft deletion'] : []),
  ];
  if (changes.length > 0) {
    const last = changes.pop()!;
    const all = changes.length === 0 ? last : `${changes.join(', ')} or ${last}`;
    lines.push(`${all.charAt(0).toUpperCase()}${all.slice(1)} ends the sessions of that user, also from SQL.`);
  }

  if (settings.on_device_change === 'record') lines.push('A session that changes its device is written down.');
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

/** @returns the settings, a line each; changed ones as before -> after */
export function settingsText(before: Settings | null, after: Settings, changed: SettingName[]): string {
  const shown = (name: SettingName, settings: Settings) => {
    const words = settingValue(name, settings[name]);
    return name === 'enabled' ? (settings.enabled ? chalk.green(words) : chalk.yellow(words)) : words;
  };
  return SETTING_NAMES.filter((name) => SETTINGS[name].group === 'limit')
    .map((name) => {
      const value = shown(name, after);
      const line =
        changed.includes(name) && before !== null
          ? `${chalk.dim(shown(name, before))} ${chalk.cyan('->')} ${chalk.bold(value)}`
          : value;
      return `  ${SETTINGS[name].label.padEnd(20)}${line}`;
    })
    .join('\n');
}
