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

/** Parses a setting that is typed as text. Throws SETTING_INVALID. */
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

const DONE = 'done';

/** The menu of all settings, with the value that each has so far. */
async function askWhich(ask: Asker, settings: Settings, first: boolean): Promise<SettingName | typeof DONE> {
  return ask.choose<SettingName | typeof DONE>({
    flag: '--<setting> <value>',
    message: first ? 'Which setting do you want to change?' : 'Which other one?',
    choices: [
      {value: DONE, name: first ? 'None: leave them as they are' : 'Done'},
      ...SETTING_NAMES.map((name) => ({
        value: name,
        name: `${SETTINGS[name].label.padEnd(20)}${settingWords(name, settings[name])}`,
      })),
    ],
    default: DONE,
  });
}

/**
 * Offers to change settings, one at a time, from a menu that comes back until the answer is "Done".
 * @returns the answers; empty if nothing was chosen
 */
export async function askConfig(ask: Asker, settings: Settings, read: ReadSetting): Promise<Partial<Settings>> {
  let answers: Partial<Settings> = {};
  let name = await askWhich(ask, settings, true);
  while (name !== DONE) {
    const so = {...settings, ...answers};
    answers = {...answers, [name]: await askSetting(ask, name, so, read)};
    name = await askWhich(ask, {...settings, ...answers}, false);
  }

  return answers;
}
