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

/** Beside the summary, the group that the help shows a setting in. */
interface Described {
  summary: string;
  helpGroup?: string;
}

function integerFlag(setting: IntegerSetting, described: Described) {
  return Flags.integer({...described, min: 1, max: setting.largest, helpValue: '<n>'});
}

function choiceFlag(setting: ChoiceSetting<string>, described: Described) {
  return Flags.string({...described, options: choicesOf(setting).map(spelled)});
}

/** For other commands, among their own flags. */
export const maxFlag = integerFlag(SETTINGS.max_sessions, {summary: SETTINGS.max_sessions.summary});
export const strategyFlag = choiceFlag(SETTINGS.strategy, {summary: SETTINGS.strategy.summary});

type SettingFlag = Interfaces.FlagInput[string];

/** The flags of a setting; one that is switched on and off by names of their own has two. */
function flagsOf(setting: Setting): Array<[string, SettingFlag]> {
  const {flag, summary, group} = setting;
  const described = {summary, helpGroup: (SETTING_GROUPS[group] ?? 'limit').toUpperCase()};
  switch (setting.kind) {
    case 'boolean': {
      const {opposite} = setting;
      if (opposite === undefined) return [[flag, Flags.boolean({...described, allowNo: true})]];
      return [
        [flag, Flags.boolean({...described, default: false, exclusive: [opposite.flag]})],
        [opposite.flag, Flags.boolean({...described, default: false, summary: opposite.summary})],
      ];
    }

    case 'choice': {
      return [[flag, choiceFlag(setting, described)]];
    }

    case 'integer': {
      return [[flag, integerFlag(setting, described)]];
    }

    case 'span': {
      return [[flag, Flags.string({...described, helpValue: `<${setting.example}>`})]];
    }

    case 'spanOrOff': {
      return [[flag, Flags.string({...described, helpValue: `<${setting.example}|${OFF}>`})]];
    }

    case 'text': {
      return [[flag, Flags.string({...described, helpValue: '<text>'})]];
    }
  }
}

/** A flag for every setting. */
export const settingFlags: Record<string, SettingFlag> = Object.fromEntries(
  SETTING_NAMES.flatMap((name) => flagsOf(settingOf(name))),
);
