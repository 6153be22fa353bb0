/** Dumps by the programs of Postgres, and what their restore makes of sessions and settings. docs/restore.md tells it to people. */
import {execFile} from 'node:child_process';
import {existsSync} from 'node:fs';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {promisify} from 'node:util';
import pg from 'pg';
import {createSessions, createUsers, liveSessions, run, signInPassword, type AuthUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {configure, install} from '../helpers/install.js';
import {startPostgres15} from '../helpers/postgres15.js';
import {describeWith, tool} from '../helpers/tools.js';

const OUR_TABLES = ['config', 'rules', 'events', 'revoked', 'pending_ends', 'foreign_deadlines', 'integration'].map(
  (table) => `supasession.${table}`,
);
const AUTH_TABLES = ['auth.users', 'auth.sessions', 'auth.refresh_tokens', 'auth.mfa_amr_claims'];

/** The last one because only Auth's own role may write it. */
const DATA_ONLY = ['--data-only', '--exclude-table=auth.schema_migrations'];

/** How `supabase db dump --data-only` begins its file. Only a superuser may say it, or postgres on a hosted project. */
const REPLICA = 'set session_replication_role = replica;\n';

interface Way {
  name: string;
  /** Arguments of pg_dump, beside the data alone. */
  dump: string[];
  /** What stands before the SQL. */
  head?: string;
  /** Arguments of pg_restore; psql is used if they are left out. */
  restore?: string[];
  /** Who restores. */
  role: 'postgres' | 'supabase_admin';
}

const WAYS: Way[] = [
  {name: 'pg_dump --data-only', dump: [], role: 'postgres'},
  {name: 'pg_dump --data-only --disable-triggers', dump: ['--disable-triggers'], role: 'supabase_admin'},
  {name: 'pg_restore --data-only', dump: ['--format=custom'], restore: [], role: 'postgres'},
  {
    name: 'pg_restore --data-only --disable-triggers',
    dump: ['--format=custom'],
    restore: ['--disable-triggers'],
    role: 'supabase_admin',
  },
  {
    name: 'supabase db dump --data-only --use-copy',
    dump: ['--quote-all-identifiers'],
    head: REPLICA,
    role: 'supabase_admin',
  },
  {
    name: 'supabase db dump --data-only',
    dump: ['--quote-all-identifiers', '--column-inserts'],
    head: REPLICA,
    role: 'supabase_admin',
  },
];

describeWith('pg_dump', 'a restore', () => {
  let stopServer: () => Promise<void>;
  let folder: string;
  /** A project in use, and one that has installed supasession and chosen nothing. */
  let source: TestDatabase;
  let untouched: TestDatabase;
  /** Who has as many as allowed; who has more, by a rule; who has too many; who has no access. */
  let users: AuthUser[];
  let database: TestDatabase;
  let postgres: pg.Client;
  let auth: pg.Client;

  beforeAll(async () => {
    stopServer = await startPostgres15();
    folder = await mkdtemp(path.join(tmpdir(), 'supasession-dump-'));
    [source, untouched] = [await createDatabase(), await createDatabase()];
    await fill(source);
    const client = await untouched.connect();
    await install(client);
    const [user] = (await createUsers(client, 1)) as [AuthUser];
    await createSessions(client, [user.userId], 4);
  });

  beforeEach(async () => {
    database = await createDatabase();
    [postgres, auth] = [await database.connect(), await database.connect('supabase_auth_admin')];
  });

  afterEach(async () => database.drop());

  afterAll(async () => {
    await rm(folder, {recursive: true, force: true});
    await stopServer();
  });

  async function fill(target: TestDatabase): Promise<void> {
    const client = await target.connect();
    await install(client);
    users = await createUsers(client, 4);
    const [allowed, ruled, , gone] = users.map(({userId}) => userId);
    await createSessions(
      client,
      users.map(({userId}) => userId),
      4,
    );
    await configure(client, {enabled: true, max_sessions: 2, timebox: '30 days', refusal_message: 'Too many'});
    await client.query("insert into supasession.rules (name, user_id, max_sessions) values ('three', $1, 3)", [ruled]);
    // Somebody else's deadline, which gives way to ours.
    const notAfter = new Date(Date.now() + 60 * 86_400_000);
    await run(await target.connect('supabase_auth_admin'), signInPassword(users[0]!.email, {notAfter}));
    expect(await liveSessions(client, allowed!)).toHaveLength(2);
    await client.query("insert into supasession.revoked (user_id, reason) values ($1, 'left')", [gone]);
    await client.query(
      `insert into supasession.pending_ends (session_id, user_id)
       select id, user_id from auth.sessions where user_id = $1 order by created_at limit 1`,
      [ruled],
    );
    for (const [table, rows] of Object.entries(await contents(client)))
      if (table !== 'supasession.integration') expect([table, rows.length > 0]).toEqual([table, true]);
  }

  /** All rows of all tables, but for the settings that nobody has chosen. */
  async function contents(
    client: pg.Client,
    tables = [...AUTH_TABLES, ...OUR_TABLES],
  ): Promise<Record<string, unknown[]>> {
    const found: Record<string, unknown[]> = {};
    for (const table of tables) {
      const {rows} = await client.query<{row: {version?: string}}>(
        `select to_jsonb(t) as row from ${table} t order by to_jsonb(t)::text`,
      );
      found[table] = rows.map(({row}) => row).filter(({version}) => version?.startsWith('seeded') !== true);
    }
    return found;
  }

  /** Runs a program of Postgres; gives its errors. */
  async function program(name: string, args: string[]): Promise<string[]> {
    const {stderr} = await promisify(execFile)(tool(name)!, args).catch((error: unknown) => error as {stderr: string});
    return stderr.split('\n').flatMap((line) => /(?:ERROR|FATAL|error): +(.*)/.exec(line)?.[1] ?? []);
  }

  /** A file with the dump; one made so before is used again. */
  async function dump(from: TestDatabase, args: string[], head = ''): Promise<string> {
    const file = path.join(folder, `${from.name} ${args.join(' ')} ${head.trim()}`);
    if (existsSync(file)) return file;
    expect(await program('pg_dump', [...args, `--file=${file}`, from.url('supabase_admin')])).toEqual([]);
    if (head !== '') await writeFile(file, head + (await readFile(file, 'utf8')));
    return file;
  }

  async function restore(file: string, {restore: args, role}: Way): Promise<string[]> {
    const target = database.url(role);
    return args === undefined
      ? program('psql', ['--quiet', '--no-psqlrc', `--file=${file}`, target])
      : program('pg_restore', ['--data-only', ...args, `--dbname=${target}`, file]);
  }

  /** Every kind of user signs in once more. */
  async function expectLimits(): Promise<void> {
    for (const [index, limit] of [2, 3, 2].entries()) {
      await run(auth, signInPassword(users[index]!.email));
      const {rows} = await postgres.query<{count: number}>(
        `select count(*)::int from auth.sessions s where user_id = $1 and (not_after is null or not_after > now())
           and not exists (select from supasession.pending_ends e where e.session_id = s.id)`,
        [users[index]!.userId],
      );
      expect([index, rows[0]?.count]).toEqual([index, limit]);
    }
    await expect(run(auth, signInPassword(users[3]!.email))).rejects.toMatchObject({sqlstate: 'PT403'});
    const {rows} = await postgres.query(
      "select to_jsonb(c) ->> 'refusal_message' as message from supasession.get_config() c",
    );
    expect(rows).toEqual([{message: 'Too many'}]);
  }

  /** What everybody may do with the settings after a restore. */
  async function expectSettingsToWork(): Promise<void> {
    await postgres.query("update supasession.config set enabled = true, timebox = '1 day'");
    await postgres.query('select supasession.set_config(max_sessions => 7)');
    const {rows} = await postgres.query(
      "select enabled, timebox = '1 day' as day, max_sessions from supasession.get_config()",
    );
    expect(rows).toEqual([{enabled: true, day: true, max_sessions: 7}]);
  }

  it('of a whole dump into an empty database brings everything, and ends nothing', async () => {
    const file = await dump(source, []);
    const expected = await contents(await source.connect());
    const admin = new pg.Client({connectionString: database.url('supabase_admin').replace(/[^/]*$/, 'postgres')});
    await database.drop();
    await admin.connect();
    await admin.query(`create database ${database.name} template template0 owner postgres`);
    await admin.end();
    expect(await restore(file, {name: '', dump: [], role: 'supabase_admin'})).toEqual([]);

    [postgres, auth] = [await database.connect(), await database.connect('supabase_auth_admin')];
    expect(await contents(postgres)).toEqual(expected);
    await expectLimits();
    await expectSettingsToWork();
  });

  it('of the settings first, and of the data of Auth after them, ends nothing and refuses nobody', async () => {
    await install(postgres);
    const way: Way = {name: '', dump: [], role: 'postgres'};
    for (const schema of ['supasession', 'auth']) {
      const file = await dump(source, [...DATA_ONLY, `--schema=${schema}`]);
      expect(await restore(file, way)).toEqual([]);
    }
    expect(await contents(postgres)).toEqual(await contents(await source.connect()));
    await expectLimits();
  });

  // Dumps of the CLI leave out the schema auth, and so our triggers on its tables.
  it('of schema and data as the supabase CLI dumps them enforces again once the migration has run again', async () => {
    const schema = await dump(source, ['--schema-only', '--schema=supasession']);
    expect(await restore(schema, {name: '', dump: [], role: 'postgres'})).toEqual([]);
    const way: Way = {name: '', dump: [], role: 'supabase_admin'};
    expect(await restore(await dump(source, DATA_ONLY, REPLICA), way)).toEqual([]);
    await install(postgres);
    expect(await contents(postgres)).toEqual(await contents(await source.connect()));
    await expectLimits();
    await expectSettingsToWork();
  });

  // A restore is no call of _chain(), which also gives the caller of a hook the path that this one expects.
  it('of the name of an access token hook: it is called as before once the migration has run again', async () => {
    const hook = `create function public.own_hook(event jsonb) returns jsonb language plpgsql as
      $$begin return event || jsonb_build_object('claims', event -> 'claims' || (select jsonb_build_object('mail', email)
        from users where id = (event ->> 'user_id')::uuid)); end$$;
      grant execute on function public.own_hook(jsonb) to supabase_auth_admin;`;
    const claims = async (target: TestDatabase, user: AuthUser): Promise<unknown> => {
      const {rows} = await (
        await target.connect('supabase_auth_admin')
      ).query('select supasession.access_token_hook($1) as answer', [{user_id: user.userId, claims: {aal: 'aal1'}}]);
      return rows;
    };
    const from = await createDatabase();
    const original = await from.connect();
    await install(original);
    const [user] = (await createUsers(original, 1)) as [AuthUser];
    await original.query(`${hook} select supasession._chain('access_token_hook', 'public', 'own_hook')`);
    const expected = [{answer: {user_id: user.userId, claims: {aal: 'aal1', mail: user.email}}}];
    expect(await claims(from, user)).toEqual(expected);

    await install(postgres);
    await postgres.query(hook);
    expect(await restore(await dump(from, DATA_ONLY), {name: '', dump: [], role: 'postgres'})).toEqual([]);
    await install(postgres);
    expect(await claims(database, user)).toEqual(expected);
    await from.drop();
  });

  describe.each(WAYS)('by $name', (way) => {
    it('into a new installation: what was dumped wins, nothing is ended, no event is added', async () => {
      const file = await dump(source, [...DATA_ONLY, ...way.dump], way.head);
      await install(postgres);
      expect(await restore(file, way)).toEqual([]);
      expect(await contents(postgres)).toEqual(await contents(await source.connect()));
      await expectLimits();
      await expectSettingsToWork();
    });

    it('into an installation with settings of its own: these stay, and nothing is ended', async () => {
      const file = await dump(source, [...DATA_ONLY, ...way.dump], way.head);
      await install(postgres);
      await configure(postgres, {enabled: true, max_sessions: 1});
      const before = await contents(postgres, ['supasession.config', 'supasession.events']);
      const errors = await restore(file, way);
      expect(errors.filter((error) => !/"(config|events)_pkey"/.test(error))).toEqual([]);
      expect(errors).toEqual(expect.arrayContaining([expect.stringContaining('config_pkey')]));
      expect(await contents(postgres, ['supasession.config'])).toEqual({
        'supasession.config': before['supasession.config'],
      });
      expect(await contents(postgres, AUTH_TABLES)).toEqual(await contents(await source.connect(), AUTH_TABLES));
    });

    it('into an installation whose tables were emptied before: what was dumped wins', async () => {
      const file = await dump(source, [...DATA_ONLY, ...way.dump], way.head);
      await install(postgres);
      await configure(postgres, {enabled: true, max_sessions: 1});
      await postgres.query(`truncate ${OUR_TABLES.join(', ')}`);
      expect(await restore(file, way)).toEqual([]);
      expect(await contents(postgres)).toEqual(await contents(await source.connect()));
      await expectLimits();
    });

    it('of a project that has chosen nothing, into a new installation: it still starts switched off', async () => {
      const file = await dump(untouched, [...DATA_ONLY, ...way.dump], way.head);
      await install(postgres);
      expect(await restore(file, way)).toEqual([]);
      expect(await contents(postgres)).toEqual(await contents(await untouched.connect()));
      const {rows} = await postgres.query('select enabled from supasession.get_config()');
      expect(rows).toEqual([{enabled: false}]);
      await expectSettingsToWork();
    });

    it('of a project that has chosen nothing, into one with settings of its own: these stay', async () => {
      const file = await dump(untouched, [...DATA_ONLY, ...way.dump], way.head);
      await install(postgres);
      await configure(postgres, {enabled: true, max_sessions: 1});
      const before = await contents(postgres, OUR_TABLES);
      expect(await restore(file, way)).toEqual([]);
      expect(await contents(postgres, OUR_TABLES)).toEqual(before);
      expect(await contents(postgres, AUTH_TABLES)).toEqual(await contents(await untouched.connect(), AUTH_TABLES));
      await expectSettingsToWork();
    });
  });
});
