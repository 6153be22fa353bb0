import {changedSettings, endsSessions, settingFlag, settingFlags, undoFlags} from '../../src/core/settings.js';
import {changesFromFlags} from '../../src/prompts/config.js';
import {DEFAULT_SETTINGS, type Settings} from '../../src/types.js';

const ON: Settings = {...DEFAULT_SETTINGS, enabled: true, max_sessions: 3};

describe('settings as flags', () => {
  test.each([
    ['enabled', true, '--enable'],
    ['enabled', false, '--disable'],
    ['max_sessions', 3, '--max 3'],
    ['strategy', 'reject', '--strategy reject'],
    ['eviction_order', 'least_recently_used', '--order least-recently-used'],
    ['enforce_on_refresh', true, '--enforce-on-refresh'],
    ['enforce_on_refresh', false, '--no-enforce-on-refresh'],
  ] as const)('%s %s is %s', (name, value, flag) => {
    expect(settingFlag(name, value)).toBe(flag);
    expect(settingFlags({[name]: value})).toEqual([flag]);
  });

  test('and back', () => {
    const none = {
      max: undefined,
      strategy: undefined,
      enable: false,
      disable: false,
      order: undefined,
      'enforce-on-refresh': undefined,
    };
    expect(changesFromFlags(none)).toEqual({});
    expect(
      changesFromFlags({
        ...{max: 3, strategy: 'reject', enable: true, disable: false, order: 'least-recently-used'},
        'enforce-on-refresh': false,
      }),
    ).toEqual({
      enabled: true,
      max_sessions: 3,
      strategy: 'reject',
      eviction_order: 'least_recently_used',
      enforce_on_refresh: false,
    });
    expect(changesFromFlags({...none, disable: true})).toEqual({enabled: false});
  });

  test('undo what was changed, and only that', () => {
    const changes = {enabled: true, max_sessions: 1, strategy: 'reject'} as const;
    const changed = changedSettings(DEFAULT_SETTINGS, changes);
    expect(changed).toEqual(['enabled', 'strategy']);
    expect(undoFlags(DEFAULT_SETTINGS, changed)).toBe('--disable --strategy dequeue');
  });
});

describe('whether a change ends sessions', () => {
  const OVER = {overLimit: {users: 1, sessions: 2}, atLimit: {users: 0}};
  const NONE = {overLimit: {users: 0, sessions: 0}, atLimit: {users: 5}};

  test.each<[string, Settings, Partial<Settings>, boolean]>([
    ['switched on', DEFAULT_SETTINGS, {enabled: true}, true],
    ['lowered', ON, {max_sessions: 2}, true],
    ['raised', ON, {max_sessions: 4}, false],
    ['switched off', ON, {enabled: false}, false],
    ['lowered while off', DEFAULT_SETTINGS, {max_sessions: 1}, false],
    ['refreshes checked as well', {...ON, enforce_on_refresh: false}, {enforce_on_refresh: true}, true],
    ['changed to reject, which ends some at their refresh', ON, {strategy: 'reject'}, true],
    ['changed to reject at sign-in only', {...ON, enforce_on_refresh: false}, {strategy: 'reject'}, false],
  ])('%s', (_, before, changes, expected) => {
    expect(endsSessions(before, {...before, ...changes}, OVER)).toBe(expected);
    expect(endsSessions(before, {...before, ...changes}, NONE)).toBe(false);
  });
});
