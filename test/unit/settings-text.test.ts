import {stripVTControlCharacters as plain} from 'node:util';
import {DEFAULT_SETTINGS, type Settings} from '../../src/types.js';
import {spanWords} from '../../src/core/spans.js';
import {settingsInWords, settingsText} from '../../src/ui/settings.js';

test.each([
  ['12:00:00', '12 hours'],
  ['08:30:00', '8 hours 30 minutes'],
  ['00:00:01', '1 second'],
  ['00:00:30.5', '30.5 seconds'],
  ['36:00:00', '1 day 12 hours'],
  ['7 days', '7 days'],
  ['1 year 2 mons 1 day 04:00:00', '1 year 2 months 1 day 4 hours'],
  ['-1 days +30:00:00', '-1 days +30:00:00'],
])('%s is said as "%s"', (text, words) => {
  expect(spanWords(text)).toBe(words);
});

test('settings are shown with what changes', () => {
  const after: Settings = {...DEFAULT_SETTINGS, enabled: true, strategy: 'reject', enforce_on_refresh: false};
  expect(
    plain(settingsText(DEFAULT_SETTINGS, after, ['enabled', 'strategy', 'enforce_on_refresh'])).split('\n'),
  ).toEqual([
    '  Limit               OFF -> ON',
    '  Sessions per user   1',
    '  Above the limit     dequeue: the first sessions are ended -> reject: the new sign-in is refused',
    '  Which go first      the oldest',
    '  Checked at refresh  yes -> no, at sign-in only',
  ]);
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
