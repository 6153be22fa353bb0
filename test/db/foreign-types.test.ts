/**
 * Code of others in our functions: a role that may run SQL makes types, relations, functions and operators with the names that our
 * functions use, and calls what it may call. Nothing of it may be run by any of ours.
 */
import {readFile} from 'node:fs/promises';
import pg from 'pg';
import {createSessions, createUsers, type AuthSession, type AuthUser} from '../helpers/auth.js';
import {claimsOf} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, type Settings} from '../helpers/install.js';

/** What a caller of ours is, by the role that it is a member of. Auth's role logs in itself. */
const CALLERS = ['anon', 'authenticated', 'service_role', 'supabase_auth_admin'] as const;

const CLIENT = '00000000-0000-0000-0000-0000000000c1';

let database: TestDatabase;
let postgres: pg.Client;
let admin: pg.Client;
let traps: string;
let user: AuthUser;
let session: AuthSession;
let other: AuthSession;
/** All connections of callers. */
const visitors: pg.Client[] = [];

beforeAll(async () => {
  database = await createDatabase({installed: true});
  [postgres, admin] = [await database.connect('postgres'), await database.connect('supabase_admin')];
  traps = await readFile(new URL('../fixtures/foreign-names.sql', import.meta.url), 'utf8');
  for (const caller of CALLERS) {
    if (caller !== 'supabase_auth_admin') {
      const flags = caller === 'service_role' ? 'bypassrls' : '';
      await admin.query(`create role ${login(caller)} login ${flags} password 'postgres' in role ${caller}`);
    }
  }
  // Counts the calls of each function, on connections that are made from now on.
  await admin.query(`alter database ${database.name} set track_functions = 'all'`);

  await admin.query(
    `insert into auth.oauth_clients (id, registration_type, redirect_uris, grant_types, token_endpoint_auth_method)
     values ($1, 'dynamic', '', '', 'none')`,
    [CLIENT],
  );
  [user] = (await createUsers(postgres, 1)) as [AuthUser];
  [other, session] = (await createSessions(postgres, [user.userId], 2)) as [AuthSession, AuthSession];
  await postgres.query(
    `insert into supasession.rules (name, app_metadata, max_sessions) values ('pro', '{"plan": "pro"}', 2)`,
  );
  await configure(postgres, {enabled: true, max_sessions: 1, timebox: '1 day'});
});

afterAll(async () => {
  await database.drop();
  const server = new pg.Client({connectionString: database.url('supabase_admin').replace(/[^/]*$/, 'postgres')});
  await server.connect();
  for (const caller of CALLERS) if (caller !== 'supabase_auth_admin') await server.query(`drop role ${login(caller)}`);
  await server.end();
});

function login(caller: (typeof CALLERS)[number]): string {
  return caller === 'supabase_auth_admin' ? caller : `${caller}_${database.name}`;
}

/** A connection of a caller, with the warnings that it gets. */
interface Visitor {
  client: pg.Client;
  warnings: string[];
}

async function visit(caller: (typeof CALLERS)[number], path?: string): Promise<Visitor> {
  const client = await database.connect(login(caller));
  visitors.push(client);
  const warnings: string[] = [];
  client.on('notice', ({severity, message}) => severity === 'WARNING' && warnings.push(message ?? ''));
  await client.query("select pg_catalog.set_config('request.jwt.claims', $1, false)", [
    JSON.stringify(claimsOf(session)),
  ]);
  if (path !== undefined) {
    await admin.query(`drop schema if exists ${login(caller)} cascade; create schema authorization ${login(caller)}`);
    await client.query(traps);
    await client.query(`set search_path = ${path.replace('OWN', login(caller))}`);
  }
  return {client, warnings};
}

/** What comes first: types and relations of the temporary schema (Postgres looks there unless told otherwise), or everything of an own one. */
const PATHS = ['public', 'OWN, pg_catalog'];

/** The calls of everything that anybody but the owner may call, by its name. Times are not compared, so they are left out. */
const CALLS: Record<string, string> = {
  _claims: 'select session_id, user_id, malformed from supasession._claims()',
  _hook_answer: 'select * from supasession._hook_answer(SESSION)',
  _pre_request: 'select * from supasession._pre_request()',
  access_token_hook: 'select supasession.access_token_hook(EVENT)',
  check_request: 'select from supasession.check_request()',
  device_label:
    "select supasession.device_label('Mozilla/5.0 (iPhone; like Mac OS X) Version/17.5 Mobile/15E148 Safari/604.1')",
  disable: 'select from supasession.disable()',
  enable: 'select from supasession.enable()',
  enforce: 'select * from supasession.enforce()',
  get_config: 'select enabled, max_sessions, strategy from supasession.get_config()',
  has_access: 'select supasession.has_access()',
  is_live: 'select supasession.is_live()',
  my_sessions: 'select id, device, user_agent, ip, aal, current from supasession.my_sessions()',
  prune: "select supasession.prune('1 day')",
  restore_access: 'select supasession.restore_access(USER)',
  revoke_access: "select supasession.revoke_access(USER, 'for a test')",
  revoke_my_other_sessions: 'select supasession.revoke_my_other_sessions()',
  revoke_my_session: 'select supasession.revoke_my_session(OTHER)',
  revoke_session: 'select supasession.revoke_session(SESSION)',
  revoke_user_sessions: 'select supasession.revoke_user_sessions(USER)',
  session_age: 'select supasession.session_age() is null as none',
  session_state: 'select * from supasession.session_state()',
  set_config: 'select enabled, max_sessions, strategy from supasession.set_config(max_sessions => 3)',
  sid: 'select supasession.sid()',
  why_ended: 'select * from supasession.why_ended(SESSION)',
};

/** The names of what a caller may call. */
async function callable(caller: string): Promise<string[]> {
  const {rows} = await postgres.query<{name: string}>(
    `select proname as name from pg_proc
     where pronamespace = 'supasession'::regnamespace and has_function_privilege($1, oid, 'execute')
       and prorettype <> 'trigger'::regtype
     order by 1`,
    [caller],
  );
  return rows.map(({name}) => name);
}

/** Calls everything that the caller may call, each in a transaction that is rolled back. Gives the answers. */
async function callAll({client}: Visitor, names: string[]): Promise<Record<string, unknown>> {
  const event = {authentication_method: 'password', claims: {session_id: session.sessionId}};
  const answers: Record<string, unknown> = {};
  for (const name of names) {
    const sql = (CALLS[name] ?? `no call of ${name} is known here`)
      .replace('EVENT', `'${JSON.stringify(event)}'`)
      .replace('SESSION', `'${session.sessionId}'`)
      .replace('OTHER', `'${other.sessionId}'`)
      .replace('USER', `'${user.userId}'`);
    await client.query('begin');
    answers[name] = await client.query(sql).then(
      ({rows}) => rows as unknown,
      (error: unknown) => String(error),
    );
    await client.query('rollback');
  }
  return answers;
}

describe('the traps', () => {
  it.each(PATHS)('catch a function that has an empty path, with the path %s, and run as its owner', async (path) => {
    await postgres.query(`create function public.weak() returns uuid language plpgsql security definer set search_path = '' as
      $$declare value uuid := '${CLIENT}'; begin return value; end$$`);
    const {client, warnings} = await visit('anon', path);
    await client.query('select public.weak()');
    await postgres.query('drop function public.weak()');
    expect(warnings).toEqual(expect.arrayContaining(['caught by type uuid: ran as postgres']));
  });

  it('catch operators and functions in an own schema', async () => {
    const {client, warnings} = await visit('anon', 'OWN, pg_catalog');
    await client.query(`select 1 = 1, now(), '{}'::pg_catalog.jsonb ->> 'a'`);
    expect(new Set(warnings)).toEqual(
      new Set(
        ['int4eq', 'now', 'jsonb_object_field_text'].map(
          (name) => `caught by function ${name}: ran as ${login('anon')}`,
        ),
      ),
    );
  });
});

describe.each(CALLERS)('a member of %s', (caller) => {
  it.each(PATHS)('gets the answers that everybody gets, and its traps stay shut, with the path %s', async (path) => {
    const names = await callable(login(caller));
    const expected = await callAll(await visit(caller), names);
    expect(Object.values(expected)).toEqual(names.map(() => expect.any(Array) as unknown));
    const visitor = await visit(caller, path);
    expect(await callAll(visitor, names)).toEqual(expected);
    expect(visitor.warnings).toEqual([]);
  });
});

// What calls them has no path of its own: it has the caller's.
describe('where functions of the project are called in turn', () => {
  const HOOK = "select supasession._chain('access_token_hook', 'public', 'own_hook')";
  const CHECK = "supasession._chain('pre_request', 'public', 'own_check')";

  beforeAll(async () => {
    await postgres.query(`create function public.own_hook(event jsonb) returns jsonb language sql set search_path = '' as
      $$select pg_catalog.jsonb_build_object('claims', pg_catalog.jsonb_build_object('own', 1))$$;
      create function public.own_check() returns void language plpgsql set search_path = '' as
      $$begin perform pg_catalog.set_config('own.check', 'done', true); end$$;
      grant execute on all functions in schema public to public;
      ${HOOK}, ${CHECK}`);
  });

  afterAll(async () => {
    await postgres.query(`select supasession._chain('access_token_hook', null, null), supasession._chain('pre_request', null, null);
      drop function public.own_hook(jsonb), public.own_check()`);
  });

  describe.each([
    ...(['anon', 'authenticated', 'service_role'] as const).map((caller) => ({
      caller,
      name: 'check_request',
      answer: {},
    })),
    {caller: 'supabase_auth_admin', name: 'access_token_hook', answer: {access_token_hook: {claims: {own: 1}}}},
  ] as const)('a member of $caller', ({caller, name, answer}) => {
    it.each(PATHS)(`gets the answer of ${name}(), and its traps stay shut, with the path %s`, async (path) => {
      const visitor = await visit(caller, path);
      expect(await callAll(visitor, [name])).toEqual({[name]: [answer]});
      expect(visitor.warnings).toEqual([]);
    });
  });

  it.each(PATHS)('the same where these functions are gone, with the path %s', async (path) => {
    await postgres.query(`${HOOK.replace('own', 'gone')}, ${CHECK.replace('own', 'gone')}`);
    const visitors = [await visit('supabase_auth_admin', path), await visit('anon', path)] as const;
    const claims = {session_id: session.sessionId};
    expect(await callAll(visitors[0], ['access_token_hook'])).toEqual({
      access_token_hook: [{access_token_hook: {claims}}],
    });
    expect(await callAll(visitors[1], ['check_request'])).toEqual({check_request: [{}]});
    for (const {warnings} of visitors) expect(warnings).toEqual([expect.stringMatching(/^supasession: .*gone/)]);
    await postgres.query(`${HOOK}, ${CHECK}`);
  });

  it.each(PATHS)('a refusal reaches the hook, with the path %s', async (path) => {
    await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject', reject_in_hook: true});
    const {client, warnings} = await visit('supabase_auth_admin', path);
    await client.query('begin');
    await client.query(
      `${insert()} returning pg_catalog.set_config('own.session', id::pg_catalog.text, true)`.replace(
        'USER',
        `'${user.userId}'`,
      ),
    );
    const {rows} = await client.query(
      `select supasession.access_token_hook(pg_catalog.jsonb_build_object('claims',
         pg_catalog.jsonb_build_object('session_id', pg_catalog.current_setting('own.session')))) as answer`,
    );
    await client.query('rollback');
    expect(rows).toEqual([{answer: {error: {http_code: 403, message: 'Session limit of 1 reached'}}}]);
    expect(warnings).toEqual([]);
  });
});

/** What Auth does to sessions, with every name qualified: only what is run inside of our triggers can be caught. */
const insert = (columns = '', values = ''): string =>
  `insert into auth.sessions (id, user_id, created_at, updated_at, aal${columns}) values (pg_catalog.gen_random_uuid(), USER, pg_catalog.now(), pg_catalog.now(), 'aal1'${values})`;
const refresh = `update auth.sessions set refreshed_at = pg_catalog.now(), user_agent = 'Mozilla/5.0 (Macintosh) Chrome/126.0.0.0 Safari/537.36'
  where user_id operator(pg_catalog.=) USER and id operator(pg_catalog.<>) LAST`;

interface Case {
  what: string;
  settings: Settings;
  /** What postgres does before. */
  before?: string;
  /** What Auth's role does: all but the last must go through. */
  statements: string[];
  /** How the last one ends; it goes through if this is left out. */
  error?: string;
  /** The kinds of events that come of it. */
  events?: string[];
}

const limits: Settings = {
  enabled: true,
  max_sessions: 1,
  timebox: '1 day',
  inactivity_timeout: '1 hour',
  low_aal_timeout: '1 hour',
};

const CASES: Case[] = [
  {what: 'a sign-in that ends the oldest', settings: limits, statements: [insert()], events: ['evicted']},
  {
    what: 'a sign-in that ends the least recently used',
    settings: {...limits, eviction_order: 'least_recently_used'},
    statements: [insert()],
    events: ['evicted'],
  },
  {
    what: 'a sign-in with a deadline of its own',
    settings: limits,
    statements: [
      insert(', not_after', ', pg_catalog.now() operator(pg_catalog.+) pg_catalog.make_interval(days => 2)'),
    ],
    events: ['evicted'],
  },
  {
    what: 'a sign-in under a rule',
    settings: {...limits, max_sessions: 9},
    before: `update auth.users set raw_app_meta_data = '{"plan": "pro"}' where id = USER`,
    statements: [insert()],
    events: ['evicted'],
  },
  {
    what: 'a sign-in of an OAuth client',
    settings: {...limits, oauth_clients: 'separate'},
    statements: [insert(', oauth_client_id', `, '${CLIENT}'`), insert(', oauth_client_id', `, '${CLIENT}'`)],
    events: ['evicted'],
  },
  {
    what: 'a sign-in by SAML',
    settings: limits,
    before: `insert into auth.flow_state (id, user_id, auth_code, code_challenge_method, code_challenge, provider_type, authentication_method, created_at, updated_at)
     values (gen_random_uuid(), USER, 'code', 's256', 'challenge', 'saml', 'sso/saml', now() - interval '1 hour', now() - interval '1 hour');
     insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method) values (gen_random_uuid(), LAST, now(), now(), 'sso/saml')`,
    statements: [insert()],
    events: ['evicted'],
  },
  {
    what: 'a sign-in that is refused',
    settings: {...limits, strategy: 'reject'},
    statements: [insert()],
    error: 'PT403',
  },
  {
    what: 'a sign-in that is refused for the hook',
    settings: {...limits, strategy: 'reject', reject_in_hook: true},
    statements: [insert(), 'set constraints all immediate'],
    error: 'PT403',
  },
  {
    what: 'a sign-in that idle sessions give way to',
    settings: {...limits, strategy: 'reject', reject_ignores_idle: '1 second'},
    statements: [insert()],
    events: ['evicted'],
  },
  {
    what: 'a sign-in of a user without access',
    settings: limits,
    before: 'insert into supasession.revoked (user_id) values (USER)',
    statements: [insert()],
    error: 'PT403',
  },
  {
    what: 'a sign-in that is observed',
    settings: {...limits, mode: 'observe'},
    statements: [insert()],
    events: ['would_evict'],
  },
  {
    what: 'a refresh that ends the session',
    settings: {...limits, record_device_changes: true},
    statements: [refresh],
    events: ['device_changed', 'evicted'],
  },
  {
    what: 'a refresh that is too late',
    settings: {...limits, timebox: '1 second'},
    statements: [refresh],
    events: ['expired'],
  },
  {
    what: 'a refresh of a session that was to end',
    settings: limits,
    before:
      'insert into supasession.pending_ends (session_id, user_id) select id, user_id from auth.sessions where user_id = USER',
    statements: [refresh],
  },
  {
    what: 'a refresh with limits off',
    settings: {enabled: false},
    before:
      "update auth.sessions set not_after = date_trunc('second', now() + interval '1 hour') + interval '0.271828 seconds'",
    statements: [refresh],
  },
  {
    what: 'a second factor',
    settings: limits,
    before: `insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at) values (gen_random_uuid(), USER, 'totp', 'verified', now(), now())`,
    statements: [
      `update auth.sessions set aal = 'aal2' where id operator(pg_catalog.=) LAST`,
      insert(),
      `update auth.sessions set aal = 'aal2' where aal operator(pg_catalog.=) 'aal1'`,
    ],
    events: ['evicted'],
  },
  {
    what: 'a sign-out',
    settings: limits,
    statements: ['delete from auth.sessions where user_id operator(pg_catalog.=) USER'],
  },
];

describe.each(PATHS)('supabase_auth_admin, with the path %s', (path) => {
  let visitor: Visitor;
  beforeAll(async () => {
    visitor = await visit('supabase_auth_admin', path);
  });

  it.each(CASES)(
    'catches nothing of ours by $what',
    async ({settings, before, statements, error: expected, events = []}) => {
      await configure(postgres, {enabled: false});
      const [owner] = (await createUsers(postgres, 1)) as [AuthUser];
      const made = await createSessions(postgres, [owner.userId], 2);
      const fill = (sql: string): string =>
        sql.replaceAll('USER', `'${owner.userId}'`).replaceAll('LAST', `'${made[1]!.sessionId}'`);
      if (before !== undefined) await postgres.query(fill(before));
      await configure(postgres, settings);

      const {client, warnings} = visitor;
      let failed: string | undefined;
      await client.query('begin');
      for (const statement of statements) {
        expect(failed).toBeUndefined();
        failed = await client.query(fill(statement)).then(
          () => undefined,
          (error: unknown) => (error as pg.DatabaseError).code,
        );
      }
      await client.query('commit');
      expect(warnings).toEqual([]);
      expect(failed).toBe(expected);
      const {rows} = await postgres.query<{kind: string}>(
        'select distinct kind from supasession.events where user_id = $1 order by kind',
        [owner.userId],
      );
      expect(rows.map(({kind}) => kind)).toEqual(events);
    },
  );
});

/** What only the owner may call, and what always raises, so that Postgres does not count it. */
const NOT_COUNTED = [
  ...[
    '_chain',
    '_configured_pre_request',
    '_grant_guard',
    '_guard_enabled',
    '_set_pre_request',
    'disable_guard',
    'enable_guard',
  ],
  '_refuse_at_commit',
];

it('so every function of ours that anybody can reach has been called beside the traps', async () => {
  // A connection that ends has reported all its calls.
  await Promise.all(visitors.map(async (client) => client.end()));
  const {rows} = await postgres.query<{name: string}>(
    `select p.proname as name from pg_proc p
     where p.pronamespace = 'supasession'::regnamespace
       and not exists (select from pg_stat_user_functions f where f.funcid = p.oid and f.calls > 0)
     order by 1`,
  );
  expect(rows.map(({name}) => name)).toEqual(NOT_COUNTED.sort());
});
