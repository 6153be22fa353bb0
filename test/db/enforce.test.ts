/** enforce(): brings the sessions that are there in line with settings and rules, a batch at a time. */
import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import {
  AuthError,
  createFactor,
  createSessions,
  createUser,
  createUsers,
  liveSessions,
  refresh,
  refreshV1,
  refreshV2,
  run,
  signInPassword,
  Steps,
  verifyMagicLink,
  generateMagicLink,
  type AuthSession,
  type AuthUser,
  type Flow,
} from '../helpers/auth.js';
import {ask} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, type Settings} from '../helpers/install.js';
import {interrupt, outcome} from '../helpers/interrupt.js';

interface Done {
  users: number;
  evicted: number;
  expired: number;
  deadlines: number;
  skipped: number;
  last_user: string | null;
}

const NOTHING = {users: 0, evicted: 0, expired: 0, deadlines: 0, skipped: 0, last_user: null};

let database: TestDatabase;
let postgres: Client;
let observer: Client;
let auth: Client;
let api: Client;
/** Writes sessions without any trigger. */
let replica: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  [postgres, observer, auth, api, replica] = (await Promise.all(
    ['postgres', 'postgres', 'supabase_auth_admin', 'authenticator', 'supabase_admin'].map(async (role) =>
      database.connect(role),
    ),
  )) as [Client, Client, Client, Client, Client];
  await replica.query('set session_replication_role = replica');
});

beforeEach(async () => {
  await observer.query(
    `delete from auth.users; delete from supasession.rules; delete from supasession.events;
     delete from supasession.foreign_deadlines; delete from supasession.pending_ends`,
  );
  await configure(postgres, {enabled: false});
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

async function enforce(batch = 1000, after: string | null = null, client = postgres): Promise<Done> {
  const {rows} = await client.query<Done>('select * from supasession.enforce($1, $2)', [batch, after]);
  if (!rows[0]) throw new Error('no answer');
  return rows[0];
}

const ids = (list: AuthSession[]): string[] => list.map(({sessionId}) => sessionId);

async function sessions(count: number, settings: Settings, userId = user.userId): Promise<string[]> {
  const made = await createSessions(postgres, [userId], count);
  await configure(postgres, settings);
  return ids(made);
}

async function set(sessionId: string | undefined, assignment: string): Promise<void> {
  await replica.query(`update auth.sessions set ${assignment} where id = $1`, [sessionId]);
}

/** Seconds from now to the deadline of a session, null for none. */
async function deadline(sessionId: string | undefined): Promise<number | null> {
  const {rows} = await postgres.query<{seconds: number | null}>(
    'select extract(epoch from not_after - now())::float8 as seconds from auth.sessions where id = $1',
    [sessionId],
  );
  return rows[0]?.seconds ?? null;
}

async function live(userId = user.userId): Promise<string[]> {
  return liveSessions(postgres, userId);
}

describe('the limit', () => {
  it('ends the first sessions above it, and only once', async () => {
    const made = await sessions(5, {enabled: true, max_sessions: 2});
    expect(await enforce()).toEqual({...NOTHING, users: 1, evicted: 3});
    expect(await live()).toEqual(made.slice(3));
    expect(await enforce()).toEqual({...NOTHING, users: 1});
    const {rows} = await postgres.query('select kind, reason, caused_by from supasession.events where user_id = $1', [
      user.userId,
    ]);
    expect(rows).toEqual(Array(3).fill({kind: 'evicted', reason: 'limit of 2, by enforce()', caused_by: null}));
  });

  it.each(['dequeue', 'reject'] as const)('ends those without created_at first, by id, under %s', async (strategy) => {
    const made = await sessions(4, {enabled: true, max_sessions: 2, strategy, reject_ignores_idle: null});
    for (const id of made.slice(2)) await set(id, 'created_at = null');
    await enforce();
    expect(await live()).toEqual(made.slice(0, 2));
    for (const id of made.slice(0, 2)) await set(id, 'created_at = null');
    await configure(postgres, {enabled: true, max_sessions: 1, strategy, reject_ignores_idle: null});
    await enforce();
    expect(await live()).toEqual(made.slice(0, 2).sort().slice(1));
  });

  it('leaves sessions in pending_ends out: they have ended, and go at their refresh', async () => {
    const made = await sessions(4, {enabled: true, max_sessions: 2, timebox: '1 day'});
    await postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
      made[3],
      user.userId,
    ]);
    expect(await enforce()).toEqual({...NOTHING, users: 1, evicted: 1, deadlines: 2});
    expect(await live()).toEqual(made.slice(1));
    expect(await deadline(made[3])).toBeNull();
  });

  it('does not record where the history is off', async () => {
    await sessions(3, {enabled: true, max_sessions: 1, record_events: false});
    expect(await enforce()).toMatchObject({evicted: 2});
    expect((await postgres.query('select from supasession.events where user_id = $1', [user.userId])).rowCount).toBe(0);
  });

  it('goes by last use where the settings say so', async () => {
    const made = await sessions(3, {enabled: true, max_sessions: 1, eviction_order: 'least_recently_used'});
    await set(made[0], "refreshed_at = now() at time zone 'UTC'");
    expect(await enforce()).toMatchObject({evicted: 2});
    expect(await live()).toEqual([made[0]]);
  });

  it('ends sessions under reject as well', async () => {
    const made = await sessions(3, {enabled: true, max_sessions: 2, strategy: 'reject'});
    expect(await enforce()).toMatchObject({evicted: 1});
    expect(await live()).toEqual(made.slice(1));
  });

  it('follows the rules of each user', async () => {
    await postgres.query(`update auth.users set raw_app_meta_data = '{"plan": "pro"}' where id = $1`, [user.userId]);
    const [free, boss] = (await createUsers(postgres, 2)) as [AuthUser, AuthUser];
    await postgres.query(
      `insert into supasession.rules (name, user_id, app_metadata, max_sessions, unlimited)
       values ('pro', null, '{"plan": "pro"}', 3, false), ('boss', $1, null, null, true)`,
      [boss.userId],
    );
    await createSessions(postgres, [free.userId, boss.userId], 5);
    await sessions(5, {enabled: true, max_sessions: 1});
    expect(await enforce()).toMatchObject({users: 3, evicted: 6});
    expect(await live()).toHaveLength(3);
    expect(await live(free.userId)).toHaveLength(1);
    expect(await live(boss.userId)).toHaveLength(5);
    const {rows} = await postgres.query(
      'select distinct kind, reason, caused_by from supasession.events where user_id = $1',
      [user.userId],
    );
    expect(rows).toEqual([{kind: 'evicted', reason: 'limit of 3, by enforce()', caused_by: 'pro'}]);
  });

  it.each([
    ['ignore', 4],
    ['separate', 2],
    ['together', 1],
  ] as const)('counts sessions of an OAuth client by the setting (%s: %i left)', async (oauth_clients, left) => {
    const client = randomUUID();
    const made = await sessions(4, {enabled: true, max_sessions: 1, oauth_clients});
    for (const id of made.slice(0, 3)) await set(id, `oauth_client_id = '${client}'`);
    await enforce();
    expect(await live()).toHaveLength(left);
    expect(await live()).toContain(made[3]);
  });

  it('keeps pending sessions apart', async () => {
    const made = await sessions(6, {enabled: true, max_sessions: 2});
    await createFactor(postgres, user.userId);
    for (const id of made.slice(0, 3)) await set(id, "aal = 'aal2'");
    expect(await enforce()).toMatchObject({evicted: 2, expired: 0});
    expect(await live()).toEqual([made[1], made[2], made[4], made[5]]);
  });

  it('does nothing while limits are off, and without a row of settings', async () => {
    await sessions(3, {enabled: false, timebox: '1 hour'});
    expect(await enforce()).toEqual(NOTHING);
    await postgres.query('delete from supasession.config');
    expect(await enforce()).toEqual(NOTHING);
    expect(await live()).toHaveLength(3);
  });
});

describe('deadlines', () => {
  it('are set where there are none, from the sign-in and from the last use', async () => {
    const [first, second] = await sessions(2, {
      ...{enabled: true, max_sessions: 9},
      ...{timebox: '1 hour', inactivity_timeout: '30 minutes'},
    });
    await set(
      first,
      "refreshed_at = (now() at time zone 'UTC') - interval '20 minutes', created_at = now() - interval '50 minutes'",
    );
    await set(second, "created_at = now() - interval '10 minutes'");
    expect(await enforce()).toEqual({...NOTHING, users: 1, deadlines: 2});
    expect(await deadline(first)).toBeCloseTo(600, -1);
    expect(await deadline(second)).toBeCloseTo(1200, -1);
    expect(await enforce()).toEqual({...NOTHING, users: 1});
  });

  it('that are tightened reach existing sessions, and end those that are past them', async () => {
    const [old, young] = await sessions(2, {enabled: true, max_sessions: 9, timebox: '1 hour'});
    await set(old, "created_at = now() - interval '55 minutes'");
    await enforce();
    await configure(postgres, {enabled: true, max_sessions: 9, timebox: '30 minutes'});
    expect(await enforce()).toEqual({...NOTHING, users: 1, expired: 1, deadlines: 1});
    expect(await live()).toEqual([young]);
    const {rows} = await postgres.query('select kind, session_id, reason from supasession.events where user_id = $1', [
      user.userId,
    ]);
    expect(rows).toEqual([{kind: 'expired', session_id: old, reason: 'timebox, by enforce()'}]);
  });

  it('are never moved on, and what has ended stays ended', async () => {
    const [ended, other] = await sessions(2, {enabled: true, max_sessions: 9, timebox: '1 day'});
    await set(ended, "not_after = now() - interval '1 second'");
    await set(other, "not_after = now() + interval '1 minute'");
    expect(await enforce()).toEqual({...NOTHING, users: 1});
    expect(await live()).toEqual([other]);
    expect(await deadline(other)).toBeLessThan(61);
  });

  it('that Auth gave are not exceeded when ours are loosened again', async () => {
    const made = await createSessions(postgres, [user.userId], 1);
    const [session] = made as [AuthSession];
    await set(session.sessionId, "not_after = now() + interval '2 hours'");
    await configure(postgres, {enabled: true, max_sessions: 9, timebox: '1 hour'});
    expect(await enforce()).toMatchObject({deadlines: 1});
    expect(await deadline(session.sessionId)).toBeLessThan(3600);
    await configure(postgres, {enabled: true, max_sessions: 9, timebox: '1 day'});
    await run(auth, refresh(session));
    const seconds = (await deadline(session.sessionId)) ?? 0;
    expect(seconds).toBeGreaterThan(3600);
    expect(seconds).toBeLessThanOrEqual(7200);
  });

  it('that we gave are moved on again by a refresh', async () => {
    const made = await createSessions(postgres, [user.userId], 1);
    const [session] = made as [AuthSession];
    await configure(postgres, {enabled: true, max_sessions: 9, inactivity_timeout: '1 hour'});
    await set(session.sessionId, "created_at = now() - interval '50 minutes'");
    expect(await enforce()).toMatchObject({deadlines: 1});
    expect(await deadline(session.sessionId)).toBeLessThan(700);
    await run(auth, refresh(session));
    expect(await deadline(session.sessionId)).toBeGreaterThan(3500);
  });

  it('follow the rules', async () => {
    const [session] = await sessions(1, {enabled: true, max_sessions: 9, timebox: '1 hour'});
    await postgres.query("insert into supasession.rules (name, user_id, no_deadline) values ('kiosk', $1, true)", [
      user.userId,
    ]);
    expect(await enforce()).toEqual({...NOTHING, users: 1});
    expect(await deadline(session)).toBeNull();
  });

  it('of pending sessions count from the sign-in', async () => {
    const [old, young] = await sessions(2, {enabled: true, max_sessions: 9, low_aal_timeout: '15 minutes'});
    await createFactor(postgres, user.userId);
    await set(old, "created_at = now() - interval '20 minutes'");
    expect(await enforce()).toMatchObject({expired: 1, deadlines: 1});
    expect(await live()).toEqual([young]);
    expect(await deadline(young)).toBeLessThan(15 * 60);
  });
});

it('does nothing in observe mode', async () => {
  const made = await sessions(5, {enabled: true, mode: 'observe', max_sessions: 2, timebox: '1 hour'});
  for (const id of made.slice(0, 2)) await set(id, "created_at = now() - interval '2 hours'");
  const before = await observer.query('select * from auth.sessions order by id');
  expect(await enforce()).toEqual(NOTHING);
  expect((await observer.query('select * from auth.sessions order by id')).rows).toEqual(before.rows);
  await configure(postgres, {enabled: true, max_sessions: 2, timebox: '1 hour'});
  await enforce();
  expect(await live()).toEqual(made.slice(3));
});

describe.each(['Etc/GMT+12', 'Asia/Tokyo'])('in time zone %s', (zone) => {
  beforeEach(async () => postgres.query(`set time zone '${zone}'`));
  afterEach(async () => postgres.query('reset time zone'));

  const used = (hoursAgo: number): string => `refreshed_at = (now() at time zone 'UTC') - interval '${hoursAgo} hours'`;
  const signedIn = (hoursAgo: number): string => `created_at = now() - interval '${hoursAgo} hours'`;

  it('least_recently_used compares sign-ins with refreshes in UTC', async () => {
    // Signed in 30, 31, 32 and 33 hours ago; refreshed 2, never, 4 and never: 2, 4, 31, 33.
    const made = await sessions(4, {enabled: true, max_sessions: 3, eviction_order: 'least_recently_used'});
    for (const [n, id] of made.entries()) await set(id, signedIn(30 + n));
    for (const n of [0, 2]) await set(made[n], used(2 + n));
    await enforce();
    expect((await live()).sort()).toEqual([made[0], made[1], made[2]].sort());
    // Signed in one hour ago, refreshed two hours ago: the sign-in is later.
    await set(made[1], signedIn(3));
    await configure(postgres, {enabled: true, max_sessions: 2, eviction_order: 'least_recently_used'});
    await enforce();
    expect((await live()).sort()).toEqual([made[0], made[1]].sort());
    await set(made[1], signedIn(1));
    await configure(postgres, {enabled: true, max_sessions: 1, eviction_order: 'least_recently_used'});
    await enforce();
    expect(await live()).toEqual([made[1]]);
  });

  it('what is idle under reject is so by UTC', async () => {
    const settings = {enabled: true, max_sessions: 1, strategy: 'reject', reject_ignores_idle: '1 day'} as const;
    const made = await sessions(3, settings);
    for (const id of made) await set(id, signedIn(90));
    await set(made[0], used(22));
    await set(made[1], used(23));
    await set(made[2], used(25));
    await enforce();
    // The last one is idle and is left; of the others the one that comes first by id, or both were taken for idle.
    expect(await live()).toHaveLength(2);
    expect(await live()).toContain(made[2]);
  });

  it('prune() takes what was last used for longer by UTC, and no more', async () => {
    const made = await sessions(4, {enabled: false});
    for (const id of made) await set(id, signedIn(90));
    await set(made[0], used(22));
    await set(made[1], used(25));
    await set(made[2], used(47));
    const {rows} = await postgres.query("select supasession.prune('1 day')");
    expect(rows).toEqual([{prune: 3}]);
    expect(await live()).toEqual([made[0]]);
  });
});

describe('batches', () => {
  it('visit every user once, in the order of their ids, until last_user is null', async () => {
    const users = await createUsers(postgres, 4);
    const all = [...users, user].map(({userId}) => userId).sort();
    await createSessions(postgres, all, 3);
    await createUsers(postgres, 2); // without sessions: not visited
    await configure(postgres, {enabled: true, max_sessions: 1});
    const visited: (string | null)[] = [];
    let [after, total]: [string | null, number] = [null, 0];
    do {
      const done: Done = await enforce(2, after);
      total += done.evicted;
      after = done.last_user;
      visited.push(after);
    } while (after !== null);
    expect(visited).toEqual([all[1], all[3], null]);
    expect(total).toBe(10);
    for (const id of all) expect(await live(id)).toHaveLength(1);
  });

  it('that come out even end with an empty one', async () => {
    await sessions(2, {enabled: true, max_sessions: 1});
    const first = await enforce(1);
    expect(first).toMatchObject({users: 1, evicted: 1, last_user: user.userId});
    expect(await enforce(1, first.last_user)).toEqual(NOTHING);
  });

  it('pass users by who are signing in, and sessions that are being refreshed', async () => {
    const made = await createSessions(postgres, [user.userId], 3);
    const other = await createUser(postgres);
    await createSessions(postgres, [other.userId], 3);
    await configure(postgres, {enabled: true, max_sessions: 1, timebox: '1 day'});
    const locker = await database.connect('supabase_auth_admin');
    await locker.query('begin');
    await locker.query('select from users where id = $1 for update', [other.userId]);
    const refreshing = new Steps(auth, refreshV2(made[0] as AuthSession));
    await refreshing.before('update sessions');

    await postgres.query("set lock_timeout = '5s'"); // it waits for nothing
    expect(await enforce()).toMatchObject({users: 2, skipped: 1, evicted: 1, deadlines: 1});
    await postgres.query('reset lock_timeout');
    expect(await deadline(made[0]?.sessionId)).toBeNull();
    expect(await live(other.userId)).toHaveLength(3);
    expect(await live()).toEqual([made[0]?.sessionId, made[2]?.sessionId]);

    await locker.query('rollback');
    await refreshing.finish();
    // It found out by itself.
    expect(await live()).toEqual([made[2]?.sessionId]);
    expect(await enforce()).toMatchObject({users: 2, skipped: 0, evicted: 2});
    expect(await live(other.userId)).toHaveLength(1);
  });
});

describe('a call', () => {
  /** Calls until it is through; what each call did. */
  async function calls(): Promise<number[]> {
    const done: number[] = [];
    let after: string | null = null;
    do {
      const next: Done = await enforce(1000, after);
      done.push(next.evicted + next.expired + next.deadlines);
      after = next.last_user;
    } while (after !== null && done.length < 20);
    return done;
  }

  it('makes 5,000 changes at most, and goes on with the same user', async () => {
    await sessions(12_001, {enabled: true, max_sessions: 1});
    expect(await enforce()).toMatchObject({users: 0, evicted: 5000, last_user: '00000000-0000-0000-0000-000000000000'});
    expect(await calls()).toEqual([5000, 2000]);
    expect(await live()).toHaveLength(1);
  });

  it('counts deadlines among them, and sees every user in the end', async () => {
    const users = (await createUsers(postgres, 3)).map(({userId}) => userId);
    await createSessions(postgres, users, 3000);
    await sessions(1, {enabled: true, max_sessions: 2000, timebox: '30 days'});
    const done = await calls();
    expect(Math.max(...done)).toBe(5000);
    for (const id of users) expect(await live(id)).toHaveLength(2000);
    const {rows} = await postgres.query('select count(*)::int as without from auth.sessions where not_after is null');
    expect(rows).toEqual([{without: 0}]);
  });

  it('that leaves a session in use out goes on with the others of that user', async () => {
    const made = await sessions(5003, {enabled: true, max_sessions: 1});
    await auth.query('begin');
    await auth.query('select from sessions where id = $1 for update', [made[0]]);
    try {
      await calls();
    } finally {
      await auth.query('rollback');
    }
    expect(await live()).toEqual([made[0], made[5002]]);
  });
});

const flows: [string, () => Promise<Flow<AuthSession>>][] = [
  ['refresh v1', async () => refreshV1((await createSessions(postgres, [user.userId], 1))[0] as AuthSession)],
  ['refresh v2', async () => refreshV2((await createSessions(postgres, [user.userId], 1))[0] as AuthSession)],
  ['sign-in by password', async () => signInPassword(user.email)],
  ['sign-in by magic link', async () => verifyMagicLink(await run(auth, generateMagicLink(user.email)))],
];

it.each(flows)(
  'in the middle of a %s, at each of its statements, nobody is killed, and all end in line',
  async (_, flow) => {
    for (let count = 0; ; count++) {
      user = await createUser(postgres);
      await configure(postgres, {enabled: false});
      await createSessions(postgres, [user.userId], 3);
      const begun = await flow();
      await configure(postgres, {enabled: true, max_sessions: 1, timebox: '1 day'});
      const seen = await interrupt({auth, other: postgres, observer}, begun, count, async () => enforce());
      if (!seen) break;
      await enforce();
      expect([seen.before, (await live()).length]).toEqual([seen.before, 1]);
      expect(await deadline((await live())[0])).toBeGreaterThan(0);
    }
  },
);

it('over and over, beside busy users, deadlocks with nobody and ends at the limit', async () => {
  const users = await createUsers(postgres, 3);
  await configure(postgres, {enabled: true, max_sessions: 2, timebox: '1 day', inactivity_timeout: '1 hour'});
  const auths = await Promise.all(Array.from({length: 8}, async () => database.connect('supabase_auth_admin')));
  const busy = new Set(auths);
  const failures: AuthError[] = [];
  const enforcing = (async () => {
    const client = await database.connect('postgres');
    let rounds = 0;
    while (busy.size > 0) {
      let after: string | null = null;
      do after = (await enforce(2, after, client)).last_user;
      while (after !== null);
      rounds += 1;
    }
    return rounds;
  })();
  try {
    await Promise.all(
      auths.map(async (client, n) => {
        for (let round = 0; round < 12; round++) {
          const {email} = users[(n + round) % users.length] as AuthUser;
          const session = await outcome(run(client, signInPassword(email, {algorithm: n % 2 === 0 ? 1 : 2})));
          const next = session instanceof AuthError ? session : await outcome(run(client, refresh(session)));
          for (const result of [session, next])
            if (result instanceof AuthError && result.sqlstate !== undefined) failures.push(result);
        }
      }),
    );
  } finally {
    busy.clear();
  }
  expect(await enforcing).toBeGreaterThan(0);
  expect(failures.map(({message, statement}) => [statement, message])).toEqual([]);
  await enforce();
  for (const {userId} of users) expect(await live(userId)).toHaveLength(2);
});

it('is for postgres and service_role only', async () => {
  await sessions(2, {enabled: true, max_sessions: 1});
  for (const role of ['anon', 'authenticated'])
    await expect(ask(api, {role}, 'select * from supasession.enforce()')).rejects.toMatchObject({code: '42501'});
  expect(await ask(api, {role: 'service_role'}, 'select * from supasession.enforce()')).toEqual([
    {...NOTHING, users: 1, evicted: 1},
  ]);
});
