/** Installing while users sign in: none of their requests fails. test/slow does it more often, and over every state of the database. */
import {DatabaseError, type Client} from 'pg';
import {
  AuthError,
  createUsers,
  generateMagicLink,
  refresh,
  run,
  signInPassword,
  updatePassword,
  verifyMagicLink,
  type AuthSession,
} from '../helpers/auth.js';
import {dumpCatalog} from '../helpers/catalog.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {readLegacySql} from '../helpers/extension.js';
import {install} from '../helpers/install.js';
import {THOROUGH} from '../helpers/thorough.js';
import {until} from '../helpers/wait.js';

let database: TestDatabase;
let postgres: Client;
/** The schema of a fresh installation. */
let fresh: string[];

beforeAll(async () => {
  const model = await createDatabase({installed: true});
  fresh = await dumpCatalog(await model.connect());
  await model.drop();
});

beforeEach(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
});

afterEach(async () => database.drop());

/** Installs as its hint says: it gives up after four seconds rather than let sign-ins wait, which a machine that is busy otherwise may need. */
async function installAgain(client: Client): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await install(client);
      return;
    } catch (error) {
      if (tries === 3 || !(error instanceof DatabaseError && error.code === '55P03')) throw error;
    }
  }
}

const WORKERS = 8;
const INSTALLS = THOROUGH ? 8 : 3;
const LIMIT = 2;

const states = [
  ['a fresh database', async () => Promise.resolve()],
  [
    '0.1.2 with limits on',
    async () => {
      await postgres.query(await readLegacySql());
      await postgres.query(`select supasession.set_config(true, ${LIMIT}, 'dequeue')`);
    },
  ],
  [
    'this release with limits on',
    async () => {
      await install(postgres);
      await postgres.query(`select supasession.set_config(true, ${LIMIT}, 'dequeue')`);
    },
  ],
  [
    'this release with everything on',
    async () => {
      await install(postgres);
      await postgres.query(
        `update supasession.config set enabled = true, max_sessions = ${LIMIT}, timebox = '1 day', inactivity_timeout = '1 hour',
           oauth_clients = 'together', record_device_changes = true`,
      );
      await postgres.query(
        `insert into supasession.rules (name, app_metadata, max_sessions) values ('mail', '{"provider": "email"}', ${LIMIT})`,
      );
    },
  ],
] as [string, () => Promise<void>][];

it.each(states.filter(([state]) => THOROUGH || state === 'this release with everything on'))(
  'over %s: installs several times and no sign-in, refresh or password change fails',
  async (_, prepare) => {
    await prepare();
    const users = await createUsers(postgres, 3);
    const clients = await Promise.all(
      Array.from({length: WORKERS}, async () => database.connect('supabase_auth_admin')),
    );
    const failed: unknown[] = [];
    let [signedIn, stop] = [0, false];

    /**
     * Signs in by turns by password and magic link, and refreshes what it got; another worker may have taken its place. The last user
     * has refresh token algorithm 2 only and changes passwords: with algorithm 1 Auth alone deadlocks on that.
     */
    const work = async (client: Client, n: number): Promise<void> => {
      const email = users[n % users.length]?.email ?? '';
      const changes = n % users.length === users.length - 1;
      for (let turn = n; !stop; turn += 1) {
        const algorithm = changes || turn % 2 === 0 ? 2 : 1;
        try {
          let session: AuthSession;
          if (turn % 3 === 0)
            session = await run(client, verifyMagicLink(await run(client, generateMagicLink(email)), {algorithm}));
          else session = await run(client, signInPassword(email, {algorithm}));
          signedIn += 1;
          if (changes && turn % 4 === 0) await run(client, updatePassword(session));
          await run(client, refresh(session));
        } catch (error) {
          // Evicted by another worker before its refresh, or its link replaced by a newer one: not failures of a sign-in.
          const ordinary = ['refresh_token_not_found', 'session_expired', 'session_not_found', 'otp_expired'];
          if (!(error instanceof AuthError && ordinary.includes(error.code))) failed.push(error);
        }
      }
    };

    const workers = clients.map(work);
    try {
      for (let n = 0; n < INSTALLS; n += 1) {
        const seen = signedIn;
        await until('sign-ins go on', async () => Promise.resolve(signedIn > seen + WORKERS));
        await installAgain(postgres);
      }
    } finally {
      stop = true;
      await Promise.all(workers);
    }
    expect(failed).toEqual([]);
    expect(signedIn).toBeGreaterThan(WORKERS * INSTALLS);
    expect(await dumpCatalog(postgres)).toEqual(fresh);
  },
);
