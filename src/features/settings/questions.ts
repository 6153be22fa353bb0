import {typedValue} from './changes.js';
import {
  choicesOf,
  SETTING_NAMES,
  settingOf,
  SETTINGS,
  settingWords,
  spelled,
  type ChoiceSetting,
  type IntegerSetting,
  type Setting,
} from './catalogue.js';
import {OFF} from '../../database/spans.js';
import type {SettingName, Settings} from '../../types.js';
import type {Asker} from '../../cli/asker.js';

/** Understands a setting that is typed as text. Throws SETTING_INVALID. */
export type ReadSetting = (name: SettingName, text: string) => Promise<string | null>;

/** What to type instead of answering. */
function flagHint(setting: Setting): string {
  const {flag} = setting;
  switch (setting.kind) {
    case 'boolean': {
      return setting.opposite === undefined ? `--[no-]${flag}` : `--${flag} or --${setting.opposite.flag}`;
    }

    case 'choice': {
      return `--${flag} <${choicesOf(setting).map(spelled).join('|')}>`;
    }

    case 'integer': {
      return `--${flag} <n>`;
    }

    case 'span':
    case 'spanOrOff':
    case 'text': {
      return `--${flag} <${setting.kind === 'text' ? 'text' : setting.example}>`;
    }
  }
}

/**
 * @param ask where answers come from
 * @param setting a setting that is one of a few
 * @param present its present value, the default
 * @returns the answer
 */
export async function askChoice<Value extends string>(
  ask: Asker,
  setting: ChoiceSetting<Value>,
  present: Value,
): Promise<Value> {
  return ask.choose<Value>({
    flag: flagHint(setting),
    message: setting.question,
    choices: choicesOf(setting).map((value) => ({value, name: setting.words[value]})),
    default: present,
  });
}

/**
 * @param ask where answers come from
 * @param setting a setting that is a whole number
 * @param present its present value, the default
 * @returns the answer
 */
export async function askInteger(ask: Asker, setting: IntegerSetting, present: number): Promise<number> {
  return ask.positiveInteger({flag: flagHint(setting), message: setting.question, default: present});
}

async function askSetting(
  ask: Asker,
  name: SettingName,
  settings: Settings,
  read: ReadSetting,
): Promise<Settings[SettingName]> {
  const setting = settingOf(name);
  const present = settings[name];
  switch (setting.kind) {
    case 'boolean': {
      return ask.confirm({flag: flagHint(setting), message: setting.question, default: present === true});
    }

    case 'choice': {
      return askChoice(ask, setting, String(present));
    }

    case 'integer': {
      return askInteger(ask, setting, Number(present));
    }

    case 'span':
    case 'spanOrOff':
    case 'text': {
      const like =
        setting.kind === 'text' ? '' : ` (like ${setting.example}${setting.kind === 'span' ? '' : `, or ${OFF}`})`;
      return ask.text({
        flag: flagHint(setting),
        message: `${setting.question}${like}`,
        default: typedValue(name, present) ?? '',
        read: async (text) => read(name, text),
      });
    }
  }
}

/** The settings that are asked about one by one; all others are in the menu. */
const isBasic = (name: SettingName) => SETTINGS[name].group === 'limit';

/**
 * Offers to change the settings: one question for each of the limit, and a menu of all others, with the present values as defaults.
 * @param ask where answers come from; must be interactive
 * @param settings the settings as they are
 * @param read understands what is typed as text
 * @returns the answers, empty where nothing is to be changed
 */
export async function askConfig(ask: Asker, settings: Settings, read: ReadSetting): Promise<Partial<Settings>> {
  if (!(await ask.confirm({flag: '--max <n>', message: 'Change them?', default: false}))) return {};
  let answered = settings;
  const change = async (name: SettingName) => {
    answered = {...answered, [name]: await askSetting(ask, name, answered, read)};
  };
  for (const name of SETTING_NAMES.filter(isBasic)) await change(name);
  if (await ask.confirm({flag: '--help', message: 'Change other settings?', default: false})) {
    for (let name = await askWhich(ask, answered); name !== DONE; name = await askWhich(ask, answered))
      await change(name);
  }

  return answered;
}

const DONE = 'done';

async function askWhich(ask: Asker, settings: Settings): Promise<SettingName | typeof DONE> {
  const others = SETTING_NAMES.filter((name) => !isBasic(name));
  return ask.choose<SettingName | typeof DONE>({
    flag: '--help',
    message: 'Which one?',
    choices: [
      {value: DONE, name: 'Done'},
      ...others.map((name) => ({
        value: name,
        name: `${SETTINGS[name].label.padEnd(20)}${settingWords(name, settings[name])}`,
      })),
    ],
    default: DONE,
  });
}
