/** Whom limit and deadlines concern: impact(), overview(), sessions_over_limit() and enforce() say the same, in any mix of sessions and rules. */
import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import {createFactor, createSessions, createUsers} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install, type Settings} from '../helpers/install.js';
import {generator} from '../helpers/random.js';

interface Impact {
  users_over: string;
  sessions_over: string;
  users_at: string | null;
  sessions_expiring: string;
}

interface Enforced {
  evicted: number;
  expired: number;
  last_user: string | null;
}

let database: TestDatabase;
let postgres: Client;
let replica: Client;

beforeAll(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
  replica = await database.connect('supabase_admin');
  await replica.query('set session_replication_role = replica');
  await install(postgres);
});

beforeEach(async () => {
  await postgres.query('delete from auth.users; delete from supasession.rules; delete from supasession.ceilings');
  await configure(postgres, {enabled: false});
});

afterAll(async () => database.drop());

async function impact(changes: Settings = {}, atLimit = true): Promise<Impact> {
  const {rows} = await postgres.query<Impact>('select * from supasession.impact($1, $2)', [changes, atLimit]);
  if (!rows[0]) throw new Error('no answer');
  return rows[0];
}

async function enforced(dryRun: boolean): Promise<Enforced> {
  const {rows} = await postgres.query<Enforced>('select * from supasession.enforce(dry_run => $1)', [dryRun]);
  if (!rows[0]) throw new Error('no answer');
  return rows[0];
}

interface Overview {
  histogram: {sessions: number; users: number}[];
  ended: string;
  users_over: string | null;
  sessions_over: string | null;
  sessions_expiring: string | null;
}

async function overview(): Promise<Overview> {
  const {rows} = await postgres.query<Overview>('select * from supasession.overview()');
  if (!rows[0]) throw new Error('no answer');
  return rows[0];
}

async function overLimit(): Promise<{session_id: string; user_id: string}[]> {
  const {rows} = await postgres.query<{session_id: string; user_id: string}>(
    'select session_id, user_id from supasession.sessions_over_limit() order by session_id',
  );
  return rows;
}

/** Users with up to seven sessions of every kind there is, and rules that concern some of them. The same for the same seed. */
async function populate(seed: number): Promise<void> {
  const random = generator(seed);
  const chance = (probability: number): boolean => random() < probability;
  const clients = [randomUUID(), randomUUID()];
  for (const id of clients) {
    await replica.query(
      `insert into auth.oauth_clients (id, registration_type, redirect_uris, grant_types, client_type, token_endpoint_auth_method)
       values ($1, 'manual', 'https://app.example.com', 'authorization_code', 'public', 'none')`,
      [id],
    );
  }
  for (const {userId} of await createUsers(postgres, 25)) {
    const sessions = await createSessions(postgres, [userId], Math.floor(random() * 8));
    if (chance(0.3)) await createFactor(postgres, userId);
    if (chance(0.3)) {
      await replica.query(`update auth.users set raw_app_meta_data = '{"plan": "pro"}' where id = $1`, [userId]);
    }
    if (chance(0.2)) {
      const unlimited = chance(0.5);
      await postgres.query(
        'insert into supasession.rules (name, user_id, unlimited, max_sessions) values ($1::text, $1::uuid, $2, $3)',
        [userId, unlimited, unlimited ? null : 2],
      );
    }
    for (const {sessionId} of sessions) {
      await replica.query(
        `update auth.sessions set
           created_at = now() - $2 * interval '1 hour',
           refreshed_at = case when $3 then (now() - $4 * interval '1 hour') at time zone 'UTC' end,
           not_after = case when $5 then now() - interval '1 minute' end,
           aal = case when $6 then 'aal2' else 'aal1' end::auth.aal_level,
           oauth_client_id = $7
         where id = $1`,
        [
          ...[sessionId, random() * 400, chance(0.5), random() * 200, chance(0.15), chance(0.4)],
          chance(0.25) ? clients[chance(0.5) ? 0 : 1] : null,
        ],
      );
    }
  }
  await postgres.query(
    `insert into supasession.rules (name, app_metadata, max_sessions, timebox) values ('pro', '{"plan": "pro"}', 4, '20 days')`,
  );
  await postgres.query(
    `insert into supasession.rules (name, oauth_client_id, strategy) values ('client', $1, 'reject')`,
    [clients[0]],
  );
}

const CASES: Settings[] = [
  {max_sessions: 1},
  {max_sessions: 3, eviction_order: 'least_recently_used'},
  {max_sessions: 2, oauth_clients: 'separate'},
  {max_sessions: 2, oauth_clients: 'together', count_pending_mfa: true},
  {max_sessions: 2, strategy: 'reject', reject_ignores_idle: '5 days'},
  {max_sessions: 2, strategy: 'reject', reject_ignores_idle: null, oauth_clients: 'separate'},
];

describe.each(CASES.map((settings, n) => ({settings, seed: n + 1})))('$settings', ({settings, seed}) => {
  it('what is over the limit is the same everywhere, and is what enforce() ends', async () => {
    await populate(seed);
    await configure(postgres, {enabled: true, low_aal_timeout: null, ...settings});
    const {sessions_over, users_over} = await impact({timebox: null, inactivity_timeout: null});
    const over = await overLimit();
    expect(Number(sessions_over)).toBeGreaterThan(0);
    expect(over).toHaveLength(Number(sessions_over));
    const {sessions_expiring} = await impact();
    expect(await overview()).toMatchObject({users_over, sessions_over, sessions_expiring});
    expect(new Set(over.map(({user_id}) => user_id)).size).toBe(Number(users_over));
    await postgres.query('update supasession.rules set timebox = null');
    expect(await enforced(true)).toMatchObject({evicted: over.length, expired: 0});

    const before = await postgres.query<{id: string}>('select id from auth.sessions');
    expect(await enforced(false)).toMatchObject({evicted: over.length});
    const after = await postgres.query<{id: string}>('select id from auth.sessions');
    const left = new Set(after.rows.map(({id}) => id));
    const ended = before.rows.map(({id}) => id).filter((id) => !left.has(id));
    expect(ended.sort()).toEqual(over.map(({session_id}) => session_id));
    expect(await impact()).toMatchObject({users_over: '0', sessions_over: '0'});
    expect(await overLimit()).toEqual([]);
  });
});

it.each([
  {timebox: '5 days'},
  {inactivity_timeout: '2 days'},
  {timebox: '30 days', inactivity_timeout: '12 hours'},
] as Settings[])('what is past a deadline is what enforce() ends: %o', async (settings) => {
  await populate(7);
  await configure(postgres, {enabled: true, max_sessions: 100, low_aal_timeout: null});
  await postgres.query('update supasession.rules set max_sessions = null');
  const {sessions_expiring: expiring} = await impact(settings);
  expect(Number(expiring)).toBeGreaterThan(0);
  await configure(postgres, {enabled: true, max_sessions: 100, low_aal_timeout: null, ...settings});
  expect(await impact()).toMatchObject({sessions_expiring: expiring});
  expect(await enforced(true)).toMatchObject({expired: Number(expiring)});
  expect(await enforced(false)).toMatchObject({expired: Number(expiring)});
  expect(await impact()).toMatchObject({sessions_expiring: '0'});
});

it('without rules, deadlines are judged by the settings alone', async () => {
  const [user] = await createUsers(postgres, 1);
  await createSessions(postgres, [user!.userId], 3);
  await replica.query("update auth.sessions set created_at = now() - interval '3 days'");
  expect(await impact({timebox: '2 days'})).toMatchObject({sessions_expiring: '3'});
  expect(await impact({timebox: '4 days'})).toMatchObject({sessions_expiring: '0'});
  expect(await impact()).toMatchObject({sessions_expiring: '0'});
});

it('the overview counts users by their live sessions, and sessions that have ended', async () => {
  expect(await overview()).toMatchObject({histogram: [], ended: '0'});
  const users = await createUsers(postgres, 4);
  const [one, ...three] = users.map(({userId}) => userId);
  await createSessions(postgres, three, 3);
  const [ended, live] = await createSessions(postgres, [one!], 2);
  await replica.query('update auth.sessions set not_after = now() where id = $1', [ended!.sessionId]);
  const counted = {
    histogram: [
      {sessions: 1, users: 1},
      {sessions: 3, users: 3},
    ],
    ended: '1',
  };
  expect(await overview()).toEqual({...counted, users_over: null, sessions_over: null, sessions_expiring: null});
  await configure(postgres, {enabled: true, max_sessions: 2});
  expect(await overview()).toEqual({...counted, users_over: '3', sessions_over: '3', sessions_expiring: '0'});
  await replica.query('update auth.sessions set not_after = now() where id = $1', [live!.sessionId]);
  expect(await overview()).toMatchObject({histogram: [{sessions: 3, users: 3}], ended: '2'});
});

it('users at the limit are counted when asked for', async () => {
  const users = await createUsers(postgres, 3);
  await createSessions(postgres, [users[0]!.userId, users[1]!.userId], 2);
  expect(await impact({max_sessions: 2})).toMatchObject({users_over: '0', users_at: '2'});
  expect(await impact({max_sessions: 2}, false)).toMatchObject({users_over: '0', users_at: null});
  expect(await impact({max_sessions: 1}, false)).toMatchObject({users_over: '2', sessions_over: '2', users_at: null});
});

it('with limits off nothing is over the limit, and what would be can be asked', async () => {
  const [user] = await createUsers(postgres, 1);
  await createSessions(postgres, [user!.userId], 3);
  await configure(postgres, {enabled: false, max_sessions: 1});
  expect(await overLimit()).toEqual([]);
  expect(await impact()).toMatchObject({users_over: '1', sessions_over: '2'});
});

it('a dry run leaves everything as it is, and a real one does the same', async () => {
  const [user] = await createUsers(postgres, 1);
  await createSessions(postgres, [user!.userId], 3);
  await configure(postgres, {enabled: true, max_sessions: 1});
  await postgres.query('delete from supasession.events');
  expect(await enforced(true)).toMatchObject({evicted: 2});
  expect((await postgres.query('select from auth.sessions')).rowCount).toBe(3);
  expect((await postgres.query('select from supasession.events')).rowCount).toBe(0);
  expect(await enforced(false)).toMatchObject({evicted: 2});
  expect((await postgres.query('select from auth.sessions')).rowCount).toBe(1);
});
