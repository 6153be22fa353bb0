import {expect, it, jest} from '@jest/globals';
import {isSignedOut, pass, signIn, START, useBrowser, type Tab} from './browser.js';
import {ended, json, live, newSession} from './project.js';

const browser = useBrowser();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const signedIn = async (options: Parameters<typeof browser.openTab>[0] = {}): Promise<Tab> => {
  const tab = browser.openTab(options);
  await signIn(tab);
  return tab;
};

const after = (ms: number): Date => new Date(START.getTime() + ms);

it('warns before the idle clock ends the session, counts down, and ends it', async () => {
  const tab = await signedIn({idle: '15m'});
  await pass(14 * MINUTE - 1);
  expect(tab.session.getSnapshot()).toMatchObject({secondsLeft: null, endsAt: after(15 * MINUTE), limit: 'idle'});
  expect(tab.events).toEqual([]);
  await pass(1);
  expect(tab.events).toEqual([{type: 'warning', endsAt: after(15 * MINUTE), limit: 'idle', secondsLeft: 60}]);
  await pass(15_000);
  expect(tab.session.getSnapshot().secondsLeft).toBe(45);
  await pass(45_000);
  expect(tab.events.slice(1)).toEqual([{type: 'ended', reason: 'inactivity', cause: null, otherTab: false}]);
  expect(await isSignedOut(tab)).toBe(true);
  expect(browser.project.count('logout')).toBe(1);
});

it.each(['pointermove', 'keydown', 'scroll', 'touchstart', 'click', 'focus'])('counts %s as activity', async (type) => {
  const tab = await signedIn({idle: '15m'});
  await pass(10 * MINUTE);
  browser.page.fire(type);
  await pass();
  expect(tab.session.getSnapshot().endsAt).toEqual(after(25 * MINUTE));
});

it('leaves a warning under the pointer until it is clicked', async () => {
  const tab = await signedIn({idle: '15m'});
  await pass(14 * MINUTE);
  browser.page.fire('pointermove');
  browser.page.fire('pointerdown');
  await pass();
  expect(tab.session.getSnapshot().secondsLeft).toBe(60);
  browser.page.fire('click');
  await pass();
  expect(tab.session.getSnapshot().secondsLeft).toBeNull();
  expect(tab.events.at(-1)).toEqual({type: 'extended', endsAt: after(29 * MINUTE)});
});

it('extends: moves the idle clock and refreshes the token', async () => {
  const tab = await signedIn({idle: '15m'});
  await pass(14 * MINUTE + 30_000);
  const extend = tab.session.extend();
  await pass();
  expect((await extend).data).toMatchObject({endsAt: after(29 * MINUTE + 30_000), secondsLeft: null});
  expect(browser.project.count('refresh_token')).toBe(1);
  expect(tab.events.map(({type}) => type)).toEqual(['warning', 'extended']);
});

it('never extends past a deadline of the server', async () => {
  browser.project.answers['session_state'] = () => live(START.getTime() + HOUR, 'timebox');
  const tab = await signedIn({idle: '50m'});
  await pass(45 * MINUTE);
  const extend = tab.session.extend();
  await pass();
  expect((await extend).data).toMatchObject({endsAt: after(HOUR), limit: 'timebox'});
});

it('shows at once how far the server lets a person extend', async () => {
  browser.project.answers['session_state'] = () => live(Date.now() + 30_000, 'inactivity');
  const tab = await signedIn();
  await pass(1_000);
  browser.project.answers['session_state'] = () => live(START.getTime() + HOUR, 'inactivity');
  expect((await tab.session.extend()).data).toMatchObject({endsAt: after(HOUR), secondsLeft: null});
});

it("warns of the server's deadline, and ends when the server says so", async () => {
  browser.project.answers['session_state'] = () => live(START.getTime() + 10 * MINUTE, 'inactivity');
  const tab = await signedIn({warnBefore: '2m', check: {every: false}});
  await pass(8 * MINUTE);
  expect(tab.events).toMatchObject([{type: 'warning', limit: 'inactivity', secondsLeft: 120}]);
  browser.project.answers['session_state'] = () => ended('inactivity');
  await pass(2 * MINUTE);
  expect(tab.events.at(-1)).toMatchObject({type: 'ended', reason: 'inactivity'});
});

it("does not end at the server's deadline while the server cannot be asked", async () => {
  browser.project.answers['session_state'] = () => live(START.getTime() + 10 * MINUTE, 'timebox');
  const tab = await signedIn();
  await pass(9 * MINUTE);
  browser.project.offline = true;
  await pass(5 * MINUTE);
  expect(tab.session.getSnapshot()).toMatchObject({live: true, secondsLeft: 0});
  browser.project.offline = false;
  browser.project.answers['session_state'] = () => ended('timebox');
  await pass(6_000);
  expect(tab.events.at(-1)).toMatchObject({type: 'ended', reason: 'timebox'});
});

it('says that a deadline has moved when a refresh moved it', async () => {
  browser.project.answers['session_state'] = () => live(START.getTime() + 10 * MINUTE, 'inactivity');
  const tab = await signedIn();
  await pass(9 * MINUTE + 1_000);
  browser.project.answers['session_state'] = () => live(START.getTime() + 20 * MINUTE, 'inactivity');
  await tab.supabase.auth.refreshSession();
  await pass(5_000);
  expect(tab.events.at(-1)).toEqual({type: 'extended', endsAt: after(20 * MINUTE)});
});

it('ends the session maxAge after the sign-in, however often it is refreshed', async () => {
  const signedInAt = START.getTime() - HOUR;
  browser.project.answers['password'] = () => json(200, newSession({sessionId: 'session-1', signedInAt}));
  browser.project.answers['refresh_token'] = () => json(200, newSession({sessionId: 'session-1', signedInAt}));
  const tab = await signedIn({maxAge: '2h'});
  expect(tab.session.getSnapshot()).toMatchObject({endsAt: after(HOUR), limit: 'maxAge'});
  await pass(30 * MINUTE);
  await tab.supabase.auth.refreshSession();
  browser.page.fire('click');
  await pass(30 * MINUTE);
  expect(tab.events.at(-1)).toMatchObject({type: 'ended', reason: 'timebox'});
});

it('ends after a sleep at once, before the return counts as activity', async () => {
  const tab = await signedIn({idle: '15m'});
  jest.setSystemTime(after(2 * HOUR));
  browser.page.fire('focus');
  browser.page.fire('click');
  await pass(100);
  expect(tab.events).toMatchObject([{type: 'ended', reason: 'inactivity'}]);
});

it('does not let a clock that is set back revive anything', async () => {
  const tab = await signedIn({maxAge: '1h'});
  await pass(59 * MINUTE);
  jest.setSystemTime(START);
  browser.page.fire('focus');
  await pass(1_000);
  expect(tab.session.getSnapshot().secondsLeft).toBeLessThanOrEqual(60);
  await signedIn();
  expect(tab.events.map(({type}) => type)).toContain('warning');
});

it('ends while no tab is open', async () => {
  await signedIn({idle: '15m'});
  await pass(5 * MINUTE);
  browser.closeTabs();
  await pass(15 * MINUTE);
  const tab = browser.openTab({idle: '15m'});
  await pass(1_000);
  expect(tab.events).toMatchObject([{type: 'ended', reason: 'inactivity'}]);
  expect(await isSignedOut(tab)).toBe(true);
});

it('goes on when a tab is opened in time', async () => {
  await signedIn({idle: '15m'});
  await pass(5 * MINUTE);
  browser.closeTabs();
  await pass(5 * MINUTE);
  const tab = browser.openTab({idle: '15m'});
  await pass();
  expect(tab.session.getSnapshot()).toMatchObject({live: true, endsAt: after(15 * MINUTE)});
});

it('starts anew with the next session', async () => {
  const tab = await signedIn({idle: '15m', maxAge: '1h'});
  await pass(10 * MINUTE);
  await tab.session.end();
  browser.project.sessionId = 'session-2';
  await signIn(tab);
  expect(tab.session.getSnapshot()).toMatchObject({endsAt: after(25 * MINUTE), limit: 'idle'});
});

it('counts activity in one tab for all', async () => {
  const one = await signedIn({idle: '15m'});
  const two = browser.openTab({idle: '15m'});
  await pass(14 * MINUTE + 30_000);
  expect(two.events.map(({type}) => type)).toEqual(['warning']);
  one.session.active();
  await pass();
  expect(two.session.getSnapshot()).toMatchObject({secondsLeft: null, endsAt: after(29 * MINUTE + 30_000)});
  expect(two.events.map(({type}) => type)).toEqual(['warning', 'extended']);
});

it('tells the end once in every tab', async () => {
  const one = await signedIn({idle: '15m'});
  const two = browser.openTab({idle: '15m'});
  await pass(11_000);
  browser.project.answers['session_state'] = () => ended('evicted', 'Safari on iPhone');
  await one.session.check();
  await pass(5_000);
  expect(one.events).toEqual([{type: 'ended', reason: 'evicted', cause: 'Safari on iPhone', otherTab: false}]);
  expect(two.events).toEqual([{type: 'ended', reason: 'evicted', cause: 'Safari on iPhone', otherTab: true}]);
  expect(two.session.getSnapshot()).toMatchObject({live: false, reason: 'evicted', cause: 'Safari on iPhone'});
});

it('tells the other tab of a sign-out by the user', async () => {
  const one = await signedIn();
  const two = browser.openTab();
  await pass(6_000);
  await one.supabase.auth.signOut();
  await pass(5_000);
  expect(one.events).toMatchObject([{reason: 'userInitiated', otherTab: false}]);
  expect(two.events).toMatchObject([{reason: 'userInitiated', otherTab: true}]);
});

it('asks at most once in five seconds for all tabs', async () => {
  const one = await signedIn();
  const two = browser.openTab();
  await pass();
  expect(browser.project.count('session_state')).toBe(1);
  for (let second = 0; second < 20; second += 1) {
    browser.page.fire('focus');
    browser.page.fire('online');
    void one.session.check();
    void two.session.check();
    await pass(1_000);
  }
  expect(browser.project.count('session_state')).toBeLessThanOrEqual(5);
  expect(browser.project.count('session_state')).toBeGreaterThanOrEqual(4);
});

it('asks on focus, on coming online and regularly, unless told otherwise', async () => {
  await signedIn({check: {every: '30m'}});
  const counts = [];
  for (const type of ['focus', 'visibilitychange', 'pageshow', 'online']) {
    await pass(10_000);
    browser.page.fire(type);
    await pass();
    counts.push(browser.project.count('session_state'));
  }
  expect(counts).toEqual([2, 3, 4, 5]);
  await pass(HOUR / 2);
  expect(browser.project.count('session_state')).toBe(6);
});

it('asks only when told to, with all triggers off', async () => {
  const tab = await signedIn({check: {onFocus: false, onOnline: false, every: false}});
  await pass(10_000);
  browser.page.fire('focus');
  browser.page.fire('online');
  await pass(HOUR / 2);
  expect(browser.project.count('session_state')).toBe(1);
  await tab.session.check();
  expect(browser.project.count('session_state')).toBe(2);
});

it.each(['', 'null', '[]', '{"id":7}', '{"id":"session-1","active":"now","now":1e400}', '\u0000'])(
  'begins anew with a shared store that holds %j',
  async (content) => {
    const tab = await signedIn({idle: '15m'});
    browser.page.localStorage.setItem('supasession:project.example', content);
    await pass(MINUTE);
    expect(tab.session.getSnapshot()).toMatchObject({live: true, sessionId: 'session-1'});
    expect(tab.events).toEqual([]);
  },
);

it('works without localStorage, window and document', async () => {
  browser.page.close();
  const storage = {
    getItem: () => {
      throw new Error('blocked');
    },
    setItem: () => {
      throw new Error('blocked');
    },
    removeItem: () => undefined,
  };
  const tab = await signedIn({idle: '15m', storage});
  await pass(10 * MINUTE);
  tab.session.active();
  await pass(10 * MINUTE);
  expect(tab.session.getSnapshot().live).toBe(true);
  await pass(5 * MINUTE);
  expect(tab.events.at(-1)).toMatchObject({type: 'ended', reason: 'inactivity'});
});

it.each(['soon', '5', '5 parsecs', '-5m', -1, NaN])('refuses %j as a span', (idle) => {
  expect(() => browser.openTab({idle: idle as number})).toThrow(RangeError);
});
