import {mkdir, mkdtemp, realpath, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {withProgram} from '../../../src/cli/failure.js';
import {addPackage, managerOf, startedBy, supabaseIn} from '../../../src/cli/program.js';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'supasession-program-')));
});
afterEach(async () => rm(root, {recursive: true, force: true}));

const add = async (file: string) => {
  await mkdir(path.dirname(path.join(root, file)), {recursive: true});
  await writeFile(path.join(root, file), '');
};

describe('what was typed before the name of the program', () => {
  const agent = (name: string) => ({npm_config_user_agent: `${name}/9.0.0 node/v20.17.0 linux x64`});

  test.each([
    ['/home/a/.npm/_npx/0123456789abcdef/node_modules/.bin/supasession', agent('npm'), 'npx '],
    ['/home/a/.cache/pnpm/dlx/x/node_modules/.pnpm/a/node_modules/supasession/bin/run.js', agent('pnpm'), 'pnpm dlx '],
    ['/tmp/xfs-1/dlx-2/node_modules/supasession/bin/run.js', agent('yarn'), 'yarn dlx '],
    ['/tmp/bunx-0-supasession@latest/node_modules/.bin/supasession', {}, 'bunx '],
    ['/usr/local/bin/supasession', {}, ''],
    ['/usr/local/lib/node_modules/supasession/bin/run.js', agent('npm'), ''],
    ['C:\\Users\\a\\_npx\\1\\node_modules\\supasession\\bin\\run.js', {}, 'npx '],
  ])('%s', (script, env, expected) => {
    expect(startedBy(script, '/home/a/app', env)).toBe(expected);
  });

  test.each([
    ['npm', 'npx '],
    ['pnpm', 'pnpm exec '],
    ['yarn', 'yarn '],
    ['bun', 'bunx '],
  ])('a dependency of the project, started by %s', (name, expected) => {
    const script = '/home/a/app/node_modules/supasession/bin/run.js';
    expect(startedBy(script, '/home/a/app/packages/web', agent(name))).toBe(expected);
  });

  test('a dependency that was started by its path: as the lockfile says', async () => {
    const script = path.join(root, 'node_modules/.bin/supasession');
    expect(startedBy(script, root, {})).toBe('npx ');
    await add('pnpm-lock.yaml');
    expect(startedBy(script, path.join(root, 'apps/web'), {})).toBe('pnpm exec ');
  });
});

test.each([
  ['package-lock.json', 'npx supabase', 'npm install --save-dev x'],
  ['pnpm-lock.yaml', 'pnpm exec supabase', 'pnpm add --save-dev x'],
  ['yarn.lock', 'yarn supabase', 'yarn add --dev x'],
  ['bun.lock', 'bunx supabase', 'bun add --dev x'],
])('with %s', async (lockfile, supabase, adding) => {
  await add(lockfile);
  expect(supabaseIn(root)).toBe('supabase');
  await add('node_modules/.bin/supabase');
  expect(supabaseIn(path.join(root, 'apps/web'))).toBe(supabase);
  expect(addPackage(root, 'x')).toBe(adding);
});

test('the nearest lockfile decides', async () => {
  await add('yarn.lock');
  await add('apps/web/bun.lockb');
  expect([managerOf(root), managerOf(path.join(root, 'apps/web'))]).toEqual(['yarn', 'bun']);
});

test('hints are filled in', () => {
  const supabase = supabaseIn(process.cwd());
  expect(withProgram('{bin} hook:enable, {supabase} start, {add} supabase', 'npx supasession ')).toBe(
    `npx supasession hook enable, ${supabase} start, npm install --save-dev supabase`,
  );
});

test('hints name the folder again that --workdir named', () => {
  const supabase = supabaseIn(process.cwd());
  const typed = (hint: string, workdir = 'apps/web') => withProgram(hint, 'npx supasession ', workdir);
  expect(typed('{bin} hook:enable --linked')).toBe('npx supasession hook enable --workdir apps/web --linked');
  expect(typed('{bin} init', "my app's")).toBe(String.raw`npx supasession init --workdir 'my app'\''s'`);
  expect(typed('{supabase} db push')).toBe(`${supabase} --workdir apps/web db push`);
  // They name one themselves.
  expect(typed('{supabase} init --workdir /a')).toBe(`${supabase} init --workdir /a`);
  expect(typed('{bin} <command> --workdir x')).toBe('npx supasession <command> --workdir x');
});
