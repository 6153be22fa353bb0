/** The history: what is written, by whom, and that it costs no sign-in and no end of a session when it fails. */
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
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, type Settings} from '../helpers/install.js';

let database: TestDatabase;
let postgres: Client;
let admin: Client;
let auth: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  admin = await database.connect('supabase_admin');
  auth = await database.connect('supabase_auth_admin');
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
    const ends = await history();
    expect(ends).toHaveLength(2);
    expect(ends).toContainEqual({
      ...{kind: 'expired', user_id: user.userId, session_id: a?.sessionId},
      ...{reason: 'timebox, by enforce()', caused_by: null},
    });
    expect(ends).toContainEqual({
      ...{kind: 'evicted', user_id: user.userId, session_id: b?.sessionId},
      ...{reason: 'limit of 1, by enforce()', caused_by: null},
    });
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

  describe('device_changed: a refresh from another browser or system, with record_device_changes', () => {
    const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0';

    async function refreshed(userAgent: string, settings: Settings = {}): Promise<[string, unknown][]> {
      const [session] = await createSessions(postgres, [user.userId], 1);
      if (!session) throw new Error('no session');
      await postgres.query('update auth.sessions set user_agent = $2 where id = $1', [session.sessionId, FIREFOX]);
      await configure(postgres, {enabled: true, max_sessions: 9, record_device_changes: true, ...settings});
      await auth.query('update sessions set refreshed_at = now(), user_agent = $2 where id = $1', [
        session.sessionId,
        userAgent,
      ]);
      expect(await liveSessions(postgres, user.userId)).toEqual([session.sessionId]);
      const changes = await events("kind = 'device_changed'");
      for (const change of changes) expect(change).toMatchObject({user_id: user.userId, session_id: session.sessionId});
      return changes.map(({reason, details}) => [reason ?? '', details]);
    }

    it.each([
      ['curl/8.5.0', 'Firefox on Windows -> curl'],
      [FIREFOX.replace('Windows NT 10.0; Win64; x64', 'X11; Linux x86_64'), 'Firefox on Windows -> Firefox on Linux'],
    ])('%s', async (userAgent, reason) => {
      expect(await refreshed(userAgent)).toEqual([[reason, null]]);
    });

    it('is none when it is the next version of the browser', async () => {
      expect(await refreshed(FIREFOX.replaceAll('130', '131'))).toEqual([]);
    });

    it('is not recorded by default', async () => {
      expect(await refreshed('curl/8.5.0', {record_device_changes: false})).toEqual([]);
    });
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
      "insert into supasession.events (at, kind, reason) select now() - interval '40 days' + n * interval '1 hour', 'expired', 'old ' || n from generate_series(1, $1) n",
      [count],
    );
  };
  const oldOnes = async (): Promise<(string | null)[]> =>
    (await events("reason like 'old %'")).map(({reason}) => reason);
  const record = async (): Promise<unknown> =>
    postgres.query("select supasession._record('flushed', null, null, 'new')");

  it('now and then a new event removes 32 at most that are past it, the oldest first', async () => {
    await old(40);
    let recorded = 0;
    // One in 16 does: that none of a thousand did would be no accident.
    for (; recorded < 1000 && (await oldOnes()).length === 40; recorded += 1) await record();
    expect(await oldOnes()).toEqual(Array.from({length: 8}, (_, n) => `old ${n + 33}`));
    expect(await events("reason = 'new'")).toHaveLength(recorded);
  });

  it('is a setting, without which nothing goes', async () => {
    await old(2);
    await configure(postgres, {events_retention: '50 days'});
    await postgres.query('select supasession._trim_history()');
    expect(await oldOnes()).toHaveLength(2);
    await postgres.query('delete from supasession.config');
    await postgres.query('select supasession._trim_history()');
    expect(await oldOnes()).toHaveLength(2);
    await configure(postgres, {events_retention: '30 days'});
    await postgres.query('select supasession._trim_history()');
    expect(await oldOnes()).toEqual([]);
  });

  it('reads no more of the history than it may remove', async () => {
    await postgres.query('begin');
    await postgres.query("insert into supasession.events (kind) select 'flushed' from generate_series(1, 20000)");
    const read = async (): Promise<number> => {
      const {rows} = await postgres.query<{tuples: number}>(
        `select (seq_tup_read + idx_tup_fetch)::int as tuples from pg_stat_xact_user_tables
         where relid = 'supasession.events'::regclass`,
      );
      return rows[0]?.tuples ?? NaN;
    };
    const before = await read();
    await postgres.query('select supasession._trim_history()');
    expect((await read()) - before).toBeLessThan(2000);
    await postgres.query('rollback');
  });

  it('leaves an old event that somebody holds for later', async () => {
    await old(3);
    await admin.query('begin');
    await admin.query("select from supasession.events where reason = 'old 2' for update");
    await postgres.query('select supasession._trim_history()');
    await admin.query('rollback');
    expect(await oldOnes()).toEqual(['old 2']);
  });
});

// What it does to sign-ins and refreshes: faults.test.ts.
it.each([
  [
    'is gone',
    'alter table supasession.events rename to elsewhere',
    'alter table supasession.elsewhere rename to events',
  ],
  [
    'has a column of another type',
    'alter table supasession.events alter column session_id type boolean using null',
    'alter table supasession.events alter column session_id type uuid using null',
  ],
  [
    'takes nothing',
    "alter table supasession.events add constraint nothing check (kind = 'none') not valid",
    'alter table supasession.events drop constraint nothing',
  ],
])(
  'a history that %s costs no change of settings or rules, no revocation, and nothing of enforce()',
  async (_, damage, repair) => {
    const [session] = await createSessions(postgres, [user.userId], 4);
    const warnings: string[] = [];
    const listen = ({severity, message = ''}: {severity?: string | undefined; message?: string | undefined}): void => {
      if (severity === 'WARNING') warnings.push(message);
    };
    await postgres.query(damage);
    postgres.on('notice', listen);
    try {
      await configure(postgres, {enabled: true, max_sessions: 2});
      await postgres.query("insert into supasession.rules (name, user_id, max_sessions) values ('a', $1, 1)", [
        user.userId,
      ]);
      await postgres.query('select supasession.revoke_session($1)', [session?.sessionId]);
      expect(await liveSessions(postgres, user.userId)).toHaveLength(3);
      await postgres.query('select supasession.enforce()');
      expect(await liveSessions(postgres, user.userId)).toHaveLength(1);
      await postgres.query('select supasession.revoke_access($1)', [user.userId]);
      expect(await liveSessions(postgres, user.userId)).toEqual([]);
    } finally {
      postgres.off('notice', listen);
      await postgres.query(repair);
    }
    expect(warnings).toEqual(expect.arrayContaining([expect.stringMatching(/^supasession: /)]));
    expect(await history()).toEqual([]);
  },
);
