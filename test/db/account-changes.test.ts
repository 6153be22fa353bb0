/** Accounts that are changed from outside, and refreshes from another device. */
import type {Client} from 'pg';
import {
  createSessions,
  createUser,
  createUsers,
  liveSessions,
  refreshV1,
  refreshV2,
  run,
  signInPassword,
  updatePassword,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {ask} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install} from '../helpers/install.js';
import {interrupt} from '../helpers/interrupt.js';

let database: TestDatabase;
let postgres: Client;
let observer: Client;
let auth: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase();
  [postgres, observer, auth] = (await Promise.all(
    ['postgres', 'postgres', 'supabase_auth_admin'].map(async (role) => database.connect(role)),
  )) as [Client, Client, Client];
  await install(postgres);
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

async function oneSession(): Promise<AuthSession> {
  const [session] = await createSessions(postgres, [user.userId], 1);
  if (!session) throw new Error('no session was made');
  return session;
}

async function live(): Promise<number> {
  return (await liveSessions(postgres, user.userId)).length;
}

async function change(assignment: string, client = postgres): Promise<void> {
  await client.query(`update auth.users set ${assignment} where id = $1`, [user.userId]);
}

async function events(): Promise<unknown[]> {
  const {rows} = await postgres.query(
    'select kind, reason, count(*)::int from supasession.events where user_id = $1 group by kind, reason',
    [user.userId],
  );
  return rows;
}

const changes = [
  ['end_on_password_change', "encrypted_password = 'another hash'", 'password changed'],
  ['end_on_ban', "banned_until = now() + interval '1 day'", 'banned'],
  ['end_on_delete', 'deleted_at = now()', 'deleted'],
] as const;

describe.each(changes)('%s', (setting, assignment, reason) => {
  it('is off unless it is set', async () => {
    await createSessions(postgres, [user.userId], 2);
    await configure(postgres, {
      ...{enabled: true, max_sessions: 5, end_on_password_change: true, end_on_ban: true, end_on_delete: true},
      [setting]: false,
    });
    await change(assignment);
    expect(await live()).toBe(2);
    expect(await events()).toEqual([]);
  });

  it.each([true, false])('ends all sessions of that user, with limits on: %s', async (enabled) => {
    await createSessions(postgres, [user.userId], 2);
    const other = await createUser(postgres);
    await createSessions(postgres, [other.userId], 1);
    await configure(postgres, {enabled, max_sessions: 5, [setting]: true});
    await change(assignment);
    expect(await live()).toBe(0);
    expect(await liveSessions(postgres, other.userId)).toHaveLength(1);
    expect(await events()).toEqual([{kind: 'user_changed', reason, count: 2}]);
  });

  it('ends nothing when the change is rolled back, nor when nothing changes', async () => {
    await createSessions(postgres, [user.userId], 2);
    await configure(postgres, {enabled: false, [setting]: true});
    await postgres.query('begin');
    await change(assignment);
    await postgres.query('rollback');
    await change('encrypted_password = encrypted_password, banned_until = banned_until, deleted_at = deleted_at');
    await change('updated_at = now(), raw_user_meta_data = null');
    expect(await live()).toBe(2);
  });

  it.each([
    ['refresh v1', refreshV1],
    ['refresh v2', refreshV2],
  ] as const)('leaves no survivor of a %s in flight, at each of its statements', async (_, refresh) => {
    await configure(postgres, {enabled: false, [setting]: true});
    for (let count = 0; ; count++) {
      user = await createUser(postgres);
      const session = await oneSession();
      const seen = await interrupt({auth, other: postgres, observer}, refresh(session), count, async () =>
        change(assignment),
      );
      if (!seen) break;
      expect([seen.before, await live()]).toEqual([seen.before, 0]);
    }
  });

  it('leaves no survivor of a sign-in that has its turn already', async () => {
    await configure(postgres, {enabled: false, [setting]: true});
    let waited = 0;
    for (let count = 0; ; count++) {
      user = await createUser(postgres);
      await oneSession();
      const seen = await interrupt({auth, other: postgres, observer}, signInPassword(user.email), count, async () =>
        change(assignment),
      );
      if (!seen) break;
      const left = await live();
      expect(left).toBeLessThanOrEqual(1);
      if (left === 0) waited += 1;
    }
    expect(waited).toBeGreaterThan(3);
  });
});

describe('a password', () => {
  beforeEach(async () => configure(postgres, {enabled: false, end_on_password_change: true}));

  it('that Auth changes ends what Auth ends, and no more', async () => {
    const [first] = (await createSessions(postgres, [user.userId], 3)) as [AuthSession];
    await run(auth, updatePassword(first));
    expect(await liveSessions(postgres, user.userId)).toEqual([first.sessionId]);
    expect(await events()).toEqual([]);
  });

  it('whose hash Auth rewrites with a new key ends nothing', async () => {
    await oneSession();
    await change("encrypted_password = 'the same password, encrypted anew'", auth);
    expect(await live()).toBe(1);
  });

  it('that somebody changes through the Data API ends all', async () => {
    await oneSession();
    await postgres.query(`create or replace function public.set_password(id uuid) returns void language sql security definer set search_path = ''
      as 'update auth.users u set encrypted_password = ''theirs'' where u.id = set_password.id'`);
    const api = await database.connect('authenticator');
    await ask(api, {role: 'service_role'}, 'select set_password($1)', [user.userId]);
    expect(await live()).toBe(0);
  });
});

describe('a ban', () => {
  beforeEach(async () => configure(postgres, {enabled: false, end_on_ban: true}));

  it('ends sessions when Auth sets it, too', async () => {
    await oneSession();
    await change("banned_until = now() + interval '1 hour'", auth);
    expect(await live()).toBe(0);
  });

  it('that is over, or lifted, ends nothing', async () => {
    await oneSession();
    await change("banned_until = now() - interval '1 hour'");
    await change('banned_until = null');
    expect(await live()).toBe(1);
  });

  it('of many users in one statement ends the sessions of each', async () => {
    const ids = (await createUsers(postgres, 3)).map(({userId}) => userId);
    await createSessions(postgres, ids, 2);
    await postgres.query("update auth.users set banned_until = 'infinity' where id = any ($1)", [ids]);
    for (const id of ids) expect(await liveSessions(postgres, id)).toEqual([]);
  });
});

it('a user who comes back from deletion and is deleted again loses the new sessions as well', async () => {
  await configure(postgres, {enabled: false, end_on_delete: true});
  await change('deleted_at = now()');
  await oneSession();
  await change("deleted_at = now() + interval '1 second'");
  expect(await live()).toBe(1);
  await change('deleted_at = null');
  expect(await live()).toBe(1);
  await change('deleted_at = now()');
  expect(await live()).toBe(0);
});

const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';
const DEVICES: [string | null, string | null][] = [
  [null, null],
  ['', null],
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME}`, 'Chrome on Windows'],
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Edg/126.0.2592.87`, 'Edge on Windows'],
  [`Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${CHROME} OPR/111.0.0.0`, 'Opera on macOS'],
  [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${CHROME}`, 'Chrome on ChromeOS'],
  [`Mozilla/5.0 (X11; Linux x86_64) ${CHROME}`, 'Chrome on Linux'],
  [`Mozilla/5.0 (Linux; Android 10; K) ${CHROME.replace('Safari', 'Mobile Safari')}`, 'Chrome on Android'],
  ['Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', 'Firefox on Linux'],
  ['Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0', 'Firefox on Android'],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'Safari on iOS',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1',
    'Chrome on iOS',
  ],
  [
    'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/127.0 Mobile/15E148 Safari/605.1.15',
    'Firefox on iOS',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) EdgiOS/126.0 Mobile/15E148 Safari/604.1',
    'Edge on iOS',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
    'Safari on macOS',
  ],
  ['node', 'node on another system'],
  ['node-fetch/1.0', 'node-fetch on another system'],
  ['axios/1.7.2', 'axios on another system'],
  ['okhttp/4.12.0', 'okhttp on another system'],
  ['Dart/3.4 (dart:io)', 'Dart on another system'],
  ['MyApp/12 CFNetwork/1496.0.7 Darwin/23.5.0', 'MyApp on macOS'],
  ['Microsoft Office/16.0', 'Microsoft Office on another system'],
];

it.each(DEVICES)('the device of %p is %p', async (agent, device) => {
  const {rows} = await postgres.query('select supasession._device($1) as device', [agent]);
  expect(rows).toEqual([{device}]);
});

it('an update of the browser or the system is no other device', async () => {
  const {rows} = await postgres.query<{devices: number}>(
    'select count(distinct supasession._device(agent))::int as devices from unnest($1::text[]) as a (agent)',
    [
      [
        `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME}`,
        `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME.replace('126', '131')}`,
        `Mozilla/5.0 (Windows NT 11.0; ARM64) ${CHROME.replace('126', '99')}`,
      ],
    ],
  );
  expect(rows).toEqual([{devices: 1}]);
});

describe('a refresh from another device', () => {
  /** Refreshes a session that was signed in with this user agent; Auth's own in the tests is "node". */
  async function refreshFrom(
    agent: string | null,
    refresh: typeof refreshV1 | typeof refreshV2 = refreshV2,
  ): Promise<unknown[]> {
    const session = await oneSession();
    await postgres.query('update auth.sessions set user_agent = $2 where id = $1', [session.sessionId, agent]);
    await run(auth, refresh(session));
    expect(await liveSessions(postgres, user.userId)).toContain(session.sessionId);
    const {rows} = await postgres.query(
      "select kind, reason from supasession.events where session_id = $1 and kind <> 'evicted'",
      [session.sessionId],
    );
    return rows;
  }
  const RECORDED = [{kind: 'device_changed', reason: 'Firefox on Linux -> node on another system'}];
  const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0';

  it.each([
    ['v1', refreshV1],
    ['v2', refreshV2],
  ] as const)('goes to the history and ends nothing, with on_device_change = record (%s)', async (_, flow) => {
    await configure(postgres, {enabled: true, max_sessions: 5, on_device_change: 'record'});
    expect(await refreshFrom(FIREFOX, flow)).toEqual(RECORDED);
  });

  it('is told once, and not again by the next refresh', async () => {
    await configure(postgres, {enabled: true, max_sessions: 5, on_device_change: 'record'});
    const session = await oneSession();
    await postgres.query('update auth.sessions set user_agent = $2 where id = $1', [session.sessionId, FIREFOX]);
    const next = await run(auth, refreshV1(session));
    await run(auth, refreshV1(next));
    expect(await events()).toEqual([{...RECORDED[0], count: 1}]);
  });

  it('goes to the history in observe mode, too', async () => {
    await configure(postgres, {enabled: true, mode: 'observe', max_sessions: 5, on_device_change: 'record'});
    expect(await refreshFrom(FIREFOX)).toEqual(RECORDED);
  });

  it('is nothing where the device is the same or not known, or nobody asked', async () => {
    await configure(postgres, {enabled: true, max_sessions: 5, on_device_change: 'record'});
    for (const agent of ['node', 'node/22.1', null, '']) expect(await refreshFrom(agent)).toEqual([]);
    await configure(postgres, {enabled: true, max_sessions: 5});
    expect(await refreshFrom(FIREFOX)).toEqual([]);
  });
});
