import type {SettingName, Settings} from '../../types.js';
import {spanWords} from '../../database/spans.js';

/** What every setting has. Every list of settings is made from these. */
interface SettingBase {
  /** The flag of `config`, without its dashes. */
  flag: string;
  /** Names it on the screen; 19 characters at most. */
  label: string;
  group: SettingGroup;
  /** For the help of the flag. */
  summary: string;
  /** Asked on a terminal. */
  question: string;
}

interface BooleanSetting extends SettingBase {
  kind: 'boolean';
  words: {on: string; off: string};
  /** The flag that switches it off, if that is not `--no-<flag>`. */
  opposite?: {flag: string; summary: string};
}

export interface ChoiceSetting<Value extends string> extends SettingBase {
  kind: 'choice';
  words: Readonly<Record<Value, string>>;
}

export interface IntegerSetting extends SettingBase {
  kind: 'integer';
  largest: number;
}

interface SpanSetting extends SettingBase {
  kind: 'span';
  /** In seconds. Anything shorter is a slip of the unit. */
  shortest: number;
  /** A value, for the help. */
  example: string;
  words: (span: string) => string;
}

interface SpanOrOffSetting extends Omit<SpanSetting, 'kind'> {
  kind: 'spanOrOff';
  off: string;
}

interface TextSetting extends SettingBase {
  kind: 'text';
}

export type Setting =
  BooleanSetting | ChoiceSetting<string> | IntegerSetting | SpanSetting | SpanOrOffSetting | TextSetting;

/** What a column of this type may be described as. */
type SettingOf<Value> = [Value] extends [boolean]
  ? BooleanSetting
  : [Value] extends [number]
    ? IntegerSetting
    : null extends Value
      ? SpanOrOffSetting
      : [Value] extends [string]
        ? string extends Value
          ? SpanSetting | TextSetting
          : ChoiceSetting<Value>
        : never;

/** Settings that belong together, by the heading that the help and the screen give them; `limit` has none. */
export const SETTING_GROUPS = {limit: null, deadlines: 'Deadlines', refusals: 'Refusals', history: 'History'} as const;
export type SettingGroup = keyof typeof SETTING_GROUPS;

/** Largest value of the column, an integer of Postgres. */
const LARGEST_INTEGER = 2_147_483_647;
const MINUTE = 60;
const DAY = 86_400;

/** Every setting, by its column, in the order in which they are shown. */
export const SETTINGS = {
  enabled: {
    kind: 'boolean',
    flag: 'enable',
    label: 'Limit',
    group: 'limit',
    words: {on: 'ON', off: 'OFF'},
    summary: 'Switch the limit on.',
    opposite: {flag: 'disable', summary: 'Switch the limit off.'},
    question: 'Switch the limit on?',
  },
  max_sessions: {
    kind: 'integer',
    flag: 'max',
    label: 'Sessions per user',
    group: 'limit',
    largest: LARGEST_INTEGER,
    summary: 'Most live sessions per user.',
    question: 'How many sessions (devices) may a user have?',
  },
  strategy: {
    kind: 'choice',
    flag: 'strategy',
    label: 'Over the limit',
    group: 'limit',
    words: {dequeue: 'dequeue: the oldest session is signed out', reject: 'reject: the new sign-in is refused'},
    summary: 'What happens over the limit.',
    question: 'What happens at a sign-in over the limit?',
  },
  eviction_order: {
    kind: 'choice',
    flag: 'order',
    label: 'Signed out first',
    group: 'limit',
    words: {oldest: 'the oldest', least_recently_used: 'the least recently used'},
    summary: 'Which session is signed out first.',
    question: 'Which session is signed out first?',
  },
  mode: {
    kind: 'choice',
    flag: 'mode',
    label: 'Mode',
    group: 'limit',
    words: {enforce: 'enforce', observe: 'observe: nothing is enforced, only recorded'},
    summary: 'Enforce, or only record.',
    question: 'Enforce limits and deadlines, or only record what would happen?',
  },
  oauth_clients: {
    kind: 'choice',
    flag: 'oauth-clients',
    label: 'OAuth clients',
    group: 'limit',
    words: {
      ignore: 'no limit',
      separate: 'a limit for each client',
      together: 'count like any other session',
    },
    summary: 'How sessions of OAuth clients count.',
    question: 'How do sessions of OAuth clients count?',
  },
  timebox: {
    kind: 'spanOrOff',
    flag: 'timebox',
    label: 'Timebox',
    group: 'deadlines',
    shortest: MINUTE,
    example: '12h',
    words: (span) => `${span} after the sign-in`,
    off: 'none',
    summary: 'Longest life of a session, from its sign-in.',
    question: 'How long may a session last, however it is used?',
  },
  inactivity_timeout: {
    kind: 'spanOrOff',
    flag: 'inactivity',
    label: 'Inactivity timeout',
    group: 'deadlines',
    shortest: MINUTE,
    example: '2h',
    words: (span) => `${span} without use`,
    off: 'none',
    summary: 'Longest time unused; must exceed jwt_expiry.',
    question: 'How long may a session go unused?',
  },
  low_aal_timeout: {
    kind: 'spanOrOff',
    flag: 'low-aal-timeout',
    label: 'No second factor',
    group: 'deadlines',
    shortest: MINUTE,
    example: '15m',
    words: (span) => `${span} after the sign-in`,
    off: 'no deadline',
    summary: 'Longest life without the second factor.',
    question: 'How long may a session last without the second factor that its user has?',
  },
  reject_in_hook: {
    kind: 'boolean',
    flag: 'reject-in-hook',
    label: 'Refused by',
    group: 'refusals',
    words: {on: 'the access token hook: 403 and a message', off: 'the database: error 500'},
    summary: 'Refuse with 403 and a message (hook).',
    question: 'Refuse through the access token hook, with 403 and a message?',
  },
  refusal_message: {
    kind: 'text',
    flag: 'refusal-message',
    label: 'Message',
    group: 'refusals',
    summary: 'That message; {limit} is the limit.',
    question: 'Which message does a refused sign-in get ({limit} is the limit)?',
  },
  reject_ignores_idle: {
    kind: 'spanOrOff',
    flag: 'reject-ignores-idle',
    label: 'Idle under reject',
    group: 'refusals',
    shortest: MINUTE,
    example: '7d',
    words: (span) => `not counted after ${span} without use`,
    off: 'every session counts',
    summary: 'Ignore sessions unused for so long.',
    question: 'Under reject: after how long without use does a session stop counting?',
  },
  record_device_changes: {
    kind: 'boolean',
    flag: 'record-device-changes',
    label: 'Device changes',
    group: 'history',
    words: {on: 'recorded', off: 'not recorded'},
    summary: 'Record refreshes from another device.',
    question: 'Record refreshes from another device?',
  },
  record_events: {
    kind: 'boolean',
    flag: 'record-events',
    label: 'History',
    group: 'history',
    words: {on: 'kept', off: 'not kept'},
    summary: 'Keep a history (supasession.events).',
    question: 'Keep a history of what is done?',
  },
  events_retention: {
    kind: 'span',
    flag: 'events-retention',
    label: 'History kept for',
    group: 'history',
    shortest: DAY,
    example: '30d',
    words: (span) => span,
    summary: 'How long the history is kept.',
    question: 'How long is the history kept?',
  },
} as const satisfies {[Name in SettingName]: SettingOf<Settings[Name]>};

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export function settingOf(name: SettingName): Setting {
  return SETTINGS[name];
}

export function choicesOf<Value extends string>(choice: Pick<ChoiceSetting<Value>, 'words'>): Value[] {
  return Object.keys(choice.words) as Value[];
}

/** @returns a value as flags spell it: least-recently-used */
export function spelled(value: string): string {
  return value.replaceAll('_', '-');
}

/** @returns the value that a flag spells so; undefined if there is none */
export function choiceOf<Value extends string>(
  choice: Pick<ChoiceSetting<Value>, 'words'>,
  text: string | undefined,
): Value | undefined {
  return choicesOf(choice).find((value) => spelled(value) === text);
}

/**
 * @param options exact: add to a span how Postgres prints it
 * @returns the value in words, without colours
 */
export function settingWords<Name extends SettingName>(
  name: Name,
  value: Settings[Name],
  options: {exact?: boolean} = {},
): string {
  const setting = settingOf(name);
  const text = String(value);
  switch (setting.kind) {
    case 'boolean': {
      return value === true ? setting.words.on : setting.words.off;
    }

    case 'choice': {
      return setting.words[text] ?? text;
    }

    case 'span':
    case 'spanOrOff': {
      if (setting.kind === 'spanOrOff' && value === null) return setting.off;
      const words = spanWords(text);
      return setting.words(options.exact && words !== text ? `${words} (${text})` : words);
    }

    case 'integer': {
      return text;
    }

    case 'text': {
      return JSON.stringify(text);
    }
  }
}
