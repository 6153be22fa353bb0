/** The guard: check_request() as PostgREST calls it, and how it is configured. Role settings belong to a whole server, so this file has its own. */
import type {Client, Notification} from 'pg';
import type {Sandbox} from '../../src/sandbox/index.js';
import {createSessions, createUser, type AuthSession} from '../helpers/auth.js';
import {ask, claimsOf, type Request} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {install} from '../helpers/install.js';
import {startOwnServer} from '../helpers/own-server.js';
import {until} from '../helpers/wait.js';

const GUARD = 'supasession.check_request';
const ENDED = {code: 'PT401', message: 'Session has ended', hint: 'Sign in again.'};

let server: Sandbox;
let database: TestDatabase;
let postgres: Client;
let superuser: Client;
let api: Client;
let session: AuthSession;

beforeAll(async () => {
  server = await startOwnServer();
});

afterAll(async () => server.stop());

beforeEach(async () => {
  database = await createDatabase({installed: true});
  [postgres, superuser, api] = (await Promise.all(
    ['postgres', 'supabase_admin', 'authenticator'].map(async (role) => database.connect(role)),
  )) as [Client, Client, Client];
  await superuser.query(DENY);
  session = await oneSession();
});

afterEach(async () => {
  await superuser.query('alter role authenticator reset pgrst.db_pre_request');
  await database.drop();
});

/** What a Postgres without Supabase's extensions lets postgres do. */
const DENY = 'revoke authenticator from postgres; revoke set on parameter pgrst.db_pre_request from postgres';

async function oneSession(): Promise<AuthSession> {
  const user = await createUser(postgres);
  const [made] = await createSessions(postgres, [user.userId], 1);
  if (!made) throw new Error('no session was made');
  return made;
}

/** What a request through the guard sees of itself. */
async function through(request: Request = {}): Promise<unknown> {
  const rows = await ask(
    api,
    {claims: claimsOf(session), preRequest: GUARD, ...request},
    `select current_user, current_setting('request.tenant', true) as tenant, current_setting('search_path') as search_path`,
  );
  return rows[0];
}

const UNCHANGED = {current_user: 'authenticated', search_path: '"public", "extensions"'};

describe('check_request()', () => {
  describe.each([true, false])('in a transaction that is read only: %s', (readOnly) => {
    it('lets a live session, anon and service_role pass', async () => {
      expect(await through({readOnly})).toMatchObject(UNCHANGED);
      for (const role of ['anon', 'service_role'])
        expect(await through({readOnly, role, claims: {role}})).toMatchObject({current_user: role});
    });

    it('refuses the token of a session that is gone, and of one past its deadline', async () => {
      await postgres.query('update auth.sessions set not_after = now() where id = $1', [session.sessionId]);
      await expect(through({readOnly})).rejects.toMatchObject(ENDED);
      await postgres.query('delete from auth.sessions where id = $1', [session.sessionId]);
      await expect(through({readOnly})).rejects.toMatchObject(ENDED);
    });

    it('refuses the token of a user who is revoked, and takes it again when access is restored', async () => {
      await postgres.query('insert into supasession.revoked (user_id) values ($1)', [session.userId]);
      await expect(through({readOnly})).rejects.toMatchObject(ENDED);
      await postgres.query('select supasession.restore_access($1)', [session.userId]);
      expect(await through({readOnly})).toMatchObject(UNCHANGED);
    });

    it('refuses the token of a session that was to be ended while it was in use', async () => {
      await postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
        ...[session.sessionId, session.userId],
      ]);
      await expect(through({readOnly})).rejects.toMatchObject(ENDED);
    });

    it('refuses claims that are malformed', async () => {
      for (const claims of [
        ...['no JSON', '[]', '"text"', '7', 'null', '['.repeat(100_000)],
        ...['"no uuid"', '7', `["${session.sessionId}"]`].map((id) => `{"session_id": ${id}}`),
      ])
        for (const role of ['anon', 'authenticated', 'service_role'])
          await expect(through({readOnly, role, claims})).rejects.toMatchObject(ENDED);
    });

    it('lets a token without a session pass, of third-party auth or signed by the project', async () => {
      for (const claims of ['', '{}', {role: 'authenticated'}, {sub: 'auth0|5f7c8e'}, {sub: session.userId}])
        expect(await through({readOnly, claims})).toMatchObject(UNCHANGED);
    });

    it('refuses both kinds of token of a user who is revoked, banned or deleted', async () => {
      for (const sql of [
        'insert into supasession.revoked (user_id) values ($1)',
        "update auth.users set banned_until = now() + interval '1 hour' where id = $1",
        'update auth.users set deleted_at = now() where id = $1',
      ]) {
        session = await oneSession();
        const tokens = [claimsOf(session), {sub: session.userId}];
        for (const claims of tokens) expect(await through({readOnly, claims})).toMatchObject(UNCHANGED);
        await postgres.query(sql, [session.userId]);
        for (const claims of tokens) await expect(through({readOnly, claims})).rejects.toMatchObject(ENDED);
      }
    });
  });

  it('does nothing of the request that it refuses', async () => {
    await postgres.query('create table public.notes (note text); grant insert on public.notes to authenticated');
    await postgres.query('delete from auth.sessions where id = $1', [session.sessionId]);
    const request = {claims: claimsOf(session), preRequest: GUARD};
    await expect(ask(api, request, "insert into notes values ('late')")).rejects.toMatchObject(ENDED);
    expect((await postgres.query('select from public.notes')).rowCount).toBe(0);
  });
});

/** Makes a pre-request function of the project, and enables the guard in front of it. */
async function chain(body: string, name = 'public.before_request'): Promise<void> {
  const [schema, fn] = name.split('.').map((part) => `"${part}"`);
  await postgres.query(`create schema if not exists ${schema};
    create or replace function ${schema}.${fn}() returns void language plpgsql as $$ begin ${body} end $$;
    grant usage on schema ${schema} to anon, authenticated, service_role`);
  await superuser.query(`alter role authenticator set pgrst.db_pre_request = '${name}'`);
  await superuser.query('select supasession.enable_guard()');
}

describe("the project's own pre-request function", () => {
  it('sees the role, search_path and settings of the request, and what it sets lasts', async () => {
    await postgres.query(
      'create table public.seen (who name, path text, method text, live boolean); grant insert on public.seen to authenticated',
    );
    await chain(`insert into seen values (current_user, current_setting('search_path'), current_setting('request.method'), true);
      perform set_config('request.tenant', 'acme', true);
      perform set_config('response.headers', '[{"X-Tenant": "acme"}]', true);
      set local role anon;`);
    expect(await through()).toEqual({...UNCHANGED, current_user: 'anon', tenant: 'acme'});
    expect((await postgres.query('select * from public.seen')).rows).toEqual([
      {who: 'authenticated', path: '"public", "extensions"', method: 'POST', live: true},
    ]);
    // All of it was for that one transaction.
    expect(await through()).toMatchObject({current_user: 'anon'});
    expect((await api.query('select current_user')).rows).toEqual([{current_user: 'authenticator'}]);
  });

  it('refuses a request with its own error', async () => {
    await chain(`raise sqlstate 'PT418' using message = 'I am a teapot', detail = 'short', hint = 'and stout';`);
    await expect(through()).rejects.toMatchObject({
      ...{code: 'PT418', message: 'I am a teapot', detail: 'short', hint: 'and stout'},
    });
    await expect(through({role: 'anon', claims: {role: 'anon'}})).rejects.toMatchObject({code: 'PT418'});
  });

  it('runs with the rights of the request, so that one without them is refused as before', async () => {
    await chain('perform pg_sleep(0);');
    await postgres.query(
      'revoke execute on function public.before_request() from public, anon, authenticated, service_role',
    );
    await expect(through()).rejects.toMatchObject({code: '42501', message: /before_request/});
  });

  it('is not asked about a session that has ended', async () => {
    await chain(`raise sqlstate 'PT418';`);
    await postgres.query('delete from auth.sessions where id = $1', [session.sessionId]);
    await expect(through()).rejects.toMatchObject(ENDED);
  });

  it('writes in writing requests and cannot in reading ones, as before', async () => {
    await postgres.query('create table public.hits (at timestamptz); grant insert on public.hits to authenticated');
    await chain('insert into hits values (now());');
    await through();
    expect((await postgres.query('select from public.hits')).rowCount).toBe(1);
    await expect(through({readOnly: true})).rejects.toMatchObject({code: '25006'});
  });

  it('is called where its name needs quotes', async () => {
    await chain(
      `perform set_config('request.tenant', 'quoted', true);`,
      'My Schema.Before "Request"'.replaceAll('"', ''),
    );
    expect(await through()).toMatchObject({tenant: 'quoted'});
  });

  it('that is gone lets the request pass with a warning', async () => {
    await chain('return;');
    await postgres.query('drop function public.before_request()');
    const warnings: string[] = [];
    api.on('notice', ({message}) => warnings.push(message ?? ''));
    expect(await through()).toMatchObject(UNCHANGED);
    expect(warnings).toEqual([expect.stringMatching(/public\.before_request,? does not exist/)]);
  });
});

async function configured(): Promise<string | null> {
  const {rows} = await postgres.query<{value: string | null}>('select supasession._configured_pre_request() as value');
  return rows[0]?.value ?? null;
}

/** The pre-request function of the project that ours calls, and whether ours has a search_path of its own. */
async function chained(): Promise<unknown> {
  const {rows} = await postgres.query<object>(
    `select schema_name as schema, function_name as function, proconfig is not null as pinned
     from pg_proc left join supasession.integration on kind = 'pre_request'
     where pg_proc.oid = 'supasession.check_request()'::regprocedure`,
  );
  return rows[0];
}
const NONE = {schema: null, function: null, pinned: true};

/** Gives postgres what hosted projects let it do, until the function that it returns is called. */
async function allowPostgres(): Promise<() => Promise<unknown>> {
  await superuser.query(`grant authenticator to postgres with admin option, inherit false, set false;
    grant set on parameter pgrst.db_pre_request to postgres`);
  return async () => superuser.query(DENY);
}

describe('enable_guard() and disable_guard()', () => {
  it('say clearly that postgres lacks the right on a plain Postgres, and leave everything as it was', async () => {
    await superuser.query(`create function public.before_request() returns void language sql as '';
      alter role authenticator set pgrst.db_pre_request = 'public.before_request'`);
    await expect(postgres.query('select supasession.enable_guard()')).rejects.toMatchObject({
      code: '42501',
      message: 'role postgres may not set pgrst.db_pre_request for authenticator',
      hint: expect.stringContaining('db-pre-request = "supasession.check_request"'),
    });
    expect(await configured()).toBe('public.before_request');
    expect(await chained()).toEqual(NONE);

    await superuser.query('select supasession.enable_guard()');
    await expect(postgres.query('select supasession.disable_guard()')).rejects.toMatchObject({
      code: '42501',
      message: 'role postgres may not set pgrst.db_pre_request for authenticator',
    });
    expect(await configured()).toBe(GUARD);
    expect(await chained()).toEqual({schema: 'public', function: 'before_request', pinned: false});
  });

  it('need both the admin option and the right on the setting', async () => {
    await superuser.query('grant authenticator to postgres with admin option, inherit false, set false');
    await expect(postgres.query('select supasession.enable_guard()')).rejects.toMatchObject({code: '42501'});
    await superuser.query(
      'revoke authenticator from postgres; grant set on parameter pgrst.db_pre_request to postgres',
    );
    await expect(postgres.query('select supasession.enable_guard()')).rejects.toMatchObject({code: '42501'});
    await superuser.query('revoke set on parameter pgrst.db_pre_request from postgres');
    expect(await configured()).toBeNull();
  });

  it('work as postgres where it has the right, and tell PostgREST', async () => {
    const undo = await allowPostgres();
    const listener = await database.connect('postgres');
    const heard: string[] = [];
    listener.on('notification', ({channel, payload}: Notification) => heard.push(`${channel}: ${payload}`));
    await listener.query('listen pgrst');

    await postgres.query('select supasession.enable_guard()');
    expect(await configured()).toBe(GUARD);
    await until('PostgREST is told to read its configuration', async () => heard.length === 1);
    const fresh = await database.connect('authenticator');
    expect((await fresh.query('show pgrst.db_pre_request')).rows).toEqual([{'pgrst.db_pre_request': GUARD}]);

    await postgres.query('select supasession.disable_guard()');
    expect(await configured()).toBeNull();
    await until('PostgREST is told again', async () => heard.length === 2);
    expect(heard).toEqual(['pgrst: reload config', 'pgrst: reload config']);

    // Nothing to take out: nobody is told.
    await postgres.query('select supasession.disable_guard()');
    await postgres.query("notify pgrst, 'last'");
    await until('the last message has come', async () => heard.includes('pgrst: last'));
    expect(heard).toHaveLength(3);
    await undo();
  });

  it.each(['public.before_request', 'App.Before', 'my schema.before request', 'a.b.c'])(
    'keep the pre-request function %s, also when enabled twice, and put it back to the letter',
    async (name) => {
      const [schema = ''] = name.split('.');
      const fn = name.slice(schema.length + 1);
      await superuser.query(`create schema if not exists "${schema}"; create function "${schema}"."${fn}"() returns void language sql as '';
        alter role authenticator set pgrst.db_pre_request = '${name}'`);
      for (let round = 0; round < 2; round++) {
        await superuser.query('select supasession.enable_guard()');
        expect(await configured()).toBe(GUARD);
        expect(await chained()).toEqual({schema, function: fn, pinned: false});
      }
      await superuser.query('select supasession.disable_guard()');
      expect(await configured()).toBe(name);
      expect(await chained()).toEqual(NONE);
    },
  );

  it.each(['before_request', 'public.before_request', 'public.', '.', '"public"."now"', 'no such; drop table'])(
    'refuse a present pre-request function that cannot be called: %p',
    async (name) => {
      await superuser.query(`alter role authenticator set pgrst.db_pre_request = '${name}'`);
      await expect(superuser.query('select supasession.enable_guard()')).rejects.toMatchObject({
        code: '42883',
        hint: /schema\.function/,
      });
      expect(await configured()).toBe(name);
      await superuser.query('select supasession.disable_guard()');
      expect(await configured()).toBe(name);
    },
  );

  it('say so when a setting for this one database hides the one that they make', async () => {
    await superuser.query(`create function public.before_request() returns void language sql as '';
      alter role authenticator in database ${database.name} set pgrst.db_pre_request = 'public.before_request'`);
    await expect(superuser.query('select supasession.enable_guard()')).rejects.toMatchObject({
      code: '55000',
      hint: `alter role authenticator in database ${database.name} reset pgrst.db_pre_request`,
    });
    expect(await chained()).toEqual(NONE);
  });

  it.each(['anon', 'authenticated', 'service_role'])('are not for %s', async (role) => {
    for (const sql of [
      'select supasession.enable_guard()',
      'select supasession.disable_guard()',
      'select supasession._grant_guard()',
      "insert into supasession.integration values ('pre_request', 'public', 'mine')",
    ])
      await expect(ask(api, {role}, sql)).rejects.toMatchObject({code: '42501'});
  });
});

describe('a role of the project that authenticator may become', () => {
  const role = 'project_member';

  beforeEach(async () => {
    await postgres.query(`create role ${role}; create role ${role}_parent; grant ${role}_parent to ${role};
      grant ${role} to authenticator`);
  });

  afterEach(async () => {
    await superuser.query(`drop owned by ${role}, ${role}_parent; drop role ${role}, ${role}_parent`);
  });

  it('is let through the guard, and no further, once it is enabled', async () => {
    const claims = (): object => ({...claimsOf(session), role});
    await expect(through({role, claims: claims()})).rejects.toMatchObject({code: '42501'});
    await superuser.query('select supasession.enable_guard()');
    expect(await through({role, claims: claims()})).toMatchObject({current_user: role});
    for (const sql of [
      'select supasession.enable()',
      'select * from supasession.config',
      'select supasession.my_sessions()',
    ])
      await expect(ask(api, {role, claims: claims()}, sql)).rejects.toMatchObject({code: '42501'});
    await postgres.query('delete from auth.sessions where id = $1', [session.sessionId]);
    await expect(through({role, claims: claims()})).rejects.toMatchObject(ENDED);
  });

  it('has the rights again after a new installation, which takes nothing from the others', async () => {
    await superuser.query('select supasession.enable_guard()');
    await install(postgres);
    for (const name of [role, 'authenticated'])
      expect(await through({role: name, claims: {...claimsOf(session), role: name}})).toMatchObject({
        current_user: name,
      });
    expect(await configured()).toBe(GUARD);
  });

  it('that comes later gets them by a new installation, or by enabling once more', async () => {
    await superuser.query('select supasession.enable_guard()');
    await postgres.query(`create role ${role}_late; grant ${role}_late to authenticator`);
    const request = {role: `${role}_late`, claims: {...claimsOf(session), role: `${role}_late`}};
    await expect(through(request)).rejects.toMatchObject({code: '42501'});
    await install(postgres);
    expect(await through(request)).toMatchObject({current_user: `${role}_late`});
    await superuser.query(`drop owned by ${role}_late; drop role ${role}_late`);
  });
});
