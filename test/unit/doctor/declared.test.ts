import {readFile, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {judgeDeclared} from '../../../src/features/doctor/declared.js';
import type {Finding} from '../../../src/features/doctor/finding.js';
import {planDeclared} from '../../../src/features/install/declared.js';
import {planInit, writeInit} from '../../../src/features/install/init.js';
import {readMigrations} from '../../../src/features/install/migration.js';
import {writeStep} from '../../../src/features/install/steps.js';
import {uninstallSteps} from '../../../src/features/install/uninstall.js';
import type {Project} from '../../../src/supabase/project.js';
import {addFile, makeProject} from '../supabase/support.js';
import {LINKED, LOCAL, theOne} from './support.js';

const OURS = 'supabase/schemas/00_supasession.sql';
const OPTIONS = {env: {}, dryRun: false};

async function declarative(toml = ''): Promise<Project> {
  const project = await makeProject(toml, {'supabase/schemas/notes.sql': 'create table public.notes ();\n'});
  await writeInit(project, await planInit(project), {}, OPTIONS);
  return project;
}

async function judge(project: Project, target = LOCAL): Promise<Finding[]> {
  return judgeDeclared(await planDeclared(project, await readMigrations(project), {}), target);
}

test('a project that declares nothing is not asked for it, and one that declares all is right', async () => {
  const without = await makeProject();
  await writeInit(without, await planInit(without), {}, OPTIONS);
  expect(await judge(without)).toEqual([]);
  expect(await judge(await declarative())).toMatchObject([{ok: true, detail: OURS}]);
});

test('missing is an error; edited and older are warnings; each with the command that fixes it', async () => {
  const project = await declarative();
  const at = path.join(project.root, OURS);
  await writeFile(at, '-- supasession declared installation\nselect 1;\n');
  expect(theOne(await judge(project))).toMatchObject({
    severity: 'warning',
    detail: `${OURS} was edited: "supabase db schema declarative sync" writes a migration with the edit.`,
    fix: '{bin} init',
  });

  await rm(at);
  expect(theOne(await judge(project, LINKED))).toMatchObject({
    severity: 'error',
    detail: `${OURS} is missing: "supabase db schema declarative sync" writes a migration that drops supasession.`,
    fix: '{bin} init --linked',
  });

  await writeInit(project, await planInit(project), {}, OPTIONS);
  const before = await readFile(at, 'utf8');
  const sql = "select supasession._chain('access_token_hook', 'public', 'mine');\n";
  await writeStep(project, {kind: 'hook', name: 'supasession_hook', lines: [], sql}, OPTIONS);
  await writeFile(at, before);
  expect(theOne(await judge(project))).toMatchObject({
    severity: 'warning',
    detail: expect.stringContaining(`${OURS} differs from the migrations`),
  });
});

test('exported objects are a warning, and replace the missing file', async () => {
  const project = await declarative();
  await rm(path.join(project.root, OURS));
  await addFile(project.root, 'supabase/schemas/supasession/schema.sql', 'CREATE SCHEMA "supasession";\n');
  expect(theOne(await judge(project))).toMatchObject({
    severity: 'warning',
    detail: expect.stringContaining('exported supasession to supabase/schemas/supasession/schema.sql:'),
    fix: '{bin} init',
  });

  const both = await declarative();
  await addFile(both.root, 'supabase/schemas/supasession/schema.sql', 'CREATE SCHEMA "supasession";\n');
  expect(theOne(await judge(both)).detail).toMatch(
    /the declared file has it too, so "supabase db schema declarative sync" fails\.$/,
  );
});

test('a file that schema_paths leaves out, where pg-delta is off', async () => {
  const toml = '[db.migrations]\nschema_paths = ["./schemas/notes.sql"]\n[experimental.pgdelta]\nenabled = false\n';
  expect(theOne(await judge(await declarative(toml)))).toMatchObject({
    severity: 'warning',
    fix: 'Add "./schemas/00_supasession.sql" to schema_paths',
  });
});

test('what is left after it was taken out', async () => {
  const project = await declarative();
  const [removal] = await uninstallSteps([]);
  const at = path.join(project.root, OURS);
  const wanted = (await planDeclared(project, await readMigrations(project), {}))!.files[0]!.wanted!;
  await writeStep(project, removal!, OPTIONS);
  expect(await judge(project)).toEqual([]);
  await writeFile(at, wanted);
  expect(theOne(await judge(project))).toMatchObject({severity: 'warning', fix: `Delete ${OURS}`});
  await rm(at);
  await addFile(project.root, 'supabase/schemas/mine.sql', 'select supasession.sid();\n');
  expect(theOne(await judge(project))).toMatchObject({fix: 'Remove that from supabase/schemas/mine.sql'});
});
