import {eventsText} from '../../../src/features/sessions/history-text.js';

test('the device that ended a session is named after what it is', () => {
  const event = {
    ...{id: 1, at: '2026-11-01T11:00:00.000Z', kind: 'evicted' as const, email: 'ada@example.com', phone: null},
    ...{user_id: '7b1d4c52-0f5e-4c0a-9a51-0d7a4f6a1b2c', session_id: '3f2b1c9e-8d5c-4d3e-9a51-0d7a4f6a1b2c'},
    ...{reason: 'limit of 3', caused_by: '4be02c1d-8d5c-4d3e-9a51-0d7a4f6a1b2c'},
  };
  const view = {width: 140, now: Date.parse('2026-11-01T12:00:00Z')};
  const text = eventsText([{...event, details: {device: 'Safari on iPhone\u001b[2J'}}], view);
  expect(text).toContain('limit of 3, by session 4be02c1d (Safari on iPhone');
  expect(text).not.toContain('\u001b');
  expect(eventsText([{...event, details: null}], view)).toMatch(/limit of 3, by session 4be02c1d$/);
});

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
