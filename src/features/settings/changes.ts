import type {Queryable} from '../../database/connection.js';
import {shellWord, SupasessionError} from '../../errors.js';
import type {SettingName, Settings} from '../../types.js';
import {choiceOf, SETTING_NAMES, settingOf, spelled} from './catalogue.js';
import {OFF, parseSpan, parseSpanOrOff, spanSeconds, typedSpan} from '../../database/spans.js';

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

/** The flag of `supasession config` that sets a value, quoted for a shell. */
export function settingFlag<Name extends SettingName>(name: Name, value: Settings[Name]): string {
  const setting = settingOf(name);
  const typed = typedValue(name, value);
  if (typed !== undefined) {
    // A value that begins with a hyphen would be read as a flag.
    return `--${setting.flag}${typed.startsWith('-') ? '=' : ' '}${shellWord(typed)}`;
  }

  if (value === true) return `--${setting.flag}`;
  return setting.kind === 'boolean' && setting.opposite !== undefined
    ? `--${setting.opposite.flag}`
    : `--no-${setting.flag}`;
}

export function settingFlags(settings: Partial<Settings>): string[] {
  return SETTING_NAMES.flatMap((name) => {
    const value = settings[name];
    return value === undefined ? [] : [settingFlag(name, value)];
  });
}

/** How to undo a change. */
export interface Undo {
  /** Flags of `supasession config`. */
  flags: string[];
  /** Settings that were set in SQL and are too short for the flags. */
  refused: SettingName[];
}

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

/** Compares spans of time by their length. */
export function changedSettings(before: Settings, changes: Partial<Settings>): SettingName[] {
  return SETTING_NAMES.filter((name) => {
    const value = changes[name];
    return value !== undefined && !same(name, value, before[name]);
  });
}

/**
 * Parses a setting that is typed as text: a span of time or a message.
 * @param source names the input in messages; the flag of the setting by default
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
 * Reads settings from the parsed flags of `config`, and ignores other flags.
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
