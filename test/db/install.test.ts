/** Installing: fresh, again, at once, beside sign-ins, over 0.1.2 in both its forms, by psql, and where it cannot work. */
import {execFile} from 'node:child_process';
import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {Client} from 'pg';
import {
  AuthError,
  createSessions,
  createUser,
  createUsers,
  generateMagicLink,
  liveSessions,
  refresh,
  run,
  signInPassword,
  Steps,
  verifyMagicLink,
} from '../helpers/auth.js';
import {readInstallation, readSql} from '../../src/database/sql.js';
import {dumpCatalog} from '../helpers/catalog.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {EXTENSION, offerExtension, readLegacySql} from '../helpers/extension.js';
import {DEFAULTS, install, readSettings} from '../helpers/install.js';
import {backendPid, until, untilBlocked} from '../helpers/wait.js';

let database: TestDatabase;
let postgres: Client;
/** The schema of a fresh installation; every other way must end in the same. */
let fresh: string[];

beforeAll(async () => {
  const model = await createDatabase();
  const client = await model.connect('postgres');
  await install(client);
  fresh = await dumpCatalog(client);
  await model.drop();
});

beforeEach(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
});

afterEach(async () => database.drop());

const settings = async (): Promise<unknown[]> => readSettings(postgres);
const SEEDED = {...DEFAULTS, version: expect.stringMatching(/^seeded /) as string};

/** Our triggers on auth.sessions. */
const TRIGGERS = ['supasession_interceptor', 'supasession_refresh'];

/** The parts of the installation, in the order in which they run. */
async function readParts(): Promise<string[]> {
  const names = (await readdir(new URL('../../sql/install/', import.meta.url))).sort();
  return Promise.all(names.map(async (name) => readSql(`install/${name}`)));
}

/** What is recorded of the installation. */
async function record(): Promise<string | null> {
  const {rows} = await postgres.query<{comment: string | null}>(
    "select obj_description('supasession'::regnamespace, 'pg_namespace') as comment",
  );
  return rows[0]?.comment ?? null;
}

/** Row versions of our triggers: what is made anew gets another. */
async function triggerRows(): Promise<{oid: number; xmin: string; tgname: string}[]> {
  const {rows} = await postgres.query<{oid: number; xmin: string; tgname: string}>(
    "select oid, xmin, tgname from pg_trigger where tgname like 'supasession%' order by tgname",
  );
  return rows;
}

async function events(): Promise<unknown[]> {
  return (await postgres.query<object>('select * from supasession.events')).rows;
}

/** Shows that the limit works: of two sign-ins one session is left, and a refresh of one over the limit ends it. */
async function expectLimit(): Promise<void> {
  const auth = await database.connect('supabase_auth_admin');
  const [first, second] = await createUsers(postgres, 2);
  if (!first || !second) throw new Error('two users expected');
  const kept = await settings();
  await postgres.query('update supasession.config set enabled = false');
  const [old] = await createSessions(postgres, [second.userId], 2);
  if (!old) throw new Error('no session was made');
  await postgres.query("update supasession.config set enabled = true, max_sessions = 1, strategy = 'dequeue'");
  await run(auth, signInPassword(first.email));
  const last = await run(auth, signInPassword(first.email));
  expect(await liveSessions(postgres, first.userId)).toEqual([last.sessionId]);
  await run(auth, refresh(old));
  expect(await liveSessions(postgres, second.userId)).not.toContain(old.sessionId);
  await postgres.query("select supasession.set_config(strategy => 'reject')");
  await expect(run(auth, signInPassword(first.email))).rejects.toMatchObject({sqlstate: 'PT403'});
  await postgres.query('delete from supasession.config');
  await postgres.query(
    'insert into supasession.config select * from json_populate_recordset(null::supasession.config, $1)',
    [JSON.stringify(kept)],
  );
}

describe('a fresh database', () => {
  it('gets the schema, the default settings, the record of the release, and a working limit', async () => {
    expect(await dumpCatalog(postgres)).toEqual([]);
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
    expect(fresh.length).toBeGreaterThan(20);
    expect(await settings()).toEqual([SEEDED]);
    expect(await record()).toMatch(/^supasession \d+\.\d+\.\d+$/);
    expect(await events()).toEqual([]);
    await expectLimit();
  });

  it('changes nothing for its sessions while limits are off', async () => {
    const user = await createUser(postgres);
    const sessions = await createSessions(postgres, [user.userId], 3);
    await install(postgres);
    const auth = await database.connect('supabase_auth_admin');
    await run(auth, signInPassword(user.email));
    for (const session of sessions) await run(auth, refresh(session));
    expect(await liveSessions(postgres, user.userId)).toHaveLength(4);
  });

  it('leaves no setting of the connection changed', async () => {
    // Those of plpgsql appear when a connection first uses it.
    const show = "select name, setting from pg_settings where name !~ '^plpgsql[.]' order by name";
    const before = (await postgres.query(show)).rows as unknown;
    await install(postgres);
    expect((await postgres.query(show)).rows).toEqual(before);
  });
});

describe('twice in a row', () => {
  it('ends in the same schema with the settings kept, and makes no trigger anew', async () => {
    await install(postgres);
    await postgres.query(
      `update supasession.config set enabled = true, max_sessions = 7, strategy = 'reject', eviction_order = 'least_recently_used',
         mode = 'observe', timebox = '1 day', inactivity_timeout = '1 hour', low_aal_timeout = '5 minutes', reject_in_hook = true,
         refusal_message = 'No', reject_ignores_idle = null, oauth_clients = 'together', record_device_changes = true,
         events_retention = '1 year'`,
    );
    const [before, triggers, history] = [await settings(), await triggerRows(), await events()];
    expect(before).not.toContainEqual(expect.objectContaining({timebox: null}));
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
    expect(await settings()).toEqual(before);
    expect(await triggerRows()).toEqual(triggers);
    expect(triggers.map(({tgname}) => tgname)).toEqual(TRIGGERS);
    expect(await events()).toEqual(history);
  });

  it('keeps rules, history, what was decided, and the functions of the project that ours call', async () => {
    await install(postgres);
    await postgres.query(`
      insert into supasession.rules (name, app_metadata, max_sessions) values ('pro', '{"plan": "pro"}', 5);
      insert into supasession.foreign_deadlines values (gen_random_uuid(), now());
      insert into supasession.pending_ends (session_id, user_id) values (gen_random_uuid(), gen_random_uuid());
      insert into supasession.revoked (user_id, reason) values (gen_random_uuid(), 'spam');
      select supasession._chain('access_token_hook', 'public', 'hook')`);
    const kept = ['rules', 'events', 'foreign_deadlines', 'pending_ends', 'revoked', 'integration'];
    const read = async (): Promise<unknown[]> =>
      Promise.all(kept.map(async (table) => readSettings(postgres, `supasession.${table}`)));
    const before = await read();
    expect(before.map((rows) => (rows as unknown[]).length)).toEqual(kept.map(() => 1));
    await install(postgres);
    expect(await read()).toEqual(before);
  });

  it.each([
    'supasession',
    'supasession, auth, public',
    'auth, extensions',
    'public, pg_catalog',
    "''",
    'pg_temp, supasession',
  ])('ends the same and makes no trigger anew under the search_path %s', async (path) => {
    const other = await database.connect('postgres');
    await other.query(`set search_path = ${path}`);
    await install(other);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
    const triggers = await triggerRows();
    await install(other);
    expect(await triggerRows()).toEqual(triggers);
    const {rows} = await other.query<{now: string}>("select current_setting('search_path') as now");
    await install(postgres);
    expect(await triggerRows()).toEqual(triggers);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
    expect(rows[0]?.now).toBe(path === "''" ? '""' : path);
  });

  it.each([
    [
      'a trigger that calls something else',
      'create or replace trigger supasession_interceptor before insert on auth.sessions for each row execute function suppress_redundant_updates_trigger()',
    ],
    [
      'a refresh trigger with a condition',
      'create or replace trigger supasession_refresh before update on auth.sessions for each row when (new.aal = old.aal) execute function supasession._on_refresh()',
    ],
    [
      'a trigger that names columns',
      'create or replace trigger supasession_refresh before update of refreshed_at on auth.sessions for each row execute function supasession._on_refresh()',
    ],
    [
      'a function that was replaced',
      "create or replace function supasession._limiter() returns trigger language plpgsql as 'begin return new; end'",
    ],
    ['a function that was dropped with its trigger', 'drop function supasession._limiter() cascade'],
    [
      'a grant too many',
      'grant execute on all functions in schema supasession to anon, public; grant all on supasession.config to authenticated',
    ],
    [
      'all trigger functions, dropped with their triggers',
      `drop function supasession._limiter(), supasession._on_refresh(), supasession._refuse_at_commit(),
         supasession._on_settings_change(), supasession._on_settings_write() cascade`,
    ],
    ['a search_path that was taken away', 'alter function supasession.is_live() reset search_path'],
    ['another search_path', "alter function supasession._limiter() set search_path = ''"],
    ['a function without its settings', 'alter function supasession._on_refresh() reset all'],
    ['a record that was dropped', 'comment on schema supasession is null'],
    [
      'a grant too many to Auth, and one on a column',
      'grant execute on all functions in schema supasession to supabase_auth_admin; grant select on all tables in schema supasession to supabase_auth_admin; grant select (version), update (enabled) on supasession.config to anon',
    ],
    ['an index that was dropped', 'drop index supasession.events_at; drop index supasession.config_one_row'],
    [
      'tables that were dropped',
      'drop table supasession.rules, supasession.events, supasession.pending_rejections, supasession.integration, supasession.foreign_deadlines, supasession.pending_ends, supasession.revoked cascade',
    ],
    ['row security switched off', 'alter table supasession.config disable row level security'],
    [
      'row security switched off everywhere else',
      `do $$ declare t text; begin for t in select oid::regclass from pg_class where relnamespace = 'supasession'::regnamespace and relkind = 'r'
         loop execute format('alter table %s disable row level security', t); end loop; end $$`,
    ],
    ['a check that was dropped', 'alter table supasession.config drop constraint config_max_sessions_check'],
    [
      'comments that were dropped',
      'comment on table supasession.config is null; comment on function supasession.sid() is null',
    ],
  ])('mends %s', async (_, damage) => {
    await install(postgres);
    await postgres.query(damage);
    expect(await dumpCatalog(postgres)).not.toEqual(fresh);
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
    await expectLimit();
  });

  it('mends triggers that were disabled', async () => {
    await install(postgres);
    const owner = await database.connect('supabase_auth_admin');
    for (const trigger of TRIGGERS) await owner.query(`alter table auth.sessions disable trigger ${trigger}`);
    await postgres.query(`
      alter table supasession.pending_rejections disable trigger refuse_at_commit;
      alter table supasession.config disable trigger config_history;
      alter table supasession.config disable trigger config_write;
      alter table supasession.rules disable trigger rules_history`);
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
    await expectLimit();
  });

  it('brings a deleted row of settings back with limits off', async () => {
    await install(postgres);
    await postgres.query('delete from supasession.config');
    await install(postgres);
    expect(await settings()).toEqual([SEEDED]);
  });
});

describe('two copies at once', () => {
  it.each(['a fresh database', 'an installed one'])(
    'on %s: the second waits for the first, and both succeed',
    async (state) => {
      if (state === 'an installed one') await install(postgres);
      const other = await database.connect('postgres');
      const observer = await database.connect('postgres');
      const otherPid = await backendPid(other);
      await postgres.query('begin');
      await postgres.query(await readInstallation());
      const second = install(other);
      await untilBlocked(observer, otherPid);
      await postgres.query('commit');
      await second;
      expect(await dumpCatalog(postgres)).toEqual(fresh);
    },
  );

  it('the second installs alone when the first fails', async () => {
    const other = await database.connect('postgres');
    const observer = await database.connect('postgres');
    const otherPid = await backendPid(other);
    await postgres.query('begin');
    await postgres.query(await readInstallation());
    const second = install(other);
    await untilBlocked(observer, otherPid);
    await postgres.query('rollback');
    await second;
    expect(await dumpCatalog(postgres)).toEqual(fresh);
  });

  it('from four connections at the same moment, again and again: all succeed', async () => {
    const clients = await Promise.all(Array.from({length: 4}, async () => database.connect('postgres')));
    for (let round = 0; round < 5; round += 1) {
      const results = await Promise.allSettled(clients.map(install));
      expect(results.map(({status}) => status)).toEqual(Array(4).fill('fulfilled'));
    }
    expect(await dumpCatalog(postgres)).toEqual(fresh);
  });
});

describe('under a publication of all tables', () => {
  // Postgres refuses to change a row of a published table that has no key.
  beforeEach(async () => {
    const superuser = await database.connect('supabase_admin');
    await superuser.query('create publication everything for all tables');
    await superuser.end();
  });

  it.each([
    ['a fresh database', async () => Promise.resolve()],
    ['0.1.2', async () => postgres.query(await readLegacySql())],
    ['an installed one', async () => install(postgres)],
  ] as [string, () => Promise<unknown>][])('installs on %s, and everything can be written', async (_, prepare) => {
    await prepare();
    await install(postgres);
    const {userId} = await createUser(postgres);
    const [session] = await createSessions(postgres, [userId], 2);
    await postgres.query(`
      select supasession.set_config(true, 1, 'reject'), supasession.disable(), supasession.enable();
      update supasession.config set reject_in_hook = true;
      insert into supasession.rules (name, app_metadata, max_sessions) values ('pro', '{"plan": "pro"}', 5);
      update supasession.rules set max_sessions = 6;
      delete from supasession.rules;
      insert into supasession.foreign_deadlines values (gen_random_uuid(), now());
      insert into supasession.pending_ends (session_id, user_id) values (gen_random_uuid(), gen_random_uuid());
      select supasession._chain('pre_request', 'public', 'mine'), supasession._chain('pre_request', null, null);
      insert into supasession.events (kind, at) values ('flushed', now() - interval '1 year');
      select supasession.enforce(), supasession.prune('1 year')`);
    await postgres.query('select supasession.revoke_session($1), supasession.revoke_access($2)', [
      session?.sessionId,
      userId,
    ]);
    await postgres.query('select supasession.restore_access($1)', [userId]);
    const left = `select (select count(*) from supasession.foreign_deadlines)::int as deadlines, (select count(*) from supasession.events
      where kind = 'flushed')::int as old, (select count(*) from auth.sessions)::int as sessions`;
    expect((await postgres.query(left)).rows).toEqual([{deadlines: 0, old: 0, sessions: 0}]);
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
    await expectLimit();
  });
});

describe('by psql', () => {
  let folder: string;
  let file: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'supasession-psql-'));
    file = join(folder, 'install.sql');
    await writeFile(file, await readInstallation());
  });

  afterAll(async () => rm(folder, {recursive: true}));

  /** Runs psql on the test's database, with nothing of the caller's own settings. */
  async function psql(...args: string[]): Promise<{stdout: string; stderr: string}> {
    const options = ['--no-psqlrc', '--tuples-only', '--no-align', '--dbname', database.url()];
    return new Promise((resolve, reject) => {
      execFile('psql', [...options, ...args], (error, stdout, stderr) => {
        if (error?.code === 'ENOENT') reject(new Error('these tests need psql: apt-get install postgresql-client'));
        else resolve({stdout, stderr});
      });
    });
  }

  const states: [string, () => Promise<unknown>][] = [
    ['a fresh database', async () => Promise.resolve()],
    ['0.1.2', async () => postgres.query(await readLegacySql())],
    [
      'an installed one',
      async () => {
        await install(postgres);
        await postgres.query(
          "select supasession.set_config(true, 3); comment on schema supasession is 'supasession 0.9.0'",
        );
      },
    ],
  ];

  it.each(states)('with --single-transaction it installs, on %s', async (_, prepare) => {
    await prepare();
    const {stderr} = await psql('--single-transaction', '--set', 'ON_ERROR_STOP=1', '--file', file);
    expect(stderr).not.toContain('ERROR');
    expect(await dumpCatalog(postgres)).toEqual(fresh);
  });

  it.each(states)('without it says why, and ends the connection before anything is done, on %s', async (_, prepare) => {
    await prepare();
    const state = async (): Promise<unknown> => [
      await dumpCatalog(postgres),
      (await dumpCatalog(postgres)).length === 0 ? [] : await settings(),
      await triggerRows(),
    ];
    const before = await state();
    const {stderr} = await psql('--file', file, '--command', 'create table public.later ()');
    const errors = stderr.split('\n').filter((line) => line.includes('ERROR: '));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain('supasession must be installed in one transaction: nothing was installed');
    expect(stderr).toContain('--single-transaction');
    expect(stderr).toContain('terminating connection');
    expect(await state()).toEqual(before);
  });
});

describe('over 0.1.2 installed by hand', () => {
  it('ends in the schema of a fresh installation, with the settings kept and in force', async () => {
    await postgres.query(await readLegacySql());
    await postgres.query("select supasession.set_config(true, 3, 'reject')");
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
    expect(await settings()).toEqual([{...DEFAULTS, enabled: true, max_sessions: 3, strategy: 'reject'}]);
    await expectLimit();
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
    expect(await settings()).toEqual([{...DEFAULTS, enabled: true, max_sessions: 3, strategy: 'reject'}]);
  });

  it('keeps the trigger that is there: it is never dropped', async () => {
    await postgres.query(await readLegacySql());
    const before = await triggerRows();
    await install(postgres);
    const after = await triggerRows();
    expect(after).toEqual(expect.arrayContaining(before));
    expect(before.map(({tgname}) => tgname)).toEqual(['supasession_interceptor']);
    expect(after.map(({tgname}) => tgname)).toEqual(TRIGGERS);
  });

  it('leaves limits off where its row of settings had been deleted', async () => {
    await postgres.query(await readLegacySql());
    await postgres.query('delete from supasession.config');
    await install(postgres);
    expect(await settings()).toEqual([SEEDED]);
  });

  it('keeps policies, functions and defaults of the project that use sid()', async () => {
    await postgres.query(await readLegacySql());
    await postgres.query(`
      create table public.notes (session_id uuid default supasession.sid());
      alter table public.notes enable row level security;
      create policy own_device on public.notes using (session_id = supasession.sid());
      create view public.me as select supasession.sid() as device, (supasession.get_config()).max_sessions`);
    const policies = 'select oid, pg_get_expr(polqual, polrelid) from pg_policy';
    const before = (await postgres.query(policies)).rows as unknown;
    await install(postgres);
    expect((await postgres.query(policies)).rows).toEqual(before);
    expect((await postgres.query('select * from public.me')).rows).toEqual([{device: null, max_sessions: 1}]);
  });
});

describe('over the extension of database.dev', () => {
  let takeAway: () => Promise<void>;

  beforeAll(async () => {
    const server = await createDatabase();
    takeAway = await offerExtension(await server.connect('supabase_admin'));
    await server.drop();
  });

  afterAll(async () => takeAway());

  beforeEach(async () => {
    await postgres.query(`create extension "${EXTENSION}"`);
    await postgres.query("select supasession.set_config(true, 1, 'reject')");
    await postgres.query(`
      create table public.notes (note text, session_id uuid);
      alter table public.notes enable row level security;
      create policy own_device on public.notes to authenticated using (session_id = supasession.sid());
      grant select on public.notes to authenticated;
      insert into public.notes values ('mine', '5f0a3c1e-0000-4000-8000-000000000001'), ('of another device', gen_random_uuid())`);
  });

  const members = `select count(*)::int as count from pg_depend where deptype = 'e'
    and refclassid = 'pg_extension'::regclass and refobjid = (select oid from pg_extension where extname = $1)`;

  /** What an outsider finds: the trigger there, enabled, and its function. From the catalog alone: the settings are locked meanwhile. */
  async function enforced(observer: Client): Promise<unknown> {
    const {rows} = await observer.query<object>(
      `select count(*)::int as triggers, bool_and(t.tgenabled = 'O' and p.oid = 'supasession._limiter()'::regprocedure) as right
       from pg_trigger t join pg_proc p on p.oid = t.tgfoid
       where t.tgrelid = 'auth.sessions'::regclass and t.tgname = 'supasession_interceptor'`,
    );
    return rows[0];
  }
  const ENFORCED = {triggers: 1, right: true};

  it('starts from a real extension that owns its objects (the fixture is what it says)', async () => {
    const {rows} = await postgres.query<{count: number}>(members, [EXTENSION]);
    expect(rows[0]?.count).toBeGreaterThanOrEqual(9);
    expect(
      (
        await postgres.query('select extowner::regrole::text as owner from pg_extension where extname = $1', [
          EXTENSION,
        ])
      ).rows,
    ).toEqual([{owner: 'postgres'}]);
    // Why it cannot just be dropped: the trigger holds it, and with cascade the project's policy goes.
    await expect(postgres.query(`drop extension "${EXTENSION}"`)).rejects.toMatchObject({code: '2BP01'});
  });

  it('ends in the schema of a fresh installation, the extension gone, the settings kept', async () => {
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
    expect((await postgres.query('select from pg_extension where extname = $1', [EXTENSION])).rowCount).toBe(0);
    const {rows} = await postgres.query(
      `select d.classid::regclass, d.objid from pg_depend d where d.deptype = 'e' and (
         d.classid = 'pg_namespace'::regclass and d.objid = 'supasession'::regnamespace
         or d.classid = 'pg_class'::regclass and d.objid in (select oid from pg_class where relnamespace = 'supasession'::regnamespace)
         or d.classid = 'pg_type'::regclass and d.objid in (select oid from pg_type where typnamespace = 'supasession'::regnamespace)
         or d.classid = 'pg_proc'::regclass and d.objid in (select oid from pg_proc where pronamespace = 'supasession'::regnamespace)
         or d.classid = 'pg_trigger'::regclass and d.objid in (select oid from pg_trigger where tgname like 'supasession%'))`,
    );
    expect(rows).toEqual([]);
    expect(await settings()).toEqual([{...DEFAULTS, enabled: true, strategy: 'reject'}]);
    await expectLimit();
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
  });

  it('leaves other extensions as they were', async () => {
    const others = 'select extname, extversion from pg_extension where extname <> $1 order by 1';
    const before = (await postgres.query(others, [EXTENSION])).rows as unknown;
    await install(postgres);
    expect((await postgres.query(others, [EXTENSION])).rows).toEqual(before);
  });

  it("keeps the project's own policy that uses sid(), and it works", async () => {
    const policies = 'select oid, xmin, polname, pg_get_expr(polqual, polrelid) as condition from pg_policy order by 1';
    const before = (await postgres.query(policies)).rows as unknown;
    await install(postgres);
    expect((await postgres.query(policies)).rows).toEqual(before);
    await postgres.query('begin');
    await postgres.query(
      `select set_config('request.jwt.claims', '{"session_id": "5f0a3c1e-0000-4000-8000-000000000001"}', true)`,
    );
    await postgres.query('set local role authenticated');
    expect((await postgres.query('select note from public.notes')).rows).toEqual([{note: 'mine'}]);
    await postgres.query('rollback');
  });

  it('shows an outsider the limit in force before, between all of its parts, and after', async () => {
    const observer = await database.connect('postgres');
    const seen: unknown[] = [await enforced(observer)];
    await postgres.query('begin');
    for (const part of await readParts()) {
      await postgres.query(part);
      seen.push(await enforced(observer));
    }
    await postgres.query('commit');
    seen.push(await enforced(observer));
    expect(seen).toEqual(Array(seen.length).fill(ENFORCED));
    expect(seen.length).toBeGreaterThan(5);
  });

  it('refuses every sign-in above the limit that runs beside it', async () => {
    const user = await createUser(postgres);
    const clients = await Promise.all(Array.from({length: 4}, async () => database.connect('supabase_auth_admin')));
    const [first] = clients;
    if (first) await run(first, signInPassword(user.email));
    const results: (string | undefined)[] = [];
    let stop = false;
    const work = async (client: Client): Promise<void> => {
      while (!stop) {
        const result = await run(client, signInPassword(user.email)).then(
          () => 'let in',
          (error: unknown) => (error instanceof AuthError ? error.sqlstate : String(error)),
        );
        results.push(result);
      }
    };
    const workers = clients.map(work);
    try {
      await until('sign-ins go on', async () => Promise.resolve(results.length > 20));
      await install(postgres);
      const after = results.length;
      await until('sign-ins went on', async () => Promise.resolve(results.length > after + 20));
    } finally {
      stop = true;
      await Promise.all(workers);
    }
    // P0001 is the exception of 0.1.2.
    expect([...new Set(results)].sort()).toEqual(['P0001', 'PT403']);
    expect(await liveSessions(postgres, user.userId)).toHaveLength(1);
  });

  it('is undone whole when the installation fails at its end', async () => {
    const before = await dumpCatalog(postgres);
    await postgres.query('begin');
    await postgres.query(await readInstallation());
    await expect(postgres.query('select 1 / 0')).rejects.toMatchObject({code: '22012'});
    await postgres.query('rollback');
    expect(await dumpCatalog(postgres)).toEqual(before);
    expect((await postgres.query<{count: number}>(members, [EXTENSION])).rows[0]?.count).toBeGreaterThanOrEqual(9);
    expect(await enforced(postgres)).toEqual(ENFORCED);
  });
});

describe('where it cannot work', () => {
  /** Installs, expecting one error, and the schema as it was before. */
  async function refused(error: object): Promise<void> {
    const before = await dumpCatalog(postgres);
    await expect(install(postgres)).rejects.toMatchObject(error);
    expect(await dumpCatalog(postgres)).toEqual(before);
  }

  it('says that Auth is missing, and leaves nothing', async () => {
    const admin = await database.connect('supabase_admin');
    await admin.query('drop schema auth cascade');
    await refused({
      code: 'SS002',
      message: expect.stringContaining('auth.sessions'),
      hint: expect.stringContaining('Auth'),
    });
    expect(await dumpCatalog(postgres)).toEqual([]);
  });

  it('says that auth.sessions is missing where only the schema is there', async () => {
    const admin = await database.connect('supabase_admin');
    await admin.query('drop table auth.sessions cascade');
    await refused({code: 'SS002', message: expect.stringContaining('auth.sessions')});
  });

  it.each(['99.0.0', '99.0.0-rc.1', '1.0.10', '1.1.0', '1.1.0 sha256:5f0a'])(
    'refuses over a newer release (%s) and changes nothing',
    async (release) => {
      await install(postgres);
      await postgres.query("update supasession.config set max_sessions = 5, strategy = 'reject'");
      await postgres.query(`comment on schema supasession is 'supasession ${release}'`);
      const before = await settings();
      await refused({
        code: 'SS001',
        message: expect.stringContaining(`supasession ${/[\d.]+/.exec(release)?.[0]}`),
        hint: expect.stringContaining('init'),
      });
      expect(await settings()).toEqual(before);
      expect(await record()).toBe(`supasession ${release}`);
    },
  );

  it.each(['supasession 0.9.10', 'supasession 1.0.0 sha256:5f0a', 'supasession 1.0.0-rc.1', 'of somebody else'])(
    'goes on over an older release, the same, or no record of one (%s), and records itself',
    async (comment) => {
      await install(postgres);
      const own = await record();
      await postgres.query(`comment on schema supasession is '${comment}'`);
      await install(postgres);
      expect(await record()).toBe(own);
    },
  );

  it('brings an earlier build of this release up to date, and leaves none of its functions', async () => {
    await install(postgres);
    const catalog = await dumpCatalog(postgres);
    const earlier = [
      '_end_sessions(owner uuid, ids uuid[], kind text, reason text, caused_by text, defer boolean, record boolean)',
      '_enforce_limit(p supasession.policy, owner uuid, session_id uuid, client uuid, pending boolean, cut_at timestamptz)',
      '_last_used(refreshed_at timestamp, created_at timestamptz)',
      '_evict_pool(p supasession.policy, owner uuid, client uuid, pending boolean, room integer)',
      '_expire_pool(p supasession.policy, owner uuid, client uuid, pending boolean, room integer)',
    ];
    await postgres.query(`drop index supasession.events_session; drop function supasession.why_ended, supasession.session_state;
      drop function supasession._end_sessions, supasession._enforce_limit;
      ${earlier.map((signature) => `create function supasession.${signature} returns integer language sql as 'select 0';`).join('\n')}`);
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(catalog);
  });

  it.each(['sessions.oauth_client_id', 'users.banned_until', 'flow_state.authentication_method'])(
    'says that Auth is too old where auth.%s is missing, and leaves nothing',
    async (name) => {
      const [table, column] = name.split('.');
      const owner = await database.connect('supabase_auth_admin');
      await owner.query(`alter table ${table} drop column ${column} cascade`);
      await refused({code: 'SS005', message: expect.stringContaining(name)});
      expect(await dumpCatalog(postgres)).toEqual([]);
    },
  );

  it('refuses a role that row level security applies to, which would see no sessions, and leaves nothing', async () => {
    const admin = await database.connect('supabase_admin');
    const role = `installer_${database.name}`;
    await admin.query(`create role ${role} login password 'postgres'; grant create on database ${database.name} to ${role};
      grant usage on schema auth to ${role}; grant all on all tables in schema auth to ${role}`);
    const client = await database.connect(role);
    try {
      await expect(install(client)).rejects.toMatchObject({
        code: 'SS008',
        message: expect.stringMatching(new RegExp(`${role} .*auth\\.sessions`)),
        hint: expect.stringContaining('BYPASSRLS'),
      });
      expect(await dumpCatalog(postgres)).toEqual([]);
      await admin.query(`alter role ${role} bypassrls`);
      await install(client);
      expect(await dumpCatalog(postgres)).toEqual(fresh.map((line) => line.replaceAll('postgres', role)));
    } finally {
      await client.end();
      await admin.query(`drop owned by ${role} cascade; drop role ${role}`);
    }
  });

  it('refuses where the schema belongs to somebody else', async () => {
    const admin = await database.connect('supabase_admin');
    await admin.query('create schema supasession');
    await refused({code: 'SS004', message: expect.stringContaining('supabase_admin')});
  });

  it.each([
    ['a fresh database', false],
    ['an installed one', true],
  ])('gives up within 5 seconds when a sign-in holds auth.sessions, on %s', async (_, installed) => {
    if (installed) await install(postgres);
    const auth = await database.connect('supabase_auth_admin');
    const user = await createUser(postgres);
    const signingIn = new Steps(auth, signInPassword(user.email));
    await signingIn.through('insert sessions');
    const start = performance.now();
    await refused({code: '55P03'});
    expect(performance.now() - start).toBeLessThan(5000);
    await signingIn.finish();
    expect(await liveSessions(postgres, user.userId)).toHaveLength(1);
    await install(postgres);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
  });

  it.each([
    ['a fresh database', false],
    ['an installed one', true],
  ])('gives up within 5 seconds when auth.sessions, or a table of ours, is held, on %s', async (_, installed) => {
    const held = ['auth.sessions', ...(installed ? ['supasession.config', 'supasession.revoked'] : [])];
    await Promise.all(
      held.map(async (table) => {
        const own = await createDatabase();
        try {
          const [client, holder] = [await own.connect(), await own.connect()];
          if (installed) await install(client);
          const before = await dumpCatalog(client);
          await holder.query(`begin; lock table ${table} in row exclusive mode`);
          const start = performance.now();
          await expect(install(client)).rejects.toMatchObject({
            code: '55P03',
            message: expect.stringContaining('locked by somebody else'),
            hint: expect.stringContaining('Try again'),
          });
          expect({table, late: performance.now() - start >= 5000}).toEqual({table, late: false});
          expect(await dumpCatalog(client)).toEqual(before);
          await holder.query('rollback');
          await install(client);
          expect(await dumpCatalog(client)).toEqual(fresh);
        } finally {
          await own.drop();
        }
      }),
    );
  });

  it('lets sign-ins through while it tries in vain for auth.sessions', async () => {
    const holder = await database.connect();
    const auth = await database.connect('supabase_auth_admin');
    await install(postgres);
    const user = await createUser(postgres);
    await holder.query('begin; lock table auth.sessions in row exclusive mode');
    const through: number[] = [];
    let ended = Infinity;
    const given = expect(install(postgres))
      .rejects.toMatchObject({code: '55P03'})
      .finally(() => (ended = performance.now()));
    while (ended === Infinity) {
      await run(auth, verifyMagicLink(await run(auth, generateMagicLink(user.email))));
      await run(auth, refresh(await run(auth, signInPassword(user.email))));
      through.push(performance.now());
    }
    await given;
    expect(through.some((at) => at < ended)).toBe(true);
  });

  it('gives up within 5 seconds when another installation never ends', async () => {
    const other = await database.connect('postgres');
    await other.query('begin');
    await other.query(await readInstallation());
    const start = performance.now();
    await refused({code: '55P03'});
    expect(performance.now() - start).toBeLessThan(5000);
    await other.query('rollback');
  });
});

describe('beside what is not a sign-in', () => {
  it.each(['supasession.config', 'supasession.revoked'])(
    'gives way to a transaction that has read %s and goes on to end a session: no deadlock',
    async (table) => {
      await install(postgres);
      const user = await createUser(postgres);
      const [session] = await createSessions(postgres, [user.userId], 1);
      const [app, observer] = [await database.connect(), await database.connect()];
      const installing = await backendPid(postgres);
      // As enforce() and revoke_my_session() do: settings or access first, then auth.users, then auth.sessions.
      await app.query(`begin; select from ${table}`);
      const installed = install(postgres);
      await until('the installation has the auth tables and waits for ours', async () => {
        const {rows} = await observer.query(
          `select from pg_locks where pid = $1 and relation = 'auth.sessions'::regclass and granted
             and exists (select from pg_locks where pid = $1 and relation = $2::regclass and not granted)`,
          [installing, table],
        );
        return rows.length > 0;
      });
      await app.query('select from auth.users where id = $1 for no key update', [user.userId]);
      await app.query('delete from auth.sessions where id = $1', [session?.sessionId]);
      await app.query('commit');
      await installed;
      expect(await liveSessions(postgres, user.userId)).toEqual([]);
    },
  );

  it('does not wait for who only reads the auth tables, nor they for it', async () => {
    const reader = await database.connect();
    const user = await createUser(postgres);
    await reader.query('begin isolation level repeatable read');
    const count =
      'select count(*)::int as count from auth.users natural full join auth.sessions natural full join auth.mfa_amr_claims';
    await reader.query(count);
    await postgres.query('begin');
    await postgres.query(await readInstallation());
    expect((await reader.query(count)).rows).toEqual([{count: expect.any(Number)}]);
    await postgres.query('commit');
    await reader.query('commit');
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
  });
});
