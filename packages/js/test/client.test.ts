import {expect, it} from '@jest/globals';
import {createClient} from '@supabase/supabase-js';
import {createClient as createLowest} from 'lowest-supabase-js';
import {
  createSessionClient,
  isLimitError,
  watchFetch,
  type SessionState,
  type SupabaseLike,
  type Tokens,
} from '../src/index.js';
import {pass, signIn, useBrowser} from './browser.js';
import {guardRefusal, json, memoryStorage, newSession, VERSIONS} from './project.js';

const browser = useBrowser();

const row = (id: string, current: boolean, refreshedAt: string | null) => ({
  ...{id, current, device: null, ip: '192.0.2.1', created_at: '2026-11-20T10:00:00Z', refreshed_at: refreshedAt},
  ...{not_after: null, user_agent: null, aal: 'aal1'},
});

it('calls subscribers with the state at once and after each change', async () => {
  const tab = browser.openTab();
  const states: SessionState[] = [];
  const unsubscribe = tab.session.subscribe((state) => states.push(state));
  expect(states).toHaveLength(1);
  await signIn(tab);
  expect(states.at(-1)).toBe(tab.session.getSnapshot());
  expect(states).toHaveLength(2);
  unsubscribe();
  await tab.session.end();
  expect(states).toHaveLength(2);
});

it('lists the current device first, then by the last use', async () => {
  const tab = browser.openTab();
  expect((await tab.session.listDevices()).error).toMatchObject({code: 'signedOut'});
  await signIn(tab);
  const rows = [
    row('old', false, null),
    row('new', false, '2026-11-21T10:00:00Z'),
    {...row('this', true, null), device: 'Safari on iPhone', not_after: '2026-12-01T00:00:00Z'},
  ];
  browser.project.answers['my_sessions'] = () => json(200, rows);
  const {data} = await tab.session.listDevices();
  expect(data?.map(({id}) => id)).toEqual(['this', 'new', 'old']);
  expect(data?.[0]).toEqual({
    ...{id: 'this', current: true, label: 'Safari on iPhone', ip: '192.0.2.1'},
    createdAt: new Date('2026-11-20T10:00:00Z'),
    lastSeenAt: new Date('2026-11-20T10:00:00Z'),
    endsAt: new Date('2026-12-01T00:00:00Z'),
  });
  expect(data?.[2]).toMatchObject({label: 'Unknown device', endsAt: null});
});

it('revokes devices', async () => {
  const tab = browser.openTab();
  await signIn(tab);
  browser.project.answers['revoke_my_session'] = ({body}) =>
    json(200, (body as {session_id: string}).session_id === 'b');
  browser.project.answers['revoke_my_other_sessions'] = () => json(200, 3);
  expect(await tab.session.revokeDevice('a')).toEqual({data: false, error: null});
  expect(await tab.session.revokeDevice('b')).toEqual({data: true, error: null});
  expect(await tab.session.revokeOtherDevices()).toEqual({data: 3, error: null});
  expect(tab.events).toEqual([]);
});

it('signs out when the user revokes this device', async () => {
  const tab = browser.openTab();
  await signIn(tab);
  browser.project.answers['revoke_my_session'] = () => json(200, true);
  await tab.session.revokeDevice('session-1');
  expect(tab.events).toMatchObject([{type: 'ended', reason: 'userInitiated'}]);
});

it('learns of the end from a list that the guard refuses', async () => {
  const tab = browser.openTab();
  await signIn(tab);
  browser.project.answers['my_sessions'] = guardRefusal;
  browser.project.answers['why_ended'] = () => json(200, {reason: 'revoked', cause: 'Firefox on Linux'});
  expect((await tab.session.listDevices()).error).toMatchObject({code: 'ended', status: 401});
  expect(tab.events).toMatchObject([{type: 'ended', reason: 'revoked', cause: 'Firefox on Linux'}]);
});

it.each([null, {}, 'x', [null]])('gives an error for a list that is none: %j', async (answer) => {
  const tab = browser.openTab();
  await signIn(tab);
  browser.project.answers['my_sessions'] = () => json(200, answer);
  expect((await tab.session.listDevices()).error).toMatchObject({code: 'unexpected'});
});

const SIGNED_OUT = {auth: {persistSession: false, autoRefreshToken: false}, realtime: {transport: Object as never}};

it.each<() => object>([
  () => createClient('https://project.example', 'sb_publishable_anon', SIGNED_OUT),
  () => createLowest('https://project.example', 'sb_publishable_anon', SIGNED_OUT),
])('takes URL and key from a client that is never signed in (%#)', async (create) => {
  const anon = create();
  const supabase = VERSIONS.newest({fetch: browser.project.fetch});
  const fetchBefore = globalThis.fetch;
  globalThis.fetch = browser.project.fetch;
  const session = createSessionClient(supabase, {anon, storage: memoryStorage()});
  await supabase.auth.signInWithPassword({email: 'a@example.com', password: 'x'});
  await pass();
  expect(browser.project.headers['session_state']?.get('apikey')).toBe('sb_publishable_anon');
  session.dispose();
  globalThis.fetch = fetchBefore;
});

it('knows a refused sign-in, and its limit', async () => {
  const {supabase} = browser.openTab();
  browser.project.answers['password'] = () =>
    Response.json(
      {code: 'unknown', message: 'Session limit of 3 reached'},
      {status: 403, headers: {'x-supabase-api-version': '2024-01-01'}},
    );
  const {error} = await supabase.auth.signInWithPassword({email: 'a@example.com', password: 'x'});
  expect(isLimitError(error)).toBe(true);
  expect(isLimitError(error) && error.limit).toBe(3);
});

it.each([
  ['Session limit of 1 exceeded for user 89fab125-ba07-432b-84bf-33fe9412223e', undefined, 1],
  ['At most 2 (two) devices.', 'At most {limit} (two) devices.', 2],
  ['Too many devices', 'Too many devices', null],
])('knows the message %j', (message, template, limit) => {
  const error = new Error(message);
  expect(isLimitError(error, template === undefined ? {} : {message: template})).toBe(true);
  expect(error).toMatchObject({limit});
});

it.each([null, undefined, 'Session limit of 1 reached', new Error('Invalid login credentials'), {message: 3}])(
  'is not misled by %p',
  (error) => {
    expect(isLimitError(error)).toBe(false);
  },
);

it('takes an empty INITIAL_SESSION after a session for no end: offline it means that nothing could be refreshed', async () => {
  let emit = (_event: string, _session: Tokens | null): void => undefined;
  const auth: SupabaseLike['auth'] = {
    onAuthStateChange: (callback) => {
      emit = callback;
      return {data: {subscription: {unsubscribe: () => undefined}}};
    },
    signOut: async () => undefined,
    refreshSession: async () => ({error: null}),
    getSession: async () => ({data: {session: null}}),
  };
  const watched = watchFetch(browser.project.fetch);
  const options = {url: 'https://project.example', key: 'sb_publishable_x', fetch: watched, storage: memoryStorage()};
  const session = createSessionClient({auth}, options);
  emit('SIGNED_IN', newSession({sessionId: 'one'}));
  emit('INITIAL_SESSION', null);
  await pass(5_000);
  expect(session.getSnapshot()).toMatchObject({live: true, sessionId: 'one'});
  emit('SIGNED_OUT', null);
  await pass(5_000);
  expect(session.getSnapshot()).toMatchObject({live: false, reason: 'sessionMissing'});
  session.dispose();
});
