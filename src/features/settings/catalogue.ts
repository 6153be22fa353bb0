import type {SettingName, Settings} from '../../types.js';
import {spanWords} from '../../database/spans.js';

/** What every setting has; every other list of settings is made from this one. */
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
  /** The flag that switches it off, where that is not `--no-<flag>`. */
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
  /** In seconds: what is shorter is a slip of the unit. */
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
export const SETTING_GROUPS = {
  limit: null,
  operation: 'Operation',
  deadlines: 'Deadlines',
  refusals: 'Refusals',
  counting: 'What counts',
  history: 'History',
} as const;
export type SettingGroup = keyof typeof SETTING_GROUPS;

/** Largest value of the column, an integer of Postgres. */
const LARGEST_INTEGER = 2_147_483_647;
const MINUTE = 60;
const DAY = 86_400;

/** Every setting there is, by its column, in the order in which they are shown. */
export const SETTINGS = {
  enabled: {
    kind: 'boolean',
    flag: 'enable',
    label: 'Limit',
    group: 'limit',
    words: {on: 'ON', off: 'OFF'},
    summary: 'Switch the limit on.',
    opposite: {flag: 'disable', summary: 'Switch the limit off; sessions that have been ended stay ended.'},
    question: 'Enforce the limit?',
  },
  max_sessions: {
    kind: 'integer',
    flag: 'max',
    label: 'Sessions per user',
    group: 'limit',
    largest: LARGEST_INTEGER,
    summary: 'Most live sessions (devices) a user may have.',
    question: 'How many sessions (devices) may a user have?',
  },
  strategy: {
    kind: 'choice',
    flag: 'strategy',
    label: 'Above the limit',
    group: 'limit',
    words: {dequeue: 'dequeue: the first sessions are ended', reject: 'reject: the new sign-in is refused'},
    summary: 'What a sign-in above that does: end the first sessions, or be refused.',
    question: 'What happens at a sign-in above that?',
  },
  eviction_order: {
    kind: 'choice',
    flag: 'order',
    label: 'Which go first',
    group: 'limit',
    words: {oldest: 'the oldest', least_recently_used: 'the least recently used'},
    summary: 'Which sessions go first.',
    question: 'Which sessions go first?',
  },
  mode: {
    kind: 'choice',
    flag: 'mode',
    label: 'Mode',
    group: 'operation',
    words: {enforce: 'enforce', observe: 'observe: nothing is enforced, only written down'},
    summary: 'Whether limits and deadlines are enforced, or only the history says what would have been.',
    question: 'Enforce, or only write down what would have been?',
  },
  timebox: {
    kind: 'spanOrOff',
    flag: 'timebox',
    label: 'Longest life',
    group: 'deadlines',
    shortest: MINUTE,
    example: '12h',
    words: (span) => `${span} after the sign-in`,
    off: 'no end',
    summary: 'Longest life of a session from its sign-in.',
    question: 'After which time does a session end, however it is used?',
  },
  inactivity_timeout: {
    kind: 'spanOrOff',
    flag: 'inactivity',
    label: 'Unused',
    group: 'deadlines',
    shortest: MINUTE,
    example: '2h',
    words: (span) => `ended after ${span}`,
    off: 'kept',
    summary: 'Longest time between two refreshes of a session; longer than jwt_expiry.',
    question: 'After which time without use does a session end?',
  },
  low_aal_timeout: {
    kind: 'spanOrOff',
    flag: 'low-aal-timeout',
    label: 'No second factor',
    group: 'deadlines',
    shortest: MINUTE,
    example: '15m',
    words: (span) => `ended ${span} after the sign-in`,
    off: 'kept',
    summary: 'Longest life of a session that misses the second factor its user has.',
    question: 'After which time does a session end that misses its second factor?',
  },
  reject_in_hook: {
    kind: 'boolean',
    flag: 'reject-in-hook',
    label: 'Refused by',
    group: 'refusals',
    words: {on: 'the access token hook, with 403 and a message', off: "the database, which is Auth's error 500"},
    summary: 'Leave a refusal to the access token hook, which answers 403 with a message.',
    question: 'Refuse through the access token hook, with 403 and a message?',
  },
  refusal_message: {
    kind: 'text',
    flag: 'refusal-message',
    label: 'Its message',
    group: 'refusals',
    summary: 'The message that a refusal through the hook answers with; {limit} stands for the limit.',
    question: 'Which message does a refused sign-in get ({limit} stands for the limit)?',
  },
  reject_ignores_idle: {
    kind: 'spanOrOff',
    flag: 'reject-ignores-idle',
    label: 'reject ignores',
    group: 'refusals',
    shortest: MINUTE,
    example: '7d',
    words: (span) => `sessions unused for ${span}`,
    off: 'none, however long unused',
    summary: 'Under reject: sessions unused for longer neither count nor protect themselves.',
    question: 'Under reject: after which time without use does a session no longer count?',
  },
  oauth_clients: {
    kind: 'choice',
    flag: 'oauth-clients',
    label: 'OAuth clients',
    group: 'counting',
    words: {
      ignore: 'no limit',
      separate: 'a limit for each client',
      together: 'count like any other',
    },
    summary: 'Sessions of OAuth clients: no limit, a limit for each client, or like any other.',
    question: 'How do sessions of OAuth clients count?',
  },
  record_device_changes: {
    kind: 'boolean',
    flag: 'record-device-changes',
    label: 'Device changes',
    group: 'history',
    words: {on: 'recorded', off: 'not recorded'},
    summary: 'Record in the history when a session is refreshed from another device.',
    question: 'Record it when a session is refreshed from another device?',
  },
  record_events: {
    kind: 'boolean',
    flag: 'record-events',
    label: 'History',
    group: 'history',
    words: {on: 'kept', off: 'not written'},
    summary: 'Write a history of what was done (supasession.events).',
    question: 'Write a history of what is done?',
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

/** Their names, in that order. */
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/**
 * @param name a setting
 * @returns its description, of any kind
 */
export function settingOf(name: SettingName): Setting {
  return SETTINGS[name];
}

/**
 * @param choice a setting that is one of a few
 * @returns its values
 */
export function choicesOf<Value extends string>(choice: Pick<ChoiceSetting<Value>, 'words'>): Value[] {
  return Object.keys(choice.words) as Value[];
}

/** @returns a value as flags spell it: least-recently-used */
export function spelled(value: string): string {
  return value.replaceAll('_', '-');
}

/**
 * @param choice a setting that is one of a few
 * @param text a value as its flag spells it
 * @returns the value; undefined for what is none
 */
export function choiceOf<Value extends string>(
  choice: Pick<ChoiceSetting<Value>, 'words'>,
  text: string | undefined,
): Value | undefined {
  return choicesOf(choice).find((value) => spelled(value) === text);
}

/**
 * @param name a setting
 * @param value a value of it
 * @param options exact: whether spans are followed by what Postgres made of them
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
