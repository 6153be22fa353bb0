import {execFile} from 'node:child_process';
import {mkdtemp, readFile, rm, symlink} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {COMMAND_IDS} from '../helpers/commands.js';
import {knownEnv} from '../helpers/cli.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let folder: string;
let files: string[];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'supasession-pack-'));
  // What `prepack` does, the build, has been done before the tests.
  const args = ['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', folder];
  const {stdout} = await run('npm', args, {cwd: ROOT});
  const [packed] = JSON.parse(stdout) as [{filename: string; files: Array<{path: string}>}];
  files = packed.files.map((file) => file.path);
  await run('tar', ['-xzf', path.join(folder, packed.filename), '-C', folder]);
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'package/node_modules'));
});
afterAll(async () => rm(folder, {recursive: true, force: true}));

/** Runs the program out of the package, in an empty folder. */
async function packed(...args: string[]): Promise<string> {
  const program = path.join(folder, 'package/bin/run.js');
  return (await run(process.execPath, [program, ...args], {cwd: folder, env: knownEnv()})).stdout;
}

test('the package holds what runs, and nothing else', () => {
  const known = [
    /^(CHANGELOG\.md|LICENSE|README\.md|oclif\.manifest\.json|package\.json)$/,
    /^bin\/(oclif\.manifest\.json|package\.json|run\.js)$/,
    /^dist\/[\w/-]+\.js$/,
    /^sql\/(install|queries|steps)\/[\w/-]+\.sql$/,
    /^src\/sandbox\/sql\/[\w-]+\.sql$/,
  ];
  expect(files.filter((file) => !known.some((pattern) => pattern.test(file)))).toEqual([]);
  for (const pattern of known) expect(files.filter((file) => pattern.test(file))).not.toEqual([]);
});

test('the program in it starts, knows its commands by the manifest, and finds its SQL', async () => {
  expect(await packed('--help')).toMatch(/^Session limits for a Supabase project\.\n\nUSAGE\n/);
  const {commands} = JSON.parse(await readFile(path.join(folder, 'package/bin/oclif.manifest.json'), 'utf8')) as {
    commands: object;
  };
  expect(Object.keys(commands).sort()).toEqual(COMMAND_IDS);
  expect(await packed('rules', 'add', '--help')).toContain('$ supasession rules add');
  const modules = ['dist/features/install/migration.js', 'dist/index.js'];
  const [{shippedSql}, {pluginCommands}] = (await Promise.all(
    modules.map((file) => import(path.join(folder, 'package', file))),
  )) as [{shippedSql: () => Promise<{version: string}>}, {pluginCommands: object}];
  const {version} = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as {version: string};
  expect((await shippedSql()).version).toBe(version);
  expect(Object.keys(pluginCommands)).toHaveLength(COMMAND_IDS.length);
});
