/** The policies of `protect add`: what they refuse, to whom, and that they are made whatever a table is called. */
import type {Client} from 'pg';
import {protectionsFor, protectionSql, type Protection} from '../../src/features/protect/policies.js';
import {qualified} from '../../src/features/protect/tables.js';
import type {TableName} from '../../src/features/protect/queries.js';
import {createSessions, createUser, type AuthSession} from '../helpers/auth.js';
import {ask, claimsOf, type Request} from '../helpers/data-api.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';

const NOTES: TableName = {schema: 'public', table: 'notes'};
const ALL = protectionsFor([], null);
const FRESH = protectionsFor([], '00:05:00');

let database: TestDatabase;
let postgres: Client;
let api: Client;
let session: AuthSession;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  [postgres, api] = (await Promise.all(['postgres', 'authenticator'].map(async (role) => database.connect(role)))) as [
    Client,
    Client,
  ];
});

beforeEach(async () => {
  await makeTable(NOTES);
  const {userId} = await createUser(postgres);
  [session] = (await createSessions(postgres, [userId], 1)) as [AuthSession];
});

afterAll(async () => database.drop());

/** Makes a table with two rows, that everybody may read and write. */
async function makeTable(table: TableName): Promise<void> {
  const name = qualified(table);
  await postgres.query(`drop table if exists ${name}; create table ${name} (note text);
    insert into ${name} values ('a'), ('b');
    grant all on ${name} to anon, authenticated, service_role;
    alter table ${name} enable row level security;
    create policy everybody on ${name} to public using (true) with check (true)`);
}

/** In one piece without `begin`, as the supabase CLI sends a file. */
async function protect(protections: Protection[], table = NOTES): Promise<void> {
  await postgres.query(protectionSql(table, protections));
}

type Outcome = Record<'delete' | 'insert' | 'select' | 'update', number | string>;

/** How many rows each command reaches, or with which code it fails. Each is undone. */
async function reach(request: Request, table = NOTES): Promise<Outcome> {
  const name = qualified(table);
  const commands = {
    select: `select * from ${name}`,
    insert: `insert into ${name} values ('c') returning note`,
    update: `update ${name} set note = 'd' returning note`,
    delete: `delete from ${name} returning note`,
  };
  const outcome: Partial<Outcome> = {};
  for (const [command, sql] of Object.entries(commands) as [keyof Outcome, string][]) {
    try {
      outcome[command] = (await ask(api, request, sql)).length;
    } catch (error) {
      outcome[command] = (error as {code: string}).code;
    }

    await postgres.query(`truncate ${name}; insert into ${name} values ('a'), ('b')`);
  }

  return outcome as Outcome;
}

const EVERYTHING: Outcome = {select: 2, insert: 1, update: 2, delete: 2};
const NOTHING: Outcome = {select: 0, insert: '42501', update: 0, delete: 0};
const READING: Outcome = {...NOTHING, select: 2};

async function bar(assignment: string): Promise<unknown> {
  return postgres.query(`update auth.users set ${assignment} where id = $1`, [session.userId]);
}

const ENDINGS: [string, () => Promise<unknown>][] = [
  ['gone', async () => postgres.query('delete from auth.sessions where id = $1', [session.sessionId])],
  [
    'past its deadline',
    async () => postgres.query('update auth.sessions set not_after = now() where id = $1', [session.sessionId]),
  ],
  [
    'to end, and in use',
    async () =>
      postgres.query('insert into supasession.pending_ends (session_id, user_id) values ($1, $2)', [
        ...[session.sessionId, session.userId],
      ]),
  ],
  ['of a revoked user', async () => postgres.query('select supasession.revoke_access($1, null)', [session.userId])],
  ['of a banned user', async () => bar("banned_until = now() + interval '1 hour'")],
  ['of a deleted user', async () => bar('deleted_at = now()')],
];

describe.each(['authenticated', 'anon'])('as %s', (role) => {
  const request = (): Request => ({role, claims: {...claimsOf(session), role}});

  it('a live session reads and writes as before', async () => {
    expect(await reach(request())).toEqual(EVERYTHING);
    await protect(ALL);
    expect(await reach(request())).toEqual(EVERYTHING);
  });

  it.each(ENDINGS)('a session that is %s reads nothing and writes nothing', async (_, end) => {
    await end();
    expect(await reach(request())).toEqual(EVERYTHING);
    await protect(ALL);
    expect(await reach(request())).toEqual(NOTHING);
  });
});

it('tokens without a session pass: anon, service_role, and those of third-party auth', async () => {
  await protect(ALL);
  for (const role of ['anon', 'authenticated', 'service_role'])
    for (const sub of [undefined, 'auth0|5f7c8e', session.userId])
      expect(await reach({role, claims: {role, sub}})).toEqual(EVERYTHING);
});

it('tokens without a session reach nothing when their user is banned', async () => {
  await protect(ALL);
  await bar("banned_until = now() + interval '1 hour'");
  for (const role of ['anon', 'authenticated'])
    expect(await reach({role, claims: {role, sub: session.userId}})).toEqual(NOTHING);
});

it('allows nothing that no other policy allows', async () => {
  await protect(ALL);
  await postgres.query('drop policy everybody on public.notes');
  expect(await reach({claims: claimsOf(session)})).toEqual(NOTHING);
});

describe('with an age of the sign-in', () => {
  beforeEach(async () => protect(FRESH));

  it('a fresh one writes, an old one reads only, however new its token is', async () => {
    expect(await reach({claims: claimsOf(session)})).toEqual(EVERYTHING);
    await postgres.query("update auth.sessions set created_at = now() - interval '5 minutes' where id = $1", [
      session.sessionId,
    ]);
    expect(await reach({claims: claimsOf(session)})).toEqual(READING);
  });

  it('nobody writes without a sign-in but service_role', async () => {
    for (const role of ['anon', 'authenticated']) expect(await reach({role, claims: {role}})).toEqual(READING);
    expect(await reach({role: 'service_role', claims: {role: 'service_role'}})).toEqual(EVERYTHING);
  });

  it.each(ENDINGS)('a session that is %s reads nothing and writes nothing', async (_, end) => {
    await end();
    expect(await reach({claims: claimsOf(session)})).toEqual(NOTHING);
  });
});

it.each([
  ['select', {select: 0, insert: '42501', update: 0, delete: 0}],
  ['insert', {...EVERYTHING, insert: '42501'}],
  ['update', {...EVERYTHING, update: 0}],
  ['delete', {...EVERYTHING, delete: 0}],
] as const)('for %s alone, nothing else is narrowed but what reads as well', async (command, expected) => {
  await protect(protectionsFor([command], null));
  await postgres.query('delete from auth.sessions where id = $1', [session.sessionId]);
  // `returning` reads, and so does a condition.
  expect(await reach({claims: claimsOf(session)})).toEqual(expected);
});

it.each([
  'Orders',
  'order items',
  'user',
  'Ünï çode',
  'we"ird',
  "o'brien",
  'a.b',
  'a;b',
  'a$$b',
  '$protect1$ $$',
  'a\nb -- c',
])('protects a table called %j, twice over', async (name) => {
  await postgres.query('create schema if not exists "My.Schema"; grant usage on schema "My.Schema" to authenticated');
  const table = {schema: 'My.Schema', table: name};
  await makeTable(table);
  await protect(FRESH, table);
  await protect(FRESH, table);
  expect(await reach({claims: claimsOf(session)}, table)).toEqual(EVERYTHING);
  await postgres.query('delete from auth.sessions where id = $1', [session.sessionId]);
  expect(await reach({claims: claimsOf(session)}, table)).toEqual(NOTHING);
});

it('gives up on a table that somebody holds, and leaves the policies that were there', async () => {
  await protect(ALL);
  const holder = await database.connect();
  await holder.query('begin; select * from public.notes');
  const started = performance.now();
  await expect(protect(FRESH)).rejects.toMatchObject({code: '55P03'});
  // Well below the lock_timeout that roles and connections have by themselves.
  expect(performance.now() - started).toBeLessThan(2500);
  await holder.query('rollback');
  const {rows} = await postgres.query("select policyname from pg_policies where tablename = 'notes' order by 1");
  expect(rows).toEqual([{policyname: 'everybody'}, {policyname: 'supasession_access'}]);
});
