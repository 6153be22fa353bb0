/** Which sessions the flags mean, on rows of every kind. */
import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import {readSelection, type FilterFlags} from '../../src/features/sessions/selection.js';
import {readSessions, streamSessions} from '../../src/features/sessions/sessions.js';
import {findUsers} from '../../src/features/sessions/users.js';
import {connect, type Connection, type Queryable} from '../../src/database/connection.js';
import {revokeSession, revokeSessions, revokeUserSessions} from '../../src/features/sessions/end-queries.js';
import type {SessionFilter} from '../../src/features/sessions/filter.js';
import {countSessions, readGuardEnabled, readSessionIds, type SessionRow} from '../../src/features/sessions/queries.js';
import {readAddressesNear, searchUsers} from '../../src/features/sessions/users-queries.js';
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
  ip?: string;
  agent?: string;
}

async function session({user = ada, created = '0', aal = 'aal1', ...row}: Row): Promise<string> {
  const {rows} = await replica.query<{id: string}>(
    `insert into auth.sessions (id, user_id, created_at, updated_at, refreshed_at, not_after, aal, oauth_client_id, ip, user_agent)
     values (gen_random_uuid(), $1, now() - $2::interval, now(), (now() - $3::interval) at time zone 'UTC', now() + $4::interval, $5, $6, $7, $8)
     returning id`,
    [user.userId, created, row.refreshed, row.deadline, aal, row.client, row.ip, row.agent],
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

  it('times are spans, or dates and times with a zone or local', async () => {
    const [old, noon, young] = [await session({}), await session({}), await session({})];
    const signIn = async (id: string, at: string) =>
      replica.query('update auth.sessions set created_at = $2 where id = $1', [id, at]);
    await signIn(old, '2025-11-01T00:00:00Z');
    await signIn(noon, '2025-11-02T12:00:00.5Z');
    await signIn(young, '2025-11-03T00:00:00Z');
    const local = new Date(
      Date.UTC(2025, 10, 2, 12) - new Date(2025, 10, 2).getTimezoneOffset() * 60_000,
    ).toISOString();
    expect(await matching({since: '2025-11-02T12:00Z'})).toEqual([noon, young].sort());
    expect(await matching({since: '2025-11-02T13:00:00.5+01'})).toEqual([noon, young].sort());
    expect(await matching({since: '2025-11-02 12:00:01Z'})).toEqual([young]);
    expect(await matching({until: '2025-11-03T00:00:00Z'})).toEqual([old, noon].sort());
    expect(await matching({since: '2025-11-01T00:00:00.001Z', until: '2025-11-02T12:00:00+0000'})).toEqual([]);
    expect(await matching({'older-than': local.slice(0, 16)})).toEqual([old]);
    expect(await matching({idle: '2025-11-02T12:00:01Z'})).toEqual([old, noon].sort());
    expect(await matching({since: '2 hours'})).toEqual([]);
    const {words} = await readSelection(connection, {since: '2025-11-01', until: '1h', idle: '2025-11-02T12:00Z'});
    const zoned = (day: string) => expect.stringContaining(day) as string;
    expect(words).toEqual([
      zoned('signed in since 2025-11-01 00:00 (UTC'),
      'signed in more than 1 hour ago',
      zoned('not used since 2025-11-02 '),
    ]);
  });

  it('--ip takes addresses and ranges, of both families', async () => {
    const [one, two, six] = [
      await session({ip: '203.0.113.7'}),
      await session({ip: '203.0.113.200'}),
      await session({ip: '2001:db8::1'}),
    ];
    await session({});
    expect(await matching({ip: ['203.0.113.7']})).toEqual([one]);
    expect(await matching({ip: ['203.0.113.0/25']})).toEqual([one]);
    expect(await matching({ip: ['203.0.113.0/24']})).toEqual([one, two].sort());
    expect(await matching({ip: ['2001:db8::/32', '203.0.113.200']})).toEqual([two, six].sort());
    expect((await readSelection(connection, {ip: ['::1', '10.0.0.0/8']})).words).toEqual(['from ::1 or 10.0.0.0/8']);
  });

  it('--device searches the names that are shown, and nothing else of a user agent', async () => {
    const engine = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';
    const edge = await session({agent: `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${engine} Edg/126.0`});
    const chrome = await session({agent: `Mozilla/5.0 (X11; Linux x86_64) ${engine}`});
    const curl = await session({agent: `curl/8.4.0 ${'x'.repeat(600)}`});
    const [unknown, empty] = [await session({}), await session({agent: ''})];
    expect(await matching({device: 'chrome ON linux'})).toEqual([chrome]);
    expect(await matching({device: 'Chrome'})).toEqual([chrome]);
    expect(await matching({device: 'Windows'})).toEqual([edge]);
    expect(await matching({device: 'curl'})).toEqual([curl]);
    expect(await matching({device: 'unknown device'})).toEqual([unknown, empty].sort());
    expect(await matching({device: '%'})).toEqual([]);
  });

  it('--claim means users whose app_metadata has it', async () => {
    await replica.query(
      `update auth.users set raw_app_meta_data = '{"plan": "pro", "org": {"size": 3}}' where id = $1`,
      [ada.userId],
    );
    const theirs = await session({user: ada});
    await session({user: bob});
    expect(await matching({claim: ['plan=pro']})).toEqual([theirs]);
    expect(await matching({claim: ['plan=pro', 'org.size=3']})).toEqual([theirs]);
    expect(await matching({claim: ['plan=pro', 'org.size=4']})).toEqual([]);
    expect((await readSelection(connection, {claim: ['plan=pro', 'org.size=3']})).words).toEqual([
      'of users with plan=pro and org.size=3',
    ]);
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
      'signed in more than 30 days ago',
      'not used for 7 days',
      'past their deadline',
      'with one factor only (aal1)',
      `of the OAuth client ${client}`,
      `except those of ${bob.email}`,
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

describe('read as a stream', () => {
  /** The pages of a stream, and what it says there is in all. */
  async function stream(filter: SessionFilter, slice: {limit: number; page: number}, most = Infinity) {
    const pages: SessionRow[][] = [];
    const matched = await streamSessions(connection, filter, slice, async (rows) => {
      pages.push(rows);
      return pages.length < most;
    });
    return {pages, ids: pages.flat().map(({id}) => id), matched};
  }

  it('come in pages, in the order of the list, all of them or one page of so many', async () => {
    const users = [ada.userId, bob.userId];
    await createSessions(postgres, users, 400);
    const {rows} = await readSessions(connection, {}, 1000);
    const all = rows.map(({id}) => id);
    expect(new Set(all).size).toBe(800);
    const whole = await stream({}, {limit: 1000, page: 1});
    expect([whole.ids, whole.matched]).toEqual([all, {sessions: 800, users: 2}]);
    expect(whole.pages.length).toBeGreaterThan(2);
    expect(whole.pages.flat()).toEqual(rows);
    const third = await stream({userIds: [ada.userId]}, {limit: 150, page: 3});
    expect(third.ids).toEqual(
      rows
        .filter((row) => row.user_id === ada.userId)
        .slice(300, 450)
        .map(({id}) => id),
    );
    expect([third.ids.length, third.matched]).toEqual([100, {sessions: 400, users: 1}]);
    expect(await stream({}, {limit: 150, page: 7})).toEqual({pages: [], ids: [], matched: {sessions: 800, users: 2}});
    expect(await stream({expired: true}, {limit: 10, page: 1})).toMatchObject({matched: {sessions: 0, users: 0}});
  });

  it('are those of one moment, and the reader may stop', async () => {
    await createSessions(postgres, [ada.userId, bob.userId], 400);
    let seen = 0;
    const matched = await streamSessions(connection, {}, {limit: 1000, page: 1}, async (rows) => {
      if (seen === 0) await replica.query('delete from auth.sessions');
      seen += rows.length;
      return true;
    });
    expect([seen, matched]).toEqual([800, {sessions: 800, users: 2}]);
    expect(await countSessions(connection)).toEqual({sessions: 0, users: 0});
    await createSessions(postgres, [ada.userId], 800);
    expect((await stream({}, {limit: 1000, page: 1}, 1)).pages).toHaveLength(1);
    // The connection is in no transaction any more.
    expect((await readSessions(connection, {}, 1)).matched).toEqual({sessions: 800, users: 1});
  });

  it('fail as a whole where the connection breaks', async () => {
    await createSessions(postgres, [ada.userId], 800);
    const there = await open(database);
    const {rows} = await there.query<{pid: number}>('select pg_backend_pid() as pid');
    let seen = 0;
    const streamed = streamSessions(there, {}, {limit: 1000, page: 1}, async (page) => {
      if (seen === 0) await replica.query('select pg_terminate_backend($1)', [rows[0]!.pid]);
      seen += page.length;
      return true;
    });
    await expect(streamed).rejects.toThrow(/terminat|connection/i);
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThan(800);
    await there.close();
  });
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
    [{idle: '7'}, 'SETTING_INVALID', '--idle 7: neither a span of time nor a date.'],
    [{'older-than': 'soon'}, 'SETTING_INVALID', '--older-than soon: neither a span of time nor a date.'],
    [{since: '2026-02-30'}, 'SETTING_INVALID', '--since 2026-02-30: there is no such date.'],
    [{since: '2026-02-20T25:00'}, 'SETTING_INVALID', '--since 2026-02-20T25:00: there is no such date.'],
    [{until: '2999-01-01'}, 'SETTING_INVALID', '--until 2999-01-01: it is in the future.'],
    [{since: '1h', until: '2d'}, 'USAGE', '--since is not before the end: no session can match.'],
    [{ip: ['1.2.3.4', '1.2.3.0/33']}, 'SETTING_INVALID', '--ip 1.2.3.0/33: neither an address nor a range.'],
    [{claim: ['plan']}, 'USAGE', '--claim plan: not of the form key=value.'],
    [{client: 'me'}, 'USAGE', '--client me: the id of an OAuth client is a UUID.'],
  ] as Array<[FilterFlags, string, string]>)('%j', async (flags, code, message) => {
    await expect(readSelection(connection, flags)).rejects.toMatchObject({code, message});
  });

  it.each([
    ['ada.lovelace@exmaple.com', ['ada.lovelace@example.com']],
    ['ada.lovelace@example.co', ['ada.lovelace@example.com']],
    ['da.lovelace@example.com', ['ada.lovelace@example.com']],
    ['sda.lovelace@example.com', ['ada.lovelace@example.com']],
    ['dAa.lovelace@example.com', ['ada.lovelace@example.com']],
    ['ada.lovelaces@exampel.com', ['ada.lovelace@example.com']],
    ['ada.love', ['ada.lovelace@example.com']],
    ['grace.hopper@example.com', []],
    ['@', []],
    ['', []],
  ])('an address that nobody has: %j is near %j', async (typed, near) => {
    await replica.query("update auth.users set email = 'ada.lovelace@example.com' where id = $1", [ada.userId]);
    const suggestions = near.map((address) => `Did you mean ${address}?`);
    await expect(readSelection(connection, {user: [typed]})).rejects.toMatchObject({
      code: 'USER_NOT_FOUND',
      message: `There is no user with the address ${typed}.`,
      suggestions: near.length === 0 ? ['Give the whole address, or the id'] : suggestions,
    });
  });

  it('of many addresses that are near the three nearest, found by the index', async () => {
    await replica.query(
      `insert into auth.users (id, email, is_sso_user)
       select gen_random_uuid(), 'user' || n || '@example.com', false from generate_series(1, 20000) n`,
    );
    await replica.query('analyze auth.users');
    await expect(findUsers(connection, ['user12345x@example.com'])).rejects.toMatchObject({
      suggestions: ['user12345@example.com', 'user12305@example.com', 'user12315@example.com'].map(
        (address) => `Did you mean ${address}?`,
      ),
    });
    let plan = '';
    const explaining: Queryable = {
      query: async (text, values) => {
        const explained = await postgres.query<never>(`explain ${text}`, values);
        plan = JSON.stringify(explained.rows);
        return explained;
      },
    };
    await readAddressesNear(explaining, ['user1@example.com', 'user2@example.com'], 'user@example.com');
    expect(plan).toContain('users_email_partial_key');
    expect(plan).not.toContain('Seq Scan');
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
