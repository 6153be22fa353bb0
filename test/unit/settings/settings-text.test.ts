import {stripVTControlCharacters as plain} from 'node:util';
import {DEFAULT_SETTINGS, type Settings} from '../../../src/types.js';
import {
  leftOut,
  settingsInWords,
  settingsText,
  type ShownSettings,
} from '../../../src/features/settings/settings-text.js';

const NOTHING: ShownSettings = {before: null, changed: [], named: [], all: false};
const lines = (...given: Parameters<typeof settingsText>) => plain(settingsText(...given)).split('\n');
const LIMIT = [
  '  Limit               OFF',
  '  Sessions per user   1',
  '  Above the limit     dequeue: the first sessions are ended',
  '  Which go first      the oldest',
];

describe('settings on the screen', () => {
  test('are those of the limit, and whatever is not as always', () => {
    expect(lines(DEFAULT_SETTINGS, NOTHING)).toEqual(LIMIT);
    expect(leftOut(DEFAULT_SETTINGS)).toBe(11);
    const settings: Settings = {...DEFAULT_SETTINGS, timebox: '12:00:00', record_device_changes: true};
    expect(lines(settings, NOTHING)).toEqual([
      ...LIMIT,
      'Deadlines',
      '  Longest life        12 hours after the sign-in',
      'History',
      '  Device changes      recorded',
    ]);
    expect(leftOut(settings)).toBe(9);
    // As always, said otherwise.
    expect(leftOut({...DEFAULT_SETTINGS, reject_ignores_idle: '168:00:00'})).toBe(11);
  });

  test('are all of them where that is wanted, each once', () => {
    const all = lines(DEFAULT_SETTINGS, {...NOTHING, all: true});
    expect(all.slice(0, 4)).toEqual(LIMIT);
    expect(all.filter((line) => line.startsWith('  '))).toHaveLength(15);
    // One screen, with the target and the last line.
    expect(all.length).toBeLessThanOrEqual(21);
    expect(all).toContain('  Its message         "Session limit of {limit} reached"');
  });

  test('show what changes, and how a span was understood', () => {
    const before = DEFAULT_SETTINGS;
    const after: Settings = {...before, enabled: true, strategy: 'reject', timebox: '12:00:00'};
    expect(lines(after, {...NOTHING, before, changed: ['enabled', 'strategy', 'timebox']})).toEqual([
      '  Limit               OFF -> ON',
      '  Sessions per user   1',
      '  Above the limit     dequeue: the first sessions are ended -> reject: the new sign-in is refused',
      '  Which go first      the oldest',
      'Deadlines',
      '  Longest life        no end -> 12 hours (12:00:00) after the sign-in',
    ]);
    expect(lines(before, {...NOTHING, before: after, changed: ['timebox']}).at(-1)).toBe(
      '  Longest life        12 hours (12:00:00) after the sign-in -> no end',
    );
  });

  test('show what was named, also where nothing changes', () => {
    expect(lines(DEFAULT_SETTINGS, {...NOTHING, before: DEFAULT_SETTINGS, named: ['low_aal_timeout']})).toEqual([
      ...LIMIT,
      'Deadlines',
      '  No second factor    kept',
    ]);
  });
});

describe('settings in words', () => {
  const ON: Settings = {...DEFAULT_SETTINGS, enabled: true, max_sessions: 3};
  const AT_MOST = 'At most 3 sessions per user; a sign-in above that ends the oldest.';

  test.each<[string, Partial<Settings>, string[]]>([
    ['the limit alone', {}, [AT_MOST]],
    [
      'off',
      {enabled: false, max_sessions: 1},
      [
        'LIMITS ARE OFF: no limit and no deadline is enforced.',
        'At most 1 session per user; a sign-in above that ends the oldest.',
      ],
    ],
    ['observed', {mode: 'observe'}, ['OBSERVE MODE: nothing is enforced.', AT_MOST]],
    [
      'by use',
      {eviction_order: 'least_recently_used'},
      ['At most 3 sessions per user; a sign-in above that ends the least recently used.'],
    ],
    [
      'reject',
      {strategy: 'reject'},
      [
        'At most 3 sessions per user; a sign-in above that is refused.',
        'Sessions unused for 7 days do not count, and make room.',
      ],
    ],
    [
      'reject through the hook',
      {strategy: 'reject', reject_in_hook: true, reject_ignores_idle: null},
      [
        'At most 3 sessions per user; a sign-in above that is refused with 403 and a message, through the access token hook.',
        'Sessions count however long they have not been used.',
      ],
    ],
    [
      'both deadlines',
      {timebox: '12:00:00', inactivity_timeout: '00:30:00'},
      [AT_MOST, 'Sessions end after 12 hours, or 30 minutes without use.'],
    ],
    ['a timebox', {timebox: '7 days'}, [AT_MOST, 'Sessions end after 7 days.']],
    ['inactivity', {inactivity_timeout: '01:30:00'}, [AT_MOST, 'Sessions end after 1 hour 30 minutes without use.']],
    [
      'a second factor',
      {low_aal_timeout: '00:05:00'},
      [AT_MOST, 'Sessions that miss their second factor end after 5 minutes.'],
    ],
    ['OAuth clients', {oauth_clients: 'separate'}, [AT_MOST, 'Each OAuth client has a limit of its own.']],
    [
      'OAuth clients together',
      {oauth_clients: 'together'},
      [AT_MOST, 'Sessions of OAuth clients count like any other.'],
    ],
    [
      'the history',
      {record_device_changes: true, events_retention: '90 days'},
      [AT_MOST, 'A session that changes its device is recorded.', 'The history is kept for 90 days.'],
    ],
    ['no history', {record_events: false, events_retention: '90 days'}, [AT_MOST, 'No history is kept.']],
  ])('%s', (_, changes, sentences) => {
    expect(settingsInWords({...ON, ...changes})).toEqual(sentences);
  });
});
