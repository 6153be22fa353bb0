import {access, readFile, rename, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';

import {planInit, writeInit} from '../../../src/features/install/init.js';
import {planDeclared, type DeclaredChange} from '../../../src/features/install/declared.js';
import {declaredText} from '../../../src/features/install/declared-text.js';
import {readMigrations, shippedSql} from '../../../src/features/install/migration.js';
import {writeStep, type MigrationStep} from '../../../src/features/install/steps.js';
import {uninstallSteps} from '../../../src/features/install/uninstall.js';
import {protectionSql} from '../../../src/features/protect/policies.js';
import type {Project} from '../../../src/supabase/project.js';
import {addFile, makeProject} from '../supabase/support.js';

const NOTES = {'supabase/schemas/notes.sql': 'create table public.notes (id int primary key);\n'};
const OURS = 'supabase/schemas/00_supasession.sql';
const POLICIES = 'supabase/schemas/zz_supasession_protect.sql';

async function init(project: Project, dryRun = false): Promise<DeclaredChange[]> {
  return (await writeInit(project, await planInit(project), {}, {env: {}, dryRun})).migration.declared;
}

async function step(project: Project, given: Partial<MigrationStep> & Pick<MigrationStep, 'kind' | 'sql'>) {
  const base = {name: `supasession_${given.kind}`, lines: []};
  return (await writeStep(project, {...base, ...given}, {env: {}, dryRun: false})).declared;
}

const protect = (sql: string) => ({kind: 'protect' as const, name: 'supasession_protect_public_notes', sql});

async function text(project: Project, file: string): Promise<string> {
  return readFile(path.join(project.root, file), 'utf8');
}

async function states(project: Project): Promise<string[]> {
  const plan = await planDeclared(project, await readMigrations(project), {});
  return plan!.files.map(({shown, state}) => `${state} ${shown}`);
}

test('a project without declared files gets none: one of ours alone would stand for the whole schema', async () => {
  const without = await makeProject();
  expect(await init(without)).toEqual([]);
  const empty = await makeProject('[experimental.pgdelta]\ndeclarative_schema_path = "./schemas"\n', {
    'supabase/schemas/': '',
    'supabase/schemas/README.md': '',
  });
  expect(await init(empty)).toEqual([]);
  await expect(access(path.join(empty.root, OURS))).rejects.toMatchObject({code: 'ENOENT'});
});

test('one with declared files gets the SQL of the migration, without its rows, once', async () => {
  const project = await makeProject('', NOTES);
  expect(await init(project, true)).toEqual([{file: OURS, change: 'written'}]);
  await expect(access(path.join(project.root, OURS))).rejects.toMatchObject({code: 'ENOENT'});

  expect(await init(project)).toEqual([{file: OURS, change: 'written'}]);
  const declared = await text(project, OURS);
  const {sql, version, checksum} = await shippedSql();
  const seed = /^insert into supasession\.config \(version\)\nselect 'seeded [^;]*;\n/m;
  expect(sql).toMatch(seed);
  expect(declared).toContain(sql.replace(seed, ''));
  expect(declared).toContain(`comment on schema supasession is\n  'supasession ${version} ${checksum}';\n`);
  // In no line of its own: inside of functions they are indented.
  expect(declared).not.toMatch(/^(?:insert|copy|commit)\b/im);

  expect(await init(project)).toEqual([]);
  expect(await states(project)).toEqual([`current ${OURS}`]);
  expect(await text(project, 'supabase/schemas/notes.sql')).toBe(NOTES['supabase/schemas/notes.sql']);
});

test('a file that was changed, lost or renamed is put right, where it is', async () => {
  const project = await makeProject('', NOTES);
  await init(project);
  const at = path.join(project.root, OURS);
  const declared = await text(project, OURS);
  await writeFile(at, declared.replaceAll('\n', '\r\n'));
  expect(await init(project)).toEqual([]);

  await writeFile(at, `${declared}-- mine\n`);
  expect(await states(project)).toEqual([`edited ${OURS}`]);
  expect(await init(project)).toEqual([{file: OURS, change: 'written'}]);
  expect(await text(project, OURS)).toBe(declared);

  await rm(at);
  expect(await states(project)).toEqual([`missing ${OURS}`]);
  await init(project);

  const renamed = 'supabase/schemas/01_limits.sql';
  await rename(at, path.join(project.root, renamed));
  expect(await states(project)).toEqual([`current ${renamed}`]);
  await step(project, {kind: 'hook', sql: "select supasession._chain('access_token_hook', 'public', 'mine');\n"});
  expect(await states(project)).toEqual([`current ${renamed}`]);
});

test('policies are declared as the migrations of protect leave them', async () => {
  const project = await makeProject('', NOTES);
  await init(project);
  const table = {schema: 'public', table: 'notes'};
  const all = protectionSql(table, [{command: 'all', maxAge: null}]);
  const recent = protectionSql(table, [{command: 'update', maxAge: '00:10:00'}]);
  expect(await step(project, protect(all))).toEqual([{file: POLICIES, change: 'written'}]);
  await step(project, protect(recent));
  expect(await text(project, POLICIES)).toContain(`
create policy "supasession_access" on "public"."notes"
    as restrictive for all to anon, authenticated
    using ((select supasession.has_access()))
    with check ((select supasession.has_access()));

create policy "supasession_access_max_age_update" on "public"."notes"
    as restrictive for update to anon, authenticated
    using ((select supasession.has_access()) and (select supasession.session_age()) < interval '00:10:00')
    with check ((select supasession.has_access()) and (select supasession.session_age()) < interval '00:10:00');
`);

  const drop = (name: string) => `do $$\nbegin\n    drop policy if exists "${name}" on "public"."notes";\nend\n$$;\n`;
  await step(project, protect(drop('supasession_access')));
  expect((await text(project, POLICIES)).match(/^create policy \S+/gm)).toEqual([
    'create policy "supasession_access_max_age_update"',
  ]);
  expect(await step(project, protect(drop('supasession_access_max_age_update')))).toEqual([
    {file: POLICIES, change: 'removed'},
  ]);
});

test('what guard and hook change in the functions is declared, and their rows are not', async () => {
  const project = await makeProject('', NOTES);
  await addFile(
    project.root,
    'supabase/migrations/20200101000000_mine.sql',
    "alter role authenticator set pgrst.db_pre_request to 'public.before';",
  );
  await init(project);
  const tail = async () =>
    (await text(project, OURS)).split('\n').filter((line) => /^(alter function|select)/.test(line));
  const before = await tail();

  await step(project, {kind: 'guard', sql: 'select supasession.enable_guard();\n'});
  await step(project, {kind: 'hook', sql: "select supasession._chain('access_token_hook', 'public', 'mine');\n"});
  expect(await tail()).toEqual([
    ...before,
    'alter function supasession.access_token_hook(jsonb) reset search_path;',
    'select supasession._grant_guard();',
    'alter function supasession.check_request() reset search_path;',
  ]);

  await step(project, {kind: 'guard', sql: 'select supasession.disable_guard();\n'});
  await step(project, {kind: 'hook', sql: "select supasession._chain('access_token_hook', null, null);\n"});
  expect(await tail()).toEqual([...before, 'select supasession._grant_guard();']);
});

test('settings and rules are rows, and leave the files alone', async () => {
  const project = await makeProject('', NOTES);
  await init(project);
  await rm(path.join(project.root, OURS));
  expect(await step(project, {kind: 'rules', sql: 'select 1;\n'})).toEqual([]);
});

test('what was exported is replaced by the file, and uninstalling takes out both', async () => {
  const trigger =
    'CREATE TRIGGER supasession_refresh BEFORE UPDATE ON auth.sessions FOR EACH ROW EXECUTE FUNCTION supasession._on_refresh();\n';
  const mine = 'CREATE TRIGGER mine BEFORE UPDATE ON auth.sessions FOR EACH ROW EXECUTE FUNCTION public.mine();\n';
  const exported = {
    'supabase/schemas/supasession/schema.sql': 'CREATE SCHEMA "supasession";\n',
    'supabase/schemas/supasession/functions/sid.sql': 'CREATE FUNCTION supasession.sid() RETURNS uuid AS $$ $$;\n',
    'supabase/schemas/auth/tables/sessions.sql': `${trigger}\n${mine}`,
  };
  const project = await makeProject('', {...NOTES, ...exported});
  expect(await init(project)).toEqual([
    {file: OURS, change: 'written'},
    {file: 'supabase/schemas/auth/tables/sessions.sql', change: 'written'},
    {file: 'supabase/schemas/supasession/functions/sid.sql', change: 'removed'},
    {file: 'supabase/schemas/supasession/schema.sql', change: 'removed'},
  ]);
  expect(await text(project, 'supabase/schemas/auth/tables/sessions.sql')).toBe(mine);
  await expect(access(path.join(project.root, 'supabase/schemas/supasession'))).rejects.toMatchObject({code: 'ENOENT'});

  for (const [file, content] of Object.entries(exported)) await addFile(project.root, file, content);
  const [removal] = await uninstallSteps([]);
  const {declared} = await writeStep(project, removal!, {env: {}, dryRun: false});
  expect(declared.map(({file}) => file)).toEqual([OURS, ...Object.keys(exported).sort()]);
  expect(await text(project, 'supabase/schemas/auth/tables/sessions.sql')).toBe(mine);
  expect(await text(project, 'supabase/schemas/notes.sql')).toBe(NOTES['supabase/schemas/notes.sql']);
});

test('what of the project still uses it after that is named', async () => {
  const project = await makeProject('', {
    ...NOTES,
    'supabase/schemas/mine.sql': 'create policy p on public.notes using (supasession.is_live());\n',
    'supabase/schemas/words.sql': '-- supasession.is_live()\nselect 1;\n',
  });
  await init(project);
  const [removal] = await uninstallSteps([]);
  const {declared} = await writeStep(project, removal!, {env: {}, dryRun: false});
  expect(declared).toEqual([
    {file: OURS, change: 'removed'},
    {file: 'supabase/schemas/mine.sql', change: 'left'},
  ]);
  expect(declaredText(declared, false)).toBe(
    `Removed ${OURS} (declared schema).\nWarning: supabase/schemas/mine.sql uses supasession. Remove that, or "supabase db schema declarative sync" fails.`,
  );
});

describe('the folder', () => {
  test('is the one that config.toml or a variable names', async () => {
    const toml = '[experimental.pgdelta]\ndeclarative_schema_path = "./database"\n';
    const project = await makeProject(toml, {...NOTES, 'supabase/database/a.sql': '', 'supabase/other/a.sql': ''});
    expect(await init(project)).toEqual([{file: 'supabase/database/00_supasession.sql', change: 'written'}]);
    const env = {SUPABASE_EXPERIMENTAL_PGDELTA_DECLARATIVE_SCHEMA_PATH: 'other'};
    const plan = await planDeclared(project, await readMigrations(project), env);
    expect(plan!.files).toMatchObject([{shown: 'supabase/other/00_supasession.sql', state: 'missing'}]);
  });

  test.each([
    ['["./db/*.sql"]', 'supabase/db/00_supasession.sql', true],
    ['["./none/*.sql", "./db"]', 'supabase/db/00_supasession.sql', true],
    ['["./db/tables.sql"]', 'supabase/db/00_supasession.sql', false],
  ])('of schema_paths %s counts where pg-delta has none', async (patterns, file, covered) => {
    const project = await makeProject(`[db.migrations]\nschema_paths = ${patterns}\n`, {
      'supabase/db/tables.sql': NOTES['supabase/schemas/notes.sql'],
    });
    expect(await init(project)).toEqual([{file, change: 'written'}]);
    const {tree} = (await planDeclared(project, await readMigrations(project), {}))!;
    expect(tree.covers(path.join(project.root, file))).toBe(covered);
  });

  test('is read with patterns only where pg-delta is off', async () => {
    const toml = (enabled: boolean) =>
      `[db.migrations]\nschema_paths = ["./schemas/notes.sql"]\n[experimental.pgdelta]\nenabled = ${enabled}\n`;
    for (const enabled of [true, false]) {
      const project = await makeProject(toml(enabled), NOTES);
      await init(project);
      const {tree} = (await planDeclared(project, await readMigrations(project), {}))!;
      expect(tree.covers(path.join(project.root, OURS))).toBe(enabled);
    }
  });
});
