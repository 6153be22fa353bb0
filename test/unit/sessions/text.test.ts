import {stripVTControlCharacters} from 'node:util';
import type {RevokePlan} from '../../../src/features/sessions/revoke.js';
import type {SessionRow} from '../../../src/features/sessions/queries.js';
import type {Target} from '../../../src/types.js';
import {
  listCommand,
  listEnd,
  listTitle,
  nextPage,
  revokedText,
  revokeWarning,
  sessionChoice,
  sessionsTable,
} from '../../../src/features/sessions/text.js';
import {ago, shortSpan} from '../../../src/cli/text.js';
import {flushWarning} from '../../../src/features/sessions/flush-text.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const ID = '3f2b1c9e-8d5c-4d3e-9a51-0d7a4f6a1b2c';
const CLIENT = '11111111-2222-3333-4444-555555555555';
const ADA: SessionRow = {
  ...{id: ID, user_id: '9a51b2c0-0000-4000-8000-000000000001', email: 'ada@example.com', phone: null},
  ...{created_at: '2026-01-01T12:00:00Z', last_used: '2026-01-31T09:59:00Z', user_agent: 'curl/8.4'},
  ...{ip: '203.0.113.7', aal: 'aal1', not_after: null, oauth_client_id: null, pending: false, live: true},
};
const LOCAL: Target = {
  ...{kind: 'local', host: '127.0.0.1', port: 54_322, database: 'postgres', user: 'postgres', projectRef: null},
  ...{tls: 'disable', tlsRootCert: null},
  login: async () => ({user: 'postgres', password: async () => 'hunter2', role: null}),
};

const plain = stripVTControlCharacters;
const view = (width = 80) => ({width, now: NOW});
const lines = (rows: SessionRow[], width?: number) =>
  plain(sessionsTable(rows, width === undefined ? view() : view(width))).split('\n');

test.each([
  [0, '1m'],
  [59 * 60, '59m'],
  [3600, '1h'],
  [86_399, '23h'],
  [86_400, '1d'],
  [400 * 86_400, '400d'],
])('%i seconds are %s where there is little room', (seconds, text) => {
  expect(shortSpan(seconds)).toBe(text);
});

test('how long ago something was; a clock that is ahead makes no future of it', () => {
  expect(ago('2026-01-31T11:00:00Z', NOW)).toBe('1h ago');
  expect(ago('2026-01-31T11:59:30Z', NOW)).toBe('just now');
  expect(ago('2026-01-31T12:05:00Z', NOW)).toBe('just now');
  expect(ago(null, NOW)).toBe('unknown');
});

describe('a list of sessions', () => {
  test('has the id whole and on its own, to be pasted', () => {
    expect(lines([ADA])).toEqual([
      'User, id of the session                 Device              Signed in  Last seen',
      'ada@example.com                         curl                30d ago    2h ago',
      `  ${ID}  203.0.113.7`,
    ]);
  });

  test('fits a terminal of 80, whatever is in it, and loses nothing', () => {
    const row = {
      ...ADA,
      email: `${'very.'.repeat(12)}long@example.com`,
      user_agent: 'Mozilla/5.0 (Linux; Android 14; S) AppleWebKit/537.36 SamsungBrowser/25.0 Mobile Safari/537.36',
      ip: '2001:db8:85a3:1234:5678:8a2e:370:7334',
      ...{live: true, not_after: '2026-01-31T15:30:00Z', pending: true, oauth_client_id: CLIENT},
    };
    for (const width of [20, 80, 100, 400]) {
      const shown = lines([row], width);
      expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(Math.max(80, width));
      const text = shown.join(' ').replaceAll(/\s+/g, ' ');
      for (const part of ['Samsung Internet', ID, row.ip, 'deadline in 3h', 'aal1, second factor', CLIENT])
        expect(text).toContain(part);
      expect(shown.map((line) => line.slice(0, 38).trim()).join('')).toContain(row.email);
    }
  });

  test('says what is past its deadline', () => {
    const shown = lines([{...ADA, live: false, not_after: '2026-01-31T11:00:00Z'}]);
    expect(shown[2]).toBe(`  ${ID}  203.0.113.7, past its deadline`);
  });

  test('of users without an address, and of clients that say nothing', () => {
    const shown = lines([{...ADA, email: null, phone: '49123', user_agent: null, ip: null, last_used: null}]);
    expect(shown[1]).toBe('49123                                   unknown device      30d ago    unknown');
    expect(shown[2]).toBe(`  ${ID}  no address`);
    expect(lines([{...ADA, email: null}])[1]).toMatch(/^9a51b2c0-0000-4000-8000-000000000001 +curl/);
  });

  test('goes on without headings, and has its lines in the same places', () => {
    const rows = Array.from({length: 120}, () => ADA);
    const [head, first, second, ...rest] = lines(rows);
    expect([head, rest.length]).toEqual([expect.stringMatching(/^User, id/), 238]);
    expect(rest).toEqual(Array.from({length: 119}, () => [first, second]).flat());
    expect(plain(sessionsTable(rows, view(), false)).split('\n')).toEqual([first, second, ...rest]);
  });

  test('says which, how many there are, and how to go on', () => {
    expect([listTitle([]), listTitle(['not used for 7 days'])]).toEqual(['', 'Sessions not used for 7 days:\n\n']);
    const matched = {sessions: 1204, users: 310};
    const end = (rows: number, page = 1) => plain(listEnd(matched, [], {rows, limit: 50, page}));
    expect(end(50)).toBe('\n50 of 1,204 sessions, of 310 users.');
    expect(end(50, 2)).toBe('\n51 to 100 of 1,204 sessions, of 310 users.');
    expect(end(4, 25)).toBe('\n1,201 to 1,204 of 1,204 sessions, of 310 users.');
    expect(end(0, 26)).toBe('Page 26 is empty: there are 1,204 sessions.');
    expect(end(1204)).toBe('\n1,204 sessions, of 310 users.');
    expect(listEnd({sessions: 0, users: 0}, ['of ada@example.com'], {rows: 0, limit: 50, page: 1})).toBe(
      'There are no sessions of ada@example.com.',
    );
    const next = (limit: number, page: number) => nextPage(matched, {idle: '7d', limit, page}, LOCAL);
    expect(next(50, 1)).toBe('Next page: {bin} sessions:list --idle 7d --page 2');
    expect(next(400, 3)).toBe('Next page: {bin} sessions:list --idle 7d --limit 400 --page 4');
    expect([next(50, 25), next(1204, 1)]).toEqual([null, null]);
  });

  test('to tick from has a line each', () => {
    expect(sessionChoice({...ADA, live: false}, NOW)).toEqual({
      value: ID,
      name: 'curl, 203.0.113.7, signed in 30d ago, last seen 2h ago, past its deadline',
      short: 'curl',
    });
  });
});

describe('what is revoked', () => {
  const plan: RevokePlan = {
    ...{ids: [ID], of: null, list: {rows: [ADA], matched: {sessions: 1, users: 1}}},
    ...{notFound: [CLIENT], guarded: false},
  };
  const user = {id: ADA.user_id, email: ADA.email, phone: null};

  test('is shown with what becomes of the access tokens', () => {
    const text = plain(revokeWarning(plan, 3600, view()));
    expect(text.split('\n').slice(3)).toEqual([
      '',
      `Not found (ended, or never existed): ${CLIENT}`,
      '1 session of 1 user ends. This cannot be undone.',
      'Issued access tokens keep working for up to 1 hour (jwt_expiry).',
      'The guard would cut them off at once: {bin} guard:enable',
    ]);
    expect(plain(revokeWarning({...plan, guarded: true}, 3600, view()))).toMatch(
      /The guard refuses their access tokens at once in the Data API; elsewhere they keep working for up to 1 hour \(jwt_expiry\)\.$/,
    );
  });

  test('of a user is said to be so, also where not all are shown or there are none', () => {
    const many = {...plan, of: {user, keep: []}, list: {rows: [ADA], matched: {sessions: 60, users: 1}}};
    expect(plain(revokeWarning(many, 3600, view()))).toMatch(
      /\nShown: 1 of 60\.\n.*\n60 sessions of ada@example\.com end\. /s,
    );
    const none = {...many, list: {rows: [], matched: {sessions: 0, users: 0}}};
    expect(revokeWarning(none, 3600, view())).toBe('ada@example.com has no sessions.');
    expect(revokeWarning({...none, of: {user, keep: [ID]}}, 3600, view())).toBe(
      'ada@example.com has no other sessions.',
    );
  });

  test('is counted, with what went by itself meanwhile', () => {
    expect(plain(revokedText(plan, {revoked: [ID], notFound: [CLIENT]}))).toBe('Done: 1 session ended.');
    expect(plain(revokedText(plan, {revoked: [], notFound: [CLIENT, ID]}))).toBe(
      `Done: 0 sessions ended.\nAlready gone: ${ID}`,
    );
  });
});

test('a flush of some says which', () => {
  expect(plain(flushWarning({sessions: 12, users: 3}, ['of ada@example.com', 'past their deadline'], 3600))).toBe(
    'Sessions of ada@example.com past their deadline:\n12 sessions of 3 users end. This cannot be undone.\nIssued access tokens keep working for up to 1 hour (jwt_expiry).',
  );
  expect(flushWarning({sessions: 0, users: 0}, ['past their deadline'], 3600)).toBe(
    'There are no sessions past their deadline.',
  );
});

test('the command that shows what is meant can be pasted', () => {
  expect(listCommand({}, LOCAL)).toBe('{bin} sessions:list');
  const flags = {
    ...{user: ['ada@example.com', "o'hara@example.com"], 'over-limit': true, 'older-than': '1 week', idle: '7d'},
    ...{expired: true, aal1: true, client: CLIENT, ip: ['203.0.113.0/24', '::1'], device: 'Chrome on Linux'},
    ...{claim: ['plan=pro'], except: ['bob@example.com'], limit: 7},
  };
  expect(listCommand(flags, {...LOCAL, kind: 'linked'})).toBe(
    String.raw`{bin} sessions:list --linked --user ada@example.com --user 'o'\''hara@example.com' --over-limit --older-than '1 week' --idle 7d --expired --aal1 --client ${CLIENT} --ip 203.0.113.0/24 --ip ::1 --device 'Chrome on Linux' --claim plan=pro --except bob@example.com`,
  );
});
