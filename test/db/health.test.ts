/** health(): all is well after an installation, and each thing that can break is told, with what to do. */
import type {Client} from 'pg';
import {createSessions, createUser, createUsers} from '../helpers/auth.js';
import {ask} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install} from '../helpers/install.js';

interface Row {
  check: string;
  ok: boolean;
  detail: string | null;
  fix: string | null;
}

const GUARD = 'supasession.check_request';
const APPLY = 'put it back: supasession doctor --fix';

let database: TestDatabase;
let postgres: Client;
let superuser: Client;

beforeEach(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
  superuser = await database.connect('supabase_admin');
  await install(postgres);
});

// Settings of a role in this database go with it.
afterEach(async () => database.drop());

async function health(): Promise<Row[]> {
  return (await postgres.query<Row>('select * from supasession.health()')).rows;
}

/** What is not well. */
async function ills(): Promise<Omit<Row, 'ok'>[]> {
  return (await health()).filter(({ok}) => !ok).map(({check, detail, fix}) => ({check, detail, fix}));
}

/** Configures PostgREST, for this database alone. */
async function setPreRequest(name: string): Promise<void> {
  await superuser.query(`alter role authenticator in database ${database.name} set pgrst.db_pre_request = '${name}'`);
}

it('says that all is well after an installation, the hook first', async () => {
  const rows = await health();
  expect(rows.filter(({ok}) => !ok)).toEqual([]);
  expect(rows.map(({check}) => check)).toEqual([
    'hook executable by Auth',
    'installation',
    'trigger supasession_interceptor',
    'trigger supasession_refresh',
    'trigger supasession_aal',
    'trigger supasession_factor',
    'trigger supasession_saml',
    'trigger supasession_recovery',
    'trigger supasession_account',
    'trigger refuse_at_commit',
    'trigger config_history',
    'trigger rules_history',
    'rights on auth.sessions',
    'rights on auth.users',
    'rights on auth.mfa_amr_claims',
    'rights on auth.mfa_factors',
    'rights on auth.flow_state',
    'settings',
    'settings kept',
    'next hook',
    'pre-request',
    'guard for every role',
  ]);
  expect(rows.every(({ok, fix}) => ok === (fix === null))).toBe(true);
  expect(rows.find(({check}) => check === 'installation')?.detail).toBe('release 1.0.0, run by hand');
});

it('says so with everything switched on as well, and shows the checksum', async () => {
  await configure(postgres, {enabled: true, timebox: '1 day', inactivity_timeout: '1 hour'});
  await postgres.query("update supasession.config set refusal_message = 'no' where true");
  await postgres.query("update supasession.installation set checksum = 'abc' where true");
  const rows = await health();
  expect(rows.filter(({ok}) => !ok)).toEqual([]);
  expect(rows.map(({check}) => check).slice(-2)).toEqual(['users over the limit', 'deadlines']);
  expect(rows.find(({check}) => check === 'installation')?.detail).toBe('release 1.0.0, abc');
});

it('is called by service_role in a reading request, and by nobody else', async () => {
  const api = await database.connect('authenticator');
  const rows = await ask<Row>(api, {role: 'service_role', readOnly: true}, 'select * from supasession.health()');
  expect(rows.filter(({ok}) => !ok)).toEqual([]);
  for (const role of ['anon', 'authenticated'])
    await expect(ask(api, {role}, 'select * from supasession.health()')).rejects.toMatchObject({code: '42501'});
});

describe('the hook', () => {
  it.each([
    'revoke usage on schema supasession from supabase_auth_admin',
    'revoke execute on function supasession.access_token_hook(jsonb) from supabase_auth_admin',
    'revoke execute on function supasession._hook_answer(uuid) from supabase_auth_admin',
    'drop function supasession.access_token_hook(jsonb)',
  ])('that Auth cannot call is told first: %s', async (sql) => {
    await postgres.query(sql);
    const [first, ...others] = await health();
    expect(first).toMatchObject({
      ...{check: 'hook executable by Auth', ok: false, fix: APPLY},
      detail: expect.stringContaining('every sign-in fails') as string,
    });
    expect(others.filter(({ok}) => !ok)).toEqual([]);
    await install(postgres);
    expect(await ills()).toEqual([]);
  });

  it('that ours calls and that is gone is told', async () => {
    await postgres.query(`create function public.claims(jsonb) returns jsonb language sql as 'select $1';
      update supasession.wiring set next_hook_schema = 'public', next_hook_function = 'claims' where true`);
    expect(await ills()).toEqual([]);
    const gone = [
      {
        check: 'next hook',
        detail: 'public.claims(jsonb) returning jsonb is not there',
        fix: 'create it, or unwire it: supasession hook disable',
      },
    ];
    await postgres.query('drop function public.claims');
    expect(await ills()).toEqual(gone);
    await postgres.query(`create function public.claims(json) returns jsonb language sql as 'select $1::jsonb'`);
    expect(await ills()).toEqual(gone);
    await postgres.query(`create function public.claims(jsonb) returns void language sql as ''`);
    expect(await ills()).toEqual(gone);
  });
});

describe.each([
  ['supasession_interceptor', 'auth.sessions', 'insert'],
  ['supasession_refresh', 'auth.sessions', 'update'],
  ['supasession_aal', 'auth.sessions', 'update'],
  ['supasession_factor', 'auth.mfa_amr_claims', 'insert'],
  ['supasession_saml', 'auth.mfa_amr_claims', 'insert'],
  ['supasession_recovery', 'auth.users', 'update'],
  ['supasession_account', 'auth.users', 'update'],
])('the trigger %s on %s', (name, relation, event) => {
  it('is told when it is disabled, missing or another, and an installation mends it', async () => {
    const ill = (what: string): unknown => [{check: `trigger ${name}`, detail: what, fix: APPLY}];
    await superuser.query(`alter table ${relation} disable trigger ${name}`);
    expect(await ills()).toEqual(ill(`trigger ${name} on ${relation} is disabled`));
    await superuser.query(`alter table ${relation} enable replica trigger ${name}`);
    expect(await ills()).toEqual(ill(`trigger ${name} on ${relation} is disabled`));
    await install(postgres);
    expect(await ills()).toEqual([]);

    await superuser.query(`drop trigger ${name} on ${relation}`);
    expect(await ills()).toEqual(ill(`trigger ${name} on ${relation} is missing`));

    await superuser.query(`create function public.other() returns trigger language plpgsql as 'begin return new; end';
      create trigger ${name} before ${event} on ${relation} for each row execute function public.other()`);
    expect(await ills()).toEqual(ill(`trigger ${name} on ${relation} calls public.other()`));
    await install(postgres);
    expect(await ills()).toEqual([]);
  });
});

it.each([
  ['refuse_at_commit', 'supasession.refusal'],
  ['config_history', 'supasession.config'],
  ['rules_history', 'supasession.rules'],
])(
  'the trigger %s on our own %s is told when it is disabled or missing, and an installation mends it',
  async (name, relation) => {
    await postgres.query(`alter table ${relation} disable trigger ${name}`);
    expect(await ills()).toMatchObject([
      {check: `trigger ${name}`, detail: `trigger ${name} on ${relation} is disabled`},
    ]);
    await install(postgres);
    expect(await ills()).toEqual([]);
    await postgres.query(`drop trigger ${name} on ${relation}`);
    expect(await ills()).toMatchObject([
      {check: `trigger ${name}`, detail: `trigger ${name} on ${relation} is missing`},
    ]);
    await install(postgres);
    expect(await ills()).toEqual([]);
  },
);

it.each([
  ['auth.sessions', 'delete', 'delete'],
  ['auth.sessions', 'update, delete', 'update, delete'],
  ['auth.users', 'update', 'update'],
  ['auth.users', 'trigger', 'trigger'],
  ['auth.mfa_amr_claims', 'trigger', 'trigger'],
])('a right on %s that postgres has lost is told: %s', async (relation, privilege, lacks) => {
  await superuser.query(`revoke ${privilege} on ${relation} from postgres`);
  expect(await ills()).toEqual([
    {
      check: `rights on ${relation}`,
      detail: `postgres lacks: ${lacks}`,
      fix: 'ask the operator of the database for these rights',
    },
  ]);
});

describe('the settings', () => {
  it('that have no row are told', async () => {
    await postgres.query('delete from supasession.config');
    expect(await ills()).toEqual([
      {
        check: 'settings',
        detail: 'there is no row in supasession.config: limits are off',
        fix: 'supasession config --enable',
      },
    ]);
    await postgres.query('select supasession.enable()');
    expect(await ills()).toEqual([]);
  });

  it('that a delete-and-insert put back to their defaults are told, until they are set again', async () => {
    await postgres.query(
      "update supasession.config set enabled = true, timebox = '1 day', eviction_order = 'least_recently_used' where true",
    );
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'reject'});
    expect(await ills()).toEqual([
      {
        check: 'settings kept',
        detail: 'a delete-and-insert put back to their defaults: eviction_order, timebox',
        fix: 'set them again: supasession config',
      },
    ]);
    await postgres.query("update supasession.config set timebox = '2 days' where true");
    expect(await ills()).toEqual([]);
  });

  it('that a delete-and-insert left as they were are not told', async () => {
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'reject'});
    expect(await ills()).toEqual([]);
  });
});

describe('the Data API', () => {
  it('whose pre-request function is gone is told, with the guard and without', async () => {
    await postgres.query(`create function public.before_request() returns void language sql as ''`);
    await setPreRequest('public.before_request');
    expect(await ills()).toEqual([]);
    await postgres.query('drop function public.before_request');
    expect(await ills()).toEqual([
      {
        check: 'pre-request',
        detail:
          'pgrst.db_pre_request names public.before_request, which is not there: every request of the Data API fails',
        fix: 'create it, or unwire it: supasession guard disable',
      },
    ]);
    await postgres.query(
      `update supasession.wiring set pre_request_schema = 'public', pre_request_function = 'before_request' where true`,
    );
    await setPreRequest(GUARD);
    expect(await ills()).toMatchObject([{check: 'pre-request', detail: 'public.before_request() is not there'}]);
    await postgres.query(`create function public.before_request() returns void language sql as ''`);
    expect(await ills()).toEqual([]);
  });

  it.each(['before_request', '', 'App.Before', 'my schema.my function', 'a.b.c', '"', '.', 'x.', '(;)'])(
    'may be configured with any text: %p',
    async (name) => {
      await setPreRequest(name);
      const told = (await ills()).map(({check}) => check);
      expect(told).toEqual(name.includes('.') ? ['pre-request'] : []);
      await install(postgres);
    },
  );

  it('knows a pre-request function whose name needs quotes', async () => {
    await postgres.query(`create schema "App"; create function "App"."Before It"() returns void language sql as ''`);
    await setPreRequest('App.Before It');
    expect(await ills()).toEqual([]);
  });

  it('that has a role which may not call the guard is told, and an installation mends it', async () => {
    const role = `member_${process.pid}`;
    await postgres.query(`create role ${role}; grant ${role} to authenticator`);
    try {
      expect(await ills()).toEqual([]);
      await setPreRequest(GUARD);
      expect(await ills()).toEqual([
        {
          check: 'guard for every role',
          detail: `requests as these roles fail: ${role}`,
          fix: 'select supasession.enable_guard()',
        },
      ]);
      await install(postgres);
      expect(await ills()).toEqual([]);
      await postgres.query('drop function supasession.check_request()');
      expect(await ills()).toMatchObject([
        {
          check: 'guard for every role',
          detail: `requests as these roles fail: anon, authenticated, ${role}, service_role`,
        },
      ]);
    } finally {
      await superuser.query(`drop owned by ${role}; drop role ${role}`);
    }
  });
});

describe('the sessions', () => {
  it('of users over the limit are told', async () => {
    const users = await createUsers(postgres, 2);
    await createSessions(
      postgres,
      users.map(({userId}) => userId),
      3,
    );
    await postgres.query('update supasession.config set enabled = true, max_sessions = 2 where true');
    expect(await ills()).toEqual([
      {check: 'users over the limit', detail: '2 users, 2 sessions', fix: 'supasession enforce'},
    ]);
    await postgres.query('select supasession.enforce()');
    expect(await ills()).toEqual([]);
  });

  it('without a deadline are told where there is to be one', async () => {
    const user = await createUser(postgres);
    await createSessions(postgres, [user.userId], 2);
    await postgres.query(
      "update supasession.config set enabled = true, max_sessions = 9, timebox = '1 day' where true",
    );
    expect(await ills()).toEqual([
      {
        check: 'deadlines',
        detail: '2 sessions have none yet; they get one at their next refresh',
        fix: 'supasession enforce',
      },
    ]);
    await postgres.query("insert into supasession.rules (name, user_id, no_deadline) values ('kiosk', $1, true)", [
      user.userId,
    ]);
    expect(await ills()).toEqual([]);
    await postgres.query('delete from supasession.rules');
    await postgres.query('select supasession.enforce()');
    expect(await ills()).toEqual([]);
  });
});

it('shows what supautils is set to, where it is', async () => {
  await superuser.query(
    `alter database ${database.name} set supautils.privileged_role_allowed_configs = 'pgrst.*, session_replication_role'`,
  );
  const client = await database.connect('postgres');
  const {rows} = await client.query<Row>('select * from supasession.health()');
  expect(rows.filter(({check}) => check.startsWith('supautils'))).toEqual([
    {
      check: 'supautils supautils.privileged_role_allowed_configs',
      ok: true,
      detail: 'pgrst.*, session_replication_role',
      fix: null,
    },
  ]);
});

it('tells that there is no record of what is installed', async () => {
  await postgres.query('delete from supasession.installation');
  expect(await ills()).toEqual([
    {check: 'installation', detail: 'there is no record of what is installed', fix: 'supasession init --apply'},
  ]);
});
