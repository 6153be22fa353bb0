import {readFile} from 'node:fs/promises';
import {EVENT_KINDS} from '../../src/db/events.js';

test('the kinds of events are those that the table takes', async () => {
  const sql = await readFile('sql/24_events.sql', 'utf8');
  const list = /constraint events_kind_check check \(kind in \(([^)]*)\)/.exec(sql)?.[1] ?? '';
  expect([...list.matchAll(/'(\w+)'/g)].map(([, kind]) => kind)).toEqual([...EVENT_KINDS]);
});
