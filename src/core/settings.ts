import type {Impact} from '../db/queries.js';
import type {SettingName, Settings} from '../types.js';

/** The flag of `supasession config` that brings a setting to a value. */
export function settingFlag<Name extends SettingName>(name: Name, value: Settings[Name]): string {
  switch (name) {
    case 'enabled': {
      return value === true ? '--enable' : '--disable';
    }

    case 'max_sessions': {
      return `--max ${value}`;
    }

    case 'strategy': {
      return `--strategy ${value}`;
    }

    case 'eviction_order': {
      return `--order ${String(value).replaceAll('_', '-')}`;
    }

    case 'enforce_on_refresh': {
      return value === true ? '--enforce-on-refresh' : '--no-enforce-on-refresh';
    }

    default: {
      throw new TypeError(`no flag for setting ${name}`);
    }
  }
}

/**
 * @param before settings as they are
 * @param changes settings that were asked for
 * @returns the names of those that would really change
 */
export function changedSettings(before: Settings, changes: Partial<Settings>): SettingName[] {
  return (Object.keys(changes) as SettingName[]).filter(
    (name) => changes[name] !== undefined && changes[name] !== before[name],
  );
}

/**
 * @param settings settings
 * @returns the flags of `supasession config` that bring them about, one for each
 */
export function settingFlags(settings: Partial<Settings>): string[] {
  const names = Object.keys(settings) as SettingName[];
  return names.flatMap((name) => {
    const value = settings[name];
    return value === undefined ? [] : [settingFlag(name, value)];
  });
}

/**
 * @param before settings to go back to
 * @param changed names of the settings that were changed
 * @returns the flags of `supasession config` that undo the change
 */
export function undoFlags(before: Settings, changed: SettingName[]): string {
  return changed.map((name) => settingFlag(name, before[name])).join(' ');
}

/**
 * Whether a change makes sessions end that would otherwise go on, now or at their next refresh.
 * @param before settings as they are
 * @param after settings as they will be
 * @param impact who is over the new limit
 * @returns true where that has to be confirmed by name on a target that is not local
 */
export function endsSessions(before: Settings, after: Settings, impact: Impact): boolean {
  if (!after.enabled || after.mode === 'observe' || impact.overLimit.sessions === 0) return false;
  const same =
    before.enabled &&
    before.max_sessions <= after.max_sessions &&
    before.strategy === after.strategy &&
    before.enforce_on_refresh === after.enforce_on_refresh;
  if (same) return false;
  // Under reject a sign-in ends nothing: only a refresh does.
  return after.strategy === 'dequeue' || after.enforce_on_refresh;
}
