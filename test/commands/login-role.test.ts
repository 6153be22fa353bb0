import {readFile} from 'node:fs/promises';
import path from 'node:path';
import pg, {type Client} from 'pg';
import {createSessions, createUser} from '../helpers/auth.js';
import {failure} from '../helpers/failures.js';
import {install} from '../helpers/install.js';
import {startManagementApi, TOKEN, type ManagementApiStandIn} from '../helpers/management-api.js';
import {startPgbouncer} from '../helpers/pgbouncer.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';
import {describeWith} from '../helpers/tools.js';
import {until} from '../helpers/wait.js';

const REF = 'abcdefghijklmnopqrst';
/** As the pooler knows it; here it is the name of a role that the server has. */
const ROLE = `cli_login_postgres.${REF}`;
const PASSWORD = 'temporary /?@% password';

let server: TestServer;
let admin: Client;
let standIn: ManagementApiStandIn;
let project: TestProject;

beforeAll(async () => {
  [server, standIn] = await Promise.all([startServer(), startManagementApi(REF)]);
  admin = await server.connect('supabase_admin');
  // It may become postgres, and by itself it may do nothing.
  await admin.query(`create role "${ROLE}" login noinherit password '${PASSWORD}'; grant postgres to "${ROLE}"`);
  const client = await server.connect();
  const {userId} = await createUser(client);
  await createSessions(client, [userId], 3);
});
beforeEach(async () => {
  standIn.reset();
  standIn.projects.get(REF)!.loginRole = async () => ({
    ...{role: 'cli_login_postgres', password: PASSWORD, ttl_seconds: 300},
  });
  // Not with the server's port in config.toml: what is there, the CLI takes for local, and does not become postgres.
  project = await createProject();
  await link(server.port);
});
afterEach(async () => project.remove());
afterAll(async () => Promise.all([server.stop(), standIn.stop()]));

async function link(port: number): Promise<void> {
  await project.write('supabase/.temp/project-ref', REF);
  await project.write('supabase/.temp/pooler-url', `postgresql://postgres.${REF}@127.0.0.1:${port}/postgres`);
}

test('every command works on a linked project with an access token alone, as postgres', async () => {
  const init = await project.run(['init', '--linked', '--apply', '--no-enable', '--yes'], standIn.env);
  expect(init).toMatchObject({code: 0});
  expect(init.stderr).toContain('No database password is set: using a temporary login role');
  const {rows} = await admin.query<{owner: string}>(
    "select distinct pg_get_userbyid(proowner) as owner from pg_proc where pronamespace = 'supasession'::regnamespace",
  );
  expect(rows).toEqual([{owner: 'postgres'}]);

  const enable = ['config', '--linked', '--enable', '--max', '2', '--confirm', REF];
  expect(await project.run(enable, standIn.env)).toMatchObject({code: 0});
  const flush = await project.run(['flush', '--linked', '--confirm', REF, '--json'], standIn.env);
  expect(flush.json).toMatchObject({matched: 3, deleted: 3, completed: true});

  for (const {method, path: asked, token, body} of standIn.requests) {
    expect([method, asked, token, body]).toEqual([
      ...['POST', `/v1/projects/${REF}/cli/login-role`, TOKEN],
      {read_only: false},
    ]);
  }
  expect(standIn.requests).toHaveLength(3);
  for (const {stdout, stderr} of [init, flush]) {
    for (const secret of [PASSWORD, TOKEN, encodeURIComponent(PASSWORD)]) expect(stdout + stderr).not.toContain(secret);
  }
});

test('the token may be the one that the CLI has stored, or stand in a .env file', async () => {
  const {SUPABASE_PROFILE} = standIn.env;
  await project.write('home/access-token', `${TOKEN}\n`);
  const dry = ['flush', '--linked', '--dry-run'];
  const stored = {SUPABASE_PROFILE, SUPABASE_HOME: path.join(project.root, 'home')};
  expect(await project.run(dry, stored)).toMatchObject({code: 0});
  await project.write('.env', `SUPABASE_ACCESS_TOKEN=${TOKEN}\n`);
  expect(await project.run(dry, {SUPABASE_PROFILE})).toMatchObject({code: 0});
  expect(standIn.requests).toHaveLength(2);
});

test('a password that is set is used, and no role is made', async () => {
  const {code, error} = await failure(project, ['flush', '--linked', '--dry-run'], {
    ...standIn.env,
    SUPABASE_DB_PASSWORD: 'wrong',
  });
  expect([code, error.code]).toEqual([1, 'AUTHENTICATION_FAILED']);
  expect(error.message).toContain(`refused the password of role postgres.${REF}`);
  expect(standIn.requests).toEqual([]);
});

test('a token that is refused is said, without the token, and that a password would do', async () => {
  standIn.token = 'another';
  const {code, error, stderr} = await failure(project, ['flush', '--linked', '--dry-run'], standIn.env);
  expect([code, error.code]).toEqual([1, 'API_UNAUTHORIZED']);
  expect(error.message).toMatch(
    /^No temporary login role: 127\.0\.0\.1:\d+ refused the access token \(SUPABASE_ACCESS_TOKEN\)/,
  );
  expect(error.suggestions[0]).toContain('Set SUPABASE_DB_PASSWORD');
  expect(error.suggestions).toContain('npx supabase login');
  expect(stderr).not.toContain(TOKEN);
});

test('a role that is not known at once is tried again', async () => {
  await admin.query(`alter role "${ROLE}" password 'an earlier one'`);
  const {rows} = await admin.query<{data_directory: string}>('show data_directory');
  const log = path.join(rows[0]!.data_directory, '../server.log');
  const refusals = async () =>
    (await readFile(log, 'utf8')).split(`password authentication failed for user "${ROLE}"`).length - 1;
  const before = await refusals();

  const run = project.start(['flush', '--linked', '--dry-run'], standIn.env);
  await until('the role has been refused', async () => (await refusals()) > before);
  await admin.query(`alter role "${ROLE}" password '${PASSWORD}'`);
  expect(await run.result).toMatchObject({code: 0});
  expect(standIn.requests).toHaveLength(1);
});

describeWith('pgbouncer', 'through a pooler in transaction mode', () => {
  test('each transaction is done as postgres, and the pooled connection stays the role that it is', async () => {
    const pooler = await startPgbouncer(server.port, {[ROLE]: PASSWORD});
    try {
      await link(pooler.port);
      const owner = await server.connect();
      await install(owner);
      await owner.query(`
        create table public.who (name text, session text);
        create function public.note_who() returns trigger language plpgsql as $$
          begin insert into public.who values (current_user, session_user); return null; end $$;
        create trigger note_who after insert or update on supasession.config execute function public.note_who()`);
      const config = ['config', '--linked', '--max', '3', '--yes'];
      expect(await project.run(config, standIn.env)).toMatchObject({code: 0});
      expect((await admin.query('select distinct name, session from public.who')).rows).toEqual([
        {name: 'postgres', session: ROLE},
      ]);
      const next = new pg.Client({
        host: '127.0.0.1',
        port: pooler.port,
        user: ROLE,
        password: PASSWORD,
        database: 'postgres',
      });
      await next.connect();
      expect((await next.query('select current_user as name')).rows).toEqual([{name: ROLE}]);
      await next.end();
    } finally {
      await pooler.stop();
    }
  });
});
