/** Rules: other limits for some users, plans or OAuth clients. */
import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import {readSql} from '../../src/database/sql.js';
import {
  createSessions,
  createUser,
  liveSessions,
  refresh,
  run,
  signInPassword,
  Steps,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure} from '../helpers/install.js';

let database: TestDatabase;
let postgres: Client;
let observer: Client;
let auth: Client;
let user: AuthUser;
let oauthClientId: string;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  observer = await database.connect('postgres');
  auth = await database.connect('supabase_auth_admin');
  oauthClientId = randomUUID();
  await auth.query(
    `insert into oauth_clients (id, registration_type, redirect_uris, grant_types, client_type, token_endpoint_auth_method)
     values ($1, 'manual', 'https://app.example.com', 'authorization_code', 'public', 'none')`,
    [oauthClientId],
  );
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await postgres.query('delete from supasession.rules');
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

type Rule = Partial<{
  name: string;
  priority: number;
  user_id: string;
  app_metadata: Record<string, unknown>;
  oauth_client_id: string;
  max_sessions: number;
  unlimited: boolean;
  strategy: string;
  timebox: string;
  inactivity_timeout: string;
  no_deadline: boolean;
}>;

async function rule(values: Rule): Promise<void> {
  const row: Rule = {name: 'rule', ...values};
  const names = Object.keys(row);
  await postgres.query(
    `insert into supasession.rules (${names.join(', ')}) values (${names.map((_, n) => `$${n + 1}`).join(', ')})`,
    Object.values(row),
  );
}

async function metadata(value: Record<string, unknown> | null): Promise<void> {
  await postgres.query('update auth.users set raw_app_meta_data = $2 where id = $1', [user.userId, value]);
}

async function signIns(count: number): Promise<AuthSession[]> {
  const made = [];
  for (let n = 0; n < count; n += 1) made.push(await run(auth, signInPassword(user.email)));
  return made;
}

async function live(): Promise<number> {
  return (await liveSessions(postgres, user.userId)).length;
}

/** What sql/queries/policy.sql says of the user; intervals as text. */
async function policy(client: string | null = null): Promise<Record<string, unknown> | undefined> {
  const {rows} = await postgres.query<Record<string, unknown>>(
    `select rule, unlimited, max_sessions, strategy::text, timebox::text, inactivity_timeout::text
     from (${await readSql('queries/policy.sql')}) p`,
    [user.userId, client],
  );
  return rows[0];
}

const SETTINGS = {
  enabled: true,
  max_sessions: 1,
  strategy: 'dequeue',
  timebox: '30 days',
  inactivity_timeout: '7 days',
} as const;
const INHERITED = {
  rule: null,
  unlimited: false,
  max_sessions: 1,
  strategy: 'dequeue',
  timebox: '30 days',
  inactivity_timeout: '7 days',
};

describe('which rule applies', () => {
  beforeEach(async () => configure(postgres, SETTINGS));

  it('is none where none matches: the settings say everything', async () => {
    await rule({name: 'pro', app_metadata: {plan: 'pro'}, max_sessions: 5});
    await rule({name: 'somebody', user_id: randomUUID(), max_sessions: 6});
    await rule({name: 'client', oauth_client_id: oauthClientId, max_sessions: 7});
    expect(await policy()).toEqual(INHERITED);
    await metadata(null);
    expect(await policy()).toEqual(INHERITED);
  });

  it("is the user's own first, whatever the priority of others", async () => {
    await metadata({plan: 'pro'});
    await rule({name: 'own', user_id: user.userId, priority: 1000, max_sessions: 2});
    await rule({name: 'pro', app_metadata: {plan: 'pro'}, priority: 1, max_sessions: 5});
    await rule({name: 'client', oauth_client_id: oauthClientId, priority: 2, max_sessions: 7});
    expect(await policy()).toMatchObject({rule: 'own', max_sessions: 2});
    expect(await policy(oauthClientId)).toMatchObject({rule: 'own'});
  });

  it('is then the one of the lowest priority, and of several the first by name', async () => {
    await metadata({plan: 'pro', team: 'red'});
    await rule({name: 'b', app_metadata: {plan: 'pro'}, max_sessions: 5});
    await rule({name: 'a', app_metadata: {team: 'red'}, max_sessions: 3});
    expect(await policy()).toMatchObject({rule: 'a'});
    await rule({name: 'z', app_metadata: {plan: 'pro', team: 'red'}, priority: 99, max_sessions: 4});
    expect(await policy()).toMatchObject({rule: 'z'});
    await rule({name: 'client', oauth_client_id: oauthClientId, priority: 98, max_sessions: 7});
    expect(await policy()).toMatchObject({rule: 'z'});
    expect(await policy(oauthClientId)).toMatchObject({rule: 'client'});
  });

  it.each([
    {has: {plan: 'pro', since: 2020}, matches: true},
    {has: {plan: 'free'}, matches: false},
    {has: {plan: ['pro']}, matches: false},
    {has: {org: {plan: 'pro'}}, matches: false},
    {has: {}, matches: false},
  ])('by containment in app_metadata: {"plan": "pro"} in $has is $matches', async ({has, matches}) => {
    await rule({name: 'pro', app_metadata: {plan: 'pro'}, max_sessions: 5});
    await metadata(has);
    expect(await policy()).toMatchObject({rule: matches ? 'pro' : null});
  });

  it('is nothing for a user that is not there', async () => {
    user = {...user, userId: randomUUID()};
    expect(await policy()).toBeUndefined();
  });
});

describe('what a rule says', () => {
  beforeEach(async () => configure(postgres, SETTINGS));

  const cases: [Rule, Record<string, unknown>][] = [
    [{}, {}],
    [{max_sessions: 5}, {max_sessions: 5}],
    [{unlimited: true}, {unlimited: true}],
    [{strategy: 'reject'}, {strategy: 'reject'}],
    [{timebox: '1 day'}, {timebox: '1 day'}],
    [{inactivity_timeout: '1 hour'}, {inactivity_timeout: '01:00:00'}],
    [{no_deadline: true}, {timebox: null, inactivity_timeout: null}],
  ];
  it.each(cases)('%j: all else is inherited', async (said, expected) => {
    await rule({user_id: user.userId, ...said});
    expect(await policy()).toEqual({...INHERITED, rule: 'rule', ...expected});
  });

  it('is what holds at sign-in and at refresh: devices by plan', async () => {
    await rule({name: 'pro', app_metadata: {plan: 'pro'}, max_sessions: 3});
    await signIns(2);
    expect(await live()).toBe(1);
    await metadata({plan: 'pro'});
    const made = await signIns(4);
    expect(await live()).toBe(3);
    const {rows} = await postgres.query(
      "select distinct reason, caused_by from supasession.events where user_id = $1 and reason = 'limit of 3'",
      [user.userId],
    );
    expect(rows).toEqual([{reason: 'limit of 3', caused_by: 'pro'}]);

    await metadata({plan: 'free'});
    for (const session of made.slice(1)) await run(auth, refresh(session));
    expect(await liveSessions(postgres, user.userId)).toEqual([made[3]?.sessionId]);
  });

  it('its strategy holds', async () => {
    await rule({user_id: user.userId, strategy: 'reject'});
    await signIns(1);
    await expect(signIns(1)).rejects.toMatchObject({sqlstate: 'PT403'});
  });

  it('its deadlines hold at sign-in and at refresh, and no_deadline gives none', async () => {
    const deadline = async (session: AuthSession | undefined): Promise<unknown> => {
      const {rows} = await postgres.query<{until: string | null}>(
        "select extract(epoch from not_after - coalesce(refreshed_at at time zone 'UTC', created_at))::int as until from auth.sessions where id = $1",
        [session?.sessionId],
      );
      return rows[0]?.until;
    };
    await rule({user_id: user.userId, inactivity_timeout: '1 hour'});
    const [session] = await signIns(1);
    expect(await deadline(session)).toBeCloseTo(3600, -1);
    await postgres.query("update supasession.rules set inactivity_timeout = '2 hours'");
    const refreshed = session && (await run(auth, refresh(session)));
    expect(await deadline(session)).toBeCloseTo(7200, -1);
    await postgres.query('update supasession.rules set inactivity_timeout = null, no_deadline = true');
    if (refreshed) await run(auth, refresh(refreshed));
    expect(await deadline(session)).toBeNull();
    expect(await deadline((await signIns(1))[0])).toBeNull();
  });
});

describe('unlimited', () => {
  it('ends and refuses nothing, at sign-in and at refresh', async () => {
    await rule({user_id: user.userId, unlimited: true});
    for (const strategy of ['dequeue', 'reject'] as const) {
      await configure(postgres, {enabled: true, max_sessions: 1, strategy});
      const made = await signIns(3);
      for (const session of made) await run(auth, refresh(session));
    }
    expect(await live()).toBe(6);
  });

  it('does not read the sessions of the user at a sign-in or refresh', async () => {
    const [session] = await createSessions(postgres, [user.userId], 50);
    await configure(postgres, {enabled: true, max_sessions: 99});
    const reads = async (statement: string, value: string): Promise<number> => {
      const read = async (): Promise<number> => {
        const {rows} = await postgres.query<{read: number}>(
          `select (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_xact_user_tables
           where relid = 'auth.sessions'::regclass`,
        );
        return rows[0]?.read ?? NaN;
      };
      await postgres.query('begin');
      try {
        const before = await read();
        await postgres.query(statement, [value]);
        return (await read()) - before;
      } finally {
        await postgres.query('rollback');
      }
    };
    const signIn =
      "insert into auth.sessions (id, user_id, created_at, updated_at, aal) values (gen_random_uuid(), $1, now(), now(), 'aal1')";
    const touch = "update auth.sessions set refreshed_at = now() at time zone 'UTC' where id = $1";
    const limited = [await reads(signIn, user.userId), await reads(touch, session?.sessionId ?? '')];
    await rule({user_id: user.userId, unlimited: true});
    const unlimited = [await reads(signIn, user.userId), await reads(touch, session?.sessionId ?? '')];
    expect(Math.min(...limited)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...unlimited)).toBeLessThan(5);
  });
});

describe('what the table of rules accepts', () => {
  const id = randomUUID();
  const wrong: [string, Rule, string][] = [
    ['a rule that matches nothing', {}, 'rules_match_check'],
    ['a rule with two matches', {user_id: id, oauth_client_id: id}, 'rules_match_check'],
    ['an app_metadata that every user has', {app_metadata: {}}, 'rules_app_metadata_check'],
    ['unlimited with a limit', {user_id: id, unlimited: true, max_sessions: 3}, 'rules_unlimited_check'],
    ['a limit of 0', {user_id: id, max_sessions: 0}, 'rules_max_sessions_check'],
    ['a timebox of nothing', {user_id: id, timebox: '0'}, 'rules_timebox_check'],
    ['a negative timebox', {user_id: id, timebox: '-1 day'}, 'rules_timebox_check'],
    ['a timebox above ten years', {user_id: id, timebox: '3651 days 1 month'}, 'rules_timebox_check'],
    ['an inactivity timeout of nothing', {user_id: id, inactivity_timeout: '0'}, 'rules_inactivity_timeout_check'],
    [
      'an inactivity timeout above ten years',
      {user_id: id, inactivity_timeout: '11 years'},
      'rules_inactivity_timeout_check',
    ],
    ['no_deadline with a timebox', {user_id: id, no_deadline: true, timebox: '1 day'}, 'rules_no_deadline_check'],
    [
      'no_deadline with an inactivity timeout',
      {user_id: id, no_deadline: true, inactivity_timeout: '1 day'},
      'rules_no_deadline_check',
    ],
    ['a rule without a name', {name: '', user_id: id}, 'rules_name_check'],
  ];
  it.each(wrong)('not %s', async (_, values, constraint) => {
    await expect(rule(values)).rejects.toMatchObject({code: '23514', constraint});
  });

  it('not an app_metadata that is no object', async () => {
    await expect(
      postgres.query(`insert into supasession.rules (name, app_metadata) values ('list', '["pro"]')`),
    ).rejects.toMatchObject({constraint: 'rules_app_metadata_check'});
  });

  it('one rule of a name, and one for a user', async () => {
    await rule({name: 'one', user_id: id});
    await expect(rule({name: 'one', user_id: randomUUID()})).rejects.toMatchObject({constraint: 'rules_pkey'});
    await expect(rule({name: 'two', user_id: id})).rejects.toMatchObject({constraint: 'rules_user'});
    await rule({name: 'three', oauth_client_id: id});
    await rule({name: 'four', oauth_client_id: id});
  });

  it('a user or client that is not there (yet): a rule is no part of Auth', async () => {
    const [nobody, noClient] = [randomUUID(), randomUUID()];
    await rule({name: 'user', user_id: nobody, max_sessions: 3});
    await rule({name: 'client', oauth_client_id: noClient, max_sessions: 4});
    const {rows} = await postgres.query(
      'select user_id, oauth_client_id, max_sessions from supasession.rules order by max_sessions',
    );
    expect(rows).toEqual([
      {user_id: nobody, oauth_client_id: null, max_sessions: 3},
      {user_id: null, oauth_client_id: noClient, max_sessions: 4},
    ]);
    await signIns(1);
    expect(await live()).toBe(1);
  });
});

it('app_metadata is read as it is once the user is locked, so a plan that is just being changed counts', async () => {
  await rule({name: 'pro', app_metadata: {plan: 'pro'}, max_sessions: 2});
  await createSessions(postgres, [user.userId], 1);
  await configure(postgres, {enabled: true, max_sessions: 1, strategy: 'reject'});
  await observer.query('begin');
  await observer.query(`update auth.users set raw_app_meta_data = '{"plan": "pro"}' where id = $1`, [user.userId]);
  const signingIn = new Steps(auth, signInPassword(user.email));
  await signingIn.before('insert sessions');
  const waiting = signingIn.finish();
  await observer.query('commit');
  await waiting;
  expect(await live()).toBe(2);
});
