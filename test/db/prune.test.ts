/** prune(): clears away sessions that are dead or forgotten, and notes about sessions that are gone. */
import type {Client} from 'pg';
import {
  createSessions,
  createUser,
  refreshV1,
  refreshV2,
  run,
  Steps,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {ask} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure} from '../helpers/install.js';
import {interrupt, outcome} from '../helpers/interrupt.js';

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
    'delete from auth.users; delete from supasession.foreign_deadlines; delete from supasession.pending_ends; delete from supasession.revoked',
  );
  await configure(postgres, {enabled: false});
  await observer.query('delete from supasession.events');
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

async function prune(olderThan: string | null = '30 days', batch = 1000): Promise<number> {
  const {rows} = await postgres.query<{removed: number}>('select supasession.prune($1::interval, $2) as removed', [
    olderThan,
    batch,
  ]);
  return rows[0]?.removed ?? -1;
}

async function sessions(count: number): Promise<AuthSession[]> {
  return createSessions(postgres, [user.userId], count);
}

async function set(session: AuthSession | undefined, assignment: string): Promise<void> {
  await replica.query(`update auth.sessions set ${assignment} where id = $1`, [session?.sessionId]);
}

/** Makes all sessions that there are so old. */
async function age(interval: string): Promise<void> {
  await observer.query('update auth.sessions set created_at = created_at - $1::interval', [interval]);
}

async function left(table = 'auth.sessions', key = 'id'): Promise<string[]> {
  const {rows} = await observer.query<{key: string}>(`select ${key}::text as key from ${table} order by 1`);
  return rows.map((row) => row.key);
}

const ids = (list: (AuthSession | undefined)[]): string[] => list.map((session) => session?.sessionId ?? '').sort();

describe('sessions', () => {
  it('go when they ended, or were last used, longer ago, and not sooner', async () => {
    const made = await sessions(6);
    await set(made[0], "not_after = now() - interval '31 days'");
    await set(made[1], "not_after = now() - interval '29 days'");
    await set(made[2], "created_at = now() - interval '31 days'");
    await set(made[3], "created_at = now() - interval '29 days'");
    await set(
      made[4],
      "created_at = now() - interval '1 year', refreshed_at = (now() at time zone 'UTC') - interval '1 day'",
    );
    await set(
      made[5],
      "created_at = now() - interval '1 year', refreshed_at = (now() at time zone 'UTC') - interval '40 days'",
    );
    expect(await prune()).toBe(3);
    expect(await left()).toEqual(ids([made[1], made[3], made[4]]));
    expect(await prune()).toBe(0);
    expect(await prune('1 day')).toBe(3);
  });

  it('that ended lately, but have not been used for so long, go', async () => {
    const [session] = await sessions(1);
    await age('31 days');
    await set(session, "not_after = now() - interval '1 day'");
    expect(await prune()).toBe(1);
  });

  it.each(['Etc/GMT+12', 'Asia/Tokyo'])('are as old in a database whose clocks go by %s', async (zone) => {
    await replica.query(`alter database "${database.name}" set timezone to '${zone}'`);
    const there = await database.connect('postgres');
    try {
      const made = await sessions(2);
      for (const [index, hours] of [6, 4].entries())
        await set(
          made[index],
          `created_at = now() - interval '1 year', refreshed_at = (now() at time zone 'UTC') - interval '${hours} hours'`,
        );
      const {rows} = await there.query(
        "select supasession.prune('5 hours') as removed, current_setting('timezone') as zone",
      );
      expect(rows).toEqual([{removed: 1, zone}]);
      expect(await left()).toEqual(ids([made[1]]));
    } finally {
      await replica.query(`alter database "${database.name}" reset timezone`);
      await there.end();
    }
  });

  it('take their refresh tokens along', async () => {
    await sessions(2);
    await age('31 days');
    await prune();
    expect((await observer.query('select from auth.refresh_tokens')).rowCount).toBe(0);
  });

  it('go a batch a call', async () => {
    await sessions(5);
    await age('31 days');
    expect([
      await prune('30 days', 2),
      await prune('30 days', 2),
      await prune('30 days', 2),
      await prune('30 days', 2),
    ]).toEqual([2, 2, 1, 0]);
  });

  it('that are being refreshed stay, and keep none of the others from going', async () => {
    const made = await sessions(4);
    await age('31 days');
    const refreshing = new Steps(auth, refreshV2(made[0] as AuthSession));
    await refreshing.before('update sessions');
    const other = await database.connect('supabase_auth_admin');
    const second = new Steps(other, refreshV1(made[1] as AuthSession));
    await second.through('lock sessions');
    expect(await prune('30 days', 2)).toBe(2);
    expect(await left()).toEqual(ids([made[0], made[1]]));
    await refreshing.finish();
    await second.finish();
    expect(await prune()).toBe(0);
    expect(await left()).toEqual(ids([made[0], made[1]]));
  });

  it.each([
    ['v1', refreshV1],
    ['v2', refreshV2],
  ] as const)('refreshed at the same moment (%s) are either gone or go on', async (_, refresh) => {
    for (let count = 0; ; count++) {
      const [session] = (await sessions(1)) as [AuthSession];
      await age('31 days');
      const seen = await interrupt({auth, other: postgres, observer}, refresh(session), count, async () => prune());
      if (!seen) break;
      const stands = (await left()).length === 1;
      expect([seen.before, stands]).toEqual([seen.before, 'sessionId' in seen.result]);
      await observer.query('delete from auth.sessions');
    }
  });

  it('are not written into the history: nothing was taken from anybody', async () => {
    await sessions(1);
    await age('31 days');
    await prune();
    expect(await left('supasession.events')).toEqual([]);
  });
});

describe('notes', () => {
  it('about sessions that are gone go, and others stay', async () => {
    const made = await sessions(2);
    const [foreign, ending] = made as [AuthSession, AuthSession];
    await observer.query(
      `insert into supasession.foreign_deadlines values ($1, now() + interval '1 day'),
         (gen_random_uuid(), 'infinity'), (gen_random_uuid(), now() + interval '1 day')`,
      [foreign.sessionId],
    );
    await observer.query(
      'insert into supasession.pending_ends (session_id, user_id) values ($1, $2), (gen_random_uuid(), $2)',
      [ending.sessionId, user.userId],
    );
    expect(await prune()).toBe(0);
    expect(await left('supasession.foreign_deadlines', 'session_id')).toEqual([foreign.sessionId]);
    expect(await left('supasession.pending_ends', 'session_id')).toEqual([ending.sessionId]);
    expect(await left()).toEqual(ids(made));
  });

  it('of the sessions that it removes go with the next call at the latest', async () => {
    const made = await sessions(2);
    await observer.query("insert into supasession.foreign_deadlines select unnest($1::uuid[]), 'infinity'", [
      ids(made),
    ]);
    await age('31 days');
    await prune();
    await prune();
    expect(await left('supasession.foreign_deadlines', 'session_id')).toEqual([]);
  });

  it('go a batch a call', async () => {
    await observer.query(`insert into supasession.foreign_deadlines select gen_random_uuid(), 'infinity' from generate_series(1, 5);
      insert into supasession.pending_ends (session_id, user_id) select gen_random_uuid(), gen_random_uuid() from generate_series(1, 5);
      insert into supasession.events (kind, at) select 'flushed', now() - interval '31 days' from generate_series(1, 5)`);
    for (const expected of [3, 1, 0]) {
      await prune('30 days', 2);
      for (const [table, key] of [
        ['supasession.foreign_deadlines', 'session_id'],
        ['supasession.pending_ends', 'session_id'],
        ['supasession.events', 'id'],
      ] as const)
        expect([table, (await left(table, key)).length]).toEqual([table, expected]);
    }
  });

  it('whose access is revoked is never forgotten', async () => {
    await postgres.query("insert into supasession.revoked (user_id, at) values ($1, now() - interval '10 years')", [
      user.userId,
    ]);
    await prune('1 second');
    expect(await left('supasession.revoked', 'user_id')).toEqual([user.userId]);
  });
});

it('the history goes by its own retention', async () => {
  await configure(postgres, {events_retention: '1 day'});
  await observer.query(`delete from supasession.events;
    insert into supasession.events (kind, reason, at) values ('flushed', 'old', now() - interval '25 hours'), ('flushed', 'new', now())`);
  await prune('10 years');
  expect(await left('supasession.events', 'reason')).toEqual(['new']);
});

it.each([null, '0', '-1 day'])('refuses the span %p, which would be everything', async (span) => {
  await sessions(1);
  expect(await outcome(prune(span)).catch((error: unknown) => error)).toMatchObject({code: '22023'});
  expect(await left()).toHaveLength(1);
});

it('is for postgres and service_role only', async () => {
  await sessions(1);
  await age('31 days');
  for (const role of ['anon', 'authenticated'])
    await expect(ask(api, {role}, "select supasession.prune('1 day')")).rejects.toMatchObject({code: '42501'});
  expect(await ask(api, {role: 'service_role'}, "select supasession.prune('1 day')")).toEqual([{prune: 1}]);
  await run(auth, refreshV2((await sessions(1))[0] as AuthSession));
});
