import type {Queryable} from '../../database/connection.js';
import {SupasessionError} from '../../errors.js';
import type {SettingName, Settings} from '../../types.js';
import {choiceOf, SETTING_NAMES, settingOf, spelled} from './catalogue.js';
import {OFF, parseSpan, parseSpanOrOff, spanSeconds, typedSpan} from '../../database/spans.js';

/** For a POSIX shell; left alone where it needs no quotes. */
function quoted(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** @returns a value as it is typed, before any quoting; undefined for a flag without a value */
export function typedValue<Name extends SettingName>(name: Name, value: Settings[Name]): string | undefined {
  const text = String(value);
  switch (settingOf(name).kind) {
    case 'boolean': {
      return undefined;
    }

    case 'choice': {
      return spelled(text);
    }

    case 'span':
    case 'spanOrOff': {
      return value === null ? OFF : typedSpan(text);
    }

    case 'integer':
    case 'text': {
      return text;
    }
  }
}

/** The flag of `supasession config` that brings a setting to a value, to be typed into a shell as it is. */
export function settingFlag<Name extends SettingName>(name: Name, value: Settings[Name]): string {
  const setting = settingOf(name);
  const typed = typedValue(name, value);
  if (typed !== undefined) {
    // What begins with a hyphen would be read as another flag.
    return `--${setting.flag}${typed.startsWith('-') ? '=' : ' '}${quoted(typed)}`;
  }

  if (value === true) return `--${setting.flag}`;
  return setting.kind === 'boolean' && setting.opposite !== undefined
    ? `--${setting.opposite.flag}`
    : `--no-${setting.flag}`;
}

/**
 * @param settings settings
 * @returns the flags of `supasession config` that bring them about, one for each
 */
export function settingFlags(settings: Partial<Settings>): string[] {
  return SETTING_NAMES.flatMap((name) => {
    const value = settings[name];
    return value === undefined ? [] : [settingFlag(name, value)];
  });
}

/** How a change is taken back. */
export interface Undo {
  /** Flags of `supasession config`. */
  flags: string[];
  /** Settings that the flags refuse to go back to, because they are too short: somebody has set them in SQL. */
  refused: SettingName[];
}

/**
 * @param before settings to go back to
 * @param changed names of the settings that were changed
 * @returns what undoes the change
 */
export function undoOf(before: Settings, changed: SettingName[]): Undo {
  const refused = changed.filter((name) => {
    const setting = settingOf(name);
    const seconds = 'shortest' in setting ? spanSeconds(String(before[name])) : null;
    return 'shortest' in setting && seconds !== null && seconds < setting.shortest;
  });
  const flags = changed.filter((name) => !refused.includes(name)).map((name) => settingFlag(name, before[name]));
  return {flags, refused};
}

/** Whether two values mean the same: 24:00:00 is 1 day. */
function same<Name extends SettingName>(name: Name, one: Settings[Name], other: Settings[Name]): boolean {
  if (one === other) return true;
  if (one === null || other === null || !('shortest' in settingOf(name))) return false;
  const seconds = spanSeconds(String(one));
  return seconds !== null && seconds === spanSeconds(String(other));
}

/**
 * @param before settings as they are
 * @param changes settings that were asked for
 * @returns the names of those that would really change; spans of time are compared by their length
 */
export function changedSettings(before: Settings, changes: Partial<Settings>): SettingName[] {
  return SETTING_NAMES.filter((name) => {
    const value = changes[name];
    return value !== undefined && !same(name, value, before[name]);
  });
}

/**
 * Understands a setting that is typed as text: a span of time or a message.
 * @param db an open connection
 * @param name the setting
 * @param text what was typed
 * @param source where that was, for messages; its flag by default
 * @returns the value as the column has it
 * @throws SupasessionError SETTING_INVALID
 */
export async function readSetting(
  db: Queryable,
  name: SettingName,
  text: string,
  source = `--${settingOf(name).flag}`,
): Promise<string | null> {
  const setting = settingOf(name);
  switch (setting.kind) {
    case 'span': {
      return (await parseSpan(db, source, text, setting)).text;
    }

    case 'spanOrOff': {
      return (await parseSpanOrOff(db, source, text, setting))?.text ?? null;
    }

    default: {
      if (text.trim() !== '') return text;
      throw new SupasessionError('SETTING_INVALID', `${source}: the text is empty.`, {
        suggestions: [`Give a text: ${source} "…"`],
      });
    }
  }
}

async function fromFlag(
  db: Queryable,
  name: SettingName,
  flags: Record<string, unknown>,
): Promise<Settings[SettingName] | undefined> {
  const setting = settingOf(name);
  const given = flags[setting.flag];
  if (setting.kind === 'boolean' && setting.opposite !== undefined) {
    if (flags[setting.opposite.flag] === true) return false;
    return given === true ? true : undefined;
  }

  if (typeof given === 'number' || typeof given === 'boolean') return given;
  if (typeof given !== 'string') return undefined;
  return setting.kind === 'choice' ? choiceOf(setting, given) : readSetting(db, name, given);
}

/**
 * @param db an open connection, which reads spans of time
 * @param flags the flags of `config` as parsed; those that are no setting are passed over
 * @returns the settings that they ask for
 * @throws SupasessionError SETTING_INVALID
 */
export async function changesFromFlags(db: Queryable, flags: Record<string, unknown>): Promise<Partial<Settings>> {
  const changes: [SettingName, Settings[SettingName]][] = [];
  for (const name of SETTING_NAMES) {
    const value = await fromFlag(db, name, flags);
    if (value !== undefined) changes.push([name, value]);
  }

  return Object.fromEntries(changes);
}
