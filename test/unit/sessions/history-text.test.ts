import {eventsText} from '../../../src/features/sessions/history-text.js';

test('a name of wide characters stays on one line', () => {
  const email = '小林一郎太@例え.jp';
  const now = Date.parse('2026-11-01T12:00:00Z');
  const text = eventsText(
    [
      {
        ...{id: 1, at: '2026-11-01T11:00:00.000Z', kind: 'evicted', user_id: '7b1d4c52-0f5e-4c0a-9a51-0d7a4f6a1b2c'},
        ...{email, phone: null, session_id: '3f2b1c9e-8d5c-4d3e-9a51-0d7a4f6a1b2c', reason: 'session limit'},
        ...{caused_by: null, details: null},
      },
    ],
    {width: 100, now},
  );
  expect(text.split('\n')).toHaveLength(2);
  expect(text).toContain(`${email}  3f2b1c9e`);
});
