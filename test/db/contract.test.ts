/** The contract with supasession 0.1.2: what a project that used it may rely on. */
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
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, DEFAULTS, install, readSettings} from '../helpers/install.js';

let database: TestDatabase;
let postgres: Client;
let auth: Client;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  auth = await database.connect('supabase_auth_admin');
});

beforeEach(async () => configure(postgres, {enabled: false}));

afterAll(async () => database.drop());

async function only<T>(sql: string, values: unknown[] = []): Promise<T | undefined> {
  const {rows} = await postgres.query<{value: T}>(sql, values);
  expect(rows).toHaveLength(1);
  return rows[0]?.value;
}

describe('config', () => {
  it('starts with one row: limits off, one session, dequeue, oldest first, nothing else that ends anything', async () => {
    await postgres.query('delete from supasession.config');
    await postgres.query('insert into supasession.config default values');
    expect(await readSettings(postgres)).toEqual([DEFAULTS]);
  });

  it('can be deleted and inserted anew with the three settings of 0.1.2', async () => {
    await postgres.query('delete from supasession.config');
    await postgres.query("insert into supasession.config (enabled, max_sessions, strategy) values (true, 3, 'reject')");
    expect(await only('select (enabled, max_sessions, strategy)::text as value from supasession.config')).toBe(
      '(t,3,reject)',
    );
  });

  it('takes no second row, under the same version or another', async () => {
    await expect(postgres.query('insert into supasession.config default values')).rejects.toMatchObject({
      code: '23505',
    });
    await expect(postgres.query("insert into supasession.config (version) values ('2.0')")).rejects.toMatchObject({
      code: '23505',
      constraint: 'config_one_row',
    });
  });

  it('has the version as its primary key', async () => {
    const key = `select pg_get_constraintdef(oid) as value from pg_constraint
      where conrelid = 'supasession.config'::regclass and contype = 'p'`;
    expect(await only(key)).toBe('PRIMARY KEY (version)');
  });

  it('has the strategies reject and dequeue and no other', async () => {
    expect(await only('select enum_range(null::supasession.enforcement_strategy)::text as value')).toBe(
      '{reject,dequeue}',
    );
  });

  const writers = ['postgres', 'service_role'];
  const bad: [setting: string, value: string, sqlstate: string][] = [
    ['enabled', 'null', '23502'],
    ['max_sessions', '0', '23514'],
    ['max_sessions', '-1', '23514'],
    ['max_sessions', 'null', '23502'],
    ['max_sessions', "'many'", '22P02'],
    ['strategy', "'ignore'", '22P02'],
    ['strategy', 'null', '23502'],
    ['eviction_order', "'newest'", '23514'],
    ['eviction_order', "''", '23514'],
    ['eviction_order', 'null', '23502'],
    ['mode', "'watch'", '23514'],
    ['mode', 'null', '23502'],
    ...['timebox', 'inactivity_timeout', 'reject_ignores_idle', 'low_aal_timeout', 'events_retention'].flatMap(
      (setting): [string, string, string][] => [
        [setting, "'0'", '23514'],
        [setting, "'-1 second'", '23514'],
        [setting, "'10 years 1 second'", '23514'],
        [setting, "'soon'", '22007'],
      ],
    ),
    ['events_retention', 'null', '23502'],
    ['refusal_message', "''", '23514'],
    ['refusal_message', 'null', '23502'],
    ['oauth_clients', "'none'", '23514'],
    ['oauth_clients', 'null', '23502'],
    ...['reject_in_hook', 'record_device_changes', 'record_events'].map((setting): [string, string, string] => [
      setting,
      'null',
      '23502',
    ]),
  ];
  describe.each(writers)('written by %s', (role) => {
    it.each(bad)('refuses %s = %s', async (setting, value, sqlstate) => {
      await postgres.query('begin');
      try {
        await postgres.query(`set local role ${role}`);
        await expect(
          postgres.query(`update supasession.config set ${setting} = ${value} where true`),
        ).rejects.toMatchObject({
          code: sqlstate,
        });
      } finally {
        await postgres.query('rollback');
      }
    });

    it('takes every good setting', async () => {
      await postgres.query('begin');
      try {
        await postgres.query(`set local role ${role}`);
        const {rowCount} = await postgres.query(
          `update supasession.config set enabled = true, max_sessions = 2147483647, strategy = 'reject',
             eviction_order = 'least_recently_used', mode = 'observe', timebox = '10 years', inactivity_timeout = '1 microsecond',
             low_aal_timeout = null, reject_in_hook = true, refusal_message = 'Zu viele Geräte', reject_ignores_idle = null,
             oauth_clients = 'together', record_device_changes = true, record_events = false, events_retention = '1 hour'
           where true`,
        );
        expect(rowCount).toBe(1);
        await postgres.query("update supasession.config set oauth_clients = 'separate', timebox = null where true");
      } finally {
        await postgres.query('rollback');
      }
    });
  });
});

describe('the row that an installation starts with', () => {
  const SEEDED = {...DEFAULTS, version: expect.stringMatching(/^seeded /) as string};

  beforeEach(async () => {
    await postgres.query('delete from supasession.config');
    await install(postgres);
  });

  it('is marked, and says what a row of defaults says', async () => {
    expect(await readSettings(postgres)).toEqual([SEEDED]);
    expect(await readSettings(postgres, 'supasession.get_config()')).toEqual([SEEDED]);
  });

  it.each([
    ['an update', 'update supasession.config set max_sessions = 4', {max_sessions: 4}],
    ['set_config()', 'select supasession.set_config(max_sessions => 4)', {max_sessions: 4}],
    ['enable()', 'select supasession.enable()', {enabled: true}],
    ['disable()', 'select supasession.disable()', {}],
    ['an insert', 'insert into supasession.config (max_sessions) values (4)', {max_sessions: 4}],
    [
      'a deletion and an insert',
      'begin; delete from supasession.config; insert into supasession.config (max_sessions) values (4); commit',
      {max_sessions: 4},
    ],
  ])('becomes an ordinary one by %s, and takes no other beside it', async (_, sql, changed) => {
    await postgres.query(sql);
    expect(await readSettings(postgres)).toEqual([{...DEFAULTS, ...changed}]);
    await expect(postgres.query("insert into supasession.config (version) values ('2.0')")).rejects.toMatchObject({
      constraint: 'config_one_row',
    });
  });

  it('stays marked by an update that changes nothing, and by a new installation', async () => {
    await postgres.query('update supasession.config set max_sessions = 1, enabled = false');
    const before = await readSettings(postgres);
    expect(before).toEqual([SEEDED]);
    await install(postgres);
    expect(await readSettings(postgres)).toEqual(before);
  });

  it('of another database gives way to a row that somebody has chosen, and replaces one that nobody has', async () => {
    const insert = "insert into supasession.config (version) values ('seeded elsewhere')";
    await postgres.query(insert);
    expect(await readSettings(postgres)).toEqual([{...SEEDED, version: 'seeded elsewhere'}]);
    await configure(postgres, {enabled: true, max_sessions: 7});
    await postgres.query(insert);
    expect(await readSettings(postgres)).toEqual([{...DEFAULTS, enabled: true, max_sessions: 7}]);
  });

  describe('beside one that a restore without triggers has brought', () => {
    beforeEach(async () => {
      const superuser = await database.connect('supabase_admin');
      await superuser.query(`set session_replication_role = replica;
        insert into supasession.config (enabled, max_sessions, strategy) values (true, 2, 'reject')`);
      await superuser.end();
      expect(await readSettings(postgres)).toHaveLength(2);
    });

    it('is not read: the other one is in force', async () => {
      const settings = {...DEFAULTS, enabled: true, max_sessions: 2, strategy: 'reject'};
      expect(await readSettings(postgres, 'supasession.get_config()')).toEqual([settings]);
      const {email} = await createUser(postgres);
      for (let n = 1; n <= 2; n += 1) await run(auth, signInPassword(email));
      await expect(run(auth, signInPassword(email))).rejects.toMatchObject({sqlstate: 'PT403'});
    });

    it.each([
      ['set_config()', 'select supasession.set_config(max_sessions => 5)', {max_sessions: 5}],
      ['enable()', 'select supasession.enable()', {}],
      ['disable()', 'select supasession.disable()', {enabled: false}],
      ['an update', 'update supasession.config set max_sessions = 5', {max_sessions: 5}],
    ])('keeps nothing from being changed by %s', async (_, sql, changed) => {
      await postgres.query(sql);
      const settings = {...DEFAULTS, enabled: true, max_sessions: 2, strategy: 'reject', ...changed};
      expect(await readSettings(postgres, 'supasession.get_config()')).toEqual([settings]);
    });
  });
});

describe('functions', () => {
  const three =
    'enabled boolean DEFAULT NULL::boolean, max_sessions integer DEFAULT NULL::integer, ' +
    'strategy supasession.enforcement_strategy DEFAULT NULL::supasession.enforcement_strategy';
  const LEGACY = [
    'disable() void',
    'enable() void',
    'get_config() supasession.config',
    `set_config(${three}) supasession.config`,
    'sid() uuid',
  ];
  const device =
    'TABLE(id uuid, created_at timestamp with time zone, refreshed_at timestamp with time zone, device text, user_agent text, ip inet, ' +
    'aal text, not_after timestamp with time zone, current boolean)';
  const NEW = [
    'access_token_hook(event jsonb) jsonb',
    'check_request() void',
    'device_label(user_agent text) text',
    'disable_guard() void',
    'enable_guard() void',
    'enforce(batch integer DEFAULT 1000, after uuid DEFAULT NULL::uuid) ' +
      'TABLE(users integer, evicted integer, expired integer, deadlines integer, skipped integer, last_user uuid)',
    'has_access() boolean',
    'is_live() boolean',
    `my_sessions() ${device}`,
    'prune(older_than interval, batch integer DEFAULT 1000) integer',
    'restore_access(user_id uuid) boolean',
    'revoke_access(user_id uuid, reason text DEFAULT NULL::text) integer',
    'revoke_my_other_sessions() integer',
    'revoke_my_session(session_id uuid) boolean',
    'revoke_session(session_id uuid) boolean',
    'revoke_user_sessions(user_id uuid, "except" uuid[] DEFAULT \'{}\'::uuid[]) integer',
    'session_age() interval',
    'session_state(OUT live boolean, OUT ends_at timestamp with time zone, OUT ends_by text, OUT reason text, OUT cause text) record',
    'why_ended(session_id uuid, OUT reason text, OUT cause text) record',
  ];

  it('have the signatures of 0.1.2, and there are these others', async () => {
    const {rows} = await postgres.query<{signature: string}>(
      `select concat(p.proname, '(', pg_get_function_arguments(p.oid), ') ', pg_get_function_result(p.oid)) as signature
       from pg_proc p where p.pronamespace = 'supasession'::regnamespace and p.proname !~ '^_'`,
    );
    expect(rows.map(({signature}) => signature).sort()).toEqual([...LEGACY, ...NEW].sort());
  });

  it('enable and disable switch the limit and leave the other settings', async () => {
    await configure(postgres, {max_sessions: 5, strategy: 'reject'});
    await postgres.query('select supasession.enable()');
    const settings = 'select (enabled, max_sessions, strategy)::text as value from supasession.config';
    expect(await only(settings)).toBe('(t,5,reject)');
    await postgres.query('select supasession.disable()');
    expect(await only(settings)).toBe('(f,5,reject)');
  });

  it('set_config changes what is given, by place or by name, and returns the row', async () => {
    await configure(postgres, {
      eviction_order: 'least_recently_used',
      timebox: '90 minutes',
      reject_ignores_idle: null,
    });
    const set = async (call: string): Promise<unknown> => readSettings(postgres, `supasession.${call}`);
    const rest = {
      ...DEFAULTS,
      eviction_order: 'least_recently_used',
      timebox: '01:30:00',
      reject_ignores_idle: null,
    };
    expect(await set("set_config(true, 4, 'reject')")).toEqual([
      {...rest, enabled: true, max_sessions: 4, strategy: 'reject'},
    ]);
    expect(await set('set_config(max_sessions => 7)')).toEqual([
      {...rest, enabled: true, max_sessions: 7, strategy: 'reject'},
    ]);
    expect(await set("set_config(strategy => 'dequeue', enabled => false)")).toEqual([
      {...rest, enabled: false, max_sessions: 7, strategy: 'dequeue'},
    ]);
    expect(await set('set_config()')).toEqual(await set('get_config()'));
    expect(await set('get_config()')).toEqual([{...rest, max_sessions: 7}]);
  });

  it('set_config refuses a limit below one', async () => {
    await expect(postgres.query('select supasession.set_config(max_sessions => 0)')).rejects.toMatchObject({
      code: '23514',
    });
  });

  it('get_config returns the row of settings', async () => {
    const read = await readSettings(postgres, 'supasession.get_config()');
    expect(read).toEqual(await readSettings(postgres));
    expect(read).toHaveLength(1);
  });

  it.each([
    ['request.jwt.claims', '{"session_id": "5f0a3c1e-0000-4000-8000-000000000001", "role": "authenticated"}'],
    ['request.jwt.claim.session_id', '5f0a3c1e-0000-4000-8000-000000000001'],
  ])('sid() reads the session from %s', async (setting, value) => {
    await postgres.query('begin');
    await postgres.query('select set_config($1, $2, true)', [setting, value]);
    expect(await only('select supasession.sid() as value')).toBe('5f0a3c1e-0000-4000-8000-000000000001');
    await postgres.query('rollback');
  });

  it.each(['', '{}', '{"role": "anon"}'])('sid() is null for the claims %j', async (claims) => {
    await postgres.query('begin');
    await postgres.query("select set_config('request.jwt.claims', $1, true)", [claims]);
    expect(await only('select supasession.sid() as value')).toBeNull();
    await postgres.query('rollback');
  });

  it('sid() is null outside a request', async () => {
    expect(await only('select supasession.sid() as value')).toBeNull();
  });
});

describe('enforcement', () => {
  it('is the trigger supasession_interceptor calling the definer function _limiter()', async () => {
    const {rows} = await postgres.query(
      `select t.tgfoid::regprocedure::text as function, t.tgenabled as enabled, p.prosecdef as definer,
         p.proowner::regrole::text as owner, pg_get_function_result(p.oid) as result,
         pg_get_triggerdef(t.oid) like '% BEFORE INSERT ON auth.sessions FOR EACH ROW EXECUTE %' as at_insert
       from pg_trigger t join pg_proc p on p.oid = t.tgfoid
       where t.tgrelid = 'auth.sessions'::regclass and t.tgname = 'supasession_interceptor'`,
    );
    expect(rows).toEqual([
      {
        function: 'supasession._limiter()',
        enabled: 'O',
        definer: true,
        owner: 'postgres',
        result: 'trigger',
        at_insert: true,
      },
    ]);
  });

  it('refuses with the words of 0.1.2 under reject', async () => {
    const {userId, email} = await createUser(postgres);
    await createSessions(postgres, [userId], 2);
    await configure(postgres, {enabled: true, max_sessions: 2, strategy: 'reject'});
    await expect(run(auth, signInPassword(email))).rejects.toMatchObject({
      message: `Session limit of 2 exceeded for user ${userId}`,
      sqlstate: 'PT403',
      statement: 'insert sessions',
    });
    expect(await liveSessions(postgres, userId)).toHaveLength(2);
  });

  it.each(['reject', 'dequeue'] as const)(
    'does not count or end sessions past not_after under %s',
    async (strategy) => {
      const {userId, email} = await createUser(postgres);
      const [ended, alive] = await createSessions(postgres, [userId], 2);
      await postgres.query("update auth.sessions set not_after = now() - interval '1 second' where id = $1", [
        ended?.sessionId,
      ]);
      await postgres.query("update auth.sessions set not_after = now() + interval '1 hour' where id = $1", [
        alive?.sessionId,
      ]);
      await configure(postgres, {enabled: true, max_sessions: 2, strategy});
      const session = await run(auth, signInPassword(email));
      expect(await liveSessions(postgres, userId)).toEqual([alive?.sessionId, session.sessionId]);
      expect(await only('select count(*)::int as value from auth.sessions where user_id = $1', [userId])).toBe(3);
    },
  );

  it('lets in a session that is over before it begins, and makes no room for it', async () => {
    const {userId} = await createUser(postgres);
    await createSessions(postgres, [userId], 1);
    const insert = `insert into auth.sessions (id, user_id, created_at, not_after)
      values (gen_random_uuid(), $1, now(), now() - interval '1 second')`;
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    await postgres.query(insert, [userId]);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'dequeue'});
    await postgres.query(insert, [userId]);
    expect(await only('select count(*)::int as value from auth.sessions where user_id = $1', [userId])).toBe(3);
  });

  it('is off without a row of settings, and enable() brings it back', async () => {
    const {userId, email} = await createUser(postgres);
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
    await postgres.query('delete from supasession.config');
    for (let n = 1; n <= 3; n += 1) await run(auth, signInPassword(email));
    expect(await liveSessions(postgres, userId)).toHaveLength(3);
    // A function that returns one row gives a row of nulls.
    const {rows} = await postgres.query<object>('select * from supasession.get_config()');
    expect(rows).toEqual([Object.fromEntries(Object.keys(DEFAULTS).map((setting) => [setting, null]))]);
    await postgres.query('select supasession.disable()');
    await postgres.query('select supasession.enable()');
    await run(auth, signInPassword(email));
    expect(await liveSessions(postgres, userId)).toHaveLength(1);
  });

  it.each(
    (['dequeue', 'reject'] as const).flatMap((strategy) =>
      (['oldest', 'least_recently_used'] as const).map((eviction_order) => ({strategy, eviction_order})),
    ),
  )(
    'takes the highest number there is for a limit that nobody reaches, under $strategy, $eviction_order',
    async (how) => {
      const most = 2_147_483_647;
      const {userId, email} = await createUser(postgres);
      const sessions = await createSessions(postgres, [userId], 3);
      await configure(postgres, how);
      await postgres.query('select supasession.set_config(true, $1)', [most]);
      await postgres.query('insert into supasession.rules (name, user_id, max_sessions) values ($1, $2, $3)', [
        ...['most', userId, most],
      ]);
      try {
        await run(auth, signInPassword(email));
        for (const session of sessions) await run(auth, refresh(session));
        await run(auth, mfaVerify(await run(auth, signInPassword(email)), await createFactor(postgres, userId)));
        expect(await only('select (supasession.enforce()).evicted as value')).toBe(0);
        // Those at aal1 went with the second factor, as Auth has it.
        expect(await liveSessions(postgres, userId)).toHaveLength(1);
        await run(auth, signInPassword(email));
        expect(await liveSessions(postgres, userId)).toHaveLength(2);
      } finally {
        await postgres.query('delete from supasession.rules');
      }
    },
  );
});
