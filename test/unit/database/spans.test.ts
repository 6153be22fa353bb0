import {spanSeconds, spanWords, typedSpan} from '../../../src/database/spans.js';

test.each([
  ['12:00:00', '12h', '12 hours', 43_200],
  ['08:30:00', '8h30m', '8 hours 30 minutes', 30_600],
  ['00:00:01', '1s', '1 second', 1],
  ['00:00:30.5', '30.5s', '30.5 seconds', 30.5],
  ['36:00:00', '36h', '1 day 12 hours', 129_600],
  ['7 days', '7d', '7 days', 604_800],
  ['1 mon', '1mon', '1 month', 2_592_000],
  ['1 year 2 mons 1 day 04:00:00', '1y2mon1d4h', '1 year 2 months 1 day 4 hours', 36_842_400],
])('%s is typed %s, said "%s" and lasts %d seconds', (text, typed, words, seconds) => {
  expect([typedSpan(text), spanWords(text), spanSeconds(text)]).toEqual([typed, words, seconds]);
});

// Parts of both signs, and another IntervalStyle.
test.each(['-1 days +30:00:00', 'P1D', ''])('"%s" is left as it is', (text) => {
  expect([typedSpan(text), spanWords(text), spanSeconds(text)]).toEqual([text, text, null]);
});
