import {stripVTControlCharacters} from 'node:util';
import type {FlushResult} from '../../../src/features/sessions/flush.js';
import type {Connection} from '../../../src/database/connection.js';
import {SupasessionError} from '../../../src/errors.js';
import type {Target} from '../../../src/types.js';
import {count, errorText, span, targetLine} from '../../../src/cli/text.js';
import {flushedText} from '../../../src/features/sessions/flush-text.js';
import {flushWarning} from '../../../src/features/sessions/flush-text.js';
import {notInForce} from '../../../src/features/settings/text.js';

const LOCAL: Target = {
  ...{kind: 'local', host: '127.0.0.1', port: 54_322, database: 'postgres', user: 'postgres', projectRef: null},
  ...{tls: 'disable', tlsRootCert: null},
  login: async () => ({user: 'postgres', password: async () => 'hunter2', role: null}),
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

test('without a project the lifetime of tokens is not guessed', () => {
  expect(plain(flushWarning({sessions: 1, users: 1}, [], null))).toBe(
    '1 session of 1 user ends. This cannot be undone.\nIssued access tokens keep working for as long as the project has set (jwt_expiry, 1 hour by default).',
  );
});

test.each([
  [{enabled: true, mode: 'enforce'}, LOCAL, null],
  [{enabled: false, mode: 'observe'}, LOCAL, 'Limits are OFF. Switch them on: {bin} config --enable'],
  [
    {enabled: true, mode: 'observe'},
    LINKED,
    'OBSERVE MODE: nothing is enforced. Change that: {bin} config --linked --mode enforce',
  ],
] as const)('what is not in force is said: %j', (settings, target, text) => {
  const said = notInForce(settings, target);
  expect(said === null ? null : plain(said)).toBe(text);
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
