/** Sessions of OAuth clients: whether they count, and with whom. */
import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import {
  createUser,
  createFactor,
  liveSessions,
  refresh,
  run,
  signInPassword,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure} from '../helpers/install.js';

let database: TestDatabase;
let postgres: Client;
let auth: Client;
let user: AuthUser;
let [clientA, clientB] = ['', ''];

beforeAll(async () => {
  database = await createDatabase({installed: true});
  postgres = await database.connect('postgres');
  auth = await database.connect('supabase_auth_admin');
  [clientA, clientB] = [await createClient(), await createClient()];
});

beforeEach(async () => {
  await configure(postgres, {enabled: false});
  await postgres.query('delete from supasession.rules');
  user = await createUser(postgres);
});

afterAll(async () => database.drop());

const strategies = ['dequeue', 'reject'] as const;
const algorithms = [1, 2] as const;

async function createClient(): Promise<string> {
  const id = randomUUID();
  await auth.query(
    `insert into oauth_clients (id, registration_type, redirect_uris, grant_types, client_type, token_endpoint_auth_method)
     values ($1, 'manual', 'https://app.example.com', 'authorization_code', 'public', 'none')`,
    [id],
  );
  return id;
}

/** A sign-in to the app itself, or for an OAuth client. */
async function signIn(oauthClientId?: string, algorithm: 1 | 2 = 1): Promise<AuthSession> {
  return run(auth, signInPassword(user.email, {algorithm, ...(oauthClientId === undefined ? {} : {oauthClientId})}));
}

async function live(): Promise<string[]> {
  return liveSessions(postgres, user.userId);
}

function ids(...sessions: AuthSession[]): string[] {
  return sessions.map(({sessionId}) => sessionId);
}

const refused = {sqlstate: 'PT403'};

describe.each(algorithms)('refresh token algorithm %i', (algorithm) => {
  describe.each(strategies)('under %s', (strategy) => {
    it('ignore: they neither count, nor are ended, nor refused', async () => {
      await configure(postgres, {enabled: true, max_sessions: 1, strategy});
      const own = await signIn(undefined, algorithm);
      const theirs = [
        await signIn(clientA, algorithm),
        await signIn(clientA, algorithm),
        await signIn(clientB, algorithm),
      ];
      expect(await live()).toEqual(ids(own, ...theirs));
      for (const session of [own, ...theirs]) await run(auth, refresh(session));
      expect(await live()).toEqual(ids(own, ...theirs));
    });

    it('separate: each client has the limit for itself, and so has the app', async () => {
      await configure(postgres, {enabled: true, max_sessions: 1, strategy, oauth_clients: 'separate'});
      const first = [
        await signIn(undefined, algorithm),
        await signIn(clientA, algorithm),
        await signIn(clientB, algorithm),
      ];
      expect(await live()).toEqual(ids(...first));
      const again = signIn(clientA, algorithm);
      if (strategy === 'reject') {
        await expect(again).rejects.toMatchObject(refused);
        expect(await live()).toEqual(ids(...first));
      } else {
        const next = await again;
        expect(await live()).toEqual([first[0]?.sessionId, first[2]?.sessionId, next.sessionId]);
      }
    });

    it('separate: refreshes bring each client back to a lowered limit by itself', async () => {
      await configure(postgres, {enabled: true, max_sessions: 2, strategy, oauth_clients: 'separate'});
      const made = [
        await signIn(undefined, algorithm),
        await signIn(clientA, algorithm),
        await signIn(clientB, algorithm),
        await signIn(clientA, algorithm),
      ];
      await configure(postgres, {enabled: true, max_sessions: 1, strategy, oauth_clients: 'separate'});
      for (const session of made) await run(auth, refresh(session));
      expect(await live()).toEqual([made[0]?.sessionId, made[2]?.sessionId, made[3]?.sessionId]);
    });

    it('together: they count like any other', async () => {
      await configure(postgres, {enabled: true, max_sessions: 2, strategy, oauth_clients: 'together'});
      const made = [await signIn(undefined, algorithm), await signIn(clientA, algorithm)];
      const third = signIn(clientB, algorithm);
      if (strategy === 'reject') {
        await expect(third).rejects.toMatchObject(refused);
        expect(await live()).toEqual(ids(...made));
      } else {
        const next = await third;
        expect(await live()).toEqual([made[1]?.sessionId, next.sessionId]);
      }
      await configure(postgres, {enabled: true, max_sessions: 1, strategy, oauth_clients: 'together'});
      const before = await live();
      expect(before).toHaveLength(2);
      for (const session of made) {
        if (before.includes(session.sessionId)) await run(auth, refresh(session));
      }
      expect(await live()).toEqual(before.slice(1));
    });

    it('separate: those pending a second factor have a pool for each client, too', async () => {
      await createFactor(postgres, user.userId);
      await configure(postgres, {enabled: true, max_sessions: 1, strategy, oauth_clients: 'separate'});
      const made = [await signIn(undefined, algorithm), await signIn(clientA, algorithm)];
      expect(await live()).toEqual(ids(...made));
      const next = await signIn(clientA, algorithm);
      expect(await live()).toEqual([made[0]?.sessionId, next.sessionId]);
    });
  });
});

it('a rule for a client sets the limit of that client alone, under separate', async () => {
  await configure(postgres, {enabled: true, max_sessions: 1, oauth_clients: 'separate'});
  await postgres.query('insert into supasession.rules (name, oauth_client_id, max_sessions) values ($1, $2, 2)', [
    'client',
    clientA,
  ]);
  const made = [
    await signIn(clientA),
    await signIn(clientA),
    await signIn(clientA),
    await signIn(clientB),
    await signIn(clientB),
  ];
  expect(await live()).toEqual([made[1]?.sessionId, made[2]?.sessionId, made[4]?.sessionId]);
});

it('a rule for a client gives its sessions a deadline also where they are not counted', async () => {
  await configure(postgres, {enabled: true, max_sessions: 1});
  await postgres.query("insert into supasession.rules (name, oauth_client_id, timebox) values ($1, $2, '1 hour')", [
    'client',
    clientA,
  ]);
  const made = [await signIn(), await signIn(clientA), await signIn(clientB)];
  const {rows} = await postgres.query(
    "select not_after = date_trunc('second', created_at + interval '1 hour') + interval '0.271828 seconds' as boxed from auth.sessions where id = any ($1) order by created_at",
    [ids(...made)],
  );
  expect(rows).toEqual([{boxed: null}, {boxed: true}, {boxed: null}]);
});

it('enforce() holds each session to its own rule, where all count together', async () => {
  await configure(postgres, {enabled: false});
  const made = [await signIn(), await signIn(), await signIn(clientA), await signIn(clientA)];
  await postgres.query(
    "insert into supasession.rules (name, oauth_client_id, max_sessions, timebox) values ('client', $1, 1, '1 hour')",
    [clientA],
  );
  await configure(postgres, {enabled: true, max_sessions: 4, oauth_clients: 'together'});
  await postgres.query('select supasession.enforce(100000)');
  // The older one of the client is second of all, and the client may have one.
  expect(await live()).toEqual(ids(...[made[0], made[1], made[3]].flatMap((session) => session ?? [])));
  const {rows} = await postgres.query(
    'select oauth_client_id is not null as of_client, not_after is not null as boxed from auth.sessions where user_id = $1 order by created_at',
    [user.userId],
  );
  expect(rows).toEqual([
    {of_client: false, boxed: false},
    {of_client: false, boxed: false},
    {of_client: true, boxed: true},
  ]);
});
