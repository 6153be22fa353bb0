import {randomInt} from 'node:crypto';
import {chmod, readdir, readFile, rm} from 'node:fs/promises';
import path from 'node:path';
import {createSessions, createUser} from '../helpers/auth.js';
import {HOME, type Run} from '../helpers/cli.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {install} from '../helpers/install.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {sample, THOROUGH} from '../helpers/thorough.js';

// A password with a mark in it goes every way that there is into every command, and must not come out anywhere. --db-url stands for the other
// ways, which test/slow takes.

const MARK = 'MARKED';
const PASSWORD = `hunter2 ${MARK} /?@:%41`;
const REF = Array.from({length: 20}, () => String.fromCodePoint(97 + randomInt(26))).join('');
const ROLE = `postgres.${REF}`;

let database: TestDatabase;
let project: TestProject;

beforeEach(async () => {
  [database, project] = await Promise.all([createDatabase(), createProject({cli: false})]);
  const admin = await database.connect('supabase_admin');
  await admin.query(`create role "${ROLE}" login bypassrls password '${PASSWORD}'; grant postgres to "${ROLE}"`);
  await project.write('supabase/.temp/project-ref', REF);
  await project.write('supabase/.temp/pooler-url', `postgresql://${ROLE}@127.0.0.1:${database.port}/${database.name}`);
  // A fake in front of the real supabase CLI, which writes down what it was started with: all arguments, and the names of its variables.
  await project.fakeCli(
    `{ printf 'argument %s\\n' "$@"; env | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/variable \\1/p'; } >> '${project.root}/fake-supabase.log'`,
  );
});
afterEach(async () => {
  const admin = await database.connect('supabase_admin');
  await admin.query(`drop owned by "${ROLE}" cascade`);
  await database.drop();
  const other = await createDatabase();
  await (await other.connect('supabase_admin')).query(`drop role "${ROLE}"`);
  await Promise.all([other.drop(), project.remove()]);
});

/** Every file below a folder, with its text. */
async function filesBelow(folder: string): Promise<Array<[string, string]>> {
  const entries = await readdir(folder, {recursive: true, withFileTypes: true});
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const file = path.join(entry.parentPath, entry.name);
        return [file, await readFile(file, 'utf8')] as [string, string];
      }),
  );
}

/** Where the mark has come out. */
async function leaks(runs: Array<Pick<Run, 'stdout' | 'stderr'>>): Promise<string[]> {
  const written = [...(await filesBelow(project.root)), ...(await filesBelow(HOME))];
  return [
    ...runs.flatMap(({stdout, stderr}, index) =>
      `${stdout}${stderr}`.includes(MARK) ? [`output of run ${index}`] : [],
    ),
    ...written.filter(([, text]) => text.includes(MARK)).map(([file]) => file),
  ];
}

const url = (password: string) =>
  `postgresql://${ROLE}${password === '' ? '' : `:${encodeURIComponent(password)}`}@127.0.0.1:${database.port}/${database.name}`;

const WAYS: Array<[string, (password: string) => {args: string[]; env: Record<string, string>; confirm: string}]> = [
  ['in --db-url', (password) => ({args: ['--db-url', url(password)], env: {}, confirm: '127.0.0.1'})],
  ['in --remote=<url>', (password) => ({args: [`--remote=${url(password)}`], env: {}, confirm: '127.0.0.1'})],
  ['in SUPASESSION_DB_URL', (password) => ({args: [], env: {SUPASESSION_DB_URL: url(password)}, confirm: '127.0.0.1'})],
  ['in PGPASSWORD', (password) => ({args: ['--db-url', url('')], env: {PGPASSWORD: password}, confirm: '127.0.0.1'})],
  [
    'in SUPABASE_DB_PASSWORD',
    (password) => ({args: ['--linked'], env: {SUPABASE_DB_PASSWORD: password}, confirm: REF}),
  ],
];

const inEveryday = ([name]: (typeof WAYS)[number]): boolean => name === 'in --db-url';

// The others are further names of the first.
test.each(sample(WAYS, inEveryday).filter(([name]) => /--db-url|PGPASSWORD|SUPABASE_DB_PASSWORD/.test(name)))(
  'a password %s is used by every command and shown by none',
  async (_, way) => {
    const {args, env, confirm} = way(PASSWORD);
    const client = await database.connect();
    const {userId} = await createUser(client);
    await createSessions(client, [userId], 3);
    const runs: Run[] = [];
    let count = 0;
    const run = async (command: string[], code = 0) => {
      const json = count++ % 2 === 1;
      const result = await project.run([...command, ...args, ...(json ? ['--json'] : [])], env);
      expect([command, result.code, result.stderr]).toEqual([command, code, result.stderr]);
      runs.push(result);
    };

    await Promise.all([
      run(['init', '--apply', '--enable', '--dry-run']),
      run(['config', '--max', '1', '--enable', '--dry-run']),
      run(['flush', '--dry-run']),
      run(['sessions', 'list']),
      run(['sessions', 'revoke', '--user', userId], 1),
      run(['init', '--apply', '--enable', '--max', '1', '--yes'], 2),
    ]);
    await run(['init', '--apply', '--enable', '--max', '1', '--yes', '--confirm', confirm]);
    await run(['config']);
    await run(['config', '--max', '2', '--save', '--yes']);
    await run(['sessions', 'revoke', '--user', userId, '--dry-run']);
    await Promise.all([run(['flush'], 2), run(['flush', '--confirm', 'somewhere'], 2)]);
    await run(['flush', '--confirm', confirm, '--batch-size', '2']);

    const log = await project.read('fake-supabase.log');
    expect(log).toContain(`argument --remote=postgresql://${ROLE}@127.0.0.1:${database.port}/${database.name}`);
    expect(log).toMatch(/^variable PGPASSWORD$/m);
    expect(await leaks(runs)).toEqual([]);
  },
);

test.each(sample(WAYS, inEveryday))(
  'a password %s that is wrong, or came to the wrong place, is shown by no error',
  async (_, way) => {
    const {args, env} = way(`${MARK}${PASSWORD}`);
    const debug = {...env, SUPASESSION_DEBUG: '1'};
    const commands = [
      ['init', '--apply', '--enable', '--yes'],
      ['config', '--max', '2'],
      ['flush'],
      ['flush', '--batch-size', 'x'],
      ['config', '--nope'],
      ['init', '--strategy', url(PASSWORD)],
      ['flush', '--max', url(PASSWORD)],
      ['config', '--local', '--linked'],
    ];
    const codes = [1, 1, 1, 2, 2, 2, 2, 2];
    const runs: Run[] = [];
    for (const first of THOROUGH ? [0, 1] : [0]) {
      const made = commands.map(async (command, n) =>
        project.run([...command, ...args, ...((n + first) % 2 === 0 ? ['--json'] : [])], debug),
      );
      const ended = await Promise.all(made);
      expect(ended.map(({code}) => code)).toEqual(codes);
      runs.push(...ended);
    }
    expect(await leaks(runs)).toEqual([]);
  },
);

test('a failing supabase CLI does not show it either', async () => {
  await install(await database.connect());
  await project.addMigration('20240101000000_broken.sql', 'select 1/0;\n');
  const {args, env} = WAYS[0]![1](PASSWORD);
  const runs = [
    await project.run(['init', '--apply', '--include-pending', '--yes', ...args], env),
    await project.run(['init', '--apply', '--include-pending', '--no-enable', ...args, '--json'], env),
  ];
  expect(runs.map(({code}) => code)).toEqual([1, 1]);
  expect(runs[0]!.stderr).toContain('division by zero');
  expect(await leaks(runs)).toEqual([]);
});

test('a passfile is read, and handed on to nobody but in the environment', async () => {
  const line = `127.0.0.1:${database.port}:*:${ROLE}:${PASSWORD.replaceAll(':', '\\:')}\n`;
  await project.write('passfile', line);
  await chmod(path.join(project.root, 'passfile'), 0o600);
  const env = {PGPASSFILE: path.join(project.root, 'passfile')};
  const runs = [
    await project.run(['init', '--db-url', url(''), '--apply', '--yes', '--no-enable'], env),
    await project.run(['config', '--db-url', url(''), '--json'], env),
  ];
  expect(runs.map(({code}) => code)).toEqual([0, 0]);
  await rm(path.join(project.root, 'passfile'));
  expect(await leaks(runs)).toEqual([]);
});

test('the mark would be found', async () => {
  const run = await project.run(['config', '--db-url', url(PASSWORD), '--dry-run']);
  await project.write('supabase/left.txt', PASSWORD);
  expect(await leaks([{stdout: run.stdout, stderr: `${run.stderr}${PASSWORD}`}])).toEqual([
    'output of run 0',
    path.join(project.root, 'supabase/left.txt'),
  ]);
});
