/** recovery_makes_room: under reject, who comes by recovery or magic link gets in all the same. */
import type {Client} from 'pg';
import {
  createUser,
  exchangeCode,
  generateMagicLink,
  liveSessions,
  refreshV1,
  requestPkceLink,
  run,
  signInPassword,
  signUp,
  updatePassword,
  verifyMagicLink,
  verifyPkceLink,
  type AuthSession,
  type AuthUser,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install, type Settings} from '../helpers/install.js';

let database: TestDatabase;
let postgres: Client;
let auth: Client;
let user: AuthUser;

beforeAll(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
  await install(postgres);
});

beforeEach(async () => {
  // A connection of its own: what one sign-in left on it must not decide about another test.
  auth = await database.connect('supabase_auth_admin');
  user = await createUser(postgres);
});

afterEach(async () => auth.end());

afterAll(async () => database.drop());

const refused = {sqlstate: 'PT403'};
const makesRoom = {enabled: true, max_sessions: 2, strategy: 'reject', recovery_makes_room: true} as const;
const methods = ['magiclink', 'recovery'] as const;

/** Two sessions by password, which is the limit of these tests. */
async function full(settings: Settings = makesRoom): Promise<AuthSession[]> {
  await configure(postgres, settings);
  return [await run(auth, signInPassword(user.email)), await run(auth, signInPassword(user.email))];
}

async function live(among: AuthSession[]): Promise<number[]> {
  const ids = await liveSessions(postgres, user.userId);
  return among.flatMap(({sessionId}, n) => (ids.includes(sessionId) ? [n] : []));
}

const password = (): Promise<AuthSession> => run(auth, signInPassword(user.email));

// Without PKCE recovery and magic link are the same to the database, from the first statement to the last.
const ways: Record<string, (algorithm: 1 | 2) => Promise<AuthSession>> = {
  'magic link or recovery': async (algorithm) =>
    run(auth, verifyMagicLink(await run(auth, generateMagicLink(user.email)), {algorithm})),
  'magic link with PKCE': async (algorithm) => byCode('magiclink', algorithm),
  'recovery with PKCE': async (algorithm) => byCode('recovery', algorithm),
};

async function byCode(method: (typeof methods)[number], algorithm: 1 | 2 = 1): Promise<AuthSession> {
  const hash = await run(auth, requestPkceLink(user.email, method));
  return run(auth, exchangeCode(await run(auth, verifyPkceLink(hash, method)), {algorithm}));
}

describe.each(Object.entries(ways))('%s', (_, signIn) => {
  it.each([1, 2] as const)('ends the oldest session at the limit, refresh token algorithm %i', async (algorithm) => {
    const made = await full();
    made.push(await signIn(algorithm));
    expect(await live(made)).toEqual([1, 2]);
    const {rows} = await postgres.query('select kind, session_id from supasession.events where user_id = $1', [
      user.userId,
    ]);
    expect(rows).toEqual([{kind: 'evicted', session_id: made[0]?.sessionId}]);
  });

  it('ends by the order that is set', async () => {
    const made = await full({...makesRoom, eviction_order: 'least_recently_used'});
    if (made[0]) await run(auth, refreshV1(made[0]));
    made.push(await signIn(1));
    expect(await live(made)).toEqual([0, 2]);
  });

  it('ends nobody below the limit', async () => {
    const made = await full({...makesRoom, max_sessions: 3});
    made.push(await signIn(1));
    expect(await live(made)).toEqual([0, 1, 2]);
  });

  it('is refused at the limit with the setting off, as it is by default', async () => {
    const made = await full({enabled: true, max_sessions: 2, strategy: 'reject'});
    await expect(signIn(1)).rejects.toMatchObject(refused);
    expect(await live(made)).toEqual([0, 1]);
  });

  it('opens no place for a later sign-in by password on the same connection', async () => {
    const made = await full();
    made.push(await signIn(1));
    await expect(password()).rejects.toMatchObject(refused);
    expect(await live(made)).toEqual([1, 2]);
  });

  it('gives back the place when it fails in the end, and opens none for the next one', async () => {
    const made = await full();
    const hash = await run(auth, generateMagicLink(user.email));
    await expect(run(auth, verifyMagicLink(hash, {hook: 'public.missing'}))).rejects.toMatchObject({statement: 'hook'});
    expect(await live(made)).toEqual([0, 1]);
    await expect(password()).rejects.toMatchObject(refused);
  });

  it('of one user opens no place for another', async () => {
    const made = await full();
    const other = user;
    user = await createUser(postgres);
    await full();
    await signIn(1);
    await expect(run(auth, signInPassword(other.email))).rejects.toMatchObject(refused);
    user = other;
    expect(await live(made)).toEqual([0, 1]);
  });

  it('would end somebody in observe mode, and refuse nobody', async () => {
    const made = await full();
    await configure(postgres, {...makesRoom, mode: 'observe'});
    made.push(await signIn(1));
    expect(await live(made)).toEqual([0, 1, 2]);
    const {rows} = await postgres.query('select kind from supasession.events where user_id = $1', [user.userId]);
    expect(rows).toEqual([{kind: 'would_evict'}]);
  });
});

describe('is refused all the same', () => {
  it('a sign-in by password, the very first one of a connection too', async () => {
    const made = await full();
    await expect(password()).rejects.toMatchObject(refused);
    await auth.end();
    auth = await database.connect('supabase_auth_admin');
    await expect(password()).rejects.toMatchObject(refused);
    expect(await live(made)).toEqual([0, 1]);
  });

  it('a sign-in by password after somebody has asked for a link, which anybody can', async () => {
    const made = await full();
    await run(auth, generateMagicLink(user.email));
    for (const method of methods) await run(auth, requestPkceLink(user.email, method));
    await expect(password()).rejects.toMatchObject(refused);
    expect(await live(made)).toEqual([0, 1]);
  });

  it('a sign-in by password after a new password, which voids the tokens', async () => {
    await configure(postgres, {...makesRoom, max_sessions: 1});
    const session = await password();
    await run(auth, generateMagicLink(user.email));
    await run(auth, updatePassword(session));
    await expect(password()).rejects.toMatchObject(refused);
  });

  it('a sign-in by password right after the sign-up', async () => {
    await configure(postgres, {...makesRoom, max_sessions: 1});
    const first = await run(auth, signUp(`new-${user.email}`));
    await expect(run(auth, signInPassword(`new-${user.email}`))).rejects.toMatchObject(refused);
    expect(await liveSessions(postgres, first.userId)).toEqual([first.sessionId]);
  });

  it('the code of another flow than recovery or magic link', async () => {
    const made = await full();
    const hash = await run(auth, requestPkceLink(user.email, 'recovery'));
    const code = await run(auth, verifyPkceLink(hash, 'recovery'));
    await postgres.query("update auth.flow_state set authentication_method = 'oauth' where auth_code = $1", [code]);
    await expect(run(auth, exchangeCode(code))).rejects.toMatchObject(refused);
    expect(await live(made)).toEqual([0, 1]);
  });
});

describe('through the hook', () => {
  it('recovery gets in where a password gets 403', async () => {
    const hook = {hook: 'supasession.access_token_hook'};
    const made = await full({...makesRoom, reject_in_hook: true});
    await expect(run(auth, signInPassword(user.email, hook))).rejects.toMatchObject({status: 403});
    made.push(await run(auth, verifyMagicLink(await run(auth, generateMagicLink(user.email)), hook)));
    expect(await live(made)).toEqual([1, 2]);
  });
});
