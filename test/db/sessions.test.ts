/** Which sessions the flags mean, on rows of every kind. */
import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import {readSelection, readSessions, type FilterFlags} from '../../src/features/sessions/sessions.js';
import {findUsers} from '../../src/features/sessions/users.js';
import {connect, type Connection} from '../../src/database/connection.js';
import {
  countSessions,
  readSessionIds,
  revokeSession,
  revokeSessions,
  revokeUserSessions,
} from '../../src/features/sessions/queries.js';
import {searchUsers} from '../../src/features/sessions/users-queries.js';
import {readGuardEnabled} from '../../src/features/sessions/queries.js';
import {createFactor, createSessions, createUsers, run, signInPassword, type AuthUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install} from '../helpers/install.js';
import {untilBlocked} from '../helpers/wait.js';

let database: TestDatabase;
let bare: TestDatabase;
let postgres: Client;
let replica: Client;
let connection: Connection;
let ada: AuthUser;
let bob: AuthUser;

async function open(to: TestDatabase): Promise<Connection> {
  return connect({
    ...{kind: 'url', host: '127.0.0.1', port: to.port, database: to.name, user: 'postgres'},
    ...{
      projectRef: null,
      tls: 'disable',
      tlsRootCert: null,
      login: async () => ({user: 'postgres', password: async () => 'postgres', role: null}),
    },
  });
}

beforeAll(async () => {
  [database, bare] = await Promise.all([createDatabase(), createDatabase()]);
  postgres = await database.connect('postgres');
  // Whose triggers do not fire: rows as the tests want them.
  replica = await database.connect('supabase_admin');
  await replica.query('set session_replication_role = replica');
  await install(postgres);
  connection = await open(database);
});

beforeEach(async () => {
  await postgres.query('delete from auth.users; delete from supasession.rules; delete from supasession.pending_ends');
  await configure(postgres, {enabled: false});
  [ada, bob] = (await createUsers(postgres, 2)) as [AuthUser, AuthUser];
});

afterAll(async () => {
  await connection.close();
  await Promise.all([database.drop(), bare.drop()]);
});

interface Row {
  user?: AuthUser;
  /** Ages. */
  created?: string;
  refreshed?: string | null;
  /** From now on. */
  deadline?: string | null;
  aal?: 'aal1' | 'aal2' | null;
  client?: string | null;
}

async function session({user = ada, created = '0', refreshed, deadline, aal = 'aal1', client}: Row): Promise<string> {
  const {rows} = await replica.query<{id: string}>(
    `insert into auth.sessions (id, user_id, created_at, updated_at, refreshed_at, not_after, aal, oauth_client_id)
     values (gen_random_uuid(), $1, now() - $2::interval, now(), (now() - $3::interval) at time zone 'UTC', now() + $4::interval, $5, $6)
     returning id`,
    [user.userId, created, refreshed ?? null, deadline ?? null, aal, client ?? null],
  );
  return rows[0]!.id;
}

/** What the flags mean, by listing, counting and taking the ids, which have to agree. */
async function matching(flags: FilterFlags): Promise<string[]> {
  const {filter} = await readSelection(connection, flags);
  const ids = await readSessionIds(connection, filter);
  const {rows, matched} = await readSessions(connection, filter, 1000);
  expect(rows.map(({id}) => id).sort()).toEqual(ids);
  expect(matched).toEqual(await countSessions(connection, filter));
  expect(matched.sessions).toBe(ids.length);
  return ids;
}

describe('each flag', () => {
  it('--user takes an address in any case, or an id, and several', async () => {
    const [first, second] = [await session({user: ada}), await session({user: bob})];
    expect(await matching({user: [ada.email.toUpperCase()]})).toEqual([first]);
    expect(await matching({user: [bob.userId]})).toEqual([second]);
    expect(await matching({user: [ada.email, bob.userId, ada.userId]})).toEqual([first, second].sort());
    expect(await matching({})).toEqual([first, second].sort());
  });

  it('--except leaves users out', async () => {
    const [first, second] = [await session({user: ada}), await session({user: bob})];
    expect(await matching({except: [ada.email]})).toEqual([second]);
    expect(await matching({user: [ada.email], except: [bob.email]})).toEqual([first]);
    expect(await matching({except: [ada.email, bob.email]})).toEqual([]);
  });

  it('--older-than counts from the sign-in', async () => {
    const old = await session({created: '31 days', refreshed: '0'});
    await session({created: '29 days'});
    expect(await matching({'older-than': '30d'})).toEqual([old]);
  });

  it.each(['UTC', 'Pacific/Auckland'])('--idle counts from sign-in and refresh, in a database at %s', async (zone) => {
    await replica.query(`alter database "${database.name}" set timezone to '${zone}'`);
    const there = await open(database);
    try {
      const [unused, used] = [
        await session({created: '8 days'}),
        await session({created: '90 days', refreshed: '8 days'}),
      ];
      await session({created: '90 days', refreshed: '167 hours'});
      await session({created: '6 days'});
      const {filter} = await readSelection(there, {idle: '7 days'});
      expect(await readSessionIds(there, filter)).toEqual([unused, used].sort());
    } finally {
      await there.close();
      await replica.query(`alter database "${database.name}" reset timezone`);
    }
  });

  it('--expired means those past their deadline', async () => {
    const past = await session({deadline: '-1 minute'});
    await session({deadline: '1 minute'});
    await session({});
    expect(await matching({expired: true})).toEqual([past]);
  });

  it('--aal1 means all without a second factor, also where Auth wrote no level', async () => {
    const [first, unknown] = [await session({aal: 'aal1'}), await session({aal: null})];
    await session({aal: 'aal2'});
    expect(await matching({aal1: true})).toEqual([first, unknown].sort());
  });

  it('--client means the sessions of an OAuth client', async () => {
    const client = randomUUID();
    const theirs = await session({client});
    await session({client: randomUUID()});
    await session({});
    expect(await matching({client})).toEqual([theirs]);
  });

  it('--over-limit means what the limit would end, by rules and pools', async () => {
    const oldest = await session({user: ada, created: '3 days'});
    await session({user: ada, created: '2 days'});
    await session({user: ada, created: '4 days', client: randomUUID()});
    for (const created of ['3 days', '2 days', '1 day']) await session({user: bob, created});
    expect(await matching({'over-limit': true})).toEqual([]);
    await configure(postgres, {enabled: true, max_sessions: 1});
    await postgres.query(`insert into supasession.rules (name, user_id, max_sessions) values ('bob', $1, 3)`, [
      bob.userId,
    ]);
    expect(await matching({'over-limit': true})).toEqual([oldest]);
    await configure(postgres, {enabled: true, max_sessions: 1, oauth_clients: 'together'});
    expect(await matching({'over-limit': true})).toHaveLength(2);
    await configure(postgres, {enabled: true, max_sessions: 5});
    expect(await matching({'over-limit': true})).toEqual([]);
  });
});

it('of several flags all have to hold', async () => {
  await configure(postgres, {enabled: true, max_sessions: 1});
  const client = randomUUID();
  const meant = await session({user: ada, created: '40 days', refreshed: '20 days', deadline: '-1 day', client});
  await session({user: bob, created: '40 days', refreshed: '20 days', deadline: '-1 day', client});
  await session({user: ada, created: '40 days', refreshed: '20 days', deadline: '-1 day'});
  await session({user: ada, created: '40 days', refreshed: '20 days', deadline: '1 day', client});
  await session({user: ada, created: '40 days', refreshed: '1 day', deadline: '-1 day', client});
  await session({user: ada, created: '21 days', refreshed: '20 days', deadline: '-1 day', client});
  await session({user: ada, created: '40 days', refreshed: '20 days', deadline: '-1 day', client, aal: 'aal2'});
  const flags = {user: [ada.email], 'older-than': '30d', idle: '7d', expired: true, aal1: true, client};
  expect(await matching(flags)).toEqual([meant]);
  // What is past its deadline counts in no limit.
  expect(await matching({...flags, 'over-limit': true})).toEqual([]);
  expect(await readSelection(connection, {...flags, 'over-limit': true, except: [bob.email]})).toMatchObject({
    words: [
      `of ${ada.email}`,
      'over the limit',
      'older than 30 days',
      'not used for 7 days',
      'past their deadline',
      'with one factor only (aal1)',
      `of the OAuth client ${client}`,
      `but those of ${bob.email}`,
    ],
  });
});

it('spans of time are said in words', async () => {
  const said = async (idle: string) => (await readSelection(connection, {idle})).words[0];
  expect(await said('1h')).toBe('not used for 1 hour');
  expect(await said('90m')).toBe('not used for 1 hour 30 minutes');
  expect(await said('2 days 00:00:30')).toBe('not used for 2 days 30 seconds');
});

it('the last used come first, and the count goes beyond what is shown', async () => {
  const third = await session({user: ada, created: '3 days'});
  const first = await session({user: bob, created: '9 days', refreshed: '1 hour'});
  const second = await session({user: ada, created: '1 day'});
  expect((await readSessions(connection, {}, 10)).rows.map(({id}) => id)).toEqual([first, second, third]);
  for (const [limit, users] of [
    [1, 2],
    [2, 2],
    [3, 2],
  ] as const) {
    const {rows, matched} = await readSessions(connection, {}, limit);
    expect(rows.map(({id}) => id)).toEqual([first, second, third].slice(0, limit));
    expect(matched).toEqual({sessions: 3, users});
  }
});

it('a row says all that is known', async () => {
  await createFactor(postgres, ada.userId);
  const client = randomUUID();
  const pending = await session({created: '1 day', refreshed: '1 hour', deadline: '-1 minute', aal: null, client});
  await replica.query("update auth.sessions set user_agent = 'node', ip = '203.0.113.7/32' where id = $1", [pending]);
  const {rows} = await readSessions(connection, {ids: [pending]}, 2);
  const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
  expect(rows).toEqual([
    {
      ...{id: pending, user_id: ada.userId, email: ada.email, phone: null, user_agent: 'node', ip: '203.0.113.7'},
      ...{created_at: iso, last_used: iso, not_after: iso, aal: 'aal1', oauth_client_id: client},
      ...{pending: true, live: false},
    },
  ]);
  expect(Date.parse(rows[0]!.last_used!) - Date.parse(rows[0]!.created_at!)).toBe(23 * 3_600_000);
  const others = [await session({aal: 'aal2'}), await session({user: bob})];
  const found = await readSessions(connection, {ids: others}, 3);
  expect(found.rows.map((row) => [row.pending, row.live])).toEqual([
    [false, true],
    [false, true],
  ]);
});

it('one that was ended while it was in use is in no list, and counts for no limit', async () => {
  await configure(postgres, {enabled: true, max_sessions: 1});
  const [ending, other] = [await session({created: '1 day'}), await session({created: '2 days'})];
  expect(await matching({'over-limit': true})).toEqual([other]);
  await replica.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
    ending,
    ada.userId,
  ]);
  expect(await matching({'over-limit': true})).toEqual([]);
  const {rows, matched} = await readSessions(connection, {}, 10);
  expect(rows.map(({id}) => id)).toEqual([other]);
  expect(matched).toEqual({sessions: 1, users: 1});
  // What is to be deleted is deleted, in use or not.
  expect(await readSessionIds(connection)).toEqual([ending, other].sort());
});

describe('what cannot be understood', () => {
  it.each([
    [{user: ['nobody@example.com']}, 'USER_NOT_FOUND', 'There is no user with the address nobody@example.com.'],
    [{except: [randomUUID()]}, 'USER_NOT_FOUND', expect.stringMatching(/^There is no user with the id /)],
    [{idle: '7'}, 'SETTING_INVALID', '--idle 7: not a span of time.'],
    [{'older-than': 'soon'}, 'SETTING_INVALID', '--older-than soon: not a span of time.'],
    [{client: 'me'}, 'USAGE', '--client me: the id of an OAuth client is a UUID.'],
  ] as Array<[FilterFlags, string, string]>)('%j', async (flags, code, message) => {
    await expect(readSelection(connection, flags)).rejects.toMatchObject({code, message});
  });

  it('an address that several users have, who came by single sign-on', async () => {
    await replica.query("update auth.users set email = 'ada@example.com', is_sso_user = true where id in ($1, $2)", [
      ada.userId,
      bob.userId,
    ]);
    const ids = [ada.userId, bob.userId].sort();
    await expect(readSelection(connection, {user: ['Ada@example.com']})).rejects.toMatchObject({
      code: 'USER_NOT_FOUND',
      message: '2 users have the address Ada@example.com.',
      suggestions: ['Give one of their ids:', ...ids],
      details: {users: ids},
    });
    await expect(findUsers(connection, [ada.userId])).resolves.toMatchObject([{email: 'ada@example.com'}]);
  });

  it('--over-limit where our SQL is not installed; all else works there', async () => {
    const there = await open(bare);
    try {
      await expect(readSelection(there, {'over-limit': true})).rejects.toMatchObject({code: 'NOT_INSTALLED'});
      const client = await bare.connect();
      const users = await createUsers(client, 2);
      await createSessions(
        client,
        users.map(({userId}) => userId),
        2,
      );
      const {filter} = await readSelection(there, {user: [users[0]!.email], aal1: true, except: [users[1]!.email]});
      expect((await readSessions(there, filter, 10)).matched).toEqual({sessions: 2, users: 1});
    } finally {
      await there.close();
    }
  });
});

describe('users are found by typing', () => {
  it('the beginning of address, phone number or id; those with sessions only, and not too many', async () => {
    await replica.query("update auth.users set email = 'ada@example.com', phone = '4915112345' where id = $1", [
      ada.userId,
    ]);
    await replica.query('update auth.users set email = null where id = $1', [bob.userId]);
    const found = async (text: string, limit = 10) => (await searchUsers(connection, text, limit)).map(({id}) => id);
    expect(await found('ada')).toEqual([]);
    await session({user: ada});
    await session({user: bob});
    for (const text of ['ada', 'ADA@', '49151', ada.userId.slice(0, 20), ada.userId.toUpperCase()])
      expect(await found(text)).toEqual([ada.userId]);
    expect(await found(bob.userId.slice(0, 30))).toEqual([bob.userId]);
    for (const text of ['example.com', '%', '_', 'ada%', "'"]) expect(await found(text)).toEqual([]);
    expect(await found('')).toEqual([ada.userId, bob.userId]);
    expect(await found('', 1)).toEqual([ada.userId]);
  });
});

describe('ending them', () => {
  it('one, which is said where there is none', async () => {
    const [one, other] = [await session({}), await session({})];
    expect(await revokeSession(connection, one)).toBe(true);
    expect(await revokeSession(connection, one)).toBe(false);
    expect(await readSessionIds(connection)).toEqual([other]);
  });

  it('some of a user', async () => {
    const [one, two, other] = [await session({}), await session({}), await session({})];
    await revokeSessions(connection, ada.userId, [one, two]);
    expect(await readSessionIds(connection)).toEqual([other]);
  });

  it('those of a user but some, and also one that is signing in at this moment', async () => {
    const [kept] = [await session({}), await session({})];
    const others = await session({user: bob});
    const auth = await database.connect('supabase_auth_admin');
    const {userId} = ada;
    await auth.query('begin');
    await auth.query('select from auth.users where id = $1 for update', [userId]);
    const {rows} = await connection.query<{pid: number}>('select pg_backend_pid() as pid');
    const revoking = revokeUserSessions(connection, userId, [kept]);
    await untilBlocked(replica, rows[0]!.pid);
    const late = randomUUID();
    await auth.query("insert into auth.sessions (id, user_id, created_at, aal) values ($1, $2, now(), 'aal1')", [
      late,
      userId,
    ]);
    await auth.query('commit');
    expect(await revoking).toBe(2);
    expect(await readSessionIds(connection)).toEqual([kept, others].sort());
    // It is over: the next sign-in is let in.
    await run(auth, signInPassword(ada.email));
    expect(await readSessionIds(connection)).toHaveLength(3);
  });
});

it('queries that are asked together take turns, so that one that fails takes no other with it', async () => {
  const asked = await Promise.allSettled([
    connection.query('select 1/0'),
    connection.query<{n: number}>('select 1 as n'),
    connection.query<{id: string}>('select txid_current()::text as id'),
    connection.query<{id: string}>('select txid_current()::text as id'),
  ]);
  expect(asked.map(({status}) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  const ids = asked.slice(2).map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.rows[0] : undefined));
  expect(ids[0]).not.toEqual(ids[1]);
});

it('whether the guard is enabled can be asked', async () => {
  expect(await readGuardEnabled(connection)).toBe(false);
  // The setting of a role belongs to the whole server, so it is looked at through a database's own.
  await replica.query(
    `alter role authenticator in database "${database.name}" set pgrst.db_pre_request = 'supasession.check_request'`,
  );
  try {
    expect(await readGuardEnabled(connection)).toBe(true);
  } finally {
    await replica.query(`alter role authenticator in database "${database.name}" reset pgrst.db_pre_request`);
  }
});
