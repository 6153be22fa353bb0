import {parseClaims} from '../../../src/features/settings/claims.js';
import {thrownBy} from '../supabase/support.js';

test.each<[string[], object]>([
  [['plan=pro'], {plan: 'pro'}],
  [
    ['plan=pro', 'beta=true', 'trial=false', 'seats=5', 'share=-0.5'],
    {plan: 'pro', beta: true, trial: false, seats: 5, share: -0.5},
  ],
  [['org.tier=gold', 'org.size=3', 'plan=pro'], {org: {tier: 'gold', size: 3}, plan: 'pro'}],
  // What JSON does not take for a number is text.
  [
    ['zip=01234', 'code=1e', 'none=null', 'list=[1]', 'yes=True'],
    {zip: '01234', code: '1e', none: 'null', list: '[1]', yes: 'True'},
  ],
  [['url=a=b', 'empty='], {url: 'a=b', empty: ''}],
  [['plan=pro', 'plan=pro'], {plan: 'pro'}],
])('the claims %j are %j', (claims, expected) => {
  expect(JSON.parse(JSON.stringify(parseClaims(claims)))).toEqual(expected);
});

test('a claim is never anything but data', () => {
  expect(JSON.stringify(parseClaims(['__proto__.polluted=true', 'constructor=x']))).toBe(
    '{"__proto__":{"polluted":true},"constructor":"x"}',
  );
  expect('polluted' in {}).toBe(false);
});

test.each<[string[], string]>([
  [['plan'], '--claim plan: not of the form key=value.'],
  [['=pro'], '--claim =pro: not of the form key=value.'],
  [['org..tier=gold'], '--claim org..tier=gold: not of the form key=value.'],
  [['plan=pro', 'plan=free'], '--claim plan=free: another --claim says otherwise.'],
  [['org=a', 'org.tier=gold'], '--claim org.tier=gold: another --claim says otherwise.'],
  [['org.tier=gold', 'org=a'], '--claim org=a: another --claim says otherwise.'],
  [['id=12345678901234567890'], '--claim id=12345678901234567890: a number so large cannot be compared exactly.'],
])('the claims %j are refused', (claims, message) => {
  const error = thrownBy(() => parseClaims(claims));
  expect([error.code, error.message]).toEqual(['USAGE', message]);
});
