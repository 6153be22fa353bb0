import {readFile} from 'node:fs/promises';
import type {Client} from 'pg';
import {createSessions, createUsers} from '../helpers/auth.js';
import type {Run} from '../helpers/cli.js';
import {installSql} from '../helpers/install.js';
import {Kept} from '../helpers/kept.js';
import {commandsInBlock, readPages, type Block, type Page} from '../helpers/pages.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';
import {differences, parseNamed, parseShape, type Shapes} from '../helpers/shapes.js';

// What the pages show is typed, page by page and from the top down, in a new project with a database of its own.

/** Why a block may be left out. That its commands and flags exist is tested in test/unit/docs.test.ts. */
const REASONS = ['a hosted project', 'a server of your own', 'Docker', 'runs until Ctrl-C', 'the id is made up'];
/** The package is there already. */
const INSTALL = 'npm install --save-dev supasession';
/** Pages that begin where nothing is installed. */
const FROM_NOTHING = /^npx supasession (?:init|config --linked .*--dry-run)/;
const INIT = 'npx supasession init --max 3 --enable --apply --yes';
const USERS = ['ada', 'ben', 'mallory'];

const pages = (await readPages()).filter(({blocks}) => blocks.some(isTyped));
const manifest = JSON.parse(await readFile('oclif.manifest.json', 'utf8')) as {
  commands: Record<string, {flags: Record<string, unknown>}>;
};
const flagsOf = new Map(
  Object.entries(manifest.commands).map(([id, {flags}]) => [
    id.replace('supasession:', '').replaceAll(':', ' '),
    Object.keys(flags),
  ]),
);

let server: TestServer;
let project: TestProject;
let owner: Client;
const kept = new Kept();

beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => server.stop());

function isTyped({language, notRun}: Block): boolean {
  return (language === 'sh' || language === 'sql') && notRun === null;
}

/** The lines of a block, without comments. */
function linesOf({text}: Block): string[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.replace(/(?:^| +)# .*$/, '').trim())
    .filter((line) => line !== '');
}

/** What is typed here in place of a line: the local database stands for the hosted one, and every question gets its yes. */
function typedHere(line: string): string {
  const local = line.replace(/ --linked\b/, '').replace(/ --confirm [a-z]{20}\b/, '');
  const [command] = commandsInBlock(local, [...flagsOf.keys()]);
  const asks = flagsOf.get(command?.id ?? '')?.includes('yes') === true;
  return asks && !/ (?:--yes|-y)\b/.test(local) ? `${local} --yes` : local;
}

/** Types a line in the project's folder. */
async function type(line: string): Promise<Run> {
  const words = line.match(/"[^"]*"|'[^']*'|\S+/g)!.map((word) => word.replace(/^(["'])(.*)\1$/, '$2'));
  // `npx supasession`
  return project.run(words.slice(2));
}

/** Users with two sessions each, and tables such as the pages speak of, in a new database. */
async function populate(): Promise<void> {
  await server.reset();
  const client = await server.connect();
  const users = await createUsers(client, USERS.length);
  for (const [index, {userId}] of users.entries())
    await client.query('update auth.users set email = $1 where id = $2', [`${USERS[index]!}@example.com`, userId]);
  await createSessions(
    client,
    users.map(({userId}) => userId),
    2,
  );
  for (const table of ['notes', 'orders', 'payouts', 'invoices'])
    await client.query(
      `create table public.${table} (id bigint); alter table public.${table} enable row level security`,
    );
}

/** A project and its database, with supasession unless the page begins by installing it. */
async function prepare(page: Page): Promise<void> {
  const admin = await server.connect('supabase_admin');
  await admin.query(`alter role authenticator reset pgrst.db_pre_request`);
  project = await createProject({port: server.port});
  const [first] = page.blocks
    .filter(({language}) => language === 'sh')
    .flatMap(linesOf)
    .filter((line) => line.startsWith('npx'));
  if (first !== undefined && FROM_NOTHING.test(first)) await populate();
  else
    await kept.or(server, project, async () => {
      await populate();
      expect((await type(INIT)).code).toBe(0);
    });
  owner = await server.connect();
  if (page.file === 'docs/from-0.1.2.md')
    await installSql(owner, await readFile('test/fixtures/supasession-0.1.2.sql', 'utf8'));
}

test('every block is typed, or says why not', () => {
  const blocks = pages.flatMap(({file, blocks: all}) => all.map((block) => ({...block, at: `${file}:${block.line}`})));
  const shell = blocks.filter(({language}) => language === 'sh');
  const left = shell.filter(({notRun}) => notRun !== null);
  expect(left.filter(({notRun}) => !REASONS.includes(notRun!)).map(({at}) => at)).toEqual([]);
  const foreign = shell
    .filter(({notRun}) => notRun === null)
    .flatMap((block) =>
      linesOf(block)
        .filter((line) => line !== INSTALL && !line.startsWith('npx supasession '))
        .map((line) => `${block.at}: ${line}`),
    );
  expect(foreign).toEqual([]);
  expect(left.length).toBeLessThan(shell.length / 5);
});

describe.each(pages.map((page) => [page.file, page] as const))('%s', (file, page) => {
  let named: Shapes;

  beforeAll(async () => {
    await prepare(page);
    named = parseNamed(file === 'docs/json.md' ? page.blocks[0]!.text : '');
  });
  afterAll(async () => project.remove());

  test.each(page.blocks.filter(isTyped).map((block) => [`${block.line}: ${linesOf(block)[0]!}`, block] as const))(
    'line %s',
    async (_, block) => {
      if (block.language === 'sql') {
        await owner.query(block.text);
        return;
      }

      for (const line of linesOf(block)) {
        if (line === INSTALL) continue;
        const typed = typedHere(line);
        const run = await type(typed);
        expect(run.code === 0 ? 'done' : {typed, ...run}).toBe('done');
        expect(run.stderr).not.toMatch(/UNEXPECTED|undefined/);
        if (!line.includes('--json')) continue;
        const shape = page.blocks[page.blocks.indexOf(block) + 1];
        if (file === 'docs/json.md')
          expect([typed, differences(run.json, parseShape(shape!.text, named))]).toEqual([typed, []]);
      }
    },
  );
});
