import {stripVTControlCharacters as plain} from 'node:util';
import type {ConfigPlan} from '../../../src/features/settings/config.js';
import {NO_IMPACT, type ImpactReport} from '../../../src/features/settings/verdicts.js';
import {DEFAULT_SETTINGS, type Settings, type Target} from '../../../src/types.js';
import {
  changedText,
  endingQuestion,
  impactText,
  notes,
  savedText,
  warnings,
} from '../../../src/features/settings/change-text.js';

const ON: Settings = {...DEFAULT_SETTINGS, enabled: true};
const SOME: ImpactReport = {
  ...NO_IMPACT,
  impact: {...NO_IMPACT.impact, overLimit: {users: 2, sessions: 5}, atLimit: {users: 3}},
};

describe('the effect of settings', () => {
  test.each<[string, Settings, ImpactReport, string]>([
    [
      'dequeue',
      ON,
      SOME,
      "  5 sessions of 2 users are over the limit. They end at the user's next sign-in or at their next refresh; access ends within 2 hours.",
    ],
    [
      'reject',
      {...ON, strategy: 'reject'},
      SOME,
      '  5 sessions of 2 users are over the limit. They end at their next refresh; access ends within 2 hours.\n  5 users are at or over the limit. They cannot sign in again until one of their sessions ends.',
    ],
    [
      'nobody',
      {...ON, strategy: 'reject'},
      NO_IMPACT,
      '  No user is over the limit: no session ends.\n  No user is at the limit: everybody can sign in again.',
    ],
    ['the limit off', DEFAULT_SETTINGS, NO_IMPACT, '  No user is over the limit: no session would end.'],
    [
      'deadlines',
      {...ON, timebox: '12:00:00'},
      {...NO_IMPACT, impact: {...NO_IMPACT.impact, expiring: {sessions: 4}}},
      '  No user is over the limit.\n  4 sessions are past a deadline. They end at their next refresh; access ends within 2 hours.',
    ],
    [
      'one session, observed',
      {...ON, mode: 'observe'},
      {...NO_IMPACT, impact: {...NO_IMPACT.impact, expiring: {sessions: 1}}},
      '  No user is over the limit.\n  1 session is past a deadline. Under --mode enforce, it would end at its next refresh; access would end within 2 hours.',
    ],
  ])('%s', (_, settings, found, text) => {
    expect(plain(impactText(settings, found, 3600))).toBe(text);
  });

  test('without a project the lifetime of tokens is not guessed', () => {
    expect(plain(impactText(ON, SOME, null))).toContain('within two access token lifetimes');
  });
});

type Seen = Partial<Pick<ConfigPlan, 'jwtExpiry' | 'mostOver'>>;

function plan(before: Settings, changes: Partial<Settings>, seen: Seen = {}): ConfigPlan {
  const after = {...before, ...changes};
  const changed = Object.keys(changes) as (keyof Settings)[];
  return {before, after, changed, ...NO_IMPACT, jwtExpiry: 3600, ...seen, consequences: []};
}

describe('warnings', () => {
  const warned = (...given: Parameters<typeof plan>) => warnings(plan(...given)).map(plain);

  test('an inactivity timeout that is no longer than an access token names both, and the way out', () => {
    const [warning] = warned(ON, {inactivity_timeout: '00:30:00'});
    expect(warning?.replaceAll('\n', ' ')).toBe(
      'Warning: this signs everybody out while they use the app. A session is refreshed only when its access token expires, after 1 hour (jwt_expiry); the inactivity timeout of 30 minutes ends it before that. Give a timeout longer than 1 hour (--inactivity), or lower [auth] jwt_expiry of the project first.',
    );
    expect(warned(ON, {inactivity_timeout: '01:00:00'})).toHaveLength(1);
    expect(warned(ON, {inactivity_timeout: '01:00:01'})).toEqual([]);
    expect(warned(ON, {inactivity_timeout: '00:30:00'}, {jwtExpiry: 900})).toEqual([]);
    expect(warned(ON, {inactivity_timeout: '00:30:00'}, {jwtExpiry: null})).toEqual([]);
    // Set before, and in force from now on.
    expect(warned({...DEFAULT_SETTINGS, inactivity_timeout: '00:30:00'}, {enabled: true})).toHaveLength(1);
    expect(warned({...ON, inactivity_timeout: '00:30:00'}, {max_sessions: 3})).toEqual([]);
  });

  test.each<[string, Settings, Partial<Settings>, Seen, RegExp | null]>([
    [
      'reject',
      ON,
      {strategy: 'reject'},
      {},
      /^Warning: reject counts .* or unused for 7 days, and its user stays locked out/s,
    ],
    [
      'reject for ever',
      {...ON, reject_ignores_idle: null},
      {strategy: 'reject'},
      {},
      /keeps its place until it is ended, and its user/,
    ],
    [
      'the hook',
      ON,
      {reject_in_hook: true},
      {},
      /^Warning: until Auth calls .* error 500\. Enable it: \{bin\} hook:enable$/,
    ],
    ['not the hook', {...ON, reject_in_hook: true}, {reject_in_hook: false}, {}, null],
    ['less history', ON, {events_retention: '7 days'}, {}, /^Warning: history older than 7 days is deleted for good/],
    ['more history', ON, {events_retention: '90 days'}, {}, null],
  ])('%s', (_, before, changes, seen, text) => {
    const found = warned(before, changes, seen);
    if (text === null) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringMatching(text)]);
  });
});

describe('notes', () => {
  test.each<[string, Settings, Partial<Settings>, Seen, RegExp | null]>([
    [
      'observing',
      ON,
      {mode: 'observe'},
      {},
      /^Note: in observe mode nothing is ended.* The history records what would/,
    ],
    ['observing for nobody', {...ON, record_events: false}, {mode: 'observe'}, {}, /The history is off too/],
    [
      'more sessions than end at a sign-in',
      ON,
      {max_sessions: 1},
      {mostOver: 1500},
      /^Note: One user is over the limit by 1,500 sessions\. .* a sign-in ends at most 100, .* \{bin\} enforce ends them all\.$/,
    ],
    [
      'the same, where a sign-in ends none',
      {...ON, strategy: 'reject'},
      {max_sessions: 1},
      {mostOver: 101},
      /gradually: a refresh ends only its own session\./,
    ],
    ['as many as end at a sign-in', ON, {max_sessions: 1}, {mostOver: 100}, null],
    ['the same, only observed', {...ON, mode: 'observe'}, {max_sessions: 1}, {mostOver: 1500}, null],
  ])('%s', (_, before, changes, seen, text) => {
    const found = notes(plan(before, changes, seen)).map(plain);
    if (text === null) expect(found).toEqual([]);
    else expect(found).toEqual([expect.stringMatching(text)]);
  });
});

test.each([
  [['overLimit'], 'End sessions over the limit'],
  [['overLimit', 'lockedOut'], 'End sessions over the limit'],
  [['lockedOut'], 'Keep these users from signing in'],
  [['overLimit', 'expiring'], 'End these sessions'],
] as const)('%j is asked about', (found, question) => {
  expect(endingQuestion([...found])).toBe(question);
});

const LOCAL: Target = {
  ...{kind: 'local', host: '127.0.0.1', port: 54_322, database: 'postgres', user: 'postgres', projectRef: null},
  ...{tls: 'disable', tlsRootCert: null},
  login: async () => ({user: 'postgres', password: async () => null, role: null}),
};

test('what the flags refuse is undone in SQL', () => {
  const before: Settings = {...ON, timebox: '00:00:30'};
  const both = plan(before, {timebox: '12:00:00', max_sessions: 3});
  expect(plain(changedText(both, LOCAL, false))).toBe(
    "Changed. Undo: {bin} config --max 1, and in SQL: update supasession.config set timebox = '00:00:30'",
  );
  expect(plain(changedText(plan(before, {timebox: null}), LOCAL, false))).toBe(
    "Changed. Undo: in SQL: update supasession.config set timebox = '00:00:30'",
  );
});

test('saved settings that enforce nothing are not said to end sessions', () => {
  const saved = {file: '1_supasession_config.sql', written: true};
  expect(savedText(saved, ON)).toContain('sessions over the limit then end');
  expect(savedText(saved, {...ON, mode: 'observe'})).not.toContain('end');
});
