/** Spans of time as they are typed, read by the database. */
import type {Client} from 'pg';
import {parseSpan, parseSpanOrOff} from '../../src/database/spans.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';

let database: TestDatabase;
let postgres: Client;

beforeAll(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
});

afterAll(async () => database.drop());

it.each([
  ['30m', '00:30:00', 1800],
  ['12h', '12:00:00', 43_200],
  ['1h30m', '01:30:00', 5400],
  ['1h30m15s', '01:30:15', 5415],
  ['1.5h', '01:30:00', 5400],
  ['7d', '7 days', 604_800],
  ['1 week', '7 days', 604_800],
  ['30 days', '30 days', 2_592_000],
  ['12:00:00', '12:00:00', 43_200],
  ['P1D', '1 day', 86_400],
  ['10 years', '10 years', 315_576_000],
])('%s is understood as %s', async (text, printed, seconds) => {
  await expect(parseSpan(postgres, '--timebox', text)).resolves.toEqual({text: printed, seconds});
});

it.each([
  ['30', 'not a span of time'],
  ['soon', 'not a span of time'],
  ['', 'not a span of time'],
  ['5 bananas', 'not a span of time'],
  ['-5m', 'it has to be longer than nothing'],
  ['0h', 'it has to be longer than nothing'],
  ['11 years', 'it is 11 years, and ten years are the most'],
  ['100000000000d', 'not a span of time'],
])('"%s" is refused: %s', async (text, reason) => {
  await expect(parseSpan(postgres, '--timebox', text)).rejects.toMatchObject({
    code: 'SETTING_INVALID',
    exit: 2,
    message: `--timebox ${text}: ${reason}.`,
  });
});

it('what is too short for its purpose is refused', async () => {
  await expect(parseSpan(postgres, '--timebox', '5s', {shortest: 60})).rejects.toMatchObject({
    message: '--timebox 5s: it is 00:00:05, which is too short.',
  });
});

it.each(['off', 'OFF'])('%s is no span where there may be none', async (text) => {
  await expect(parseSpanOrOff(postgres, '--timebox', text)).resolves.toBeNull();
  await expect(parseSpan(postgres, '--timebox', text)).rejects.toMatchObject({code: 'SETTING_INVALID'});
});
