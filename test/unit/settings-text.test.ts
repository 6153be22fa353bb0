import {stripVTControlCharacters as plain} from 'node:util';
import {DEFAULT_SETTINGS, type Settings} from '../../src/types.js';
import {leftOut, settingsInWords, settingsText, type ShownSettings} from '../../src/ui/settings.js';

const NOTHING: ShownSettings = {before: null, changed: [], named: [], all: false};
const lines = (...given: Parameters<typeof settingsText>) => plain(settingsText(...given)).split('\n');
const LIMIT = [
  '  Limit               OFF',
  '  Sessions per user   1',
  '  Above the limit     dequeue: the first sessions are ended',
  '  Which go first      the oldest',
  '  Checked at refresh  yes',
];

describe('settings on the screen', () => {
  test('are those of the limit, and whatever is not as always', () => {
    expect(lines(DEFAULT_SETTINGS, NOTHING)).toEqual(LIMIT);
    expect(leftOut(DEFAULT_SETTINGS)).toBe(18);
    const settings: Settings = {...DEFAULT_SETTINGS, timebox: '12:00:00', on_device_change: 'record'};
    expect(lines(settings, NOTHING)).toEqual([
      ...LIMIT,
      'Deadlines',
      '  Longest life        12 hours after the sign-in',
      'History',
      '  Device changed      written down',
    ]);
    expect(leftOut(settings)).toBe(16);
    // As always, said otherwise.
    expect(leftOut({...DEFAULT_SETTINGS, reject_ignores_idle: '168:00:00'})).toBe(18);
  });

  test('are all of them where that is wanted, each once', () => {
    const all = lines(DEFAULT_SETTINGS, {...NOTHING, all: true});
    expect(all.slice(0, 5)).toEqual(LIMIT);
    expect(all.filter((line) => line.startsWith('  '))).toHaveLength(23);
    // One screen, with the target and the last line.
    expect(all.length).toBeLessThanOrEqual(32);
    expect(all).toContain('  Its message         "Session limit of {limit} reached"');
  });

  test('show what changes, and how a span was understood', () => {
    const before = DEFAULT_SETTINGS;
    const after: Settings = {...before, enabled: true, enforce_on_refresh: false, timebox: '12:00:00'};
    expect(lines(after, {...NOTHING, before, changed: ['enabled', 'enforce_on_refresh', 'timebox']})).toEqual([
      '  Limit               OFF -> ON',
      ...LIMIT.slice(1, 4),
      '  Checked at refresh  yes -> no, at sign-in only',
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
      '  No second factor    ended 15 minutes (00:15:00) after the sign-in',
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
      'by use, at sign-in only',
      {eviction_order: 'least_recently_used', enforce_on_refresh: false},
      [
        'At most 3 sessions per user; a sign-in above that ends the least recently used.',
        'The limit is checked at sign-in only: existing sessions above it go on.',
      ],
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
      {strategy: 'reject', reject_in_hook: true, reject_ignores_idle: null, recovery_makes_room: true},
      [
        'At most 3 sessions per user; a sign-in above that is refused with 403 and a message, through the access token hook.',
        'Sessions count however long they have not been used.',
        'Recovery and magic links are let in, and end the oldest.',
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
      {low_aal_timeout: '00:05:00', count_pending_mfa: true},
      [
        AT_MOST,
        'Sessions that miss their second factor end after 5 minutes.',
        'Sessions that miss their second factor count like any other.',
      ],
    ],
    [
      'no deadline for the second factor',
      {low_aal_timeout: null},
      [AT_MOST, 'Sessions that miss their second factor have no deadline of their own.'],
    ],
    [
      'OAuth clients, failures and revoked users',
      {oauth_clients: 'separate', on_error: 'refuse', block_revoked: false},
      [
        AT_MOST,
        'Each OAuth client has a limit of its own.',
        'Where supasession itself fails, nobody signs in.',
        'Users whose access is revoked are NOT stopped.',
      ],
    ],
    [
      'OAuth clients together',
      {oauth_clients: 'together'},
      [AT_MOST, 'Sessions of OAuth clients count like any other.'],
    ],
    ['a ban', {end_on_ban: true}, [AT_MOST, 'A ban ends the sessions of that user, also from SQL.']],
    [
      'changes of an account',
      {end_on_password_change: true, end_on_ban: true, end_on_delete: true},
      [AT_MOST, 'A changed password, a ban or a soft deletion ends the sessions of that user, also from SQL.'],
    ],
    [
      'the history',
      {on_device_change: 'record', events_retention: '90 days'},
      [AT_MOST, 'A session that changes its device is written down.', 'The history is kept for 90 days.'],
    ],
    ['no history', {record_events: false, events_retention: '90 days'}, [AT_MOST, 'No history is kept.']],
  ])('%s', (_, changes, sentences) => {
    expect(settingsInWords({...ON, ...changes})).toEqual(sentences);
  });
});
