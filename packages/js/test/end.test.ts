import {describe, expect, it, jest} from '@jest/globals';
import {isSignedOut, pass, signIn, useBrowser} from './browser.js';
import {authError, ended, guardRefusal, json, live, VERSIONS, type Version} from './project.js';

describe.each(Object.keys(VERSIONS) as Version[])('with the %s supabase-js', (version) => {
  const browser = useBrowser(version);

  const signedIn = async (options: Parameters<typeof browser.openTab>[0] = {}) => {
    const tab = browser.openTab(options);
    await signIn(tab);
    await pass(10_000);
    return tab;
  };

  /** As the guard and Auth answer once the row of the session is gone. */
  const endSession = (reason: string | null, cause: string | null = null): void => {
    Object.assign(browser.project.answers, {
      session_state: () => ended(reason, cause),
      why_ended: () => json(200, {reason, cause}),
      refresh_token: () => authError(400, 'refresh_token_not_found'),
      user: () => authError(403, 'session_not_found'),
      logout: () => authError(403, 'session_not_found'),
    });
  };

  it('shows a live session', async () => {
    const tab = browser.openTab();
    expect(tab.session.getSnapshot()).toMatchObject({live: false, sessionId: null});
    await signIn(tab);
    expect(tab.session.getSnapshot()).toMatchObject({live: true, sessionId: 'session-1', reason: null, endsAt: null});
    expect(tab.events).toEqual([]);
  });

  it.each([
    ['evicted', 'evicted', 'Safari on iPhone'],
    ['revoked', 'revoked', 'Firefox on Linux'],
    ['access_revoked', 'accessRevoked', null],
    ['inactivity', 'inactivity', null],
    ['timebox', 'timebox', null],
    ['mfa_required', 'mfaRequired', null],
    ['session_expired', 'sessionExpired', null],
    [null, 'sessionMissing', null],
  ])('tells at a check that the session ended: %s', async (code, reason, cause) => {
    const tab = await signedIn();
    endSession(code, cause);
    const {data} = await tab.session.check();
    expect(data).toMatchObject({live: false, reason, cause, sessionId: 'session-1'});
    expect(tab.events).toEqual([{type: 'ended', reason, cause, otherTab: false}]);
    expect(await isSignedOut(tab)).toBe(true);
  });

  it('asks as anon when the guard refuses the dead token', async () => {
    const tab = await signedIn();
    endSession('evicted', 'Safari on iPhone');
    browser.project.answers['session_state'] = guardRefusal;
    await tab.session.check();
    expect(tab.events).toMatchObject([{reason: 'evicted', cause: 'Safari on iPhone'}]);
    expect(browser.project.headers['why_ended']!.get('authorization')).toBeNull();
    expect(browser.project.headers['why_ended']!.get('content-profile')).toBe('supasession');
  });

  it("understands the guard's 401 wherever it comes", async () => {
    const tab = await signedIn();
    endSession('evicted', 'Safari on iPhone');
    Object.assign(browser.project.answers, {session_state: guardRefusal, notes: guardRefusal});
    const {error} = await tab.supabase.from('notes').select();
    expect(error).toMatchObject({code: 'PT401'});
    await pass();
    expect(tab.events).toMatchObject([{type: 'ended', reason: 'evicted'}]);
    expect(await isSignedOut(tab)).toBe(true);
  });

  it("ends at the guard's 401 at once, also just after a check", async () => {
    const tab = browser.openTab();
    await signIn(tab);
    endSession('evicted', 'Safari on iPhone');
    browser.project.answers['notes'] = guardRefusal;
    await tab.supabase.from('notes').select();
    await pass();
    expect(tab.events).toMatchObject([{type: 'ended', reason: 'evicted'}]);
  });

  it('does not ask for each 401 of the app itself', async () => {
    const tab = await signedIn();
    browser.project.answers['notes'] = () => json(401, {code: 'PT401', message: 'Not for you'});
    for (let request = 0; request < 10; request += 1) await tab.supabase.from('notes').select();
    await pass(1_000);
    expect(browser.project.count('why_ended')).toBe(1);
    expect(browser.project.count('session_state')).toBe(2);
  });

  it("does not take the app's own 401 for an end", async () => {
    const tab = await signedIn();
    browser.project.answers['notes'] = () => json(401, {code: 'PT401', message: 'Not for you'});
    await tab.supabase.from('notes').select();
    await pass(60_000);
    expect(tab.events).toEqual([]);
    expect(tab.session.getSnapshot().live).toBe(true);
  });

  it.each([
    ['refresh_token_not_found', 'revoked', 'revoked'],
    ['refresh_token_not_found', null, 'sessionMissing'],
    ['session_expired', 'inactivity', 'inactivity'],
    ['session_expired', null, 'sessionExpired'],
    ['refresh_token_already_used', null, 'tokenReuse'],
    ['user_banned', null, 'accessRevoked'],
  ])('ends the session when Auth refuses a refresh: %s, %s', async (code, why, reason) => {
    const tab = await signedIn();
    endSession(why);
    browser.project.answers['refresh_token'] = () => authError(400, code);
    const refresh = tab.supabase.auth.refreshSession();
    await pass(2_000);
    await refresh;
    expect(tab.events).toEqual([{type: 'ended', reason, cause: null, otherTab: false}]);
    expect(await isSignedOut(tab)).toBe(true);
  });

  it.each([
    ['session_not_found', 'evicted', 'evicted'],
    ['user_not_found', null, 'sessionMissing'],
    ['user_banned', null, 'accessRevoked'],
  ])('ends the session when Auth refuses the user: %s', async (code, why, reason) => {
    const tab = await signedIn();
    endSession(why);
    browser.project.answers['user'] = () => authError(403, code);
    await tab.supabase.auth.getUser();
    await pass(2_000);
    expect(tab.events).toEqual([{type: 'ended', reason, cause: null, otherTab: false}]);
    expect(await isSignedOut(tab)).toBe(true);
  });

  it.each(['global', 'local'] as const)('knows a sign-out by the user (%s)', async (scope) => {
    const tab = await signedIn();
    await tab.supabase.auth.signOut({scope});
    await pass(2_000);
    expect(tab.events).toEqual([{type: 'ended', reason: 'userInitiated', cause: null, otherTab: false}]);
    expect(browser.project.count('why_ended')).toBe(0);
  });

  it('stays signed in when the user signs out the others', async () => {
    const tab = await signedIn();
    await tab.supabase.auth.signOut({scope: 'others'});
    await pass(2_000);
    expect(tab.events).toEqual([]);
  });

  it('signs out here, and tells the server', async () => {
    const tab = await signedIn();
    expect(await tab.session.end()).toEqual({data: null, error: null});
    expect(tab.events).toEqual([{type: 'ended', reason: 'userInitiated', cause: null, otherTab: false}]);
    expect(await isSignedOut(tab)).toBe(true);
    expect(browser.project.count('logout')).toBe(1);
    expect((await tab.session.end()).error).toMatchObject({code: 'signedOut'});
  });

  it('clears the session offline, too', async () => {
    const tab = await signedIn({maxAge: '1h'});
    browser.project.offline = true;
    await pass(3_600_000);
    expect(tab.events.at(-1)).toEqual({type: 'ended', reason: 'timebox', cause: null, otherTab: false});
    expect(browser.stored.entries.size).toBe(0);
  });

  const troubles = {
    'a 500': () => json(500, {}),
    'a 503 in HTML': () => new Response('<html>', {status: 503}),
    'a 429': () => json(429, {code: 'over_request_rate_limit'}),
    'no network': () => Promise.reject(new TypeError('Failed to fetch')),
    'a time-out': () => Promise.reject(new DOMException('Timed out', 'TimeoutError')),
    'a portal': () => new Response('<html>Sign in to the airport</html>'),
  };
  it.each(Object.keys(troubles) as (keyof typeof troubles)[])('signs nobody out for %s', async (trouble) => {
    const tab = await signedIn();
    for (const path of ['session_state', 'why_ended', 'user', 'refresh_token', 'notes'])
      browser.project.answers[path] = troubles[trouble];
    expect((await tab.session.check()).error).toMatchObject({code: 'unreachable'});
    // auth-js tries again for a while.
    const extend = tab.session.extend();
    const others = [tab.supabase.from('notes').select().then(), tab.supabase.auth.getUser()];
    await pass(60_000);
    expect((await extend).error).toMatchObject({code: 'unreachable'});
    await Promise.all(others as Promise<unknown>[]);
    expect(tab.events).toEqual([]);
    expect(tab.session.getSnapshot()).toMatchObject({live: true, sessionId: 'session-1'});
    expect(await isSignedOut(tab)).toBe(false);
  });

  it.each([[{}], [null], [[]], [{live: 'no'}], [{live: true, ends_at: 'soon'}]])(
    'gives an error for a malformed answer: %j',
    async (answer) => {
      const tab = await signedIn();
      browser.project.answers['session_state'] = () => json(200, answer);
      expect((await tab.session.check()).error).toMatchObject({code: 'unexpected'});
      expect(tab.session.getSnapshot().live).toBe(true);
    },
  );

  it.each([
    [406, 'PGRST106', 'notExposed', 'supasession api enable'],
    [404, 'PGRST202', 'outdated', 'supasession upgrade'],
  ])('does without the functions, and says so: %i %s', async (status, code, expected, hint) => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    browser.project.answers['session_state'] = () => json(status, {code, message: ''});
    browser.project.answers['why_ended'] = browser.project.answers['session_state'];
    const tab = await signedIn();
    const {error} = await tab.session.check();
    expect(error).toMatchObject({code: expected, message: expect.stringContaining(hint)});
    expect(warn).toHaveBeenCalledWith(expect.stringContaining(hint));
    expect(tab.session.getSnapshot().live).toBe(true);
    await pass(10_000);
    browser.project.answers['user'] = () => authError(403, 'session_not_found');
    expect((await tab.session.check()).data).toMatchObject({live: false, reason: 'sessionMissing'});
    warn.mockRestore();
  });

  it('refreshes nothing for a check, whatever the token', async () => {
    const tab = await signedIn();
    await pass(3_590_000);
    await tab.session.check();
    browser.project.answers['why_ended'] = () => json(200, {reason: 'timebox', cause: null});
    await pass(20_000);
    expect(tab.session.getSnapshot().live).toBe(true);
    const check = tab.session.check();
    await pass(2_000);
    expect((await check).data).toMatchObject({live: false, reason: 'timebox'});
    expect(browser.project.count('refresh_token')).toBe(0);
  });

  it('keeps what has been found while a second question is under way', async () => {
    const tab = await signedIn();
    let answer = (_: Response): void => undefined;
    browser.project.answers['session_state'] = async () => new Promise((resolve) => (answer = resolve));
    const check = tab.session.check();
    await tab.session.end();
    answer(live());
    expect((await check).data).toMatchObject({live: false, reason: 'userInitiated'});
    expect(tab.events).toHaveLength(1);
  });

  it('tells an end once, however many requests see it', async () => {
    const tab = await signedIn();
    endSession('evicted');
    Object.assign(browser.project.answers, {session_state: guardRefusal, notes: guardRefusal});
    const requests = [
      tab.supabase.from('notes').select().then(),
      tab.supabase.from('notes').select().then(),
      tab.session.check(),
      tab.supabase.auth.refreshSession(),
      tab.supabase.auth.getUser(),
    ] as Promise<unknown>[];
    await pass(5_000);
    await Promise.all(requests);
    expect(tab.events).toHaveLength(1);
  });

  it('serves one account after another', async () => {
    const tab = await signedIn();
    endSession('evicted', 'Safari on iPhone');
    await tab.session.check();
    await pass(5_000);
    browser.project.sessionId = 'session-2';
    browser.project.answers['session_state'] = () => live();
    await signIn(tab);
    await pass(5_000);
    expect(tab.session.getSnapshot()).toMatchObject({live: true, sessionId: 'session-2', reason: null, cause: null});
    expect(await isSignedOut(tab)).toBe(false);
    await tab.session.end();
    expect(tab.events).toMatchObject([{reason: 'evicted'}, {reason: 'userInitiated'}]);
  });

  it('leaves a new account alone when the end of the one before is told late', async () => {
    const tab = await signedIn();
    let answer = (_: Response): void => undefined;
    browser.project.answers['session_state'] = async () => new Promise((resolve) => (answer = resolve));
    void tab.session.check();
    await pass();
    browser.project.answers['session_state'] = () => live();
    browser.project.sessionId = 'session-2';
    await signIn(tab);
    answer(ended('evicted'));
    await pass(10_000);
    expect(tab.events).toEqual([]);
    expect(tab.session.getSnapshot()).toMatchObject({live: true, sessionId: 'session-2'});
    expect(await isSignedOut(tab)).toBe(false);
  });

  it('tells after a reload why the session ended', async () => {
    await signedIn();
    browser.closeTabs();
    await pass(3_600_000);
    endSession('evicted', 'Safari on iPhone');
    const tab = browser.openTab({autoRefreshToken: true});
    await pass(5_000);
    expect(tab.events).toEqual([{type: 'ended', reason: 'evicted', cause: 'Safari on iPhone', otherTab: false}]);
    browser.closeTabs();
    const again = browser.openTab();
    await pass(5_000);
    expect(again.session.getSnapshot()).toMatchObject({reason: 'evicted', cause: 'Safari on iPhone', live: false});
    expect(again.events).toEqual([]);
  });

  it('opens offline with an expired token without an end', async () => {
    await signedIn();
    browser.closeTabs();
    await pass(3_600_000);
    browser.project.offline = true;
    const tab = browser.openTab({autoRefreshToken: true});
    await pass(60_000);
    expect(tab.events).toEqual([]);
    browser.project.offline = false;
    await pass(120_000);
    expect(tab.session.getSnapshot()).toMatchObject({live: true, sessionId: 'session-1'});
  });

  it('tells nothing after dispose', async () => {
    const tab = await signedIn();
    endSession('evicted');
    const states: unknown[] = [];
    tab.session.subscribe((state) => states.push(state));
    await pass();
    const check = tab.session.check();
    tab.session.dispose();
    await check;
    browser.page.fire('focus');
    await pass(600_000);
    expect(tab.events).toEqual([]);
    expect(states).toHaveLength(1);
  });
});
