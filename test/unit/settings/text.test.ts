import {stripVTControlCharacters as plain} from 'node:util';
import {DEFAULT_SETTINGS, type Settings} from '../../../src/types.js';
import {leftOut, settingsInWords, settingsText, type ShownSettings} from '../../../src/features/settings/text.js';

const NOTHING: ShownSettings = {before: null, changed: [], named: [], all: false};
const lines = (...given: Parameters<typeof settingsText>) => plain(settingsText(...given)).split('\n');
const LIMIT = [
  '  Limit               OFF',
  '  Sessions per user   1',
  '  Over the limit      dequeue: the oldest session is signed out',
  '  Signed out first    the oldest',
];

describe('settings on the screen', () => {
  test('are those of the limit, and others that are not at their default', () => {
    expect(lines(DEFAULT_SETTINGS, NOTHING)).toEqual(LIMIT);
    expect(leftOut(DEFAULT_SETTINGS)).toBe(11);
    const settings: Settings = {...DEFAULT_SETTINGS, timebox: '12:00:00', record_device_changes: true};
    expect(lines(settings, NOTHING)).toEqual([
      ...LIMIT,
      'Deadlines',
      '  Timebox             12 hours after the sign-in',
      'History',
      '  Device changes      recorded',
    ]);
    expect(leftOut(settings)).toBe(9);
    // The default, written another way.
    expect(leftOut({...DEFAULT_SETTINGS, reject_ignores_idle: '168:00:00'})).toBe(11);
  });

  test('are all of them where that is wanted, each once', () => {
    const all = lines(DEFAULT_SETTINGS, {...NOTHING, all: true});
    expect(all.slice(0, 4)).toEqual(LIMIT);
    expect(all.filter((line) => line.startsWith('  '))).toHaveLength(15);
    // One screen, with the target and the last line.
    expect(all.length).toBeLessThanOrEqual(21);
    expect(all).toContain('  Message             "Session limit of {limit} reached"');
  });

  test('show what changes, and how a span was understood', () => {
    const before = DEFAULT_SETTINGS;
    const after: Settings = {...before, enabled: true, strategy: 'reject', timebox: '12:00:00'};
    expect(lines(after, {...NOTHING, before, changed: ['enabled', 'strategy', 'timebox']})).toEqual([
      '  Limit               OFF -> ON',
      '  Sessions per user   1',
      '  Over the limit      dequeue: the oldest session is signed out -> reject: the new sign-in is refused',
      '  Signed out first    the oldest',
      'Deadlines',
      '  Timebox             none -> 12 hours (12:00:00) after the sign-in',
    ]);
    expect(lines(before, {...NOTHING, before: after, changed: ['timebox']}).at(-1)).toBe(
      '  Timebox             12 hours (12:00:00) after the sign-in -> none',
    );
  });

  test('show what was named, also where nothing changes', () => {
    expect(lines(DEFAULT_SETTINGS, {...NOTHING, before: DEFAULT_SETTINGS, named: ['low_aal_timeout']})).toEqual([
      ...LIMIT,
      'Deadlines',
      '  No second factor    no deadline',
    ]);
  });
});

describe('settings in words', () => {
  const ON: Settings = {...DEFAULT_SETTINGS, enabled: true, max_sessions: 3};
  const AT_MOST = 'At most 3 sessions per user; a sign-in over the limit ends the oldest.';

  test.each<[string, Partial<Settings>, string[]]>([
    ['the limit alone', {}, [AT_MOST]],
    [
      'off',
      {enabled: false, max_sessions: 1},
      [
        'LIMITS ARE OFF: no limit and no deadline is enforced.',
        'At most 1 session per user; a sign-in over the limit ends the oldest.',
      ],
    ],
    ['observed', {mode: 'observe'}, ['OBSERVE MODE: nothing is enforced.', AT_MOST]],
    [
      'by use',
      {eviction_order: 'least_recently_used'},
      ['At most 3 sessions per user; a sign-in over the limit ends the least recently used.'],
    ],
    [
      'reject',
      {strategy: 'reject'},
      ['At most 3 sessions per user; a sign-in over the limit is refused.', 'Sessions unused for 7 days do not count.'],
    ],
    [
      'reject through the hook',
      {strategy: 'reject', reject_in_hook: true, reject_ignores_idle: null},
      [
        'At most 3 sessions per user; a sign-in over the limit is refused with 403 and a message, through the access token hook.',
        'Every session counts, however long it has been unused.',
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
      [AT_MOST, 'Sessions without their second factor end after 5 minutes.'],
    ],
    ['OAuth clients', {oauth_clients: 'separate'}, [AT_MOST, 'Each OAuth client has a limit of its own.']],
    [
      'OAuth clients together',
      {oauth_clients: 'together'},
      [AT_MOST, 'Sessions of OAuth clients count like any other session.'],
    ],
    [
      'the history',
      {record_device_changes: true, events_retention: '90 days'},
      [AT_MOST, 'A refresh from another device is recorded.', 'The history is kept for 90 days.'],
    ],
    ['no history', {record_events: false, events_retention: '90 days'}, [AT_MOST, 'No history is kept.']],
  ])('%s', (_, changes, sentences) => {
    expect(settingsInWords({...ON, ...changes})).toEqual(sentences);
  });
});
