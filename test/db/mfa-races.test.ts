/** Second factors: two requests of one user at once, the first stopped at each of its statements. Three pairs stand for the others, which test/slow plays. */
import {randomUUID} from 'node:crypto';
import type {Client} from 'pg';
import {
  AuthError,
  createFactor,
  createSessions,
  createUser,
  deleteUser,
  mfaVerify,
  refresh,
  signInPassword,
  Steps,
  updatePassword,
  type AuthSession,
  type AuthUser,
  type Flow,
} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, type Settings} from '../helpers/install.js';
import {sample} from '../helpers/thorough.js';
import {backendPid, isBlocked, until} from '../helpers/wait.js';

let database: TestDatabase;
let postgres: Client;
let observer: Client;
let auth: Client;
let other: Client;
let user: AuthUser;
let factor: string;

beforeAll(async () => {
  database = await createDatabase({installed: true});
  // So that the tests that meet Auth's own deadlocks need not wait for each a second.
  const admin = await database.connect('supabase_admin');
  await admin.query(`alter database "${database.name}" set deadlock_timeout = '100ms'`);
  [postgres, observer] = [await database.connect('postgres'), await database.connect('postgres')];
  [auth, other] = [await database.connect('supabase_auth_admin'), await database.connect('supabase_auth_admin')];
});

afterAll(async () => database.drop());

interface Case {
  first: AuthSession;
  second: AuthSession;
  third: AuthSession;
  challenges: [string, string];
  /** A factor that is not verified yet, and a challenge of it. */
  unverified: {factor: string; challenge: string};
}

/** Two pending sessions, each with a challenge open, and one at aal2 that they do not know of. */
async function prepare(algorithm: 1 | 2): Promise<Case> {
  await configure(postgres, {enabled: false});
  user = await createUser(postgres);
  factor = await createFactor(postgres, user.userId);
  const made = await createSessions(postgres, [user.userId], 3);
  const [third, first, second] =
    algorithm === 1 ? made : made.map((each): AuthSession => ({...each, refreshToken: null}));
  if (!first || !second || !third) throw new Error('three sessions expected');
  if (algorithm === 2) await postgres.query('delete from auth.refresh_tokens where user_id::uuid = $1', [user.userId]);
  await postgres.query("update auth.sessions set aal = 'aal2', factor_id = $2 where id = $1", [
    third.sessionId,
    factor,
  ]);
  const {rows} = await postgres.query<{id: string}>(
    `insert into auth.mfa_challenges (id, factor_id, created_at, ip_address)
     select gen_random_uuid(), $1, now(), '127.0.0.1' from generate_series(1, 2) returning id`,
    [factor],
  );
  const [one, two] = rows.map(({id}) => id);
  if (one === undefined || two === undefined) throw new Error('two challenges expected');
  const unverified = {factor: await createFactor(postgres, user.userId, 'unverified'), challenge: randomUUID()};
  await postgres.query(
    "insert into auth.mfa_challenges (id, factor_id, created_at, ip_address) values ($1, $2, now(), '127.0.0.1')",
    [unverified.challenge, unverified.factor],
  );
  return {first, second, third, challenges: [one, two], unverified};
}

const verifyFirst = ({first, challenges: [challengeId]}: Case): Flow<unknown> =>
  mfaVerify(first, factor, {challengeId});
const verifySecond = ({second, challenges: [, challengeId]}: Case): Flow<unknown> =>
  mfaVerify(second, factor, {challengeId});
const verifyNew = ({second, unverified}: Case): Flow<unknown> =>
  mfaVerify(second, unverified.factor, {challengeId: unverified.challenge});
const deleteTheUser = (): Flow<unknown> => deleteUser(user.userId);
const changePassword = ({third}: Case): Flow<unknown> => updatePassword(third);
const signIn = (): Flow<unknown> => signInPassword(user.email);
const refreshSecond = ({second}: Case): Flow<unknown> => refresh(second);

const pairs: [string, (made: Case) => Flow<unknown>, (made: Case) => Flow<unknown>][] = [
  ['two devices verify the factor', verifyFirst, verifySecond],
  ['one verifies the factor, another a new one', verifyFirst, verifyNew],
  ['one verifies a new factor, another the one there is', verifyNew, verifyFirst],
  ['one verifies the factor, then the user is deleted', verifyFirst, deleteTheUser],
  ['the user is deleted, then one verifies the factor', deleteTheUser, verifyFirst],
  ['one verifies the factor, then the password is changed', verifyFirst, changePassword],
  ['the password is changed, then one verifies the factor', changePassword, verifyFirst],
  ['one verifies the factor, then another signs in', verifyFirst, signIn],
  ['one signs in, then another verifies the factor', signIn, verifyFirst],
  ['one verifies the factor, then another is refreshed', verifyFirst, refreshSecond],
  ['one is refreshed, then another verifies the factor', refreshSecond, verifyFirst],
];

const settled = async (request: Promise<unknown>): Promise<string> =>
  request.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof AuthError) return error.sqlstate ?? error.code;
      throw error;
    },
  );

/** Plays the pair with the first stopped after each of its statements that lock anything. Returns the outcomes by stop. */
async function play(
  settings: Settings,
  algorithm: 1 | 2,
  ahead: (made: Case) => Flow<unknown>,
  behind: (made: Case) => Flow<unknown>,
): Promise<{stop: string; outcomes: string[]}[]> {
  const results: {stop: string; outcomes: string[]}[] = [];
  const behindPid = await backendPid(other);
  for (let stop = 1, over = false; !over; stop += 1) {
    const made = await prepare(algorithm);
    await configure(postgres, settings);
    const stopped = new Steps(auth, ahead(made));
    let last = '';
    for (let n = 0; n < stop && stopped.next !== undefined; n += 1) {
      last = stopped.next;
      await stopped.step();
    }
    over = stopped.next === undefined;
    if (over || last.startsWith('select') || last === 'begin') {
      await stopped.finish();
      continue;
    }
    let [finished, retries] = [false, false];
    const request = settled(
      (async () => {
        const steps = new Steps(other, behind(made));
        while (steps.next !== undefined) {
          retries ||= steps.next === 'pause';
          await steps.step();
        }
      })(),
    ).finally(() => (finished = true));
    await until(
      'the other request is done, or waits in one way or another',
      async () => finished || retries || (await isBlocked(observer, behindPid)) || (await isSleeping(behindPid)),
    );
    results.push({stop: `${stop} ${last}`, outcomes: [await settled(stopped.finish()), await request]});
  }
  expect(results.length).toBeGreaterThan(1);
  return results;
}

/** Whether the server process sleeps, which is how a refresh or a verification waits for the user's row. */
async function isSleeping(pid: number): Promise<boolean> {
  const {rowCount} = await observer.query("select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'", [
    pid,
  ]);
  return rowCount === 1;
}

const standing = [
  'two devices verify the factor',
  'one signs in, then another verifies the factor',
  'the password is changed, then one verifies the factor',
];

describe.each([1, 2] as const)('refresh token algorithm %i', (algorithm) => {
  it.each(sample(pairs, ([name]) => standing.includes(name)))(
    '%s: no deadlock that Auth alone does not have',
    async (_, ahead, behind) => {
      const alone = await play({enabled: false}, algorithm, ahead, behind);
      expect(alone.length).toBeGreaterThan(1);
      const deadlocks = (results: {stop: string; outcomes: string[]}[]): string[] =>
        results.filter(({outcomes}) => outcomes.some((state) => state.startsWith('40'))).map(({stop}) => stop);
      // Low enough that each of them has to end another session.
      const ours = await play({enabled: true, max_sessions: 1}, algorithm, ahead, behind);
      // By algorithm 1 Auth locks the session before the user in both of these, and deadlocks when they overlap. We lock the user earlier in a
      // verification, so that it overlaps with the refresh from an earlier statement on.
      if (algorithm === 1 && ahead === verifyFirst && behind === refreshSecond) {
        expect(deadlocks(alone)).not.toEqual([]);
      } else {
        expect(deadlocks(alone)).toEqual(expect.arrayContaining(deadlocks(ours)));
      }
      // 23503: the session was ended to make room before its verification had locked it; 55P03: a verification gave up.
      const ordinary = ['done', '40P01', '23503', '55P03', ...alone.flatMap(({outcomes}) => outcomes)];
      expect(ours.flatMap(({outcomes}) => outcomes).filter((state) => !ordinary.includes(state))).toEqual([]);
    },
  );
});
