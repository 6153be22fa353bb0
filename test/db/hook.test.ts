/** Readable refusals: access_token_hook() as Auth calls it, and the project's own hook behind it. */
import type {Client} from 'pg';
import {
  createFactor,
  createSamlUser,
  createUser,
  exchangeCode,
  generateMagicLink,
  liveSessions,
  mfaChallenge,
  mfaVerify,
  refreshV1,
  refreshV2,
  requestPkceLink,
  run,
  samlAcs,
  signInPassword,
  signOut,
  signUp,
  startSamlPkce,
  Steps,
  verifyMagicLink,
  verifyPkceLink,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install} from '../helpers/install.js';

let database: TestDatabase;
let postgres: Client;
let auth: Client;
let user: AuthUser;
let warnings: string[] = [];

beforeAll(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
  auth = await database.connect('supabase_auth_admin');
  auth.on('notice', ({severity, message}) => {
    if (severity === 'WARNING') warnings.push(message ?? '');
  });
  await install(postgres);
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await chain(null);
  user = await createUser(postgres);
  warnings = [];
});

afterAll(async () => database.drop());

const HOOK = 'supasession.access_token_hook';
const hook = {hook: HOOK};
const rejecting = {enabled: true, max_sessions: 1, strategy: 'reject', reject_in_hook: true} as const;
const refused = {status: 403, message: 'Session limit of 1 reached'};
const algorithms = [1, 2] as const;

/** Names the project's own hook, or takes it away. */
async function chain(schema: string | null, name: string | null = null): Promise<void> {
  await postgres.query("select supasession._chain('access_token_hook', $1, $2)", [schema, name]);
}

/** Makes a hook of the project, as its documentation tells to, and has ours call it. */
async function project(body: string, {schema = 'public', name = 'claims', tail = ''} = {}): Promise<void> {
  const full = `${postgres.escapeIdentifier(schema)}.${postgres.escapeIdentifier(name)}`;
  await postgres.query(`create schema if not exists ${postgres.escapeIdentifier(schema)}`);
  await postgres.query(
    `create or replace function ${full}(event jsonb) returns jsonb language plpgsql as $$${body}$$ ${tail}`,
  );
  await postgres.query(`grant usage on schema ${postgres.escapeIdentifier(schema)} to supabase_auth_admin`);
  await postgres.query(`grant execute on function ${full}(jsonb) to supabase_auth_admin`);
  await chain(schema, name);
}

/** The answer to an event, asked for as Auth does. */
async function ask(event: object): Promise<Record<string, unknown>> {
  await auth.query('begin');
  try {
    await auth.query("set local statement_timeout to '2000'");
    const {rows} = await auth.query<{access_token_hook: Record<string, unknown>}>(
      'select "supasession"."access_token_hook"($1)',
      [JSON.stringify(event)],
    );
    return rows[0]?.access_token_hook ?? {};
  } finally {
    await auth.query('rollback');
  }
}

const anEvent = (): {user_id: string; claims: Record<string, unknown>; authentication_method: string} => ({
  user_id: user.userId,
  claims: {sub: user.userId, session_id: '6f0f6f3c-0000-4000-8000-000000000000', role: 'authenticated', exp: 1},
  authentication_method: 'password',
});

/** How many rows there are in every table that a sign-in of a user may write. */
async function rowCounts(): Promise<Record<string, number>> {
  const tables = [
    ...['sessions', 'refresh_tokens', 'mfa_amr_claims', 'one_time_tokens', 'flow_state', 'audit_log_entries'].map(
      (name) => `auth.${name}`,
    ),
    ...['pending_rejections', 'foreign_deadlines', 'pending_ends', 'events'].map((name) => `supasession.${name}`),
  ];
  const counts: Record<string, number> = {};
  for (const table of tables) {
    const {rows} = await postgres.query<{count: number}>(`select count(*)::int as count from ${table}`);
    counts[table] = rows[0]?.count ?? NaN;
  }
  return counts;
}

async function isLive({sessionId, userId}: AuthSession): Promise<boolean> {
  return (await liveSessions(postgres, userId)).includes(sessionId);
}

describe.each(algorithms)('a refusal through the hook, refresh token algorithm %i', (algorithm) => {
  const signIn = (): Promise<AuthSession> => run(auth, signInPassword(user.email, {...hook, algorithm}));

  it('answers 403 with a message, and ends nothing', async () => {
    await configure(postgres, rejecting);
    const first = await signIn();
    await expect(signIn()).rejects.toMatchObject(refused);
    expect(await liveSessions(postgres, user.userId)).toEqual([first.sessionId]);
  });

  it('leaves no row behind, here or in Auth', async () => {
    await configure(postgres, {...rejecting, timebox: '1 hour'});
    await signIn();
    const before = await rowCounts();
    await expect(signIn()).rejects.toMatchObject(refused);
    expect(await rowCounts()).toEqual(before);
    expect(before['supasession.pending_rejections']).toBe(0);
  });

  it('leaves no note behind where the sign-in passes either', async () => {
    await configure(postgres, rejecting);
    await signIn();
    expect((await rowCounts())['supasession.pending_rejections']).toBe(0);
  });

  it('lets refreshes through, of the session at the limit and of one that is over it, which ends', async () => {
    await configure(postgres, {...rejecting, max_sessions: 3});
    const sessions = [await signIn(), await signIn()];
    await postgres.query('update supasession.config set max_sessions = 1');
    const refresh = algorithm === 1 ? refreshV1 : refreshV2;
    for (const session of sessions) await run(auth, refresh(session, hook));
    expect(await liveSessions(postgres, user.userId)).toEqual([sessions[1]?.sessionId]);
  });

  it('lets the next one in once there is room', async () => {
    await configure(postgres, rejecting);
    const first = await signIn();
    await expect(signIn()).rejects.toMatchObject(refused);
    await run(auth, signOut(first));
    expect(await isLive(await signIn())).toBe(true);
  });
});

describe('the message', () => {
  it.each([
    ['Too many devices ({limit} of {limit}): sign out elsewhere', 'Too many devices (2 of 2): sign out elsewhere'],
    ['Nein', 'Nein'],
    ['100% "quoted" \\ and {"json": 1} %s', '100% "quoted" \\ and {"json": 1} %s'],
  ])('is what is set: %s', async (refusal_message, message) => {
    await configure(postgres, {...rejecting, max_sessions: 2, refusal_message});
    for (let n = 0; n < 2; n += 1) await run(auth, signInPassword(user.email, hook));
    await expect(run(auth, signInPassword(user.email, hook))).rejects.toMatchObject({status: 403, message});
  });

  it('names the limit of the rule that applies', async () => {
    await configure(postgres, {...rejecting, max_sessions: 9});
    await postgres.query("insert into supasession.rules (name, user_id, max_sessions) values ('one', $1, 1)", [
      user.userId,
    ]);
    await run(auth, signInPassword(user.email, hook));
    await expect(run(auth, signInPassword(user.email, hook))).rejects.toMatchObject(refused);
    await postgres.query('delete from supasession.rules');
  });

  it('cannot be empty', async () => {
    await expect(postgres.query("update supasession.config set refusal_message = ''")).rejects.toMatchObject({
      code: '23514',
    });
  });
});

/** A table of rejections that can be written, and not read. */
const UNREADABLE = {
  damage: `alter table supasession.pending_rejections rename to elsewhere;
    create function public.fails() returns boolean language plpgsql as 'begin raise sqlstate ''XX001''; end';
    create view supasession.pending_rejections as select * from supasession.elsewhere where public.fails()`,
  repair: `drop view supasession.pending_rejections; drop function public.fails();
    alter table supasession.elsewhere rename to pending_rejections`,
};

describe('fails closed', () => {
  const contract = (): string => `Session limit of 1 exceeded for user ${user.userId}`;

  it('at commit, with the words of 0.1.2, where the hook is not configured', async () => {
    await configure(postgres, rejecting);
    await run(auth, signInPassword(user.email));
    const before = await rowCounts();
    await expect(run(auth, signInPassword(user.email))).rejects.toMatchObject({
      ...{status: 500, sqlstate: 'PT403', statement: 'commit'},
      message: contract(),
    });
    expect(await rowCounts()).toEqual(before);
  });

  it('at commit, where another hook was called and let it pass', async () => {
    await project("begin return jsonb_build_object('claims', event -> 'claims'); end");
    await configure(postgres, rejecting);
    await run(auth, signInPassword(user.email, {hook: 'public.claims'}));
    await expect(run(auth, signInPassword(user.email, {hook: 'public.claims'}))).rejects.toMatchObject({
      ...{sqlstate: 'PT403', statement: 'commit'},
    });
  });

  it('in the insert, as ever, where refusals are not left to the hook', async () => {
    await configure(postgres, {...rejecting, reject_in_hook: false});
    await run(auth, signInPassword(user.email, hook));
    await expect(run(auth, signInPassword(user.email, hook))).rejects.toMatchObject({
      ...{sqlstate: 'PT403', statement: 'insert sessions'},
      message: contract(),
    });
  });

  it.each([
    {
      what: 'the table of rejections is gone',
      damage: 'alter table supasession.pending_rejections rename to elsewhere',
      repair: 'alter table supasession.elsewhere rename to pending_rejections',
      ...{sqlstate: '42P01', statement: 'insert sessions'},
    },
    {
      what: 'the table of rejections has another shape',
      damage: 'alter table supasession.pending_rejections rename column hook_message to text',
      repair: 'alter table supasession.pending_rejections rename column text to hook_message',
      ...{sqlstate: '42703', statement: 'insert sessions'},
    },
    {
      what: 'no rejection can be written',
      damage: 'revoke insert on supasession.pending_rejections from postgres',
      repair: 'grant insert on supasession.pending_rejections to postgres',
      ...{sqlstate: '42501', statement: 'insert sessions'},
    },
    {
      what: 'no rejection can be read',
      ...UNREADABLE,
      // Where it is noticed, here or at commit, is all the same.
      sqlstate: expect.any(String) as string,
      statement: expect.stringMatching(/^(hook|commit)$/) as string,
    },
  ])('where $what', async ({damage, repair, sqlstate, statement}) => {
    await configure(postgres, rejecting);
    const first = await run(auth, signInPassword(user.email, hook));
    await postgres.query(damage);
    try {
      await expect(run(auth, signInPassword(user.email, hook))).rejects.toMatchObject({sqlstate, statement});
    } finally {
      await postgres.query(repair);
    }
    expect(await liveSessions(postgres, user.userId)).toEqual([first.sessionId]);
  });
});

describe('a refusal burns nothing', () => {
  let first: AuthSession;

  beforeEach(async () => {
    await configure(postgres, rejecting);
    first = await run(auth, signInPassword(user.email, hook));
  });

  it('the token of a magic link is good once there is room', async () => {
    const hash = await run(auth, generateMagicLink(user.email));
    await expect(run(auth, verifyMagicLink(hash, hook))).rejects.toMatchObject(refused);
    await run(auth, signOut(first));
    expect(await isLive(await run(auth, verifyMagicLink(hash, hook)))).toBe(true);
  });

  it.each(['magiclink', 'recovery'] as const)('neither is the code of PKCE, by %s', async (method) => {
    const hash = await run(auth, requestPkceLink(user.email, method));
    const code = await run(auth, verifyPkceLink(hash, method));
    await expect(run(auth, exchangeCode(code, hook))).rejects.toMatchObject(refused);
    await run(auth, signOut(first));
    expect(await isLive(await run(auth, exchangeCode(code, hook)))).toBe(true);
  });

  it('nor the challenge of a second factor', async () => {
    const factor = await createFactor(postgres, user.userId);
    first = await run(auth, mfaVerify(first, factor, hook));
    const second = await run(auth, signInPassword(user.email, hook));
    const challengeId = await run(auth, mfaChallenge(second, factor));
    await expect(run(auth, mfaVerify(second, factor, {...hook, challengeId}))).rejects.toMatchObject(refused);
    expect(await isLive(first)).toBe(true);
    await run(auth, signOut(first));
    expect(await isLive(await run(auth, mfaVerify(second, factor, {...hook, challengeId})))).toBe(true);
  });

  it('nor the flow of SAML with PKCE, refused where the provider answers', async () => {
    const member = await createSamlUser(postgres);
    const held = await run(auth, samlAcs(member, hook));
    const code = await run(auth, startSamlPkce());
    await expect(run(auth, samlAcs(member, {...hook, code}))).rejects.toMatchObject(refused);
    await run(auth, signOut(held));
    await run(auth, samlAcs(member, {...hook, code}));
    expect(await isLive(await run(auth, exchangeCode(code, hook)))).toBe(true);
  });
});

describe('without a refusal', () => {
  it('hands the claims back as they are', async () => {
    const event = anEvent();
    expect(await ask(event)).toEqual({claims: event.claims});
  });

  it.each(['dequeue', 'reject'] as const)('lets every sign-in within the limit pass under %s', async (strategy) => {
    await configure(postgres, {...rejecting, strategy, max_sessions: 2});
    await run(auth, signUp(`new-${user.email}`, hook));
    for (let n = 0; n < 2; n += 1) expect(await isLive(await run(auth, signInPassword(user.email, hook)))).toBe(true);
  });

  it('works on where the row of settings is gone', async () => {
    await postgres.query('delete from supasession.config');
    expect(await isLive(await run(auth, signInPassword(user.email, hook)))).toBe(true);
  });
});

describe("the project's own hook", () => {
  it('sees the event that Auth sent, and its answer is the answer', async () => {
    await project(`begin
      return jsonb_build_object('claims', event -> 'claims' || '{"plan": "pro"}', 'seen', event);
    end`);
    const event = anEvent();
    expect(await ask(event)).toEqual({claims: {...event.claims, plan: 'pro'}, seen: event});
  });

  it('is called at refreshes too', async () => {
    await project(
      "begin return jsonb_build_object('claims', event -> 'claims', 'method', event -> 'authentication_method'); end",
    );
    expect(await ask({...anEvent(), authentication_method: 'token_refresh'})).toMatchObject({method: 'token_refresh'});
  });

  it('is not called for a session that is refused', async () => {
    await postgres.query('create sequence public.calls');
    await postgres.query('grant usage on sequence public.calls to supabase_auth_admin');
    await project("begin perform nextval('public.calls'); return jsonb_build_object('claims', event -> 'claims'); end");
    await configure(postgres, rejecting);
    await run(auth, signInPassword(user.email, hook));
    await expect(run(auth, signInPassword(user.email, hook))).rejects.toMatchObject(refused);
    expect((await postgres.query('select last_value::int as calls from public.calls')).rows).toEqual([{calls: 1}]);
  });

  it("runs as Auth's role, with Auth's search_path and time limit: unqualified names are those of schema auth", async () => {
    await project(`begin
      return jsonb_build_object('claims', event -> 'claims', 'role', current_user, 'session', session_user,
        'path', current_setting('search_path'), 'timeout', current_setting('statement_timeout'),
        'email', (select email from users where id = (event ->> 'user_id')::uuid));
    end`);
    expect(await ask(anEvent())).toMatchObject({
      role: 'supabase_auth_admin',
      session: 'supabase_auth_admin',
      path: 'auth',
      timeout: '2s',
      email: user.email,
    });
  });

  it('keeps its own settings and rights where it has them', async () => {
    await project(
      "begin return jsonb_build_object('role', current_user, 'path', current_setting('search_path')); end",
      {
        tail: "security definer set search_path = 'public'",
      },
    );
    expect(await ask(anEvent())).toEqual({role: 'postgres', path: 'public'});
  });

  it('refuses with its own error object, which reaches Auth', async () => {
    await project(`begin return '{"error": {"http_code": 418, "message": "not on Sundays"}}'; end`);
    await expect(run(auth, signInPassword(user.email, hook))).rejects.toMatchObject({
      status: 418,
      message: 'not on Sundays',
    });
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
  });

  it.each([
    {
      what: 'raised by its author',
      body: `begin raise exception 'not today' using errcode = 'XX123'; end`,
      sqlstate: 'XX123',
    },
    {what: 'of a table that is missing', body: 'begin return (select claims from nowhere); end', sqlstate: '42P01'},
    {
      what: 'of a right that is missing',
      body: `begin return (select to_jsonb(c) from public.secrets c); end`,
      sqlstate: '42501',
    },
    {what: 'of its mathematics', body: 'begin return to_jsonb(1 / 0); end', sqlstate: '22012'},
  ])('raises an exception $what, which passes with its SQLSTATE', async ({body, sqlstate}) => {
    await postgres.query('create table if not exists public.secrets (claims jsonb)');
    await postgres.query('revoke all on public.secrets from public, supabase_auth_admin');
    await project(body);
    await configure(postgres, {enabled: true, max_sessions: 9});
    await expect(run(auth, signInPassword(user.email, hook))).rejects.toMatchObject({sqlstate, statement: 'hook'});
    expect(await liveSessions(postgres, user.userId)).toEqual([]);
  });

  it('takes too long, and the time-out passes', async () => {
    await project('begin perform pg_sleep(30); return event; end');
    await expect(run(auth, signInPassword(user.email, hook))).rejects.toMatchObject({
      sqlstate: '57014',
      statement: 'hook',
    });
  });

  it('that Auth may not execute fails as it would without us', async () => {
    await project('begin return event; end');
    await postgres.query('revoke execute on function public.claims(jsonb) from public, supabase_auth_admin');
    await expect(run(auth, signInPassword(user.email, hook))).rejects.toMatchObject({sqlstate: '42501'});
  });

  it.each([
    {schema: 'My Hooks', name: 'Add "Claims"'},
    {schema: 'select', name: 'from'},
    {schema: "it's", name: 'a.b'},
    {schema: 'public', name: 'claims(event)'},
  ])('may have a name that needs quoting: $schema, $name', async ({schema, name}) => {
    await project("begin return jsonb_build_object('quoted', true); end", {schema, name});
    expect(await ask(anEvent())).toEqual({quoted: true});
  });

  describe('that is not there', () => {
    const trap = (parameters: string, result = 'jsonb'): string =>
      `create function public.trap(${parameters}) returns ${result} language plpgsql as $$begin raise 'called'; end$$`;
    const traps = [
      {what: 'nothing of that name', sql: 'select'},
      {what: 'a schema that is not there', schema: 'nowhere', sql: 'select'},
      {what: 'one that takes json', sql: trap('event json')},
      {what: 'one that takes text', sql: trap('event text')},
      {what: 'one with a second argument', sql: trap("event jsonb, more text default ''")},
      {what: 'one that returns something else', sql: trap('event jsonb', 'text')},
      {what: 'one that returns many rows of something else', sql: trap('event jsonb', 'setof json')},
    ];
    afterEach(async () => {
      for (const signature of ['json', 'text', 'jsonb', 'jsonb, text'])
        await postgres.query(`drop function if exists public.trap(${signature})`);
    });

    it.each(traps)(
      '($what) is found out beforehand, and every request passes with a warning',
      async ({schema, sql}) => {
        await postgres.query(sql);
        await chain(schema ?? 'public', 'trap');
        const event = anEvent();
        expect(await ask(event)).toEqual({claims: event.claims});
        expect(warnings).toEqual([expect.stringMatching(`hook,? ${schema ?? 'public'}\\.trap,? does not exist`)]);
        const session = await run(auth, signInPassword(user.email, hook));
        expect(await isLive(await run(auth, refreshV1(session, hook)))).toBe(true);
        expect(warnings).toHaveLength(3);
      },
    );

    it('beside one of another signature: the right one is called', async () => {
      await postgres.query(trap('event text'));
      await postgres.query(trap('event json'));
      await project("begin return jsonb_build_object('right', true); end", {name: 'trap'});
      expect(await ask(anEvent())).toEqual({right: true});
    });
  });
});

describe('the name of the next hook', () => {
  it.each(['anon', 'authenticated', 'service_role', 'supabase_auth_admin'])('is closed to %s', async (role) => {
    for (const statement of [
      'select * from supasession.integration',
      "update supasession.integration set schema_name = 'auth', function_name = 'uid'",
      "insert into supasession.integration values ('access_token_hook', 'auth', 'uid')",
      'delete from supasession.integration',
      'truncate supasession.integration',
      "select supasession._chain('access_token_hook', 'auth', 'uid')",
    ]) {
      const client = role === 'supabase_auth_admin' ? auth : postgres;
      await client.query('begin');
      if (client === postgres) await client.query(`set local role ${role}`);
      await expect(client.query(statement)).rejects.toMatchObject({code: '42501'});
      await client.query('rollback');
    }
  });

  it('has both parts, and there is one', async () => {
    await expect(chain(null, 'claims')).rejects.toMatchObject({code: '23502'});
    await chain('public', 'first');
    await chain('public', 'second');
    const rows = async (): Promise<unknown> => (await postgres.query('select * from supasession.integration')).rows;
    expect(await rows()).toEqual([{kind: 'access_token_hook', schema_name: 'public', function_name: 'second'}]);
    await chain(null);
    expect(await rows()).toEqual([]);
  });

  it('outlives a delete-and-insert of the settings', async () => {
    await project("begin return jsonb_build_object('still', 'here'); end");
    await configure(postgres, {enabled: true, max_sessions: 3, strategy: 'dequeue'});
    expect(await ask(anEvent())).toEqual({still: 'here'});
  });
});

describe('the hook itself', () => {
  it.each(['anon', 'authenticated', 'service_role'])(
    'cannot be called by %s, nor can what it reads by',
    async (role) => {
      for (const call of ["access_token_hook('{}')", '_hook_answer(null)']) {
        await postgres.query('begin');
        await postgres.query(`set local role ${role}`);
        await expect(postgres.query(`select supasession.${call}`)).rejects.toMatchObject({code: '42501'});
        await postgres.query('rollback');
      }
    },
  );

  it('finds the note of its own transaction only', async () => {
    await configure(postgres, rejecting);
    await run(auth, signInPassword(user.email, hook));
    const steps = new Steps(auth, signInPassword(user.email, hook));
    await steps.before('hook');
    const other = await database.connect('supabase_auth_admin');
    const {rows: open} = await auth.query<{id: string}>('select id from sessions where user_id = $1', [user.userId]);
    for (const {id} of open) {
      const event = {...anEvent(), claims: {session_id: id}};
      const {rows} = await other.query('select "supasession"."access_token_hook"($1) as answer', [
        JSON.stringify(event),
      ]);
      expect(rows).toEqual([{answer: {claims: event.claims}}]);
    }
    expect(open).toHaveLength(2);
    await other.end();
    await expect(steps.finish()).rejects.toMatchObject(refused);
  });
});
