import {afterEach, beforeEach, describe, expect, it, jest} from '@jest/globals';
import {createSessionClient, watchFetch, type SessionClient, type SessionEvent} from '../src/index.js';
import * as fake from './project.js';

const {FakeProject, VERSIONS} = fake;

describe.each(Object.keys(VERSIONS) as fake.Version[])('with the %s supabase-js', (version) => {
  let project: InstanceType<typeof FakeProject>;
  let clients: SessionClient[];
  let events: SessionEvent[];

  beforeEach(() => {
    jest.useFakeTimers({now: new Date('2026-11-22T10:00:00Z')});
    project = new FakeProject();
    clients = [];
    events = [];
  });
  afterEach(() => {
    for (const client of clients) client.dispose();
    jest.useRealTimers();
  });

  /** A tab: a supabase-js client and its session client. */
  function openTab({storage = fake.memoryStorage(), shared = fake.memoryStorage(), watched = true} = {}) {
    const fetch = watchFetch(project.fetch);
    const supabase = VERSIONS[version]({fetch: watched ? fetch : project.fetch, storage});
    const session = createSessionClient(supabase, {
      url: fake.URL_OF_PROJECT,
      key: fake.ANON_KEY,
      storage: shared,
      ...(watched && {fetch}),
    });
    session.onChange((event) => events.push(event));
    clients.push(session);
    return {supabase, session, storage, shared};
  }

  async function signIn(tab: ReturnType<typeof openTab>): Promise<void> {
    const {error} = await tab.supabase.auth.signInWithPassword({email: 'a@example.com', password: 'x'});
    expect(error).toBeNull();
    await settle();
  }

  /** Lets answers arrive and short waits pass. */
  const settle = async (ms = 2_000): Promise<void> => jest.advanceTimersByTimeAsync(ms);

  const isSignedOut = async (tab: ReturnType<typeof openTab>): Promise<boolean> =>
    (await tab.supabase.auth.getSession()).data.session === null;

  it('shows a live session', async () => {
    const tab = openTab();
    expect(tab.session.getSnapshot()).toMatchObject({live: false, sessionId: null});
    await signIn(tab);
    expect(tab.session.getSnapshot()).toMatchObject({live: true, sessionId: 'session-1', reason: null, endsAt: null});
    expect(events).toEqual([]);
  });

  it('tells why and by what a session was evicted', async () => {
    const tab = openTab();
    await signIn(tab);
    await settle(5_000);
    project.answers['session_state'] = () => fake.ended('evicted', 'Safari on iPhone');
    const {data} = await tab.session.check();
    expect(data).toMatchObject({live: false, reason: 'evicted', cause: 'Safari on iPhone', sessionId: 'session-1'});
    expect(events).toEqual([{type: 'ended', reason: 'evicted', cause: 'Safari on iPhone', otherTab: false}]);
    expect(await isSignedOut(tab)).toBe(true);
  });
});
