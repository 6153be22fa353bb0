import {stripVTControlCharacters} from 'node:util';
import type {FlushResult} from '../../src/core/flush.js';
import type {Connection} from '../../src/db/connection.js';
import {SupasessionError} from '../../src/errors.js';
import {DEFAULT_SETTINGS, type Settings, type Target} from '../../src/types.js';
import {count, errorText, flushedText, flushWarning, impactText, span, targetLine} from '../../src/ui/text.js';

const LOCAL: Target = {
  ...{kind: 'local', host: '127.0.0.1', port: 54_322, database: 'postgres', user: 'postgres', projectRef: null},
  ...{tls: 'disable', tlsRootCert: null},
  password: async () => 'hunter2',
};
const LINKED: Target = {
  ...LOCAL,
  kind: 'linked',
  host: 'pooler.example',
  projectRef: 'abcdefghijklmnopqrst',
  tls: 'require',
};

const plain = stripVTControlCharacters;

test.each([
  [0, '0 sessions'],
  [1, '1 session'],
  [1204, '1,204 sessions'],
])('%i is counted as "%s"', (number, text) => {
  expect(count(number, 'session')).toBe(text);
});

test.each([
  [1, '1 second'],
  [59, '59 seconds'],
  [60, '1 minute'],
  [3600, '1 hour'],
  [5400, '1.5 hours'],
  [604_800, '7 days'],
])('%i seconds are %s', (seconds, text) => {
  expect(span(seconds)).toBe(text);
});

describe('the line of the target', () => {
  const line = (target: Target, encrypted: boolean, verified: boolean) =>
    plain(targetLine({target, encrypted, verified} as Connection));

  test('says how well the connection is protected', () => {
    expect(line(LOCAL, false, false)).toBe('Target   local database 127.0.0.1:54322');
    expect(line(LINKED, true, true)).toBe(
      'Target   hosted project abcdefghijklmnopqrst (pooler.example:54322), encrypted and verified',
    );
    expect(line(LINKED, true, false)).toMatch(
      /, encrypted, server NOT verified \(set PGSSLROOTCERT to its certificate\)$/,
    );
    expect(line({...LOCAL, kind: 'url', host: '::1'}, false, false)).toBe(
      'Target   database "postgres" at [::1]:54322, NOT encrypted',
    );
  });
});

describe('the effect of settings', () => {
  const ON: Settings = {...DEFAULT_SETTINGS, enabled: true};
  const impact = {overLimit: {users: 2, sessions: 5}, atLimit: {users: 3}};
  const none = {overLimit: {users: 0, sessions: 0}, atLimit: {users: 0}};

  test.each<[string, Settings, typeof impact, string]>([
    [
      'dequeue',
      ON,
      impact,
      "  5 sessions of 2 users are over the limit. They end at the user's next sign-in, else at their next refresh, with access ending within 2 hours.",
    ],
    [
      'dequeue at sign-in only',
      {...ON, enforce_on_refresh: false},
      impact,
      "  5 sessions of 2 users are over the limit. They end at the user's next sign-in.",
    ],
    [
      'reject',
      {...ON, strategy: 'reject'},
      impact,
      '  5 sessions of 2 users are over the limit. They end at their next refresh, with access ending within 2 hours.\n  5 users at or over the limit cannot sign in again before one of their sessions ends.',
    ],
    [
      'reject at sign-in only',
      {...ON, strategy: 'reject', enforce_on_refresh: false},
      impact,
      '  5 sessions of 2 users are over the limit. They stay until they are signed out.\n  5 users at or over the limit cannot sign in again before one of their sessions ends.',
    ],
    [
      'nobody',
      {...ON, strategy: 'reject'},
      none,
      '  No user is over the limit: no session ends.\n  No user is at the limit: everybody can sign in again.',
    ],
    ['the limit off', DEFAULT_SETTINGS, none, '  No user is over the limit: no session ends (once the limit is on).'],
  ])('%s', (_, settings, found, text) => {
    expect(plain(impactText(settings, found, 3600))).toBe(text);
  });

  test('without a project the lifetime of tokens is not guessed', () => {
    expect(plain(impactText(ON, impact, null))).toContain('within two access token lifetimes');
    expect(plain(flushWarning({sessions: 1, users: 1}, null))).toBe(
      '1 session of 1 user ends. This cannot be undone.\nAccess tokens that have been issued go on working for as long as the project has set (jwt_expiry, 1 hour by default).',
    );
  });
});

test('the end of a flush is counted in batches', () => {
  const outcome: FlushResult = {matched: 3, deleted: 3, remaining: 0, batches: 1, seconds: 0.2, completed: true};
  expect(plain(flushedText(outcome))).toBe('Done: 3 sessions ended in 1 batch, 0.2 s.');
  expect(plain(flushedText({...outcome, batches: 2}))).toBe('Done: 3 sessions ended in 2 batches, 0.2 s.');
});

test('an error has its code and what to type next', () => {
  const error = new SupasessionError('NOT_LINKED', 'It is not linked.', {suggestions: ['supabase link', '{bin} init']});
  expect(plain(errorText(error))).toBe('Error: It is not linked. [NOT_LINKED]\n  → supabase link\n  → {bin} init');
});
