/** is_live(), has_access() and session_age(), called as PostgREST would, in RLS policies and in functions. */
import type {Client} from 'pg';
import {createSessions, createUser, type AuthSession, type AuthUser} from '../helpers/auth.js';
import {ask, claimsOf, send, type Request} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';

interface Answer {
  live: boolean;
  access: boolean;
  session_age: number | null;
}

const SELECT = `select supasession.is_live() as live, supasession.has_access() as access,
  extract(epoch from supasession.session_age())::float8 as session_age`;
const NOBODY = {live: false, access: false, session_age: null};
const ANYBODY = {live: true, access: true, session_age: null};

let database: TestDatabase;
let postgres: Client;
let api: Client;
let user: AuthUser;
let session: AuthSession;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  api = await database.connect('authenticator');
});

beforeEach(async () => {
  user = await createUser(postgres);
  session = await oneSession(user.userId);
});

afterAll(async () => database.drop());

async function oneSession(userId: string): Promise<AuthSession> {
  const [made] = await createSessions(postgres, [userId], 1);
  if (!made) throw new Error('no session was made');
  return made;
}

async function answer(request: Request): Promise<Answer> {
  const [row] = await ask<Answer>(api, {readOnly: true, ...request}, SELECT);
  if (!row) throw new Error('no answer');
  return row;
}

async function endSession(sessionId: string): Promise<void> {
  await postgres.query("update auth.sessions set not_after = now() - interval '1 second' where id = $1", [sessionId]);
}

/** What keeps a user out of the app. */
const BARRED = [
  ['revoked', 'insert into supasession.revoked (user_id) values ($1)'],
  ['banned', "update auth.users set banned_until = now() + interval '1 hour' where id = $1"],
  ['deleted', 'update auth.users set deleted_at = now() where id = $1'],
] as const;

describe('a token without a session, of third-party auth or signed by the project', () => {
  const ROLES = ['anon', 'authenticated', 'service_role'];

  it.each(ROLES)('of %s is live and has access, whoever it names', async (role) => {
    const {userId} = user;
    for (const claims of [
      {role},
      {role, sub: userId},
      {role, sub: '00000000-0000-4000-8000-00000000000a'},
      {role, sub: 'auth0|5f7c8ec7c33c6c004bbafe82', iss: 'https://example.auth0.com/'},
      {role, sub: 7},
      {role: 'another', aud: ['a', 'b']},
    ])
      expect(await answer({role, claims})).toEqual(ANYBODY);
  });

  it.each(BARRED)('has no access when its user is %s', async (_, sql) => {
    await postgres.query(sql, [user.userId]);
    for (const role of ROLES) {
      expect(await answer({role, claims: {role, sub: user.userId}})).toEqual({...ANYBODY, access: false});
      expect(await answer({role, claims: {role, sub: 'somebody-else'}})).toEqual(ANYBODY);
    }
    const old = await send(api, {claims: ''}, async () => {
      await api.query("select set_config('request.jwt.claim.sub', $1, true)", [user.userId]);
      return (await api.query<Answer>(SELECT)).rows;
    });
    expect(old).toEqual([{...ANYBODY, access: false}]);
  });

  it('has access when the ban of its user is over', async () => {
    await postgres.query("update auth.users set banned_until = now() - interval '1 second' where id = $1", [
      user.userId,
    ]);
    expect(await answer({claims: {sub: user.userId}})).toEqual(ANYBODY);
  });
});

describe('a token with a session', () => {
  it('is live, and says how old the session is', async () => {
    const {live, access, session_age} = await answer({claims: claimsOf(session)});
    expect({live, access}).toEqual({live: true, access: true});
    expect(session_age).toBeGreaterThanOrEqual(60);
    expect(session_age).toBeLessThan(90);
  });

  it('is live until its deadline', async () => {
    await postgres.query("update auth.sessions set not_after = now() + interval '1 hour' where id = $1", [
      session.sessionId,
    ]);
    expect(await answer({claims: claimsOf(session)})).toMatchObject({live: true, access: true});
    await endSession(session.sessionId);
    expect(await answer({claims: claimsOf(session)})).toMatchObject({live: false, access: false, session_age: null});
  });

  it.each(['anon', 'authenticated', 'service_role'])('of %s is not live when the session is gone', async (role) => {
    await postgres.query('delete from auth.sessions where id = $1', [session.sessionId]);
    const claims = {...claimsOf(session), role};
    expect(await answer({role, claims})).toMatchObject({live: false, access: false, session_age: null});
  });

  it('is not live when it was to be ended while it was in use', async () => {
    await postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
      session.sessionId,
      session.userId,
    ]);
    expect(await answer({claims: claimsOf(session)})).toMatchObject({live: false, access: false, session_age: null});
  });

  describe.each(BARRED)('of a user who is %s', (_, sql) => {
    it('is live and has no access', async () => {
      await postgres.query(sql, [user.userId]);
      expect(await answer({claims: claimsOf(session)})).toMatchObject({live: true, access: false});
    });

    it('has no access either when it names somebody else as its user', async () => {
      const other = await createUser(postgres);
      await postgres.query(sql, [user.userId]);
      for (const sub of [other.userId, 'not a uuid', null, 7])
        expect(await answer({claims: {...claimsOf(session), sub}})).toMatchObject({live: true, access: false});
    });

    it('has no access by the session of somebody else', async () => {
      const other = await createUser(postgres);
      await postgres.query(sql, [other.userId]);
      const claims = {...claimsOf(session), sub: other.userId};
      expect(await answer({claims})).toMatchObject({live: true, access: false});
    });
  });

  it('has access when the ban of its user is over', async () => {
    await postgres.query("update auth.users set banned_until = now() - interval '1 second' where id = $1", [
      user.userId,
    ]);
    expect(await answer({claims: claimsOf(session)})).toMatchObject({live: true, access: true});
  });

  it('counts in the form that PostgREST had before version 9', async () => {
    const old = async (id: string) =>
      send(api, {claims: ''}, async () => {
        await api.query("select set_config('request.jwt.claim.session_id', $1, true)", [id]);
        return (await api.query<Answer>(SELECT)).rows[0];
      });
    expect(await old(session.sessionId)).toMatchObject({live: true, access: true});
    expect(await old('not a uuid')).toEqual(NOBODY);
    await endSession(session.sessionId);
    expect(await old(session.sessionId)).toEqual(NOBODY);
  });
});

describe('claims that are malformed', () => {
  const forged = (): string => session.sessionId;
  const claims: [string, () => string][] = [
    ['no JSON', () => 'session_id'],
    ['half an object', () => `{"session_id": "${forged()}"`],
    ['an array', () => `["${forged()}"]`],
    ['an array of objects', () => `[{"session_id": "${forged()}", "role": "service_role"}]`],
    ['a string', () => `"${forged()}"`],
    ['a number', () => '1'],
    ['null', () => 'null'],
    ['nested too deep', () => '['.repeat(100_000)],
    ['a session that is no uuid', () => '{"session_id": "1 or true"}'],
    ['a session that is a number', () => '{"session_id": 42}'],
    ['a session that is true', () => '{"session_id": true}'],
    ['a session that is a list', () => `{"session_id": ["${forged()}"]}`],
    ['a session that is an object', () => `{"session_id": {"session_id": "${forged()}"}}`],
    ['a session with something after it', () => `{"session_id": "${forged()}\\n"}`],
    ['a session with braces, which uuid would read', () => `{"session_id": "{${forged()}}"}`],
    ['a zero character', () => '{"session_id": "\\u0000"}'],
  ];

  it.each(claims)('give nobody access and raise nothing: %s', async (_, text) => {
    for (const role of ['authenticated', 'anon', 'service_role'])
      expect(await answer({role, claims: text()})).toEqual(NOBODY);
  });

  const missing: [string, () => string][] = [
    ['empty', () => ''],
    ['an empty object', () => '{}'],
    ['a session that is null', () => '{"session_id": null}'],
    ['a session that is empty', () => '{"session_id": ""}'],
    ['a role that is a number', () => '{"role": 7}'],
    ['a session only in user_metadata', () => `{"user_metadata": {"session_id": "${forged()}", "role": "anon"}}`],
    ['a session only in app_metadata', () => `{"app_metadata": {"session_id": "${forged()}"}}`],
    ['a session in another letter case', () => `{"SESSION_ID": "${forged()}"}`],
  ];

  it.each(missing)('are as no session at all: %s', async (_, text) => {
    for (const role of ['authenticated', 'anon', 'service_role'])
      expect(await answer({role, claims: text()})).toEqual(ANYBODY);
  });

  it('are as no session at all where nothing was ever set', async () => {
    const fresh = await database.connect('authenticator');
    for (const role of ['anon', 'authenticated', 'service_role']) {
      await fresh.query('begin');
      await fresh.query(`set local role ${role}`);
      expect((await fresh.query(SELECT)).rows).toEqual([ANYBODY]);
      await fresh.query('rollback');
    }
  });

  it('do not put a session of user_metadata in the place of the one that ended', async () => {
    const other = await oneSession(user.userId);
    await endSession(session.sessionId);
    const claims = {...claimsOf(session), user_metadata: {session_id: other.sessionId}};
    expect(await answer({claims})).toMatchObject({live: false, access: false, session_age: null});
  });
});

describe('in the app', () => {
  beforeAll(async () => {
    await postgres.query(`
      create table public.notes (note text, check_name text);
      insert into public.notes values ('a', 'live'), ('b', 'access'), ('c', 'fresh sign-in');
      alter table public.notes enable row level security;
      create policy live on public.notes using (check_name = 'live' and (select supasession.is_live()));
      create policy access on public.notes using (check_name = 'access' and supasession.has_access());
      create policy fresh on public.notes using (check_name = 'fresh sign-in' and supasession.session_age() < interval '10 minutes');
      grant select on public.notes to anon, authenticated;
      create function public.whoami() returns text language plpgsql stable as
        $$ begin if not supasession.has_access() then raise exception 'go away' using errcode = 'PT403'; end if; return 'you'; end $$;
      create function public.whoami_definer() returns boolean language sql stable security definer set search_path = '' as
        'select supasession.is_live()'`);
  });

  async function notes(request: Request): Promise<string[]> {
    const rows = await ask<{note: string}>(api, {readOnly: true, ...request}, 'select note from notes order by note');
    return rows.map(({note}) => note);
  }

  it('policies let a live session see, and an ended one nothing', async () => {
    expect(await notes({claims: claimsOf(session)})).toEqual(['a', 'b', 'c']);
    await postgres.query("update auth.sessions set created_at = now() - interval '1 day' where id = $1", [
      session.sessionId,
    ]);
    expect(await notes({claims: claimsOf(session)})).toEqual(['a', 'b']);
    await endSession(session.sessionId);
    expect(await notes({claims: claimsOf(session)})).toEqual([]);
    expect(await notes({role: 'anon'})).toEqual(['a', 'b']);
  });

  it('functions of the project call them, as the caller and as their owner', async () => {
    const claims = claimsOf(session);
    expect(await ask(api, {claims}, 'select whoami(), whoami_definer()')).toEqual([
      {whoami: 'you', whoami_definer: true},
    ]);
    await postgres.query('delete from auth.sessions where id = $1', [session.sessionId]);
    expect(await ask(api, {claims}, 'select whoami_definer()')).toEqual([{whoami_definer: false}]);
    await expect(ask(api, {claims}, 'select whoami()')).rejects.toMatchObject({code: 'PT403'});
  });

  it.each(['anon', 'authenticated'])('%s sees nothing behind them', async (role) => {
    for (const sql of [
      'select * from auth.sessions',
      'select * from supasession.revoked',
      'select * from supasession.pending_ends',
      'select * from supasession.integration',
      'select * from supasession.events',
      'select supasession._hook_answer(null)',
      'select * from supasession._claims()',
    ])
      await expect(ask(api, {role, claims: claimsOf(session)}, sql)).rejects.toMatchObject({code: '42501'});
  });
});

describe('their cost', () => {
  it.each(['is_live', 'has_access', 'session_age'])(
    '%s() reads sessions by one probe of the primary key, and writes nothing',
    async (name) => {
      const users = await createUser(postgres);
      await createSessions(postgres, [users.userId], 500);
      const counters = `select coalesce(pg_stat_get_xact_numscans('auth.sessions'::regclass), 0)::int as sequential,
        sum(coalesce(pg_stat_get_xact_numscans(indexrelid), 0))::int as all,
        sum(coalesce(pg_stat_get_xact_numscans(indexrelid), 0)) filter (where indisprimary)::int as key,
        pg_current_xact_id_if_assigned() as xid
      from pg_index where indrelid = 'auth.sessions'::regclass`;
      type Counters = {sequential: number; all: number; key: number; xid: string | null};
      const read = async (): Promise<Counters> => {
        const {rows} = await api.query<Counters>(counters);
        if (!rows[0]) throw new Error('no counters');
        return rows[0];
      };
      // Statistics of earlier transactions may not have been handed on yet, so the difference counts.
      const [before, after] = await send(api, {claims: claimsOf(session)}, async () => {
        const start = await read();
        await api.query(`select supasession.${name}()`);
        return [start, await read()];
      });
      expect(after).toEqual({
        ...{sequential: before.sequential, all: before.all + 1, key: before.key + 1},
        xid: null,
      });
    },
  );

  it('are all STABLE', async () => {
    const {rows} = await postgres.query(
      `select distinct provolatile from pg_proc where pronamespace = 'supasession'::regnamespace
       and proname in ('sid', 'is_live', 'has_access', 'session_age', '_claims')`,
    );
    expect(rows).toEqual([{provolatile: 's'}]);
  });
});
