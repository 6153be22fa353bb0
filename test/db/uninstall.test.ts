/** What of the project uses ours, and taking ours out of a database. */
import type {Client} from 'pg';
import {createSessions, createUser, refresh, run, signInPassword, Steps, type AuthUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {readSql} from '../../src/database/sql.js';
import {configure, install, installSql} from '../helpers/install.js';
import {startOwnServer} from '../helpers/own-server.js';
import type {Sandbox} from '../../src/sandbox/index.js';

interface Dependent {
  kind: string;
  name: string;
  definition: string | null;
  restrictive: boolean | null;
  drop_statement: string | null;
}

// Its own, because role settings belong to a whole server.
let server: Sandbox;
let database: TestDatabase;
let postgres: Client;
let auth: Client;
let user: AuthUser;
let uninstall: string;
let query: string;

beforeAll(async () => {
  server = await startOwnServer();
  uninstall = await readSql('steps/uninstall.sql');
  query = await readSql('queries/dependents.sql');
});

beforeEach(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
  auth = await database.connect('supabase_auth_admin');
  await install(postgres);
  user = await createUser(postgres);
});

afterEach(async () => database.drop());
afterAll(async () => server.stop());

async function dependents(): Promise<Dependent[]> {
  await postgres.query('begin; set local search_path = pg_catalog');
  const {rows} = await postgres.query<Dependent>(query);
  await postgres.query('commit');
  return rows;
}

/** Everything of the project that can depend on ours, by kind. */
const DEPENDENTS: Record<string, {sql: string; name: string; drop: string | null; restrictive?: boolean}> = {
  'a restrictive policy': {
    sql: `create table notes (id int); alter table notes enable row level security;
      create policy "live only" on notes as restrictive for select to authenticated using ((select supasession.has_access()))`,
    name: '"live only" on public.notes',
    drop: 'drop policy if exists "live only" on public.notes',
    restrictive: true,
  },
  'a permissive policy for inserts': {
    sql: `create table "My Notes" (id int); alter table "My Notes" enable row level security;
      create policy own on public."My Notes" for insert with check (supasession.sid() is not null)`,
    name: 'own on public."My Notes"',
    drop: 'drop policy if exists own on public."My Notes"',
    restrictive: false,
  },
  'a view': {
    sql: 'create view devices as select * from supasession.my_sessions()',
    name: 'public.devices',
    drop: 'drop view if exists public.devices',
  },
  'a materialized view': {
    sql: 'create materialized view chosen as select max_sessions from supasession.get_config()',
    name: 'public.chosen',
    drop: 'drop materialized view if exists public.chosen',
  },
  'a constraint': {
    sql: 'create table logs (id int, constraint live check (supasession.is_live()))',
    name: 'live on public.logs',
    drop: 'alter table public.logs drop constraint if exists live',
  },
  'a default': {
    sql: 'create table logs (id int, session uuid default supasession.sid())',
    name: 'session of public.logs',
    drop: 'alter table public.logs alter column session drop default',
  },
  'a trigger of the project that calls a function of ours': {
    sql: 'create table logs (id int); create trigger mine after insert on logs for each row execute function supasession._refuse_at_commit()',
    name: 'mine on public.logs',
    drop: null,
  },
  'a column of a type of ours': {
    sql: 'create table plans (id int, strategy supasession.enforcement_strategy)',
    name: 'strategy of public.plans',
    drop: null,
  },
  'a function with a body in standard SQL': {
    sql: 'create function mine() returns boolean language sql begin atomic select supasession.is_live(); end',
    name: 'public.mine()',
    drop: 'drop function if exists public.mine()',
  },
  'a function that names ours in its text': {
    sql: "create function mine(a int) returns boolean language plpgsql as 'begin return supasession.is_live(); end'",
    name: 'public.mine(integer)',
    drop: 'drop function if exists public.mine(integer)',
  },
  'a procedure': {
    sql: `create procedure tidy() language plpgsql as 'begin perform "supasession" . prune(''1 day''); end'`,
    name: 'public.tidy()',
    drop: 'drop procedure if exists public.tidy()',
  },
};

it('a project that uses nothing of ours has no dependents', async () => {
  await postgres.query(
    `create function innocent() returns text language sql as $$ select 'supasession is a word, mysupasession.x another' $$;
     create table supasession_notes (id int)`,
  );
  expect(await dependents()).toEqual([]);
});

describe.each(Object.entries(DEPENDENTS))('%s', (_, {sql, name, drop, restrictive}) => {
  it('is found, keeps us in the database, and can be dropped by the statement given', async () => {
    await postgres.query(sql);
    expect(await dependents()).toEqual([
      expect.objectContaining({name, drop_statement: drop, restrictive: restrictive ?? null}),
    ]);
    await expect(installSql(postgres, uninstall)).rejects.toMatchObject({
      code: 'SS006',
      message: expect.stringContaining(name) as string,
    });
    const {rowCount} = await postgres.query("select from pg_namespace where nspname = 'supasession'");
    expect(rowCount).toBe(1);
    if (drop === null) return;
    await postgres.query(drop);
    expect(await dependents()).toEqual([]);
    await installSql(postgres, uninstall);
  });
});

describe('once nothing uses it', () => {
  it('everything of ours goes, sessions and users stay, and Auth works as before', async () => {
    await configure(postgres, {enabled: true, max_sessions: 2, timebox: '1 day'});
    const session = await run(auth, signInPassword(user.email));
    await installSql(postgres, uninstall);

    const left = await postgres.query(
      `select from pg_trigger where tgname ~ 'supasession' union all select from pg_namespace where nspname = 'supasession'
       union all select from pg_proc where prosrc ~ 'supasession'`,
    );
    expect(left.rowCount).toBe(0);
    await run(auth, refresh(session));
    for (let n = 0; n < 3; n += 1) await run(auth, signInPassword(user.email));
    expect((await postgres.query('select from auth.sessions where user_id = $1', [user.userId])).rowCount).toBe(4);
  });

  it('the setting of the guard goes before its function, and the own pre-request function is back', async () => {
    const admin = await database.connect('supabase_admin');
    // As supautils lets it on Supabase.
    await admin.query('grant set on parameter "pgrst.db_pre_request" to postgres');
    await admin.query(`create function public.mine() returns void language sql as 'select'`);
    const configured = async (): Promise<string | undefined> =>
      (
        await admin.query<{entry: string}>(
          `select entry from pg_db_role_setting, unnest(setconfig) entry
           where setrole = 'authenticator'::regrole and entry like 'pgrst.db_pre_request=%'`,
        )
      ).rows[0]?.entry;
    await admin.query("alter role authenticator set pgrst.db_pre_request = 'public.mine'");
    try {
      await admin.query('select supasession.enable_guard()');
      expect(await configured()).toBe('pgrst.db_pre_request=supasession.check_request');
      await installSql(admin, uninstall);
      expect(await configured()).toBe('pgrst.db_pre_request=public.mine');
    } finally {
      await admin.query('alter role authenticator reset pgrst.db_pre_request');
    }
  });

  it('a second run finds nothing to do', async () => {
    await installSql(postgres, uninstall);
    const tables = async () =>
      (await postgres.query("select oid, relacl from pg_class where relnamespace = 'auth'::regnamespace order by oid"))
        .rows;
    const before = await tables();
    await installSql(postgres, uninstall);
    expect(await tables()).toEqual(before);
    expect((await postgres.query("select to_regnamespace('supasession') as schema")).rows).toEqual([{schema: null}]);
  });

  it('it can be installed again', async () => {
    await installSql(postgres, uninstall);
    await install(postgres);
    await createSessions(postgres, [user.userId], 3);
    await configure(postgres, {enabled: true, max_sessions: 1});
    await run(auth, signInPassword(user.email));
    expect((await postgres.query('select from auth.sessions where user_id = $1', [user.userId])).rowCount).toBe(1);
  });
});

it('gives up where a sign-in holds the tables for long, with everything still in place', async () => {
  const steps = new Steps(auth, signInPassword(user.email));
  while (steps.next !== undefined && steps.next !== 'commit') await steps.step();
  await expect(installSql(postgres, uninstall)).rejects.toMatchObject({code: '55P03'});
  await steps.finish();
  await configure(postgres, {enabled: true, max_sessions: 1});
  await run(auth, signInPassword(user.email));
  expect((await postgres.query('select from auth.sessions where user_id = $1', [user.userId])).rowCount).toBe(1);
});
