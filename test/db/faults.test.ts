/**
 * What a part of ours that is broken does to sign-ins and refreshes: they pass, with a warning, and a decision that was made holds. A lock on
 * a table of ours is waited for. A missing table or column of the settings stands for the other faults, which test/slow tries.
 */
import type pg from 'pg';
import {
  AuthError,
  createFactor,
  createSessions,
  createUser,
  liveSessions,
  mfaVerify,
  refresh,
  run,
  signInPassword,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, type Settings} from '../helpers/install.js';
import {sample} from '../helpers/thorough.js';
import {backendPid, untilBlocked} from '../helpers/wait.js';
import {within} from '../helpers/within.js';

const HOOK = 'supasession.access_token_hook';

let database: TestDatabase;
let admin: pg.Client;
let warnings: string[];
/** With this seed each event is one of the few at which old ones are removed. */
let seed: number;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  admin = await database.connect('supabase_admin');
  admin.on('notice', ({severity, message}) => severity === 'WARNING' && warnings.push(message ?? ''));
  await admin.query(`create function public.own_hook(event jsonb) returns jsonb language sql set search_path = '' as
    $$select pg_catalog.jsonb_build_object('claims', pg_catalog.jsonb_build_object('own', 1))$$;
    grant execute on function public.own_hook(jsonb) to supabase_auth_admin`);
  const {rows} = await admin.query<{seed: number}>(
    `select n / 100000.0::float8 as seed from generate_series(1, 100000) n
     where case when setseed(n / 100000.0)::text = '' then greatest(random(), random(), random()) end < 0.05 limit 1`,
  );
  seed = rows[0]!.seed;
});

beforeEach(() => {
  warnings = [];
});

afterAll(async () => database.drop());

/** What somebody does, and what comes of it. */
interface Scenario {
  name: string;
  settings: Settings;
  /** How many sessions the user has before. */
  sessions: number;
  before?: (client: pg.Client, user: AuthUser, sessions: AuthSession[]) => Promise<unknown>;
  act: (client: pg.Client, user: AuthUser, sessions: AuthSession[]) => Promise<unknown>;
  /** How many live sessions there are after it if nothing is broken. */
  live: number;
  /** What it fails with if nothing is broken. */
  refused?: 403 | 500;
  /** The tables of ours that the decision rests on: if one of them is broken it may pass. */
  rests: string[];
}

const limits: Settings = {enabled: true, max_sessions: 1};
const later = (days: number): Date => new Date(Date.now() + days * 86_400_000);
const signIn = async (client: pg.Client, {email}: AuthUser): Promise<unknown> => run(client, signInPassword(email));

const SCENARIOS: Scenario[] = [
  {
    name: 'a sign-in ends the oldest session',
    settings: limits,
    sessions: 1,
    act: signIn,
    live: 1,
    rests: ['config', 'rules', 'revoked', 'pending_ends'],
  },
  {
    name: "a sign-in with somebody else's deadline ends the oldest session",
    settings: {...limits, timebox: '1 day', record_device_changes: true},
    sessions: 1,
    act: async (client, {email}) => run(client, signInPassword(email, {notAfter: later(9)})),
    live: 1,
    rests: ['config', 'rules', 'revoked', 'pending_ends', 'foreign_deadlines'],
  },
  {
    name: 'a sign-in under reject is refused',
    settings: {...limits, strategy: 'reject'},
    sessions: 1,
    act: signIn,
    live: 1,
    refused: 500,
    rests: ['config', 'rules', 'revoked', 'pending_ends'],
  },
  {
    name: 'a sign-in under reject is refused by the hook',
    settings: {...limits, strategy: 'reject', reject_in_hook: true},
    sessions: 1,
    act: async (client, {email}) => run(client, signInPassword(email, {hook: HOOK})),
    live: 1,
    refused: 403,
    rests: ['config', 'rules', 'revoked', 'pending_ends'],
  },
  {
    name: 'a sign-in through the hook ends the oldest session',
    settings: limits,
    sessions: 1,
    before: async (client) => client.query("select supasession._chain('access_token_hook', 'public', 'own_hook')"),
    act: async (client, {email}) => run(client, signInPassword(email, {hook: HOOK})),
    live: 1,
    rests: ['config', 'rules', 'revoked', 'pending_ends'],
  },
  {
    name: 'a refresh through the hook ends the session',
    settings: limits,
    sessions: 2,
    before: async (client) => client.query("select supasession._chain('access_token_hook', 'public', 'own_hook')"),
    act: async (client, _, [session]) => run(client, refresh(session!, {hook: HOOK})),
    live: 1,
    rests: ['config', 'rules', 'revoked', 'pending_ends'],
  },
  {
    name: 'a sign-in without access is refused',
    settings: limits,
    sessions: 1,
    before: async (client, {userId}) => client.query('insert into supasession.revoked (user_id) values ($1)', [userId]),
    act: signIn,
    live: 1,
    refused: 500,
    rests: ['revoked'],
  },
  {
    name: 'a refresh over the limit ends the session',
    settings: {...limits, timebox: '1 year'},
    sessions: 2,
    act: async (client, _, [session]) => run(client, refresh(session!)),
    live: 1,
    rests: ['config', 'rules', 'revoked', 'pending_ends'],
  },
  {
    name: 'a refresh past its deadline ends the session',
    settings: {enabled: true, max_sessions: 9, timebox: '30 seconds'},
    sessions: 1,
    act: async (client, _, [session]) => run(client, refresh(session!)),
    live: 0,
    rests: ['config', 'rules'],
  },
  {
    name: 'a refresh without access ends the session',
    settings: limits,
    sessions: 1,
    before: async (client, {userId}) => client.query('insert into supasession.revoked (user_id) values ($1)', [userId]),
    act: async (client, _, [session]) => run(client, refresh(session!)),
    live: 0,
    rests: ['revoked'],
  },
  {
    name: 'a refresh of a session that was to end ends it',
    settings: limits,
    sessions: 1,
    before: async (client, {userId}, [session]) =>
      client.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
        session!.sessionId,
        userId,
      ]),
    act: async (client, _, [session]) => run(client, refresh(session!)),
    live: 0,
    rests: ['pending_ends'],
  },
  {
    name: 'a second factor ends the oldest session beside it',
    settings: limits,
    sessions: 2,
    before: async (client, {userId}, [session]) => {
      await createFactor(client, userId);
      await client.query("update auth.sessions set aal = 'aal2' where id = $1", [session!.sessionId]);
    },
    act: async (client, {userId}, [, session]) => {
      const {rows} = await client.query<{id: string}>('select id from auth.mfa_factors where user_id = $1', [userId]);
      return run(client, mfaVerify(session!, rows[0]!.id));
    },
    live: 1,
    rests: ['config', 'rules', 'pending_ends'],
  },
];

interface Fault {
  what: string;
  sql: string;
  /** What of ours is broken by it. */
  table: string;
}

interface Outcome {
  live: number;
  failure: unknown;
  warned: string[];
}

/** Does it once for each fault, in a transaction that is rolled back. */
async function play(scenario: Scenario, faults: Fault[]): Promise<Outcome[]> {
  const client = within(admin);
  const outcomes: Outcome[] = [];
  await admin.query('begin');
  try {
    const user = await createUser(client);
    const sessions = await createSessions(client, [user.userId], scenario.sessions);
    await scenario.before?.(client, user, sessions);
    await configure(client, scenario.settings);
    // So that there is one to be removed.
    await admin.query("insert into supasession.events (at, kind) values (now() - interval '1 year', 'evicted')");
    await admin.query('set local search_path = auth; savepoint prepared');
    for (const {sql} of faults) {
      await admin.query(sql);
      await admin.query(`select setseed(${seed}); set local role supabase_auth_admin`);
      warnings = [];
      const failure = await scenario.act(client, user, sessions).then(
        () => undefined,
        (error: unknown) => error,
      );
      outcomes.push({live: (await liveSessions(client, user.userId)).length, failure, warned: warnings});
      await admin.query('rollback to savepoint prepared');
    }
    return outcomes;
  } finally {
    await admin.query('rollback');
  }
}

/** Does everything with each of these broken. Gives what must not be. */
async function complaints(faults: Fault[]): Promise<string[]> {
  const found: string[] = [];
  for (const scenario of SCENARIOS) {
    for (const [index, {live, failure, warned}] of (await play(scenario, faults)).entries()) {
      const {what, table} = faults[index]!;
      const refused = failure instanceof AuthError;
      const holds = refused === (scenario.refused !== undefined) && live === scenario.live;
      const say = (complaint: string): number =>
        found.push(`${what}: ${scenario.name}: ${complaint} (${String(failure)}; ${warned.join('; ')})`);
      if (failure !== undefined && !refused) say('failed otherwise');
      else if (refused && scenario.refused === undefined) say('did not pass');
      else if (!holds && !scenario.rests.includes(table)) say('did not hold');
      else if (!holds && warned.length === 0) say('passed without a warning');
    }
  }
  return found;
}

it.each(SCENARIOS)('with nothing broken $name', async (scenario) => {
  const [outcome] = await play(scenario, [{what: 'nothing', sql: 'select', table: ''}]);
  const {live, failure, warned} = outcome!;
  expect({live, warned, status: (failure as AuthError | undefined)?.status}).toEqual({
    live: scenario.live,
    warned: [],
    status: scenario.refused,
  });
});

const TABLES = [
  'config',
  'rules',
  'events',
  'revoked',
  'pending_ends',
  'foreign_deadlines',
  'pending_rejections',
  'integration',
];

describe.each(TABLES)('with %s', (table) => {
  const name = `supasession.${table}`;

  async function columns(): Promise<{column: string; type: string}[]> {
    const {rows} = await admin.query<{column: string; type: string}>(
      `select attname as column, format_type(atttypid, null) as type from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
      [name],
    );
    return rows;
  }

  const faults = [
    ['dropped', `drop table ${name} cascade`],
    ['renamed', `alter table ${name} rename to gone`],
    ['refusing every row', `alter table ${name} add constraint never check (false) not valid`],
    [
      'of which no row can be changed',
      `create function public.never() returns trigger language plpgsql as
      $$begin raise exception 'never'; end$$; create trigger never before insert or update or delete on ${name} execute function public.never()`,
    ],
    [
      'of which no row can be removed',
      `create function public.never() returns trigger language plpgsql as
      $$begin raise exception 'never'; end$$; create trigger never before delete on ${name} execute function public.never()`,
    ],
    [
      'that the owner of our functions may not use',
      `create role stranger bypassrls; grant all on schema auth, supasession to stranger;
      grant all on all tables in schema auth, supasession to stranger; grant execute on all functions in schema supasession to stranger;
      grant all on all sequences in schema supasession to stranger;
      do $do$ declare fn regprocedure; begin
        for fn in select oid from pg_proc where pronamespace = 'supasession'::regnamespace and prosecdef loop
          execute format('alter function %s owner to stranger', fn);
        end loop; end $do$;
      revoke all on ${name} from stranger`,
    ],
  ] as [string, string][];

  it.each(sample(faults, ([what]) => what === 'dropped'))('%s', async (what, sql) => {
    expect(await complaints([{what, sql, table}])).toEqual([]);
  });

  const columnFaults = [
    ['dropped', (column: string) => `alter table ${name} drop column ${column} cascade`],
    ['renamed', (column: string) => `alter table ${name} rename column ${column} to gone`],
    [
      'of another type',
      (column: string, type: string) => `do $$ declare c name; begin
          for c in select conname from pg_constraint where conrelid = '${name}'::regclass and contype <> 't' loop
            execute format('alter table ${name} drop constraint if exists %I cascade', c);
          end loop; end $$;
        drop index if exists supasession.config_one_row;
        alter table ${name} alter column ${column} drop identity if exists;
        alter table ${name} alter column ${column} drop default;
        alter table ${name} alter column ${column} drop not null;
        alter table ${name} alter column ${column} type ${type === 'text' ? 'bytea' : 'text'} using ${column}::text${type === 'text' ? '::bytea' : ''}`,
    ],
  ] as [string, (column: string, type: string) => string][];
  for (const [what, sql] of sample(columnFaults, ([what]) => table === 'config' && what === 'renamed'))
    it(`any column ${what}`, async () => {
      const broken = (await columns()).map(({column, type}) => ({
        what: `${column} ${what}`,
        sql: sql(column, type),
        // How long events are kept is a matter of the history.
        table: column === 'events_retention' ? 'events' : table,
      }));
      expect(await complaints(broken)).toEqual([]);
    });
});

it('without a row of settings limits are off', async () => {
  const client = within(admin);
  await admin.query('begin');
  await configure(client, limits);
  await admin.query('delete from supasession.config; set local search_path = auth; set local role supabase_auth_admin');
  const user = await createUser(client);
  for (let n = 0; n < 3; n += 1) await signIn(client, user);
  expect(await liveSessions(client, user.userId)).toHaveLength(3);
  expect(warnings).toEqual([]);
  await admin.query('rollback');
});

const HELD = ['config', 'rules', 'events', 'revoked', 'pending_ends', 'foreign_deadlines'];

describe.each(sample(HELD, (table) => ['config', 'events'].includes(table)))('while somebody holds %s', (table) => {
  let postgres: pg.Client;
  let holder: pg.Client;
  let auth: pg.Client;
  let pid: number;
  let user: AuthUser;
  let first: AuthSession;
  let last: AuthSession;

  beforeEach(async () => {
    [postgres, holder] = [await database.connect('postgres'), await database.connect('supabase_admin')];
    auth = await database.connect('supabase_auth_admin');
    auth.on('notice', ({severity, message}) => severity === 'WARNING' && warnings.push(message ?? ''));
    pid = await backendPid(auth);
    await configure(postgres, {enabled: false});
    user = await createUser(postgres);
    [first, last] = (await createSessions(postgres, [user.userId], 2)) as [AuthSession, AuthSession];
    await postgres.query('update auth.sessions set not_after = $2 where id = $1', [last.sessionId, later(999)]);
    await configure(postgres, {...limits, timebox: '1 year'});
    await holder.query(`begin; lock table supasession.${table}`);
  });

  afterEach(async () => {
    await holder.query('rollback');
    await configure(postgres, {enabled: false});
    await Promise.all([postgres, holder, auth].map(async (client) => client.end()));
  });

  describe.each([
    {
      what: 'a sign-in',
      act: async () => run(auth, signInPassword(user.email, {notAfter: later(999)})),
      comesToPass: async () => (await liveSessions(postgres, user.userId)).length === 1,
    },
    {
      what: 'a refresh',
      // The one that has to end is recorded; the other one's deadline, which is somebody else's, gives way.
      act: async () => run(auth, refresh(table === 'events' ? first : last)),
      comesToPass: async () => {
        const {rowCount} = await postgres.query(
          "select from auth.sessions where id = $1 and not_after < now() + interval '400 days'",
          [(table === 'events' ? first : last).sessionId],
        );
        return rowCount === 1;
      },
    },
  ])('$what', ({act, comesToPass}) => {
    it('waits, and then does what it always does', async () => {
      const under = act();
      await untilBlocked(postgres, pid);
      await holder.query('commit');
      await under;
      expect(warnings).toEqual([]);
      expect(await comesToPass()).toBe(true);
    });

    it('does not pass when its patience (lock_timeout) is at its end', async () => {
      await auth.query("set lock_timeout = '50ms'");
      await expect(act()).rejects.toMatchObject({sqlstate: '55P03'});
      expect([warnings, await comesToPass()]).toEqual([[], false]);
    });

    it('does not pass when it is cancelled', async () => {
      const under = expect(act()).rejects.toMatchObject({sqlstate: '57014'});
      await untilBlocked(postgres, pid);
      await holder.query('select pg_cancel_backend($1)', [pid]);
      await under;
      expect([warnings, await comesToPass()]).toEqual([[], false]);
    });
  });

  it('a refresh does not pass when it is the victim of a deadlock', async () => {
    // The user's row is Auth's already, and whoever waits first finds the deadlock first.
    await holder.query("set local deadlock_timeout = '1min'");
    const under = expect(run(auth, refresh(table === 'events' ? first : last))).rejects.toMatchObject({
      sqlstate: '40P01',
    });
    await untilBlocked(postgres, pid);
    await holder.query('update auth.users set updated_at = now() where id = $1', [user.userId]);
    await under;
    expect(warnings).toEqual([]);
  });
});
