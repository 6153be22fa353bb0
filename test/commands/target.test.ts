import {execFile} from 'node:child_process';
import {chmod, chown, copyFile, mkdir, mkdtemp, rm, stat} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {TLSSocket} from 'node:tls';
import {promisify} from 'node:util';
import pg from 'pg';
import type {FlushResult} from '../../src/commands/flush.js';
import {createSessions, createUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {failure} from '../helpers/failures.js';
import {readRecord} from '../helpers/install.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';
import {describeWith} from '../helpers/tools.js';
import {until} from '../helpers/wait.js';

const REF = 'abcdefghijklmnopqrst';
const OTHER_REF = 'zzzzzzzzzzzzzzzzzzzz';
/** Of the role that stands for the pooler's user of a linked project. */
const PASSWORD = 'linked /?@% password';

let server: TestServer;
let database: TestDatabase;
let project: TestProject;

beforeAll(async () => {
  [server, database] = await Promise.all([startServer(), createDatabase()]);
  const admin = await server.connect('supabase_admin');
  await admin.query(
    `create role "postgres.${REF}" login bypassrls password '${PASSWORD}'; grant postgres to "postgres.${REF}"`,
  );
  const client = await server.connect();
  const {userId} = await createUser(client);
  await createSessions(client, [userId], 3);
});
beforeEach(async () => {
  project = await createProject({port: server.port});
});
afterEach(async () => project.remove());
afterAll(async () => Promise.all([server.stop(), database.drop()]));

/** What a dry flush says of its target; it works on any database, and changes nothing. */
async function target(
  args: string[],
  env: Record<string, string> = {},
  cwd = project.root,
): Promise<FlushResult['target']> {
  const run = await project.run(['flush', '--dry-run', '--json', ...args], env, {cwd});
  expect(run).toMatchObject({code: 0});
  return (run.json as FlushResult).target;
}

const local = () => ({
  kind: 'local',
  host: '127.0.0.1',
  port: server.port,
  database: 'postgres',
  projectRef: null,
  otherProject: false,
});
const byUrl = () => ({
  kind: 'url',
  host: '127.0.0.1',
  port: database.port,
  database: database.name,
  projectRef: null,
  otherProject: false,
});
const linked = (ref = REF) => ({
  kind: 'linked',
  host: '127.0.0.1',
  port: server.port,
  database: 'postgres',
  projectRef: ref,
  otherProject: false,
});

/** What `supabase link` leaves behind, with a pooler on this machine. */
async function link(ref = REF): Promise<void> {
  await project.write('supabase/.temp/project-ref', `${ref}\n`);
  await project.write('supabase/.temp/pooler-url', `postgresql://postgres.${ref}@127.0.0.1:${server.port}/postgres`);
}

describe('which database', () => {
  test('it is the local one by default, and with --local', async () => {
    expect(await target([])).toEqual(local());
    expect(await target(['--local'], {SUPASESSION_DB_URL: database.url()})).toEqual(local());
  });

  test('SUPASESSION_DB_URL counts only where no flag names a target', async () => {
    await link();
    const env = {SUPASESSION_DB_URL: database.url(), SUPABASE_DB_PASSWORD: PASSWORD};
    expect(await target([], env)).toEqual(byUrl());
    expect(await target(['--linked'], env)).toEqual(linked());
    expect(await target(['--db-url', server.url()], env)).toMatchObject({kind: 'url', port: server.port});
  });

  test('--remote, --remote=<url> and --remote=<ref> say the same as --linked, --db-url and another link', async () => {
    await link();
    const env = {SUPABASE_DB_PASSWORD: PASSWORD};
    expect(await target(['--remote'], env)).toEqual(linked());
    expect(await target([`--remote=${database.url()}`])).toEqual(byUrl());
    expect(await target([`--remote=${REF}`], env)).toEqual(linked());
    const other = await failure(project, ['flush', '--dry-run', `--remote=${OTHER_REF}`], env);
    expect([other.code, other.error.code]).toEqual([1, 'CONNECTION_FAILED']);
    expect(other.error.message).toContain(`db.${OTHER_REF}.supabase.co:5432 cannot be reached`);
    expect(other.error.suggestions.join('\n')).toContain(
      `use the pooler: npx supabase link --project-ref ${OTHER_REF}`,
    );
    const branch = await failure(project, ['flush', '--dry-run', '--remote=staging'], env);
    expect([branch.code, branch.error.code, branch.error.message]).toEqual([
      2,
      'TARGET_INVALID',
      '"staging" is not a project reference.',
    ]);
  });

  test('SUPABASE_PROJECT_ID beats the link', async () => {
    await link(OTHER_REF);
    await project.write('supabase/.temp/pooler-url', `postgresql://postgres.${REF}@127.0.0.1:${server.port}/postgres`);
    const env = {SUPABASE_DB_PASSWORD: PASSWORD};
    expect(await target(['--linked'], {...env, SUPABASE_PROJECT_ID: REF})).toEqual(linked());
    await rm(path.join(project.root, 'supabase/.temp'), {recursive: true});
    expect((await failure(project, ['flush', '--linked'], env)).error.code).toBe('NOT_LINKED');
    const bad = await failure(project, ['flush', '--linked'], {...env, SUPABASE_PROJECT_ID: 'My Project'});
    expect([bad.code, bad.error.code]).toEqual([2, 'TARGET_INVALID']);
  });

  test.each([
    [['--local', '--linked'], '--local and --linked'],
    [['--linked', '--db-url', 'postgresql://u:hunter2@h/d'], '--linked and --db-url'],
    [['--remote', '--local'], '--local and --linked'],
    [[`--remote=${REF}`, '--remote=postgresql://u:hunter2@h/d'], '--db-url and --remote=<ref>'],
  ])('two of them are one too many: %j', async (args, names) => {
    for (const command of ['init', 'config', 'flush']) {
      const {code, error, stderr} = await failure(project, [command, ...args]);
      expect([code, error.code, error.message]).toEqual([2, 'USAGE', `Two targets are named: ${names}.`]);
      expect(stderr).not.toContain('hunter2');
    }
  });

  test('a project that is not linked says how to link it', async () => {
    const {code, error} = await failure(project, ['config', '--linked']);
    expect([code, error.code]).toEqual([1, 'NOT_LINKED']);
    expect(error.suggestions[0]).toBe('npx supabase link --project-ref <ref>');
  });

  test.each([
    ['hunter2', 'it cannot be read'],
    ['mysql://u:hunter2@h/d', 'it does not begin with postgresql://'],
    ['postgresql:///d?password=hunter2', 'it names no host'],
    ['postgresql://u:hunter2@h:port/d', 'it cannot be read'],
  ])('a URL that is none is not repeated: %s', async (url, reason) => {
    for (const [args, env, source] of [
      [['--db-url', url], {}, '--db-url'],
      [[], {SUPASESSION_DB_URL: url}, 'SUPASESSION_DB_URL'],
    ] as const) {
      const {code, error, stderr} = await failure(project, ['flush', ...args], env);
      expect([code, error.code]).toEqual([2, 'TARGET_INVALID']);
      expect(error.message).toBe(`The value of ${source} is not a Postgres URL: ${reason}.`);
      expect(stderr).not.toContain('hunter2');
    }
  });
});

describe('which project', () => {
  test('is found by walking up, by --workdir and by SUPABASE_WORKDIR', async () => {
    const below = path.join(project.root, 'apps/web');
    await mkdir(below, {recursive: true});
    expect(await target([], {}, below)).toEqual(local());
    expect(await target(['--workdir', '../..'], {}, below)).toEqual(local());
    expect(await target(['--workdir', project.root], {}, '/')).toEqual(local());
    expect(await target([], {SUPABASE_WORKDIR: project.root}, '/')).toEqual(local());
  });

  test.each([
    ['config.json', (port: number) => JSON.stringify({db: {port}})],
    ['config.jsonc', (port: number) => `{"db": {"port": ${port}, /* the local one */}}`],
  ])('may have a %s', async (file, text) => {
    await rm(path.join(project.root, 'supabase/config.toml'));
    await project.write(`supabase/${file}`, text(server.port));
    expect(await target([])).toEqual(local());
    const init = await project.run(['init', '--no-apply', '--no-enable', '--yes']);
    expect(init).toMatchObject({code: 0});
    expect(await project.migrations()).toHaveLength(1);
  });

  test.each([['supabase/.env.local'], ['supabase/.env'], ['.env.local'], ['.env']])(
    'takes env(NAME) from %s, and the shell beats it',
    async (file) => {
      await project.configure((toml) => toml.replace(`port = ${server.port}`, 'port = "env(LOCAL_DB_PORT)"'));
      await project.write(file, `LOCAL_DB_PORT=${server.port}\n`);
      expect(await target([])).toEqual(local());
      await project.write(file, 'LOCAL_DB_PORT=1\n');
      expect(await target([], {LOCAL_DB_PORT: String(server.port)})).toEqual(local());
    },
  );

  test('takes the settings of a remote for that project', async () => {
    await link();
    await project.configure(
      (toml) => `${toml}\n[remotes.production]\nproject_id = "${REF}"\n[remotes.production.auth]\njwt_expiry = 300\n`,
    );
    const flush = await project.run(['flush', '--linked', '--dry-run'], {SUPABASE_DB_PASSWORD: PASSWORD});
    expect(flush.stdout).toContain('for up to 5 minutes (jwt_expiry)');
    expect((await project.run(['flush', '--dry-run'])).stdout).toContain('for up to 1 hour (jwt_expiry)');
  });
});

describe('the password', () => {
  const withoutPassword = () => database.url().replace(':postgres@', '@');

  test('comes from PGPASSWORD where the URL has none', async () => {
    expect(await target(['--db-url', withoutPassword()], {PGPASSWORD: 'postgres'})).toEqual(byUrl());
    // One in the URL comes first.
    expect(await target(['--db-url', database.url()], {PGPASSWORD: 'wrong'})).toEqual(byUrl());
    const wrong = await failure(project, ['flush', '--db-url', withoutPassword()], {PGPASSWORD: 'wrong'});
    expect([wrong.code, wrong.error.code]).toEqual([1, 'AUTHENTICATION_FAILED']);
    expect(wrong.error.suggestions).toEqual(['Set PGPASSWORD to the password, or give it in the URL']);
  });

  test('comes from the passfile', async () => {
    const line = `127.0.0.1:${database.port}:${database.name}:postgres:postgres\n`;
    for (const [file, env] of [
      ['passwords', {PGPASSFILE: path.join(project.root, 'passwords')}],
      ['.pgpass', {HOME: project.root}],
    ] as const) {
      await project.write(file, line);
      await chmod(path.join(project.root, file), 0o600);
      expect(await target(['--db-url', withoutPassword()], env)).toEqual(byUrl());
    }
  });

  test('that nobody can give is asked for by name', async () => {
    const {code, error} = await failure(project, ['flush', '--db-url', withoutPassword()]);
    expect([code, error.code]).toEqual([2, 'ANSWER_REQUIRED']);
    expect(error.message).toBe(
      `127.0.0.1:${database.port} wants a password for role postgres, and there is no terminal to ask on.`,
    );
    expect(error.suggestions).toEqual(['Set PGPASSWORD']);

    await link();
    const hosted = await failure(project, ['config', '--linked']);
    expect([hosted.error.code, ...hosted.error.suggestions]).toEqual([
      'ANSWER_REQUIRED',
      'Set SUPABASE_DB_PASSWORD',
      'Or set SUPABASE_ACCESS_TOKEN, for a temporary login role',
    ]);
    const wrong = await failure(project, ['config', '--linked'], {SUPABASE_DB_PASSWORD: 'wrong'});
    expect([wrong.code, wrong.error.code]).toEqual([1, 'AUTHENTICATION_FAILED']);
    expect(wrong.error.suggestions[0]).toContain('Set SUPABASE_DB_PASSWORD');
  });

  test('is not asked of the user where the server does not ask for it either', async () => {
    // The local database's is known.
    expect(await target([], {PGPASSWORD: 'wrong', SUPABASE_DB_PASSWORD: 'wrong'})).toEqual(local());
  });
});

describe('a linked project', () => {
  test('is worked on by every command, and named before sessions end there', async () => {
    await link();
    const env = {SUPABASE_DB_PASSWORD: PASSWORD};
    const init = await project.run(['init', '--linked', '--apply', '--no-enable', '--yes'], env);
    expect(init).toMatchObject({code: 0});
    expect(init.stderr).toContain(`Target   hosted project ${REF} (127.0.0.1:${server.port})`);
    expect(init.stderr).toContain('Applied to the target.');
    expect(init.stderr).toContain('Limits are OFF. Switch them on: supasession config --linked --enable');
    expect(await readRecord(await server.connect())).toMatch(/^supasession 1\.0\.0 /);

    const enable = ['config', '--linked', '--enable', '--max', '2', '--yes'];
    const refused = await failure(project, enable, env);
    expect(refused.error.details).toEqual({flag: `--confirm ${REF}`});
    const enabled = await project.run([...enable, '--confirm', REF], env);
    expect(enabled).toMatchObject({code: 0});
    expect(enabled.stderr).toContain('Undo: supasession config --linked --disable --max 3');

    expect((await failure(project, ['flush', '--linked', '--yes'], env)).error.code).toBe('ANSWER_REQUIRED');
    const wrong = await failure(project, ['flush', '--linked', '--confirm', OTHER_REF], env);
    expect([wrong.code, wrong.error.code]).toEqual([2, 'USAGE']);
    const flush = await project.run(['flush', '--linked', '--confirm', REF, '--json'], env);
    expect(flush.json).toMatchObject({target: linked(), matched: 3, deleted: 3, completed: true});
  });
});

describe('encryption', () => {
  test('hosted projects need it', async () => {
    for (const host of [`db.${REF}.supabase.co`, 'aws-0-eu-central-1.pooler.supabase.com']) {
      for (const mode of ['disable', 'prefer', 'allow']) {
        const url = `postgresql://postgres:hunter2@${host}:5432/postgres?sslmode=${mode}`;
        const {code, error, stderr} = await failure(project, ['flush', '--db-url', url]);
        expect([code, error.code]).toEqual([2, 'TARGET_INVALID']);
        expect(error.message).toBe(`Hosted projects need TLS, and sslmode=${mode} would allow a connection without.`);
        expect(stderr).not.toContain('hunter2');
      }
    }
  });

  test('a server without it is refused where the URL wants it, and an unknown sslmode is none', async () => {
    const required = await failure(project, ['flush', '--db-url', `${database.url()}?sslmode=require`]);
    expect([required.code, required.error.code]).toEqual([1, 'TLS_FAILED']);
    const unknown = await failure(project, ['flush', '--db-url', `${database.url()}?sslmode=strict`]);
    expect([unknown.code, unknown.error.code, unknown.error.message]).toEqual([
      2,
      'TARGET_INVALID',
      '"strict" is not an sslmode.',
    ]);
    const missing = await failure(project, [
      'flush',
      '--db-url',
      `${database.url()}?sslmode=verify-full&sslrootcert=/nowhere`,
    ]);
    expect([missing.code, missing.error.code]).toEqual([1, 'TLS_FAILED']);
  });
});

describeWith('openssl', 'over an encrypted connection', () => {
  let folder: string;
  let data: string;
  const root = (name = 'server') => path.join(folder, `${name}.crt`);
  const encrypted = (rest: string) => `${server.url()}?${rest}`;

  /** Lets the server show this certificate. */
  async function serve(name: string): Promise<void> {
    const owner = await stat(data);
    for (const kind of ['key', 'crt']) {
      const file = path.join(data, `server.${kind}`);
      await copyFile(path.join(folder, `${name}.${kind}`), file);
      await chmod(file, 0o600);
      await chown(file, owner.uid, owner.gid);
    }

    await (await server.connect('supabase_admin')).query('select pg_reload_conf()');
    await until('the server shows its certificate', async () => {
      const client = new pg.Client({connectionString: server.url(), ssl: {rejectUnauthorized: false}});
      const connected = await client.connect().then(
        () => true,
        () => false,
      );
      const {stream} = client.connection;
      const shown = connected && stream instanceof TLSSocket ? stream.getPeerCertificate().subject.CN : undefined;
      await client.end();
      return shown === name;
    });
  }

  beforeAll(async () => {
    const admin = await server.connect('supabase_admin');
    const {rows} = await admin.query<{data_directory: string}>('show data_directory');
    data = rows[0]!.data_directory;
    folder = await mkdtemp(path.join(tmpdir(), 'supasession-tls-'));
    for (const [name, names] of [
      ['server', 'DNS:localhost,IP:127.0.0.1'],
      ['other', 'DNS:localhost,IP:127.0.0.1'],
      ['elsewhere', 'DNS:db.example.com'],
    ]) {
      await promisify(execFile)('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
        ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names}`],
        ...['-keyout', path.join(folder, `${name}.key`), '-out', path.join(folder, `${name}.crt`)],
      ]);
    }

    await admin.query('alter system set ssl = on');
    await serve('server');
  });
  afterAll(async () => rm(folder, {recursive: true, force: true}));

  test('the target line says whether the server has been verified', async () => {
    const line = async (rest: string, env: Record<string, string> = {}) => {
      const run = await project.run(['flush', '--dry-run', '--db-url', encrypted(rest)], env);
      expect(run).toMatchObject({code: 0});
      return /^Target {3}database "postgres" at [\d.:]+(.*?)(?:, with \d+ migration.*)?$/m.exec(run.stderr)?.[1];
    };
    const unverified = ', encrypted, server NOT verified (set PGSSLROOTCERT to its certificate)';
    expect(await line('')).toBe(', NOT encrypted');
    expect(await line('sslmode=prefer')).toBe(unverified);
    expect(await line('sslmode=require')).toBe(unverified);
    expect(await line('sslmode=require', {PGSSLROOTCERT: root()})).toBe(', encrypted and verified');
    expect(await line(`sslmode=verify-full&sslrootcert=${root()}`)).toBe(', encrypted and verified');
    expect(await line('', {PGSSLMODE: 'verify-full', PGSSLROOTCERT: root()})).toBe(', encrypted and verified');
  });

  test('a server that cannot be verified is refused', async () => {
    for (const [rest, env] of [
      ['sslmode=verify-full', {}],
      ['sslmode=verify-ca', {PGSSLROOTCERT: path.join(folder, 'other.crt')}],
    ] as const) {
      const {code, error} = await failure(project, ['flush', '--db-url', encrypted(rest)], env);
      expect([code, error.code]).toEqual([1, 'TLS_FAILED']);
      expect(error.suggestions[0]).toContain('Point PGSSLROOTCERT at the certificate of the project');
    }
  });

  test('a trusted certificate for another name is refused by verify-full, and taken by verify-ca', async () => {
    await serve('elsewhere');
    try {
      const by = (mode: string) => encrypted(`sslmode=${mode}&sslrootcert=${root('elsewhere')}`);
      const {code, error} = await failure(project, ['flush', '--dry-run', '--db-url', by('verify-full')]);
      expect([code, error.code]).toEqual([1, 'TLS_FAILED']);
      expect(error.message).toBe(`The certificate of 127.0.0.1:${server.port} is for another host.`);
      expect(error.suggestions[0]).toContain('sslmode=verify-ca');
      const taken = await project.run(['flush', '--dry-run', '--db-url', by('verify-ca')]);
      expect(taken).toMatchObject({code: 0});
      expect(taken.stderr).toContain(', encrypted and verified');
      const untrusted = encrypted(`sslmode=verify-ca&sslrootcert=${root('other')}`);
      expect((await failure(project, ['flush', '--dry-run', '--db-url', untrusted])).error.code).toBe('TLS_FAILED');
    } finally {
      await serve('server');
    }
  });

  test('the supabase CLI gets the same', async () => {
    // What other tests have applied is not among this project's files.
    await (
      await server.connect('supabase_admin')
    ).query('drop schema if exists supabase_migrations, supasession cascade');
    const url = encrypted(`sslmode=verify-full&sslrootcert=${root()}`);
    const init = await project.run(['init', '--db-url', url, '--apply', '--no-enable', '--yes']);
    expect(init).toMatchObject({code: 0});
    expect(init.stderr).toContain('Applied to the target.');
  });
});
