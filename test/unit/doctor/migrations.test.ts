import {
  judgeLater,
  judgeMigrations,
  type MigrationsSeen,
  type MigrationsThere,
} from '../../../src/features/doctor/migrations.js';
import type {Finding} from '../../../src/features/doctor/finding.js';
import {
  configMigrationText,
  migrationText,
  readMigrations,
  settingsOf,
  shippedSql,
  stepMigrationText,
  type ShippedSql,
} from '../../../src/features/install/migration.js';
import {DEFAULT_SETTINGS, type Settings} from '../../../src/types.js';
import {makeProject} from '../supabase/support.js';
import {LINKED, LOCAL, theOne, wrong} from './support.js';

const INSTALLATION = '20240101000000_supasession.sql';
const SETTINGS = '20240102000000_supasession_config.sql';
const ON: Settings = {...DEFAULT_SETTINGS, enabled: true, max_sessions: 3};

let shipped: ShippedSql;
let ours: string;
beforeAll(async () => {
  shipped = await shippedSql();
  ours = migrationText(shipped, {});
});

/** What a target says that has all files, and what they say. */
function healthy(settings: Settings | null = null, ...applied: string[]): MigrationsThere {
  const {version, checksum} = shipped;
  return {applied, installed: {auth: true, schema: true, version, checksum}, settings};
}

async function judge(
  files: Record<string, string>,
  there: MigrationsThere | null,
  rest: Partial<MigrationsSeen> = {},
): Promise<Finding[]> {
  const paths = Object.entries(files).map(([file, text]) => [`supabase/migrations/${file}`, text]);
  const state = await readMigrations(await makeProject('', Object.fromEntries(paths)));
  return judgeMigrations({state, shipped, there, target: LOCAL, now: new Date('2025-01-01'), ...rest});
}

test('a project whose migrations are applied as they are is all right', async () => {
  const files = {[INSTALLATION]: ours, [SETTINGS]: configMigrationText(ON)};
  expect(wrong(await judge(files, healthy(ON, '20240101000000', '20240102000000')))).toEqual([]);
  expect(wrong(await judge(files, null))).toEqual([]);
});

describe('without a migration of ours', () => {
  const absent = () => ({auth: true, schema: false, version: null, checksum: null});

  test('it is an error where the database has nothing either, and a warning where it has', async () => {
    expect(wrong(await judge({}, null))).toEqual(['error: migration of supasession']);
    expect(wrong(await judge({}, {...healthy(), installed: absent()}))).toEqual(['error: migration of supasession']);
    expect(theOne(await judge({}, healthy()))).toMatchObject({severity: 'warning', fix: '{bin} init'});
  });

  test('one that was taken out again is a note, and a warning where the database has it still', async () => {
    const files = {
      [INSTALLATION]: ours,
      '20240103000000_supasession_uninstall.sql': stepMigrationText(
        'uninstall',
        ['-- Written by a test.'],
        'select 1;\n',
      ),
    };
    expect(wrong(await judge(files, {...healthy(), installed: absent()}))).toEqual(['info: migration of supasession']);
    expect(wrong(await judge(files, healthy()))).toEqual(['warning: migration of supasession']);
  });
});

test('an older and a newer release are told apart, and other SQL of the same', async () => {
  const other = {version: '0.9.0', checksum: `sha256:${'0'.repeat(64)}`, sql: 'select 1;\n'};
  const release = async (version: string) =>
    theOne(await judge({[INSTALLATION]: migrationText({...other, version}, {})}, null));
  expect(await release('0.9.0')).toMatchObject({severity: 'warning', fix: '{bin} upgrade'});
  expect(await release(shipped.version)).toMatchObject({
    severity: 'warning',
    detail: expect.stringMatching(/other SQL/),
    fix: '{bin} upgrade',
  });
  expect(await release('9.0.0')).toMatchObject({severity: 'error', fix: expect.stringMatching(/^npm install/)});
});

test('edited files are named, with what brings them back', async () => {
  const found = theOne(await judge({[INSTALLATION]: `${ours}-- by hand\n`}, null));
  expect(found.fix).toBe(`git checkout -- supabase/migrations/${INSTALLATION}`);
});

test('what is dated in the future is named, also where it is not ours', async () => {
  const found = theOne(await judge({[INSTALLATION]: ours, '20990101000000_theirs.sql': 'select 1;'}, null));
  expect(found).toMatchObject({
    severity: 'warning',
    detail: expect.stringMatching(/supabase\/migrations\/20990101000000_theirs\.sql/),
  });
});

describe('what the target has', () => {
  test('an installation that is pending is an error where nothing is there, else a warning', async () => {
    const installed = {auth: true, schema: false, version: null, checksum: null};
    const absent = {...healthy(), installed};
    expect(theOne(await judge({[INSTALLATION]: ours}, absent, {target: LINKED}))).toMatchObject({
      severity: 'error',
      fix: '{bin} init --linked --apply',
    });
    expect(wrong(await judge({[INSTALLATION]: ours}, healthy()))).toEqual(['warning: applied']);
  });

  test('settings that are pending are applied by the supabase CLI', async () => {
    const files = {[INSTALLATION]: ours, [SETTINGS]: configMigrationText(DEFAULT_SETTINGS)};
    const there = healthy(DEFAULT_SETTINGS, '20240101000000');
    expect(theOne(await judge(files, there)).fix).toBe('{supabase} migration up');
    expect(theOne(await judge(files, there, {target: LINKED})).fix).toBe('{supabase} db push');
  });

  test('a history that says more than the database has is an error, and names all that has to run again', async () => {
    const files = {[INSTALLATION]: ours, [SETTINGS]: configMigrationText(DEFAULT_SETTINGS)};
    const installed = {auth: true, schema: false, version: null, checksum: null};
    const found = theOne(await judge(files, {...healthy(null, '20240101000000', '20240102000000'), installed}));
    expect(found.severity).toBe('error');
    expect(found.fix).toBe(
      '{supabase} migration repair --status reverted 20240101000000 20240102000000 --local\n{bin} init --apply',
    );
  });

  test('another release than was applied is a warning', async () => {
    const there = healthy(null, '20240101000000');
    const older = {...there, installed: {...there.installed, version: '0.9.0', checksum: null}};
    expect(theOne(await judge({[INSTALLATION]: ours}, older))).toMatchObject({
      severity: 'warning',
      detail: expect.stringMatching(/0\.9\.0, run by hand/),
    });
    const newer = {...there, installed: {...there.installed, version: '9.0.0', checksum: `sha256:${'9'.repeat(64)}`}};
    expect(theOne(await judge({[INSTALLATION]: ours}, newer)).fix).toBe('{bin} upgrade');
  });
});

describe('settings', () => {
  const files = () => ({[INSTALLATION]: ours, [SETTINGS]: configMigrationText(ON)});

  test('that contradict the files are a warning', async () => {
    const there = healthy({...ON, max_sessions: 5}, '20240101000000', '20240102000000');
    expect(theOne(await judge(files(), there))).toMatchObject({
      severity: 'warning',
      detail: expect.stringMatching(/^max_sessions is 3 in the files and 5 in the database\./),
      fix: '{bin} config --save',
    });
  });

  test('that no file holds are a note', async () => {
    const chosen = migrationText(shipped, {max_sessions: 3});
    const found = theOne(await judge({[INSTALLATION]: chosen}, healthy(ON, '20240101000000')));
    expect(found).toMatchObject({
      severity: 'info',
      detail: expect.stringMatching(/^No migration sets enabled \(true\):/),
    });
  });

  test('of files that are not applied are no contradiction, whether they say the same or something else', async () => {
    for (const settings of [DEFAULT_SETTINGS, ON])
      expect(wrong(await judge(files(), healthy(settings, '20240101000000')))).toEqual(['warning: applied']);
  });

  test('come out of a file as they went in', async () => {
    const settings = {
      ...ON,
      refusal_message: "It's\n    max_sessions = 9,\nfull",
      timebox: '30 days',
      low_aal_timeout: null,
    };
    const text = configMigrationText(settings);
    const {own} = await readMigrations(await makeProject('', {[`supabase/migrations/${SETTINGS}`]: text}));
    expect(settingsOf(own[0]!)).toEqual(settings);
  });
});

describe("the project's later migrations", () => {
  const THEIRS = {file: '2_theirs.sql', pending: false};

  test.each([
    'drop schema supasession cascade;',
    'DROP SCHEMA IF EXISTS "supasession";',
    'drop schema a, supasession;',
    'create or replace function supasession.sid() returns uuid language sql as $$ select null::uuid $$;',
    'drop trigger if exists supasession_interceptor on auth.sessions;',
    'alter table auth.sessions disable trigger supasession_refresh;',
    'drop function supasession._limiter() cascade;',
    'alter table "supasession"."config" drop column mode;',
    'DROP POLICY "supasession_access_max_age" ON "public"."notes";',
  ])('%s', (statement) => {
    const found = theOne(judgeLater([{...THEIRS, text: `select 1;\n${statement}\n`}], false, LOCAL));
    expect(found).toMatchObject({severity: 'warning', fix: 'Remove that from supabase/migrations/2_theirs.sql'});
    expect(found.detail).toContain(statement.slice(0, 40).replace(/;$/, ''));
  });

  // As "supabase db schema declarative sync" writes them.
  const SYNC = [
    'DROP TRIGGER "supasession_interceptor" ON "auth"."sessions";',
    'DROP FUNCTION "supasession"."_chain"(text, text, text);',
    'DROP TABLE "supasession"."config";',
    'DROP SCHEMA "supasession";',
    'DROP TABLE "public"."old";',
  ].join('\n\n');

  test('that are not applied yet, and drop what is ours, are errors', () => {
    const pending = {...THEIRS, text: SYNC, pending: true};
    const declared = theOne(judgeLater([pending], true, LINKED));
    expect(declared).toMatchObject({
      severity: 'error',
      detail:
        'supabase/migrations/2_theirs.sql is not applied yet and drops 4 objects of supasession: DROP SCHEMA "supasession"',
      fix: 'Delete supabase/migrations/2_theirs.sql\n{bin} init --linked\n{supabase} db schema declarative sync',
    });
    expect(theOne(judgeLater([pending], false, LOCAL))).toMatchObject({
      severity: 'error',
      fix: 'Remove that from supabase/migrations/2_theirs.sql',
    });
    const policy = {...pending, text: 'drop policy supasession_access on public.notes;'};
    expect(theOne(judgeLater([policy], false, LOCAL))).toMatchObject({
      severity: 'error',
      detail: expect.stringContaining('drops an object of supasession: drop policy supasession_access on'),
    });
  });

  test('that use ours, or speak of it, are all right', () => {
    const text = `-- drop schema supasession
      /* drop trigger supasession_interceptor */
      create policy p on public.notes as restrictive using ((select supasession.has_access()));
      update supasession.config set max_sessions = 2 where true;
      drop schema other; select supasession.enable_guard();`;
    expect(wrong(judgeLater([{...THEIRS, text, pending: true}], true, LOCAL))).toEqual([]);
  });
});
