import {afterEach, beforeEach, expect, it, jest} from '@jest/globals';
import fc from 'fast-check';
import {expiringStorage} from '../src/storage.js';
import {FakeProject, memoryStorage, newSession, VERSIONS, type Version} from './project.js';

const KEY = 'sb-project-auth-token';
const HOUR = 3_600_000;

beforeEach(() => void jest.useFakeTimers({now: new Date('2026-11-22T10:00:00Z')}));
afterEach(() => void jest.useRealTimers());

const session = (options: Parameters<typeof newSession>[0] = {}): string =>
  JSON.stringify(newSession({sessionId: 'one', ...options}));

it('ends a session a time after the sign-in, whatever is refreshed and read', async () => {
  const storage = expiringStorage({deadline: '8h', storage: memoryStorage()});
  await storage.setItem(KEY, session());
  for (let hour = 1; hour < 8; hour += 1) {
    jest.advanceTimersByTime(HOUR);
    const refreshed = session({signedInAt: Date.now() - hour * HOUR});
    await storage.setItem(KEY, refreshed);
    expect(await storage.getItem(KEY)).toBe(refreshed);
  }
  jest.advanceTimersByTime(HOUR);
  expect(await storage.getItem(KEY)).toBeNull();
});

it('gives the next session a deadline of its own', async () => {
  const storage = expiringStorage({deadline: '8h', storage: memoryStorage()});
  await storage.setItem(KEY, session());
  jest.advanceTimersByTime(7 * HOUR);
  const next = session({sessionId: 'two'});
  await storage.setItem(KEY, next);
  jest.advanceTimersByTime(7 * HOUR);
  expect(await storage.getItem(KEY)).toBe(next);
});

it('ends a session that nobody reads, also while nothing is open', async () => {
  const kept = memoryStorage();
  const value = session();
  await expiringStorage({inactivity: '30m', storage: kept}).setItem(KEY, value);
  for (let reads = 0; reads < 5; reads += 1) {
    jest.advanceTimersByTime(HOUR / 2 - 1);
    expect(await expiringStorage({inactivity: '30m', storage: kept}).getItem(KEY)).toBe(value);
  }
  jest.advanceTimersByTime(HOUR / 2);
  expect(await expiringStorage({inactivity: '30m', storage: kept}).getItem(KEY)).toBeNull();
  expect(kept.entries.size).toBe(0);
});

it('does not revive what has ended when the clock is set back', async () => {
  const storage = expiringStorage({deadline: '2h', inactivity: '90m', storage: memoryStorage()});
  const start = Date.now();
  await storage.setItem(KEY, session());
  jest.advanceTimersByTime(HOUR);
  await storage.getItem(KEY);
  jest.setSystemTime(start - 24 * HOUR);
  expect(await storage.getItem(KEY)).not.toBeNull();
  jest.setSystemTime(start + 2 * HOUR);
  expect(await storage.getItem(KEY)).toBeNull();
});

it('keeps a session that is not to be remembered in its tab', async () => {
  let remember = false;
  const kept = memoryStorage();
  const tab = expiringStorage({remember: () => remember, storage: kept});
  await tab.setItem(KEY, session());
  expect(kept.entries.size).toBe(0);
  expect(await tab.getItem(KEY)).not.toBeNull();
  expect(await expiringStorage({storage: kept}).getItem(KEY)).toBeNull();
  remember = true;
  await tab.setItem(KEY, session());
  expect(await expiringStorage({storage: kept}).getItem(KEY)).not.toBeNull();
});

it('passes PKCE verifiers and the separate user through', async () => {
  const kept = memoryStorage();
  const storage = expiringStorage({deadline: '1h', storage: kept});
  for (const key of [`${KEY}-code-verifier`, `${KEY}-user`]) {
    await storage.setItem(key, '"x"');
    jest.advanceTimersByTime(2 * HOUR);
    expect(await storage.getItem(key)).toBe('"x"');
    expect(kept.getItem(key)).toBe('"x"');
    await storage.removeItem(key);
    expect(kept.getItem(key)).toBeNull();
  }
});

it('forgets all of a session that is removed', async () => {
  const kept = memoryStorage();
  const storage = expiringStorage({inactivity: '1h', storage: kept});
  await storage.setItem(KEY, session());
  await storage.removeItem(KEY);
  expect(kept.entries.size).toBe(0);
});

it('works over a storage that answers later, such as AsyncStorage', async () => {
  const kept = memoryStorage();
  const storage = expiringStorage({
    deadline: '1h',
    storage: {
      getItem: async (key) => kept.getItem(key),
      setItem: async (key: string, value: string) => kept.setItem(key, value),
      removeItem: async (key: string) => kept.removeItem(key),
    },
  });
  const value = session();
  await storage.setItem(KEY, value);
  expect(await storage.getItem(KEY)).toBe(value);
});

it('counts a session that another library stored as signed out', async () => {
  const kept = memoryStorage({[KEY]: session(), [`${KEY}-used`]: String(Date.now())});
  expect(await expiringStorage({storage: kept}).getItem(KEY)).toBeNull();
});

it('counts tokens of another session under the deadline of this one as signed out', async () => {
  const kept = memoryStorage();
  const storage = expiringStorage({deadline: '1h', storage: kept});
  await storage.setItem(KEY, session());
  const entry = JSON.parse(kept.getItem(KEY)!) as Record<string, unknown>;
  kept.setItem(KEY, JSON.stringify({...entry, session: session({sessionId: 'two'})}));
  expect(await storage.getItem(KEY)).toBeNull();
});

it('gives a session or nothing for any content, and throws for none', async () => {
  const stored = memoryStorage();
  const value = session();
  await expiringStorage({storage: stored}).setItem(KEY, value);
  const entry = stored.getItem(KEY)!;
  const damaged = fc
    .tuple(fc.nat(entry.length), fc.nat(20), fc.string())
    .map(([at, length, text]) => entry.slice(0, at) + text + entry.slice(at + length));
  const content = fc.oneof(fc.string(), fc.json(), damaged, fc.constant(entry));
  const used = fc.oneof(fc.string(), fc.double().map(String), fc.constant(String(Date.now())));
  await fc.assert(
    fc.asyncProperty(content, used, async (text, instant) => {
      const kept = memoryStorage({[KEY]: text, [`${KEY}-used`]: instant});
      const read = await expiringStorage({deadline: '1h', inactivity: '1h', storage: kept}).getItem(KEY);
      if (read === null) expect(kept.entries.size).toBe(0);
      else expect(JSON.parse(read)).toMatchObject({access_token: expect.stringContaining('.')});
    }),
    {numRuns: 1_000},
  );
});

it.each(Object.keys(VERSIONS) as Version[])('signs in, stays and ends in the %s supabase-js', async (version) => {
  const project = new FakeProject();
  const kept = memoryStorage();
  const open = () =>
    VERSIONS[version]({fetch: project.fetch, storage: expiringStorage({deadline: '30m', storage: kept}) as never});
  await open().auth.signInWithPassword({email: 'a@example.com', password: 'x'});
  const found = await open().auth.getSession();
  expect(found.data.session?.user.id).toBe('user');
  jest.advanceTimersByTime(HOUR / 2);
  expect((await open().auth.getSession()).data.session).toBeNull();
});
