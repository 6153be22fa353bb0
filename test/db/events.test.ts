/** The history: what is written, by whom, and that it never stands in the way of a sign-in. */
import type {Client} from 'pg';
import {
  createFactor,
  createSessions,
  createUser,
  liveSessions,
  mfaVerify,
  refresh,
  run,
  signInPassword,
  signOut,
  Steps,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install} from '../helpers/install.js';

let database: TestDatabase;
let postgres: Client;
let admin: Client;
let auth: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
  admin = await database.connect('supabase_admin');
  auth = await database.connect('supabase_auth_admin');
  await install(postgres);
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await postgres.query('delete from supasession.rules');
  user = await createUser(postgres);
  await postgres.query('delete from supasession.events');
});

afterAll(async () => database.drop());

interface Event {
  kind: string;
  user_id: string | null;
  session_id: string | null;
  reason: string | null;
  caused_by: string | null;
  details: {old: Record<string, unknown> | null; new: Record<string, unknown> | null} | null;
}

async function events(where = 'true'): Promise<Event[]> {
  const {rows} = await postgres.query<Event>(
    `select kind, user_id, session_id, reason, caused_by, details from supasession.events where ${where} order by id`,
  );
  return rows;
}

/** The history without changes of settings, which every test makes. */
async function history(): Promise<Omit<Event, 'details'>[]> {
  return (await events("kind <> 'settings_changed'")).map(({details: _, ...event}) => event);
}

async function signIn(algorithm: 1 | 2 = 1): Promise<AuthSession> {
  return run(auth, signInPassword(user.email, {algorithm}));
}

describe('what was ended is in the history', () => {
  it('evicted at a sign-in: by the session that came in', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1});
    const [first, second] = [await signIn(), await signIn()];
    expect(await history()).toEqual([
      {
        kind: 'evicted',
        user_id: user.userId,
        session_id: first.sessionId,
        reason: 'limit of 1',
        caused_by: second.sessionId,
      },
    ]);
  });

  it('evicted by a rule: by that', async () => {
    await configure(postgres, {enabled: true, max_sessions: 9});
    await postgres.query('insert into supasession.rules (name, user_id, max_sessions) values ($1, $2, 1)', [
      'one',
      user.userId,
    ]);
    const first = await signIn();
    await signIn();
    expect(await history()).toContainEqual({
      ...{kind: 'evicted', user_id: user.userId, session_id: first.sessionId},
      ...{reason: 'limit of 1', caused_by: 'one'},
    });
  });

  it('evicted at a second factor, and at a refresh', async () => {
    const factor = await createFactor(postgres, user.userId);
    const [a, b, c] = await createSessions(postgres, [user.userId], 3);
    await postgres.query("update auth.sessions set aal = 'aal2' where user_id = $1", [user.userId]);
    await configure(postgres, {enabled: true, max_sessions: 2});
    if (!a || !b || !c) throw new Error('three sessions expected');
    await run(auth, refresh(a));
    const risen = await signIn();
    await run(auth, mfaVerify(risen, factor));
    expect(await history()).toEqual([
      {
        kind: 'evicted',
        user_id: user.userId,
        session_id: a.sessionId,
        reason: 'limit of 2, at refresh',
        caused_by: null,
      },
      {
        kind: 'evicted',
        user_id: user.userId,
        session_id: b.sessionId,
        reason: 'limit of 2',
        caused_by: risen.sessionId,
      },
    ]);
  });

  it('evicted and expired by enforce()', async () => {
    await postgres.query('delete from auth.sessions');
    const [a, b, c] = await createSessions(postgres, [user.userId], 3);
    await postgres.query("update auth.sessions set created_at = now() - interval '2 days' where id = $1", [
      a?.sessionId,
    ]);
    await configure(postgres, {enabled: true, max_sessions: 1, timebox: '1 day'});
    await postgres.query('select from supasession.enforce()');
    expect((await history()).map(({kind, session_id}) => ({kind, session_id}))).toEqual([
      {kind: 'expired', session_id: a?.sessionId},
      {kind: 'evicted', session_id: b?.sessionId},
    ]);
    expect(await liveSessions(postgres, user.userId)).toEqual([c?.sessionId]);
  });

  it.each([
    {setting: {timebox: '1 minute'}, reason: 'timebox'},
    {setting: {inactivity_timeout: '1 minute'}, reason: 'inactivity'},
  ])('expired at a refresh: $reason', async ({setting, reason}) => {
    const [session] = await createSessions(postgres, [user.userId], 2);
    if (!session) throw new Error('no session');
    await configure(postgres, {enabled: true, max_sessions: 9, ...setting});
    await run(auth, refresh(session));
    expect(await history()).toEqual([
      {kind: 'expired', user_id: user.userId, session_id: session.sessionId, reason, caused_by: null},
    ]);
  });

  it('revoked, access revoked and restored, with the reason and the role', async () => {
    const [session] = await createSessions(postgres, [user.userId], 2);
    await postgres.query('select supasession.revoke_session($1)', [session?.sessionId]);
    await postgres.query("select supasession.revoke_access($1, 'fraud')", [user.userId]);
    await postgres.query('select supasession.restore_access($1)', [user.userId]);
    expect((await history()).map(({kind, reason, caused_by}) => [kind, reason, caused_by])).toEqual([
      ['revoked', null, 'postgres'],
      ['revoked', 'fraud', 'postgres'],
      ['access_revoked', 'fraud', 'postgres'],
      ['access_restored', null, 'postgres'],
    ]);
  });

  it.each([
    {column: 'banned_until', value: "now() + interval '1 day'", setting: {end_on_ban: true}, reason: 'banned'},
    {column: 'deleted_at', value: 'now()', setting: {end_on_delete: true}, reason: 'deleted'},
    {column: 'encrypted_password', value: "'x'", setting: {end_on_password_change: true}, reason: 'password changed'},
  ])('user_changed: $reason', async ({column, value, setting, reason}) => {
    const [session] = await createSessions(postgres, [user.userId], 1);
    await configure(postgres, {enabled: false, ...setting});
    await postgres.query(`update auth.users set ${column} = ${value} where id = $1`, [user.userId]);
    expect(await history()).toMatchObject([{kind: 'user_changed', session_id: session?.sessionId, reason}]);
  });

  it('device_changed: a refresh from another browser or system, with on_device_change = record', async () => {
    const [session] = await createSessions(postgres, [user.userId], 1);
    if (!session) throw new Error('no session');
    await postgres.query("update auth.sessions set user_agent = 'Mozilla/5.0 (Windows NT 10.0) Firefox/130.0'");
    await configure(postgres, {enabled: true, max_sessions: 9, on_device_change: 'record'});
    await run(auth, refresh(session));
    expect(await history()).toMatchObject([
      {
        kind: 'device_changed',
        user_id: user.userId,
        session_id: session.sessionId,
        reason: expect.stringMatching(/^Firefox on Windows -> node/),
      },
    ]);
  });

  it('but no sign-out, and no refusal: the one is in the log of Auth, the other in that of Postgres', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    const session = await signIn();
    await expect(signIn()).rejects.toMatchObject({sqlstate: 'PT403'});
    await run(auth, signOut(session));
    expect(await history()).toEqual([]);
  });
});

describe('changes of settings and rules are in the history, with old, new and the role', () => {
  it('of settings', async () => {
    await postgres.query('update supasession.config set max_sessions = 4');
    const [event, ...more] = await events();
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      kind: 'settings_changed',
      user_id: null,
      session_id: null,
      reason: 'update',
      caused_by: 'postgres',
    });
    expect(event?.details?.old).toMatchObject({max_sessions: 1, enabled: false});
    expect(event?.details?.new).toMatchObject({max_sessions: 4, enabled: false});
  });

  it('by whatever means: functions, delete-and-insert; and none where nothing changed', async () => {
    await postgres.query('select supasession.enable()');
    await postgres.query('select supasession.enable()');
    await postgres.query('select supasession.set_config(max_sessions => 7)');
    await postgres.query(
      'begin; delete from supasession.config; insert into supasession.config (max_sessions) values (2); commit',
    );
    expect(
      (await events()).map(({reason, details}) => [
        reason,
        details?.old?.['max_sessions'],
        details?.new?.['max_sessions'],
      ]),
    ).toEqual([
      ['update', 1, 1],
      ['update', 1, 7],
      ['delete', 7, undefined],
      ['insert', undefined, 2],
    ]);
  });

  it('of rules', async () => {
    await postgres.query("insert into supasession.rules (name, user_id, max_sessions) values ('a', $1, 3)", [
      user.userId,
    ]);
    await postgres.query('update supasession.rules set max_sessions = 4');
    await postgres.query('delete from supasession.rules');
    const changes = await events();
    expect(changes.map(({kind, reason, caused_by}) => [kind, reason, caused_by])).toEqual([
      ['rules_changed', 'insert', 'postgres'],
      ['rules_changed', 'update', 'postgres'],
      ['rules_changed', 'delete', 'postgres'],
    ]);
    expect(changes[1]?.details).toMatchObject({old: {name: 'a', max_sessions: 3}, new: {name: 'a', max_sessions: 4}});
  });

  it('by the role that did it, also through the Data API, where everybody logs in as authenticator', async () => {
    const api = await database.connect('authenticator');
    await api.query(
      'begin; set local role service_role; update supasession.config set max_sessions = 5 where true; commit',
    );
    expect(await events()).toMatchObject([{kind: 'settings_changed', caused_by: 'service_role'}]);
  });

  it('also the change by which record_events is switched on; and not the one that switches it off', async () => {
    await postgres.query('update supasession.config set record_events = false');
    await postgres.query('update supasession.config set max_sessions = 8');
    expect(await events()).toEqual([]);
    await postgres.query('update supasession.config set record_events = true');
    expect(await events()).toMatchObject([{reason: 'update', details: {new: {record_events: true}}}]);
  });
});

it('with record_events off nothing is written, and everything else goes on', async () => {
  await configure(postgres, {enabled: true, max_sessions: 1, record_events: false});
  await postgres.query('delete from supasession.events');
  await signIn();
  const last = await signIn();
  expect(await liveSessions(postgres, user.userId)).toEqual([last.sessionId]);
  await postgres.query('select supasession.revoke_access($1)', [user.userId]);
  expect(await events()).toEqual([]);
});

it('knows a closed list of kinds', async () => {
  await expect(postgres.query("insert into supasession.events (kind) values ('evict')")).rejects.toMatchObject({
    constraint: 'events_kind_check',
  });
});

it('outlives the user and the session that it tells of', async () => {
  await configure(postgres, {enabled: true, max_sessions: 1});
  await signIn();
  await signIn();
  await auth.query('delete from users where id = $1', [user.userId]);
  expect(await history()).toMatchObject([{kind: 'evicted', user_id: user.userId}]);
});

describe('retention', () => {
  const old = async (count: number): Promise<void> => {
    await postgres.query(
      "insert into supasession.events (at, kind, reason) select now() - interval '31 days' - n * interval '1 hour', 'expired', 'old ' || n from generate_series(1, $1) n",
      [count],
    );
  };

  it('each new event removes two at most that are older, the oldest first', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1});
    await old(5);
    await signIn();
    await signIn();
    expect((await events("reason like 'old %'")).map(({reason}) => reason)).toEqual(['old 1', 'old 2', 'old 3']);
    await signIn();
    await signIn();
    expect(await events("reason like 'old %'")).toEqual([]);
  });

  it('is a setting', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1, events_retention: '40 days'});
    await old(2);
    await signIn();
    await signIn();
    expect(await events("reason like 'old %'")).toHaveLength(2);
  });
});

describe('a sign-in never waits for the history', () => {
  const LOCKS = ['access exclusive', 'exclusive', 'share'] as const;

  it.each(LOCKS)(
    'with the table locked (%s) the limit is enforced, and the event is lost with a warning',
    async (mode) => {
      await configure(postgres, {enabled: true, max_sessions: 1});
      await signIn();
      const warnings: string[] = [];
      const listen = ({message}: {message?: string | undefined}): void => {
        if (message !== undefined) warnings.push(message);
      };
      await admin.query('begin');
      await admin.query(`lock table supasession.events in ${mode} mode`);
      auth.on('notice', listen);
      try {
        const next = await signIn();
        expect(await liveSessions(postgres, user.userId)).toEqual([next.sessionId]);
      } finally {
        auth.off('notice', listen);
        await admin.query('rollback');
      }
      expect(warnings).toEqual([expect.stringContaining('supasession.events is locked')]);
    },
  );

  it('its own lock_timeout stays what it was, for the statements after it', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1});
    await signIn();
    const signingIn = new Steps(auth, signInPassword(user.email));
    await signingIn.through('insert sessions');
    const {rows} = await auth.query('show lock_timeout');
    expect(rows).toEqual([{lock_timeout: '0'}]);
    await signingIn.finish();
  });

  it('an old event that somebody holds is left for later', async () => {
    await configure(postgres, {enabled: true, max_sessions: 1});
    await signIn();
    await postgres.query("insert into supasession.events (at, kind) values (now() - interval '1 year', 'flushed')");
    await admin.query('begin');
    await admin.query("select from supasession.events where kind = 'flushed' for update");
    await signIn();
    await admin.query('rollback');
    expect(await events("kind in ('flushed', 'evicted')")).toHaveLength(2);
  });
});
