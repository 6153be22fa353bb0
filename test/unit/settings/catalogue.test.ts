import {changedSettings, settingFlag, settingFlags, undoOf} from '../../../src/features/settings/changes.js';
import {consequences, signsOutAll, type Consequence} from '../../../src/features/settings/consequences.js';
import {SETTING_NAMES, SETTINGS} from '../../../src/features/settings/catalogue.js';
import {NO_IMPACT, type ImpactReport} from '../../../src/features/settings/verdicts.js';
import {DEFAULT_SETTINGS, type Settings} from '../../../src/types.js';

const ON: Settings = {...DEFAULT_SETTINGS, enabled: true, max_sessions: 3};

test('the table has every setting once, with flags and labels of their own that fit', () => {
  expect([...SETTING_NAMES].sort()).toEqual(Object.keys(DEFAULT_SETTINGS).sort());
  const all = Object.values(SETTINGS);
  expect(new Set(all.map(({flag}) => flag)).size).toBe(all.length);
  expect(new Set(all.map(({label}) => label)).size).toBe(all.length);
  expect(all.filter(({label}) => label.length > 19)).toEqual([]);
});

describe('settings as flags', () => {
  test.each<[Partial<Settings>, string]>([
    [{enabled: true}, '--enable'],
    [{enabled: false}, '--disable'],
    [{max_sessions: 3}, '--max 3'],
    [{strategy: 'reject'}, '--strategy reject'],
    [{eviction_order: 'least_recently_used'}, '--order least-recently-used'],
    [{record_device_changes: true}, '--record-device-changes'],
    [{record_device_changes: false}, '--no-record-device-changes'],
    [{timebox: null}, '--timebox off'],
    [{timebox: '12:00:00'}, '--timebox 12h'],
    [{timebox: '1 day 08:30:15'}, '--timebox 1d8h30m15s'],
    [{timebox: '-1 days +30:00:00'}, "--timebox='-1 days +30:00:00'"],
    [{events_retention: '1 year 2 mons'}, '--events-retention 1y2mon'],
    [{refusal_message: 'Full'}, '--refusal-message Full'],
    [{refusal_message: "It's {limit}"}, String.raw`--refusal-message 'It'\''s {limit}'`],
    [{refusal_message: '-x'}, '--refusal-message=-x'],
  ])('%j is %s', (settings, flag) => {
    expect(settingFlags(settings)).toEqual([flag]);
  });

  test('undo what was changed, and only that', () => {
    const changes = {enabled: true, max_sessions: 1, strategy: 'reject', timebox: '12:00:00'} as const;
    const changed = changedSettings(DEFAULT_SETTINGS, changes);
    expect(changed).toEqual(['enabled', 'strategy', 'timebox']);
    expect(undoOf(DEFAULT_SETTINGS, changed)).toEqual({
      flags: ['--disable', '--strategy dequeue', '--timebox off'],
      refused: [],
    });
    expect(settingFlag('strategy', 'dequeue')).toBe('--strategy dequeue');
  });

  test('spans are compared by their length', () => {
    const before: Settings = {...ON, timebox: '24:00:00', inactivity_timeout: null};
    expect(changedSettings(before, {timebox: '1 day', inactivity_timeout: null})).toEqual([]);
    expect(changedSettings(before, {timebox: '1 day 00:00:01'})).toEqual(['timebox']);
    expect(changedSettings(before, {timebox: null, inactivity_timeout: '1 day'})).toEqual([
      'timebox',
      'inactivity_timeout',
    ]);
  });
});

test.each([
  ['00:59:59', 3600, true],
  ['01:00:00', 3600, true],
  ['01:00:01', 3600, false],
  ['00:01:00', null, false],
  [null, 3600, false],
])('an inactivity timeout of %s signs out all whose tokens live %s seconds: %s', (timeout, jwtExpiry, expected) => {
  expect(signsOutAll({...ON, inactivity_timeout: timeout}, jwtExpiry)).toBe(expected);
});

describe('what a change does', () => {
  const none = NO_IMPACT;
  const over: ImpactReport = {...none, impact: {...none.impact, overLimit: {users: 1, sessions: 2}}};
  const full: ImpactReport = {...none, impact: {...none.impact, atLimit: {users: 5}}};
  const late: ImpactReport = {...none, impact: {...none.impact, expiring: {sessions: 2}}};
  const REJECT: Settings = {...ON, strategy: 'reject'};
  const OBSERVE: Settings = {...ON, mode: 'observe'};
  const TIMED: Settings = {...ON, timebox: '12:00:00'};
  const IDLE: Settings = {...ON, inactivity_timeout: '00:30:00'};

  test.each<[string, Settings, Partial<Settings>, ImpactReport, Consequence[]]>([
    ['switched on', DEFAULT_SETTINGS, {enabled: true}, over, ['overLimit']],
    ['switched on, with nobody over it', DEFAULT_SETTINGS, {enabled: true}, full, []],
    ['lowered', ON, {max_sessions: 2}, over, ['overLimit']],
    ['raised', ON, {max_sessions: 4}, over, []],
    ['switched off', ON, {enabled: false}, over, []],
    ['lowered while off', DEFAULT_SETTINGS, {max_sessions: 1}, over, []],
    ['lowered while observed', OBSERVE, {max_sessions: 1}, over, []],
    ['enforced after observing', OBSERVE, {mode: 'enforce'}, over, ['overLimit']],
    ['only observed', ON, {mode: 'observe', max_sessions: 1}, over, []],
    ['OAuth clients limited', ON, {oauth_clients: 'together'}, over, ['overLimit']],
    ['idle ones counted', REJECT, {reject_ignores_idle: null}, over, ['overLimit', 'lockedOut']],
    ['another order', ON, {eviction_order: 'least_recently_used'}, over, []],
    ['reject, which ends some at their refresh', ON, {strategy: 'reject'}, over, ['overLimit', 'lockedOut']],
    ['reject with users at the limit', ON, {strategy: 'reject'}, full, ['lockedOut']],
    ['reject raised', REJECT, {max_sessions: 5}, full, []],
    ['dequeue again', REJECT, {strategy: 'dequeue'}, full, []],
    ['a timebox', ON, {timebox: '12:00:00'}, late, ['expiring']],
    ['a timebox nobody is past', ON, {timebox: '12:00:00'}, none, []],
    ['a timebox while off', DEFAULT_SETTINGS, {timebox: '12:00:00'}, late, []],
    ['a shorter timebox', TIMED, {timebox: '11:00:00'}, late, ['expiring']],
    ['a longer timebox', TIMED, {timebox: '1 day'}, late, []],
    ['no timebox', TIMED, {timebox: null}, late, []],
    ['something else beside a timebox', TIMED, {max_sessions: 9}, late, []],
    ['deadlines enforced after observing', {...TIMED, mode: 'observe'}, {mode: 'enforce'}, late, ['expiring']],
    ['an inactivity timeout', ON, {inactivity_timeout: '02:00:00'}, late, ['expiring']],
    ['one that signs everybody out', ON, {inactivity_timeout: '01:00:00'}, none, ['signsOutAll']],
    ['one that does so already, made longer', IDLE, {inactivity_timeout: '00:45:00'}, none, []],
    ['one that does, from now on', {...IDLE, enabled: false}, {enabled: true}, none, ['signsOutAll']],
    ['an end without second factor', ON, {low_aal_timeout: '00:15:00'}, late, ['expiring']],
    ['a later one', {...ON, low_aal_timeout: '00:15:00'}, {low_aal_timeout: '01:00:00'}, late, []],
    ['the hook and the history', ON, {reject_in_hook: true, record_events: false}, over, []],
  ])('%s', (_, before, changes, report, expected) => {
    expect(consequences(before, {...before, ...changes}, report, 3600)).toEqual(expected);
  });
});
