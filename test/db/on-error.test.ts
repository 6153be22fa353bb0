/** Failures around the decision (on_error), failures of the decision itself, and what is left where everything is off. */
import pg from 'pg';
import {
  createFactor,
  createSessions,
  createUser,
  generateMagicLink,
  liveSessions,
  mfaChallenge,
  mfaVerify,
  refresh,
  run,
  signInPassword,
  Steps,
  updatePassword,
  verifyMagicLink,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install, type Settings} from '../helpers/install.js';
import {backendPid, untilBlocked} from '../helpers/wait.js';

const HOOK = 'supasession.access_token_hook';

let database: TestDatabase;
let postgres: pg.Client;
let observer: pg.Client;
let auth: pg.Client;
let user: AuthUser;
/** Owns our functions in these tests: postgres reads everything as a member of pg_read_all_data, whatever is revoked from it. */
let owner: string;

beforeAll(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
  observer = await database.connect('postgres');
  auth = await database.connect('supabase_auth_admin');
  await install(postgres);
  owner = `owner_of_${database.name}`;
  const admin = await database.connect('supabase_admin');
  await admin.query(`create role ${owner} bypassrls;
    grant usage, create on schema supasession to ${owner};
    grant usage on schema auth to ${owner};
    grant all on all tables in schema supasession, auth to ${owner};
    grant all on all sequences in schema supasession to ${owner};
    grant execute on all functions in schema supasession to ${owner}`);
  const {rows} = await admin.query<{fn: string}>(
    "select p.oid::regprocedure as fn from pg_proc p where p.pronamespace = 'supasession'::regnamespace and p.prosecdef",
  );
  for (const {fn} of rows) await admin.query(`alter function ${fn} owner to ${owner}`);
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await postgres.query('delete from supasession.rules');
  user = await createUser(postgres);
});

afterAll(async () => {
  await database.drop();
  const server = new pg.Client({connectionString: database.url('supabase_admin').replace(/[^/]*$/, 'postgres')});
  await server.connect();
  await server.query(`drop role ${owner}`);
  await server.end();
});

const algorithms = [1, 2] as const;

function ids(...sessions: (AuthSession | undefined)[]): (string | undefined)[] {
  return sessions.map((session) => session?.sessionId);
}

async function live(): Promise<string[]> {
  return liveSessions(observer, user.userId);
}

/** Sessions of the user, one minute apart, oldest first, as the refresh token algorithm has them. */
async function sessions(count: number, algorithm: 1 | 2): Promise<AuthSession[]> {
  const made = await createSessions(postgres, [user.userId], count);
  if (algorithm === 1) return made;
  await postgres.query('delete from auth.refresh_tokens where user_id::uuid = $1', [user.userId]);
  return made.map((session) => ({...session, refreshToken: null}));
}

/** Runs `work`; returns the warnings that the database gave to Auth meanwhile. */
async function warnings(work: () => Promise<unknown>): Promise<string[]> {
  const heard: string[] = [];
  const listen = ({severity, message}: {severity?: string | undefined; message?: string | undefined}): void => {
    if (severity === 'WARNING' && message !== undefined) heard.push(message);
  };
  auth.on('notice', listen);
  try {
    await work();
  } finally {
    auth.off('notice', listen);
  }
  return heard;
}

interface Break {
  what: string;
  sql: string;
  mend: string;
}

const gone = (table: string): Break => ({
  what: `${table} is gone`,
  sql: `alter table supasession.${table} rename to gone`,
  mend: `alter table supasession.gone rename to ${table}`,
});
const forbidden = (table: string): Break => ({
  what: `${table} may not be read or written`,
  sql: `revoke all on supasession.${table} from OWNER`,
  mend: `grant all on supasession.${table} to OWNER`,
});
const wrongType = (table: string, column: string, type: string): Break => ({
  what: `${table}.${column} has the wrong type`,
  sql: `alter table supasession.${table} alter column ${column} type text`,
  mend: `alter table supasession.${table} alter column ${column} type ${type} using ${column}::${type}`,
});

const raising: Break = {
  what: 'a rule raises',
  sql: `alter table supasession.rules rename to gone;
    create function supasession.broken(name text) returns text language plpgsql as
      $$begin raise exception 'this rule is broken'; end$$;
    create view supasession.rules as
      select 'broken' as name, 1 as priority, null::uuid as user_id, '{}'::jsonb as app_metadata, null::uuid as oauth_client_id,
        pg_catalog.length(supasession.broken('x')) as max_sessions, false as unlimited,
        null::supasession.enforcement_strategy as strategy, null::interval as timebox, null::interval as inactivity_timeout,
        false as no_deadline;
    grant select on supasession.rules to public`,
  mend: `drop view supasession.rules; drop function supasession.broken(text); alter table supasession.gone rename to rules`,
};
const rules: Break[] = [
  gone('rules'),
  {
    what: 'a rule has a limit that is none',
    sql: `alter table supasession.rules drop constraint rules_max_sessions_check;
      alter table supasession.rules alter column max_sessions type text;
      insert into supasession.rules (name, app_metadata, max_sessions) values ('broken', '{"provider": "email"}', 'many')`,
    mend: `delete from supasession.rules; alter table supasession.rules alter column max_sessions type integer using max_sessions::integer;
      alter table supasession.rules add constraint rules_max_sessions_check check (max_sessions > 0)`,
  },
  forbidden('rules'),
  raising,
];
const events: Break[] = [gone('events'), forbidden('events'), wrongType('events', 'at', 'timestamptz')];
const ceilings: Break[] = [gone('ceilings'), forbidden('ceilings'), wrongType('ceilings', 'session_id', 'uuid')];
const revoked: Break[] = [gone('revoked'), forbidden('revoked'), wrongType('revoked', 'user_id', 'uuid')];
const condemned: Break[] = [gone('condemned'), forbidden('condemned'), wrongType('condemned', 'session_id', 'uuid')];
const settings: Break[] = [
  {
    what: 'a setting has the wrong type',
    sql: `alter table supasession.config drop constraint config_events_retention_check; alter table supasession.config alter column events_retention type text`,
    mend: `alter table supasession.config alter column events_retention type interval using events_retention::interval;
      alter table supasession.config add constraint config_events_retention_check check (events_retention > interval '0' and events_retention <= interval '10 years')`,
  },
];

async function broken(part: Break, work: () => Promise<void>): Promise<void> {
  await postgres.query(part.sql.replace('OWNER', owner));
  try {
    await work();
  } finally {
    await postgres.query(part.mend.replace('OWNER', owner));
  }
}

const refused = {sqlstate: 'PT403', message: expect.stringContaining('refused because of a failure')};
const WARNED = [expect.stringContaining('went on after a failure')];

describe.each(algorithms)('refresh token algorithm %i: with a broken part', (algorithm) => {
  // A timebox, so that deadlines are looked at, too.
  const limits: Settings = {enabled: true, max_sessions: 1, strategy: 'dequeue', timebox: '1 year'};

  describe('a sign-in', () => {
    const parts = [...rules, ...events, ...revoked, ...settings];
    it.each(parts)('when $what: allow warns, and the limit holds', async (part) => {
      await sessions(1, algorithm);
      await configure(postgres, {...limits, on_error: 'allow'});
      await broken(part, async () => {
        let next: AuthSession | undefined;
        const heard = await warnings(async () => {
          next = await run(auth, signInPassword(user.email, {algorithm}));
        });
        expect(heard).toEqual(expect.arrayContaining(WARNED));
        expect(await live()).toEqual(ids(next));
      });
    });

    it.each(parts)('when $what: refuse refuses, and nothing is ended', async (part) => {
      const before = await sessions(1, algorithm);
      await configure(postgres, {...limits, on_error: 'refuse'});
      await broken(part, async () => {
        await expect(run(auth, signInPassword(user.email, {algorithm}))).rejects.toMatchObject(refused);
        expect(await live()).toEqual(ids(...before));
      });
      await run(auth, signInPassword(user.email, {algorithm}));
    });

    it.each([gone('ceilings'), forbidden('ceilings')])(
      'with a deadline of Auth when $what: allow warns and keeps that deadline, refuse refuses',
      async (part) => {
        const signIn = async (): Promise<unknown> =>
          auth.query(
            "insert into sessions (id, user_id, created_at, updated_at, aal, not_after) values (gen_random_uuid(), $1, now(), now(), 'aal1', now() + interval '1 hour')",
            [user.userId],
          );
        await configure(postgres, {...limits, on_error: 'allow'});
        await broken(part, async () => expect(await warnings(signIn)).toEqual(expect.arrayContaining(WARNED)));
        await broken(part, signIn as () => Promise<void>);
        const {rows} = await postgres.query(
          "select not_after <= now() + interval '1 hour' as kept from auth.sessions where user_id = $1",
          [user.userId],
        );
        expect(rows).toEqual([{kept: true}]);
        await configure(postgres, {...limits, on_error: 'refuse'});
        await broken(part, async () => expect(signIn()).rejects.toMatchObject({code: 'PT403'}));
      },
    );
  });

  describe('a refresh', () => {
    const parts = [...rules, ...events, ...revoked, ...condemned, ...ceilings, ...settings];
    it.each(parts)('when $what: allow warns, and the limit holds', async (part) => {
      const [first, second] = await sessions(2, algorithm);
      if (!first) throw new Error('no session');
      await configure(postgres, {...limits, on_error: 'allow'});
      await broken(part, async () => {
        expect(await warnings(async () => run(auth, refresh(first)))).toEqual(expect.arrayContaining(WARNED));
        expect(await live()).toEqual(ids(second));
      });
    });

    it.each(parts)('when $what: refuse refuses', async (part) => {
      const made = await sessions(2, algorithm);
      const [first] = made;
      if (!first) throw new Error('no session');
      await configure(postgres, {...limits, on_error: 'refuse'});
      await broken(part, async () => {
        await expect(run(auth, refresh(first))).rejects.toMatchObject(refused);
        expect(await live()).toEqual(ids(...made));
      });
    });

    it.each([...ceilings, gone('wiring'), forbidden('wiring')])(
      'of a session with a deadline when $what: allow leaves it where it is, and the limit holds',
      async (part) => {
        await configure(postgres, {...limits, max_sessions: 2, timebox: '1 hour'});
        const first = await run(auth, signInPassword(user.email, {algorithm}));
        const second = await run(auth, signInPassword(user.email, {algorithm}));
        await configure(postgres, {...limits, max_sessions: 1, timebox: '2 hours', on_error: 'allow'});
        await broken(part, async () => {
          expect(await warnings(async () => run(auth, refresh(second)))).toEqual(expect.arrayContaining(WARNED));
          const {rows} = await postgres.query(
            "select not_after = created_at + interval '1 hour' as kept from auth.sessions where id = $1",
            [second.sessionId],
          );
          expect(rows).toEqual([{kept: true}]);
          await run(auth, refresh(first));
          expect(await live()).toEqual(ids(second));
        });
      },
    );

    it.each([...condemned, ...ceilings])('of a user without access ends also when $what', async (part) => {
      const [session] = await sessions(1, algorithm);
      if (!session) throw new Error('no session');
      await configure(postgres, {...limits, on_error: 'allow'});
      await postgres.query('insert into supasession.revoked (user_id) values ($1)', [user.userId]);
      await broken(part, async () => {
        await run(auth, refresh(session));
        expect(await live()).toEqual([]);
      });
    });

    it.each(revoked)('of a condemned session ends also when $what', async (part) => {
      const [session] = await sessions(1, algorithm);
      if (!session) throw new Error('no session');
      await configure(postgres, {...limits, on_error: 'allow'});
      await postgres.query('insert into supasession.condemned (session_id) values ($1)', [session.sessionId]);
      await broken(part, async () => {
        await run(auth, refresh(session));
        expect(await live()).toEqual([]);
      });
    });
  });

  describe('a session that rises to aal2', () => {
    /** A user with a session at aal2 and a pending one that has a challenge open. */
    async function prepare(
      on_error: 'allow' | 'refuse',
    ): Promise<{first: AuthSession; next: AuthSession; verify: () => Promise<unknown>}> {
      const factor = await createFactor(postgres, user.userId);
      const [first] = await sessions(1, algorithm);
      if (!first) throw new Error('no session');
      await postgres.query("update auth.sessions set aal = 'aal2' where user_id = $1", [user.userId]);
      await configure(postgres, {...limits, on_error});
      const next = await run(auth, signInPassword(user.email, {algorithm}));
      const challengeId = await run(auth, mfaChallenge(next, factor));
      return {first, next, verify: async () => run(auth, mfaVerify(next, factor, {challengeId}))};
    }

    const parts = [...rules, ...events, ...ceilings, ...settings];
    it.each(parts)('when $what: allow warns, and the limit holds', async (part) => {
      const {next, verify} = await prepare('allow');
      await broken(part, async () => {
        expect(await warnings(verify)).toEqual(expect.arrayContaining(WARNED));
        expect(await live()).toEqual(ids(next));
      });
    });

    it.each(parts)('when $what: refuse refuses, and the session stays pending', async (part) => {
      const {first, next, verify} = await prepare('refuse');
      await broken(part, async () => {
        await expect(verify()).rejects.toMatchObject(refused);
        expect(await live()).toEqual(ids(first, next));
      });
      await verify();
      expect(await live()).toEqual(ids(next));
    });
  });

  describe('settings that cannot be read', () => {
    const part = forbidden('config');

    it('allow: warns and lets go on, without touching deadlines; who has no access is refused all the same', async () => {
      await configure(postgres, {...limits, max_sessions: 9, timebox: '1 hour', on_error: 'allow'});
      const factor = await createFactor(postgres, user.userId);
      const session = await run(auth, signInPassword(user.email, {algorithm}));
      const deadline = async (): Promise<unknown> =>
        (await observer.query('select not_after from auth.sessions where id = $1', [session.sessionId])).rows;
      const before = await deadline();
      await broken(part, async () => {
        let refreshed = session;
        expect(
          await warnings(async () => {
            refreshed = await run(auth, refresh(session));
          }),
        ).toEqual(WARNED);
        expect(await deadline()).toEqual(before);
        expect(await warnings(async () => run(auth, mfaVerify(refreshed, factor)))).toEqual([...WARNED, ...WARNED]);
        expect(await deadline()).toEqual(before);
        expect(await warnings(async () => run(auth, signInPassword(user.email, {algorithm})))).toEqual(WARNED);
        expect(await live()).toHaveLength(2);

        await postgres.query('insert into supasession.revoked (user_id) values ($1)', [user.userId]);
        await expect(run(auth, signInPassword(user.email, {algorithm}))).rejects.toMatchObject({
          message: `Access of user ${user.userId} is revoked`,
        });
      });
    });

    it('refuse: refuses at sign-in, at refresh and at a second factor', async () => {
      const factor = await createFactor(postgres, user.userId);
      const [session] = await sessions(1, algorithm);
      if (!session) throw new Error('no session');
      await configure(postgres, {...limits, on_error: 'refuse'});
      await broken(part, async () => {
        await expect(run(auth, signInPassword(user.email, {algorithm}))).rejects.toMatchObject(refused);
        await expect(run(auth, refresh(session))).rejects.toMatchObject(refused);
        await expect(run(auth, mfaVerify(session, factor))).rejects.toMatchObject(refused);
      });
      expect(await live()).toEqual(ids(session));
    });

    it('the hook does without them, and follows on_error where it cannot do without something', async () => {
      await configure(postgres, {...limits, on_error: 'allow'});
      await broken(part, async () => {
        const heard = await warnings(async () => run(auth, signInPassword(user.email, {algorithm, hook: HOOK})));
        expect(heard).toEqual(WARNED);
      });
      // The deadline of the session needs it, too.
      await broken(gone('wiring'), async () => {
        const heard = await warnings(async () => run(auth, signInPassword(user.email, {algorithm, hook: HOOK})));
        expect(heard).toEqual([...WARNED, ...WARNED]);
      });
      await configure(postgres, {...limits, on_error: 'refuse'});
      const [session] = await sessions(1, algorithm);
      if (!session) throw new Error('no session');
      await broken(gone('wiring'), async () => {
        await expect(run(auth, refresh(session, {hook: HOOK}))).rejects.toMatchObject({sqlstate: 'PT403'});
      });
    });
  });
});

it('a password change goes on when the settings cannot be read', async () => {
  const [session] = await sessions(1, 1);
  if (!session) throw new Error('no session');
  await configure(postgres, {enabled: true, end_on_password_change: true, on_error: 'allow'});
  await broken(forbidden('config'), async () => {
    expect(await warnings(async () => run(auth, updatePassword(session)))).toEqual(WARNED);
  });
});

it('the settings cannot be dropped by a slip: what decides depends on them', async () => {
  await expect(postgres.query('drop table supasession.config')).rejects.toMatchObject({code: '2BP01'});
});

it('where the settings are gone all the same, nobody gets in', async () => {
  const before = await sessions(1, 1);
  await configure(postgres, {enabled: true, max_sessions: 1});
  await broken(gone('config'), async () => {
    await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({statement: 'insert sessions'});
  });
  expect(await live()).toEqual(ids(...before));
});

it('without a row of settings limits are off, whatever on_error was', async () => {
  await configure(postgres, {enabled: true, max_sessions: 1, on_error: 'refuse'});
  await postgres.query('delete from supasession.config');
  for (let n = 0; n < 3; n += 1) await run(auth, signInPassword(user.email));
  expect(await live()).toHaveLength(3);
});

describe('a failure of the decision itself always reaches Auth, and nobody is admitted because of it (on_error = allow)', () => {
  const limits: Settings = {enabled: true, max_sessions: 1, strategy: 'reject', on_error: 'allow', block_revoked: true};

  it('our own refusal', async () => {
    await sessions(1, 1);
    await configure(postgres, limits);
    await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({
      sqlstate: 'PT403',
      message: `Session limit of 1 exceeded for user ${user.userId}`,
    });
  });

  it.each([gone('refusal'), forbidden('refusal')])('a refusal whose note cannot be written: $what', async (part) => {
    const before = await sessions(1, 1);
    await configure(postgres, {...limits, reject_in_hook: true});
    await broken(part, async () => {
      await expect(run(auth, signInPassword(user.email, {hook: HOOK}))).rejects.toMatchObject({
        statement: 'insert sessions',
      });
      expect(await live()).toEqual(ids(...before));
    });
  });

  it.each(['40001', '40P01', '55P03', '57014'])('%s raised by a rule', async (state) => {
    const [session] = await sessions(1, 2);
    if (!session) throw new Error('no session');
    const part: Break = {
      ...raising,
      sql: raising.sql.replace("'this rule is broken'", `'broken' using errcode = '${state}'`),
    };
    await configure(postgres, {...limits, strategy: 'dequeue'});
    await broken(part, async () => {
      await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: state});
      await expect(run(auth, refresh(session))).rejects.toMatchObject({sqlstate: state});
    });
    expect(await live()).toEqual(ids(session));
  });

  const LOCKED = ['config', 'revoked', 'rules'] as const;

  it.each(LOCKED)('a lock time-out on %s', async (table) => {
    const before = await sessions(1, 1);
    await configure(postgres, {...limits, strategy: 'dequeue'});
    await postgres.query(`begin; lock table supasession.${table} in access exclusive mode`);
    await auth.query("set lock_timeout = '50ms'");
    try {
      await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: '55P03'});
    } finally {
      await auth.query('reset lock_timeout');
      await postgres.query('rollback');
    }
    expect(await live()).toEqual(ids(...before));
  });

  it.each(LOCKED)('a cancel while it waits for %s', async (table) => {
    const before = await sessions(1, 1);
    await configure(postgres, {...limits, strategy: 'dequeue'});
    await postgres.query(`begin; lock table supasession.${table} in access exclusive mode`);
    const pid = await backendPid(auth);
    const signingIn = expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: '57014'});
    await untilBlocked(observer, pid);
    await observer.query('select pg_cancel_backend($1)', [pid]);
    await signingIn;
    await postgres.query('rollback');
    expect(await live()).toEqual(ids(...before));
  });

  it('a lock time-out and a cancel while it waits for the user', async () => {
    const before = await sessions(1, 1);
    await configure(postgres, {...limits, strategy: 'dequeue'});
    await postgres.query('begin');
    await postgres.query('select from auth.users where id = $1 for update', [user.userId]);
    await auth.query("set lock_timeout = '50ms'");
    await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({
      sqlstate: '55P03',
      statement: 'insert sessions',
    });
    await auth.query('reset lock_timeout');
    await auth.query("set statement_timeout = '50ms'");
    await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({
      sqlstate: '57014',
      statement: 'insert sessions',
    });
    await auth.query('reset statement_timeout');
    await postgres.query('rollback');
    expect(await live()).toEqual(ids(...before));
  });

  it('a deadlock: the sign-in that is killed has not got in, and the other request goes on', async () => {
    const before = await sessions(1, 1);
    await configure(postgres, {...limits, strategy: 'dequeue'});
    // The sign-in holds the user and waits for the rules; the other holds the rules and waits for the user.
    await postgres.query('begin; lock table supasession.rules in access exclusive mode');
    const signingIn = expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: '40P01'});
    await untilBlocked(observer, await backendPid(auth));
    await Promise.all([signingIn, deadlocking()]);
    expect(await live()).toEqual(ids(...before));
  });

  async function deadlocking(): Promise<void> {
    try {
      await postgres.query('select from auth.users where id = $1 for update', [user.userId]);
    } finally {
      await postgres.query('rollback');
    }
  }

  it('a serialization failure, where Auth ran at that level', async () => {
    const before = await sessions(1, 1);
    await configure(postgres, {...limits, strategy: 'dequeue'});
    await auth.query('begin isolation level repeatable read');
    await auth.query('select from users where id = $1', [user.userId]);
    await postgres.query('update auth.users set updated_at = now() where id = $1', [user.userId]);
    await expect(
      auth.query(
        "insert into sessions (id, user_id, created_at, updated_at, aal) values (gen_random_uuid(), $1, now(), now(), 'aal1')",
        [user.userId],
      ),
    ).rejects.toMatchObject({code: '40001'});
    await auth.query('rollback');
    expect(await live()).toEqual(ids(...before));
  });

  it.each([
    {
      what: 'the count',
      fn: '_live_sessions(supasession.config, uuid[], supasession.enforcement_strategy[], timestamptz)',
    },
    {what: 'the eviction', fn: '_end_sessions(uuid[])'},
  ])('$what', async ({fn}) => {
    const before = await sessions(1, 1);
    await configure(postgres, {...limits, strategy: 'dequeue'});
    await postgres.query(`alter function supasession.${fn} rename to broken`);
    try {
      await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({sqlstate: '42883'});
      expect(await live()).toEqual(ids(...before));
    } finally {
      await postgres.query(`alter function supasession.broken rename to ${fn.replace(/\(.*/, '')}`);
    }
  });
});

describe('with everything off (enabled and block_revoked false)', () => {
  const off: Settings = {enabled: false, block_revoked: false, on_error: 'refuse', timebox: '1 day'};

  describe.each(algorithms)('refresh token algorithm %i', (algorithm) => {
    it('no table of ours is read but the settings and, at a refresh, what is condemned', async () => {
      const factor = await createFactor(postgres, user.userId);
      await configure(postgres, off);
      await postgres.query('begin');
      await postgres.query(
        `lock table supasession.rules, supasession.events, supasession.revoked, supasession.ceilings, supasession.refusal,
           supasession.wiring, supasession.installation in access exclusive mode`,
      );
      await auth.query("set lock_timeout = '500ms'");
      try {
        const session = await run(auth, signInPassword(user.email, {algorithm}));
        const refreshed = await run(auth, refresh(session));
        await run(auth, mfaVerify(refreshed, factor));
        await run(auth, verifyMagicLink(await run(auth, generateMagicLink(user.email)), {algorithm}));
        await run(auth, updatePassword(refreshed));
      } finally {
        await auth.query('reset lock_timeout');
        await postgres.query('rollback');
      }
      expect(await live()).toHaveLength(1);
    });

    it("no lock on the user is taken: not by the session's row, not by its refresh, not by its second factor", async () => {
      const factor = await createFactor(postgres, user.userId);
      const [session] = await sessions(1, 2);
      if (!session) throw new Error('no session');
      const challengeId = await run(auth, mfaChallenge(session, factor));
      await configure(postgres, off);
      await postgres.query('begin');
      await postgres.query('select from auth.users where id = $1 for no key update', [user.userId]);
      await auth.query("set lock_timeout = '300ms'");
      try {
        const signingIn = new Steps(auth, signInPassword(user.email, {algorithm}));
        await signingIn.through('insert sessions');
        await auth.query('rollback');
        await run(auth, refresh(session));
        const verifying = new Steps(auth, mfaVerify(session, factor, {challengeId}));
        await verifying.through('update sessions');
        await auth.query('rollback');
      } finally {
        await auth.query('reset lock_timeout');
        await postgres.query('rollback');
      }
    });
  });
});
