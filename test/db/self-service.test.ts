/** What a signed-in user may see and do about the own sessions, through the Data API. */
import type {Client} from 'pg';
import {
  createFactor,
  createSessions,
  createUser,
  liveSessions,
  refreshV2,
  run,
  Steps,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {ask, claimsOf, type Request} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure} from '../helpers/install.js';
import {interrupt} from '../helpers/interrupt.js';

interface MySession {
  id: string;
  created_at: Date;
  refreshed_at: Date | null;
  device: string | null;
  user_agent: string | null;
  ip: string | null;
  aal: string | null;
  not_after: Date | null;
  current: boolean;
}

let database: TestDatabase;
let postgres: Client;
let observer: Client;
let auth: Client;
let api: Client;
let user: AuthUser;
/** The user's sessions, oldest first, and the one that asks. */
let mine: AuthSession[];
let current: AuthSession;
/** Those of somebody else. */
let theirs: AuthSession[];

beforeAll(async () => {
  database = await createDatabase({installed: true});
  [postgres, observer, auth, api] = (await Promise.all(
    ['postgres', 'postgres', 'supabase_auth_admin', 'authenticator'].map(async (role) => database.connect(role)),
  )) as [Client, Client, Client, Client];
});

beforeEach(async () => {
  user = await createUser(postgres);
  mine = await createSessions(postgres, [user.userId], 3);
  current = mine[1] as AuthSession;
  theirs = await createSessions(postgres, [(await createUser(postgres)).userId], 2);
});

afterAll(async () => database.drop());

async function mySessions(request: Request = {}): Promise<MySession[]> {
  return ask<MySession>(
    api,
    {claims: claimsOf(current), readOnly: true, ...request},
    'select * from supasession.my_sessions()',
  );
}

async function revokeMine(sessionId: string | null, request: Request = {}): Promise<boolean> {
  const rows = await ask<{done: boolean}>(
    api,
    {claims: claimsOf(current), ...request},
    'select supasession.revoke_my_session($1) as done',
    [sessionId],
  );
  return rows[0]?.done === true;
}

async function revokeOthers(request: Request = {}): Promise<number> {
  const rows = await ask<{ended: number}>(
    api,
    {claims: claimsOf(current), ...request},
    'select supasession.revoke_my_other_sessions() as ended',
  );
  return rows[0]?.ended ?? -1;
}

async function mineLive(): Promise<string[]> {
  return liveSessions(postgres, user.userId);
}

async function theirsLive(): Promise<number> {
  return (await liveSessions(postgres, theirs[0]?.userId ?? '')).length;
}

/** The ids of some of the user's sessions, by number. */
function ids(...numbers: number[]): string[] {
  return numbers.map((number) => mine[number]?.sessionId ?? '');
}

/** Claims with which nobody may see or end anything. */
const strangers: [string, () => Request][] = [
  ['a token without claims', () => ({claims: {}})],
  ['no token', () => ({claims: ''})],
  ['claims that are no object', () => ({claims: JSON.stringify([claimsOf(current)])})],
  ['a token without a session', () => ({claims: {...claimsOf(current), session_id: undefined}})],
  ['a session that is no uuid', () => ({claims: {...claimsOf(current), session_id: 'mine'}})],
  [
    'a session that never was',
    () => ({claims: {...claimsOf(current), session_id: '00000000-0000-4000-8000-00000000000a'}}),
  ],
  ['a token without a user', () => ({claims: {...claimsOf(current), sub: undefined}})],
  ['a user that is no uuid', () => ({claims: {...claimsOf(current), sub: 'me'}})],
  [
    'a user in user_metadata only',
    () => ({claims: {session_id: current.sessionId, user_metadata: {sub: user.userId}}}),
  ],
];

describe('my_sessions()', () => {
  it('shows the own sessions, newest first, and which one asks', async () => {
    await run(auth, refreshV2(current));
    await postgres.query("update auth.sessions set not_after = now() + interval '1 hour' where id = $1", [ids(2)[0]]);
    const rows = await mySessions();
    expect(rows.map(({id, current: asks}) => [id, asks])).toEqual([
      [ids(2)[0], false],
      [ids(1)[0], true],
      [ids(0)[0], false],
    ]);
    expect(rows[1]).toMatchObject({user_agent: 'node', ip: '127.0.0.1', aal: 'aal1', not_after: null});
    // Auth keeps it without a time zone, in UTC.
    expect(Math.abs((rows[1]?.refreshed_at?.getTime() ?? 0) - Date.now())).toBeLessThan(30_000);
    expect(rows[0]?.not_after?.getTime()).toBeGreaterThan(Date.now());
    expect(rows[2]?.refreshed_at).toBeNull();
    expect(Object.keys(rows[0] ?? {}).sort()).toEqual([
      'aal',
      'created_at',
      'current',
      'device',
      'id',
      'ip',
      'not_after',
      'refreshed_at',
      'user_agent',
    ]);
  });

  it('says what a person calls the device', async () => {
    const agents = ['curl/8.5.0', null, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101 Firefox/130.0'];
    for (const [index, agent] of agents.entries())
      await postgres.query('update auth.sessions set user_agent = $2 where id = $1', [ids(index)[0], agent]);
    expect((await mySessions()).map(({device, user_agent}) => [device, user_agent])).toEqual([
      ['Firefox on Windows', agents[2]],
      [null, null],
      ['curl', agents[0]],
    ]);
  });

  it.each(['Etc/GMT+12', 'Asia/Tokyo'])('knows when each was refreshed where the clocks go by %s', async (zone) => {
    const client = await database.connect('authenticator');
    await client.query("select set_config('timezone', $1, false)", [zone]);
    await run(auth, refreshV2(current));
    const rows = await ask<{zone: string; seconds: number}>(
      client,
      {claims: claimsOf(current), readOnly: true},
      `select current_setting('timezone') as zone, extract(epoch from now() - refreshed_at)::float8 as seconds
       from supasession.my_sessions() where current`,
    );
    expect(rows).toEqual([{zone, seconds: expect.any(Number)}]);
    expect(Math.abs(rows[0]!.seconds)).toBeLessThan(60);
    await client.end();
  });

  it('leaves out sessions past their deadline, and those that were ended while in use', async () => {
    await postgres.query('update auth.sessions set not_after = now() where id = $1', [ids(0)[0]]);
    expect((await mySessions()).map(({id}) => id)).toEqual(ids(2, 1));
    await postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
      ids(2)[0],
      user.userId,
    ]);
    expect((await mySessions()).map(({id}) => id)).toEqual(ids(1));
    expect(await revokeMine(ids(2)[0] ?? null)).toBe(false);
  });

  it('shows nothing to a session that has ended, or whose user may not use the app', async () => {
    await postgres.query('insert into supasession.revoked (user_id) values ($1)', [user.userId]);
    expect(await mySessions()).toEqual([]);
    await postgres.query('delete from supasession.revoked where user_id = $1', [user.userId]);
    for (const state of ["banned_until = now() + interval '1 day'", 'banned_until = null, deleted_at = now()']) {
      await postgres.query(`update auth.users set ${state} where id = $1`, [user.userId]);
      expect(await mySessions()).toEqual([]);
    }
    await postgres.query('update auth.users set deleted_at = null where id = $1', [user.userId]);
    await postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
      current.sessionId,
      user.userId,
    ]);
    expect(await mySessions()).toEqual([]);
    await postgres.query('delete from supasession.pending_ends');
    expect(await mySessions()).toHaveLength(3);
    await postgres.query('update auth.sessions set not_after = now() where id = $1', [current.sessionId]);
    expect(await mySessions()).toEqual([]);
    await postgres.query('delete from auth.sessions where id = $1', [current.sessionId]);
    expect(await mySessions()).toEqual([]);
    expect(await mineLive()).toHaveLength(2);
  });

  it.each(strangers)('shows nothing to %s', async (_, request) => {
    expect(await mySessions(request())).toEqual([]);
  });
});

describe('revoke_my_session()', () => {
  it('ends an own session, and the history names the one that did it', async () => {
    expect(await revokeMine(ids(0)[0] ?? '')).toBe(true);
    expect(await mineLive()).toEqual(ids(1, 2));
    const {rows} = await postgres.query(
      'select kind, session_id, caused_by from supasession.events where user_id = $1',
      [user.userId],
    );
    expect(rows).toEqual([{kind: 'revoked', session_id: ids(0)[0], caused_by: current.sessionId}]);
  });

  it('ends the current one too, after which that token does nothing more', async () => {
    expect(await revokeMine(current.sessionId)).toBe(true);
    expect(await revokeMine(ids(0)[0] ?? '')).toBe(false);
    expect(await revokeOthers()).toBe(0);
    expect(await mineLive()).toEqual(ids(0, 2));
  });

  it("does not end somebody else's, nor tells whether there is one", async () => {
    for (const id of [theirs[0]?.sessionId ?? '', '00000000-0000-4000-8000-00000000000a', null])
      expect(await revokeMine(id)).toBe(false);
    expect(await theirsLive()).toBe(2);
    expect(await mineLive()).toHaveLength(3);
  });

  it.each(strangers)('ends nothing for %s', async (_, request) => {
    expect(await revokeMine(ids(0)[0] ?? '', request())).toBe(false);
    expect(await mineLive()).toHaveLength(3);
  });
});

describe('revoke_my_other_sessions()', () => {
  it('ends all own sessions but the current one', async () => {
    expect(await revokeOthers()).toBe(2);
    expect(await mineLive()).toEqual([current.sessionId]);
    expect(await theirsLive()).toBe(2);
    expect(await revokeOthers()).toBe(0);
  });

  it.each(strangers)('ends nothing for %s', async (_, request) => {
    expect(await revokeOthers(request())).toBe(0);
    expect(await mineLive()).toHaveLength(3);
    expect(await theirsLive()).toBe(2);
  });

  it('ends nothing for a session that has ended', async () => {
    await postgres.query('update auth.sessions set not_after = now() where id = $1', [current.sessionId]);
    expect(await revokeOthers()).toBe(0);
    expect(await mineLive()).toEqual(ids(0, 2));
  });

  it.each([
    ['off', {enabled: false}],
    ['on', {enabled: true, max_sessions: 9}],
  ])('ends an own session that is being refreshed, at whichever statement, with limits %s', async (_, settings) => {
    await configure(postgres, settings);
    for (let count = 0; ; count++) {
      const [other, asking] = (await createSessions(postgres, [user.userId], 2)) as [AuthSession, AuthSession];
      const seen = await interrupt({auth, other: api, observer}, refreshV2(other), count, async () =>
        revokeOthers({claims: claimsOf(asking)}),
      );
      if (!seen) break;
      const listed = (await mySessions({claims: claimsOf(asking)})).map(({id}) => id);
      expect([seen.before, listed]).toEqual([seen.before, [asking.sessionId]]);
      // With limits off one that was revoked after it had asked ends at its next refresh only.
      if (settings.enabled) expect([seen.before, await mineLive()]).toEqual([seen.before, [asking.sessionId]]);
    }
    await configure(postgres, {enabled: false});
  });

  it('lets the current session refresh while it goes on', async () => {
    const refreshing = new Steps(auth, refreshV2(current));
    await refreshing.before('update sessions');
    expect(await revokeOthers()).toBe(2);
    await refreshing.finish();
    expect(await mineLive()).toEqual([current.sessionId]);
  });
});

it.each(['anon', 'service_role'])('%s has no use for them', async (role) => {
  for (const call of ['my_sessions()', 'revoke_my_session(gen_random_uuid())', 'revoke_my_other_sessions()'])
    await expect(
      ask(api, {role, claims: {...claimsOf(current), role}}, `select supasession.${call}`),
    ).rejects.toMatchObject({code: '42501'});
});

describe('a session that misses its second factor', () => {
  it('sees nothing and ends nothing, so that a stolen password alone cannot sign the owner out', async () => {
    await createFactor(postgres, user.userId);
    await postgres.query("update auth.sessions set aal = 'aal2' where id = any ($1)", [
      mine.filter(({sessionId}) => sessionId !== current.sessionId).map(({sessionId}) => sessionId),
    ]);
    await postgres.query("update auth.sessions set aal = 'aal1' where id = $1", [current.sessionId]);
    expect(await mySessions()).toEqual([]);
    expect(await revokeMine(mine[0]?.sessionId ?? null)).toBe(false);
    expect(await revokeOthers()).toBe(0);
    expect(await liveSessions(observer, user.userId)).toHaveLength(3);
  });

  it('may do both after the factor', async () => {
    await createFactor(postgres, user.userId);
    await postgres.query("update auth.sessions set aal = 'aal2' where id = $1", [current.sessionId]);
    expect(await mySessions()).toHaveLength(3);
    expect(await revokeOthers()).toBe(2);
    expect(await liveSessions(observer, user.userId)).toEqual([current.sessionId]);
  });
});
