import type {Interfaces} from '@oclif/core';
import * as Flags from '@oclif/core/flags';
import {OFF} from '../../database/spans.js';
import {
  type Setting,
  SETTING_GROUPS,
  type IntegerSetting,
  type ChoiceSetting,
  choicesOf,
  spelled,
  SETTINGS,
  SETTING_NAMES,
  settingOf,
} from './catalogue.js';

/** Beside a summary, the heading of the settings that a setting belongs to. */
function described({summary, group}: Setting): {summary: string; helpGroup?: string} {
  const heading = SETTING_GROUPS[group];
  return {summary, ...(heading === null ? {} : {helpGroup: heading.toUpperCase()})};
}
function integerFlag(setting: IntegerSetting) {
  return Flags.integer({...described(setting), min: 1, max: setting.largest, helpValue: '<n>'});
}
function choiceFlag(setting: ChoiceSetting<string>) {
  return Flags.string({...described(setting), options: choicesOf(setting).map(spelled)});
}

export const maxFlag = integerFlag(SETTINGS.max_sessions);
export const strategyFlag = choiceFlag(SETTINGS.strategy);
type SettingFlag = Interfaces.FlagInput[string];
/** The flags of a setting; one that is switched on and off by names of their own has two. */
function flagsOf(setting: Setting): Array<[string, SettingFlag]> {
  const {flag} = setting;
  switch (setting.kind) {
    case 'boolean': {
      const {opposite} = setting;
      if (opposite === undefined) return [[flag, Flags.boolean({...described(setting), allowNo: true})]];
      return [
        [flag, Flags.boolean({...described(setting), default: false, exclusive: [opposite.flag]})],
        [opposite.flag, Flags.boolean({...described(setting), default: false, summary: opposite.summary})],
      ];
    }

    case 'choice': {
      return [[flag, choiceFlag(setting)]];
    }

    case 'integer': {
      return [[flag, integerFlag(setting)]];
    }

    case 'span': {
      return [[flag, Flags.string({...described(setting), helpValue: `<${setting.example}>`})]];
    }

    case 'spanOrOff': {
      return [[flag, Flags.string({...described(setting), helpValue: `<${setting.example}|${OFF}>`})]];
    }

    case 'text': {
      return [[flag, Flags.string({...described(setting), helpValue: '<text>'})]];
    }
  }
}
/** A flag for every setting. */

export const settingFlags: Record<string, SettingFlag> = Object.fromEntries(
  SETTING_NAMES.flatMap((name) => flagsOf(settingOf(name))),
);
