/** reject_ignores_idle: sessions left behind in closed browsers must not lock anybody out. */
import type {Client} from 'pg';
import {
  createSessions,
  createUser,
  liveSessions,
  refreshV1,
  refreshV2,
  run,
  signInPassword,
  Steps,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure} from '../helpers/install.js';

let database: TestDatabase;
let postgres: Client;
let observer: Client;
let auth: Client;
let other: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  observer = await database.connect('postgres');
  auth = await database.connect('supabase_auth_admin');
  other = await database.connect('supabase_auth_admin');
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

const refused = {sqlstate: 'PT403'};

/** One session for each number of days since its sign-in, and of days since its last refresh (null: never). */
async function sessions(...ages: [signedIn: number, refreshed: number | null][]): Promise<AuthSession[]> {
  const made = await createSessions(postgres, [user.userId], ages.length);
  for (const [n, [signedIn, refreshed]] of ages.entries()) {
    await postgres.query(
      `update auth.sessions set created_at = now() - $2 * interval '1 day', refreshed_at = (now() - $3 * interval '1 day') at time zone 'UTC'
       where id = $1`,
      [made[n]?.sessionId, signedIn, refreshed],
    );
  }
  return made;
}

async function live(): Promise<string[]> {
  return liveSessions(observer, user.userId);
}

function ids(...made: (AuthSession | undefined)[]): (string | undefined)[] {
  return made.map((session) => session?.sessionId);
}

it('a session without sign-in or refresh for longer does not protect itself: a sign-in takes its place', async () => {
  await sessions([30, 8], [9, null]);
  await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
  const next = await run(auth, signInPassword(user.email));
  expect(await live()).toEqual(ids(next));
  const {rows} = await postgres.query('select kind, caused_by from supasession.events where user_id = $1', [
    user.userId,
  ]);
  expect(rows).toEqual(Array(2).fill({kind: 'evicted', caused_by: next.sessionId}));
});

it.each([
  {what: 'signed in', age: [6, null]},
  {what: 'refreshed', age: [30, 6]},
] as const)('one that was $what since then does: the sign-in is refused', async ({age: [signedIn, refreshed]}) => {
  const [session] = await sessions([signedIn, refreshed]);
  await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
  await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject(refused);
  expect(await live()).toEqual(ids(session));
});

it('only those in the way are ended, the least of them', async () => {
  const [older, younger, active] = await sessions([30, null], [20, null], [1, null]);
  await configure(postgres, {enabled: true, max_sessions: 4, strategy: 'reject'});
  const fourth = await run(auth, signInPassword(user.email));
  expect(await live()).toEqual(ids(older, younger, active, fourth));
  const fifth = await run(auth, signInPassword(user.email));
  expect(await live()).toEqual(ids(younger, active, fourth, fifth));
});

it('a refusal ends none of them', async () => {
  const made = await sessions([30, null], [1, null]);
  await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
  await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject(refused);
  expect(await live()).toEqual(ids(...made));
});

it.each([
  {reject_ignores_idle: null, days: 3000},
  {reject_ignores_idle: '30 days', days: 29},
])('with $reject_ignores_idle it protects itself after $days days', async ({reject_ignores_idle, days}) => {
  const [session] = await sessions([days, null]);
  await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject', reject_ignores_idle});
  await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject(refused);
  expect(await live()).toEqual(ids(session));
});

it('does nothing under dequeue: the oldest goes, idle or not', async () => {
  // The oldest has been used just now, the next not for weeks.
  const [oldest, idle] = await sessions([40, 0], [30, null]);
  await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'dequeue'});
  const next = await run(auth, signInPassword(user.email));
  expect(oldest).toBeDefined();
  expect(await live()).toEqual(ids(idle, next));
});

describe.each(['oldest', 'least_recently_used'] as const)(
  'idle sessions are ranked last, by order %s',
  (eviction_order) => {
    const settings = {enabled: true, max_sessions: 1, strategy: 'reject', eviction_order} as const;

    it('a refresh of the active one keeps it, though the others signed in later', async () => {
      const [active] = await sessions([60, 1], [30, null], [20, null]);
      if (!active) throw new Error('no session');
      await configure(postgres, settings);
      await run(auth, refreshV2(active));
      expect(await live()).toContain(active.sessionId);
      await postgres.query('select supasession.enforce()');
      expect(await live()).toContain(active.sessionId);
    });

    it('a sign-in ends an idle one that signed in later than an active one', async () => {
      const [active, idle] = await sessions([60, 1], [30, null]);
      await configure(postgres, {...settings, max_sessions: 2});
      const next = await run(auth, signInPassword(user.email));
      expect(idle).toBeDefined();
      expect(await live()).toEqual(ids(active, next));
    });

    it('enforce() ends active ones over the limit, and leaves the idle ones', async () => {
      const [idle, first, second] = await sessions([60, null], [5, null], [4, null]);
      await configure(postgres, settings);
      await postgres.query('select supasession.enforce()');
      expect(first).toBeDefined();
      expect(await live()).toEqual(ids(idle, second));
    });
  },
);

it('an active session over the limit ends at its refresh, whatever idle ones there are', async () => {
  const [idle, first, second] = await sessions([60, null], [5, null], [4, null]);
  if (!first) throw new Error('no session');
  await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
  await run(auth, refreshV1(first));
  expect(await live()).toEqual(ids(idle, second));
});

describe.each(Object.entries({v1: refreshV1, v2: refreshV2}))('when an idle session is refreshed (%s)', (_, flow) => {
  it('it goes on where there is room, and counts again from then on', async () => {
    const [idle] = await sessions([30, null]);
    if (!idle) throw new Error('no session');
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    await run(auth, flow(idle));
    expect(await live()).toEqual(ids(idle));
    await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject(refused);
  });

  it('it is ended where the others fill the limit', async () => {
    const [idle, active] = await sessions([30, null], [1, null]);
    if (!idle) throw new Error('no session');
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    await run(auth, flow(idle));
    expect(await live()).toEqual(ids(active));
  });

  it('it is ended where the others fill the limit, though it signed in after them', async () => {
    const [active, idle] = await sessions([60, 1], [30, null]);
    if (!idle) throw new Error('no session');
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    await run(auth, flow(idle));
    expect(await live()).toEqual(ids(active));
  });

  it('just then, it is in use: a sign-in that wants its place is refused, and never over the limit', async () => {
    const [idle] = await sessions([30, null]);
    if (!idle) throw new Error('no session');
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    const refreshing = new Steps(auth, flow(idle));
    await refreshing.through('lock sessions');
    await expect(run(other, signInPassword(user.email))).rejects.toMatchObject(refused);
    await refreshing.finish();
    expect(await live()).toEqual(ids(idle));
  });
});
