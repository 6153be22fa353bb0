import {readFile} from 'node:fs/promises';
import type pg from 'pg';
import {createSessions, createUser, run, signInPassword} from '../helpers/auth.js';
import {configure, install} from '../helpers/install.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';

// What the advisors of Supabase say about a project that has us: the real supabase CLI runs its lints on the database. docs/security.md
// tells people what to expect.

let server: TestServer;
let project: TestProject;
let postgres: pg.Client;

beforeAll(async () => {
  server = await startServer();
  project = await createProject({port: server.port});
  postgres = await server.connect();
  await install(postgres);
});

afterAll(async () => {
  await project.remove();
  await server.stop();
});

interface Lint {
  name: string;
  level: 'INFO' | 'WARN' | 'ERROR';
  metadata: {schema?: string; name?: string};
}

/** What the advisors say, as "lint schema.name", by level. */
async function advisors(): Promise<{grave: string[]; info: string[]}> {
  const args = ['db', 'advisors', '--type', 'all', '--level', 'info', '--output-format', 'json'];
  const {results} = JSON.parse(await project.supabase(...args)) as {results: Lint[]};
  const say = ({name, metadata}: Lint): string => `${name} ${metadata.schema}.${metadata.name}`;
  return {
    grave: results
      .filter(({level}) => level !== 'INFO')
      .map(say)
      .sort(),
    info: [...new Set(results.filter(({level}) => level === 'INFO').map(({name}) => name))].sort(),
  };
}

/** Row level security without policies keeps everybody out who is not named; an index is unused where nobody has signed in yet. */
const EXPECTED_INFO = ['rls_enabled_no_policy', 'unused_index'];

it('the advisors find what is wrong', async () => {
  await postgres.query(
    `create table public.open (id integer); create function public.mutable() returns void language sql as ''`,
  );
  expect((await advisors()).grave).toEqual([
    'function_search_path_mutable public.mutable',
    'rls_disabled_in_public public.open',
  ]);
  await postgres.query('drop table public.open; drop function public.mutable()');
});

it('they warn of nothing after the installation', async () => {
  expect(await advisors()).toEqual({grave: [], info: EXPECTED_INFO});
});

it('they warn of nothing with limits, rules, history, the guard and a policy that asks us', async () => {
  const user = await createUser(postgres);
  await createSessions(postgres, [user.userId], 2);
  await configure(postgres, {enabled: true, max_sessions: 2, timebox: '30 days', strategy: 'dequeue'});
  await postgres.query(
    `insert into supasession.rules (name, app_metadata, max_sessions) values ('pro', '{"plan": "pro"}', 5)`,
  );
  await run(await server.connect('supabase_auth_admin'), signInPassword(user.email));
  await postgres.query('select supasession.revoke_access($1)', [(await createUser(postgres)).userId]);
  await postgres.query('select supasession.enable_guard()');
  await postgres.query(`create table public.notes (id integer primary key, owner uuid); alter table public.notes enable row level security;
    create policy own on public.notes to authenticated using ((select auth.uid()) = owner);
    create policy live on public.notes as restrictive to authenticated using ((select supasession.has_access()))`);
  const {rows} = await postgres.query(
    'select supasession._guard_enabled() as guard, count(*)::int > 2 as filled from supasession.events',
  );
  expect(rows).toEqual([{guard: true, filled: true}]);

  const {grave, info} = await advisors();
  expect(grave).toEqual([]);
  expect(EXPECTED_INFO).toEqual(expect.arrayContaining(info));
});

it('they warn of the two functions that call one of the project, and only while they do', async () => {
  await postgres.query(`create function public.own_hook(event jsonb) returns jsonb language sql set search_path = '' as 'select event';
    create function public.own_check() returns void language sql set search_path = '' as ''`);
  await postgres.query("select supasession._chain('access_token_hook', 'public', 'own_hook')");
  expect((await advisors()).grave).toEqual(['function_search_path_mutable supasession.access_token_hook']);
  await postgres.query("select supasession._chain('pre_request', 'public', 'own_check')");
  const both = ['access_token_hook', 'check_request'].map((name) => `function_search_path_mutable supasession.${name}`);
  expect((await advisors()).grave).toEqual(both);
  // The migration, run again, makes these functions anew.
  await install(postgres);
  expect((await advisors()).grave).toEqual(both);
  await postgres.query(
    "select supasession._chain('access_token_hook', null, null), supasession._chain('pre_request', null, null)",
  );
  expect((await advisors()).grave).toEqual([]);
});

/** SECURITY DEFINER functions that may be called by these roles. Newer lints (0028, 0029) warn of each; the CLI does not run them yet. */
const DEFINERS = {
  anon: ['_pre_request', 'has_access', 'is_live', 'session_age', 'why_ended'],
  authenticated: [
    ...['_pre_request', 'has_access', 'is_live', 'my_sessions'],
    ...['revoke_my_other_sessions', 'revoke_my_session', 'session_age', 'session_state', 'why_ended'],
  ],
};

it.each(Object.entries(DEFINERS))(
  'newer ones will warn of these for %s, and docs/security.md says why',
  async (role, names) => {
    const {rows} = await postgres.query<{name: string}>(
      `select proname as name from pg_proc where pronamespace = 'supasession'::regnamespace and prosecdef
       and has_function_privilege($1, oid, 'execute') order by proname`,
      [role],
    );
    expect(rows.map(({name}) => name)).toEqual(names);
    const docs = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8');
    const section = docs.slice(docs.indexOf('## What the database advisors say'));
    for (const name of [...names, 'access_token_hook', 'check_request', ...EXPECTED_INFO])
      expect(section).toContain(name);
  },
);
