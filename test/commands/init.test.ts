import {migrationText, shippedSql} from '../../src/features/install/migration.js';
import type {InitResult} from '../../src/commands/init.js';
import {readInstallation} from '../../src/database/sql.js';
import {createSessions, createUser, liveSessions, run, signInPassword} from '../helpers/auth.js';
import {readLegacySql} from '../helpers/extension.js';
import {failure} from '../helpers/failures.js';
import {install, readRecord, writeRecord} from '../helpers/install.js';
import {Kept} from '../helpers/kept.js';
import {project, server, useLocalProject} from '../helpers/local.js';
import {createProject} from '../helpers/project.js';

useLocalProject();

const OURS = /^\d{14}_supasession\.sql$/;
const HISTORY = 'select version from supabase_migrations.schema_migrations order by version';

/** The rows of a query on the local database. */
async function rows(sql: string): Promise<unknown[]> {
  const client = await server.connect();
  return (await client.query<Record<string, unknown>>(sql)).rows;
}

async function isInstalled(): Promise<boolean> {
  return (await rows("select from pg_namespace where nspname = 'supasession'")).length > 0;
}

/** What the database says of what is installed. */
async function record(): Promise<string | null> {
  return readRecord(await server.connect());
}

/** The one file in supabase/migrations. */
async function onlyMigration(): Promise<string> {
  const files = await project.migrations();
  expect(files).toEqual([expect.stringMatching(OURS)]);
  return files[0]!;
}

test('from init to flush: the real CLI applies it, sign-ins are limited, and everybody is signed out', async () => {
  const init = await project.run(['init', '--enable', '--apply', '--max', '2', '--strategy', 'dequeue']);
  expect(init).toMatchObject({code: 0, stdout: ''});
  const file = await onlyMigration();
  expect(init.stderr).toContain(`Target   local database 127.0.0.1:${server.port}\n`);
  expect(init.stderr).toContain(`Wrote supabase/migrations/${file} (supasession 1.0.0).`);
  expect(init.stderr).toContain(`Applying migration ${file}...`);
  expect(init.stderr).toContain('Applied to the local database.\nLimits are ON.\n\nNext:\n');
  expect(init.stderr).toContain(
    [
      'Next:',
      '  npx supabase link                     once there is a hosted project',
      '  npx supabase db push                  bring it to the linked project',
      '  supasession config --linked --enable  then switch the limit on there: the migration leaves it off',
      '',
    ].join('\n'),
  );

  const version = file.slice(0, 14);
  expect(await project.supabase('migration', 'list')).toMatch(new RegExp(`\`?${version}\`? *\\| *\`?${version}\`?`));

  const auth = await server.connect('supabase_auth_admin');
  const {userId, email} = await createUser(await server.connect());
  const sessions = [];
  for (let count = 0; count < 3; count++) sessions.push((await run(auth, signInPassword(email))).sessionId);
  expect(await liveSessions(auth, userId)).toEqual(sessions.slice(1));

  const config = await project.run(['config', '--max', '3', '--strategy', 'reject']);
  expect(config).toMatchObject({code: 0});
  expect(config.stdout).toContain('Sessions per user   2 -> 3');
  await run(auth, signInPassword(email));
  await expect(run(auth, signInPassword(email))).rejects.toThrow(`Session limit of 3 exceeded for user ${userId}`);

  // A saved setting travels with the migrations: nothing is left to do on the linked project.
  expect(await project.run(['config', '--max', '3', '--save'])).toMatchObject({code: 0});
  const again = await project.run(['init', '--apply']);
  expect(again.stderr).toContain('npx supabase db push');
  expect(again.stderr).not.toContain('config --linked --enable');

  const flush = await project.run(['flush', '--yes']);
  expect(flush).toMatchObject({code: 0});
  expect(flush.stdout).toContain('3 sessions of 1 user end. This cannot be undone.');
  expect(flush.stderr).toContain('Done: 3 sessions ended in 1 batch');
  expect(await liveSessions(auth, userId)).toEqual([]);
  await run(auth, signInPassword(email));
});

test('a second run says that all is up to date and writes nothing', async () => {
  const args = ['init', '--enable', '--apply', '--max', '2', '--strategy', 'reject'];
  const first = (await project.run([...args, '--json'])).json as InitResult;
  const file = await onlyMigration();
  const {version, checksum} = await shippedSql();
  expect(first).toEqual({
    project: project.root,
    target: {
      kind: 'local',
      host: '127.0.0.1',
      port: server.port,
      database: 'postgres',
      projectRef: null,
      otherProject: false,
    },
    migration: {file, version, checksum, written: true, declared: []},
    applied: true,
  });
  const [text, before] = [await project.migration(file), await record()];

  const second = await project.run(args);
  expect(second).toMatchObject({code: 0});
  expect(second.stderr).toContain(`Up to date: supabase/migrations/${file} holds supasession 1.0.0.`);
  expect(second.stderr).not.toContain('Applying');
  expect((await project.run([...args, '--json'])).json).toEqual({
    ...first,
    migration: {...first.migration, written: false},
  });
  expect(await project.migrations()).toEqual([file]);
  expect(await project.migration(file)).toBe(text);
  expect(await record()).toEqual(before);
});

describe('what flags say holds over what is there', () => {
  const LIMIT = 'select enabled, max_sessions, strategy from supasession.config';

  test('in a database that was installed with other settings, and in the files', async () => {
    const init = ['init', '--yes', '--apply', '--enable'];
    await project.run([...init, '--max', '1', '--strategy', 'reject']);
    const second = await project.run([...init, '--max', '5']);
    expect(second).toMatchObject({code: 0});
    const [, file] = await project.migrations();
    expect(second.stderr).toContain(`Wrote supabase/migrations/${file}, with the settings that were given.`);
    expect(second.stderr).toContain('Limits are ON.');
    expect(await rows(LIMIT)).toEqual([{enabled: true, max_sessions: 5, strategy: 'reject'}]);
    expect(await project.migration(file!)).toMatch(/set\n {4}max_sessions = 5\nwhere version/);
    expect(await rows(HISTORY)).toHaveLength(2);
    // What the files say already is not written again.
    expect(await project.run([...init, '--max', '5'])).toMatchObject({code: 0});
    expect(await project.migrations()).toHaveLength(2);
  });

  test('in one that was changed since, by SQL, by somebody else', async () => {
    const init = ['init', '--yes', '--apply', '--enable', '--max', '5'];
    await project.run(init);
    await (await server.connect()).query('update supasession.config set enabled = false, max_sessions = 1');
    expect((await project.run(init)).stderr).toContain('Limits are ON.');
    expect(await rows(LIMIT)).toEqual([{enabled: true, max_sessions: 5, strategy: 'dequeue'}]);
    expect(await project.migrations()).toHaveLength(1);
  });

  test('in one that was installed by hand, whose settings nobody has chosen', async () => {
    await install(await server.connect());
    expect(await project.run(['init', '--yes', '--apply', '--enable', '--max', '5'])).toMatchObject({code: 0});
    expect(await rows(LIMIT)).toEqual([{enabled: true, max_sessions: 5, strategy: 'dequeue'}]);
  });

  test('only in the files where nothing is applied and the limit is not switched on', async () => {
    await project.run(['init', '--no-apply', '--no-enable', '--max', '2', '--strategy', 'reject']);
    const second = await project.run(['init', '--no-apply', '--enable', '--save', '--max', '5']);
    expect(second).toMatchObject({code: 0});
    expect(second.stderr).toContain('The limit is still off');
    expect(second.stderr).toContain('the migration switches the limit ON');
    const [, file] = await project.migrations();
    expect(await project.migration(file!)).toMatch(/set\n {4}max_sessions = 5,\n {4}enabled = true\nwhere version/);
    expect(await isInstalled()).toBe(false);
  });
});

describe('the file', () => {
  test('ends with the settings that were given, and no others', async () => {
    await project.run(['init', '--no-apply', '--no-enable', '--max', '4', '--yes']);
    const text = await project.migration(await onlyMigration());
    expect(text).toMatch(/^-- supasession 1\.0\.0 sha256:[0-9a-f]{64}\n/);
    expect(text).toContain((await shippedSql()).sql);
    expect(text).toMatch(/update supasession\.config\nset\n {4}max_sessions = 4\nwhere version not like 'seeded%';\n$/);
  });

  test('holds no settings where none were given, so that what the target has stays', async () => {
    const client = await server.connect();
    await client.query(await readLegacySql());
    await client.query("update supasession.config set enabled = true, max_sessions = 7, strategy = 'reject'");
    const result = await project.run(['init', '--apply', '--yes']);
    expect(result).toMatchObject({code: 0});
    expect(await project.migration(await onlyMigration())).toMatch(/\ncomment on schema supasession is\n {2}'.*';\n$/);
    expect(await rows('select enabled, max_sessions, strategy, eviction_order from supasession.config')).toEqual([
      {enabled: true, max_sessions: 7, strategy: 'reject', eviction_order: 'oldest'},
    ]);
    expect(await record()).toBe(`supasession 1.0.0 ${(await shippedSql()).checksum}`);
  });

  test('carries the limit switched on only with --save, and then says so', async () => {
    const plain = await project.run(['init', '--enable', '--apply', '--yes']);
    const file = await onlyMigration();
    expect(plain.stderr).toContain('Limits are ON.');
    expect(plain.stderr).not.toContain('switches the limit ON');
    expect(await project.migration(file)).not.toMatch(/^ *enabled = true/m);
    expect(await rows('select enabled from supasession.config')).toEqual([{enabled: true}]);

    const other = await createProject({port: server.port});
    const saved = await other.run(['init', '--enable', '--save', '--no-apply', '--yes']);
    expect(saved.stderr).toContain(
      'the migration switches the limit ON: the next "supabase db push" starts ending sessions on the linked project.',
    );
    const text = await other.migration((await other.migrations())[0]!);
    expect(text).toContain(
      '-- This file switches the limit ON: the next "supabase db push" starts ending sessions on the linked project.',
    );
    expect(text).toMatch(/update supasession\.config\nset\n {4}enabled = true\nwhere version not like 'seeded%';\n$/);
    await other.remove();
  });

  test('is dated after all others, and one dated in the future is named', async () => {
    await project.addMigration('20240101000000_old.sql', 'select 1;');
    await project.addMigration('20991231235959_future.sql', 'select 1;');
    const result = await project.run(['init', '--no-apply', '--no-enable', '--yes']);
    expect(result.code).toBe(0);
    expect(result.stderr).toContain(
      'Warning: its date had to follow files that are dated in the future: 20991231235959_future.sql',
    );
    expect(await project.migrations()).toContain('21000101000000_supasession.sql');
  });

  test('of an older release stays, and the new one goes beside it', async () => {
    const sql = (await readInstallation()).replaceAll('1.0.0', '0.9.0');
    const older = migrationText({version: '0.9.0', checksum: `sha256:${'0'.repeat(64)}`, sql}, {});
    await project.addMigration('20240101000000_supasession.sql', older);
    const result = await project.run(['init', '--apply', '--yes']);
    expect(result.code).toBe(0);
    const files = await project.migrations();
    expect(files).toEqual(['20240101000000_supasession.sql', expect.stringMatching(OURS)]);
    expect(result.stderr).toContain(
      `Wrote supabase/migrations/${files[1]} (supasession 1.0.0).\n  It upgrades 20240101000000_supasession.sql (supasession 0.9.0); keep both files.`,
    );
    expect(await project.migration(files[0]!)).toBe(older);
    expect(await record()).toMatch(/^supasession 1\.0\.0 /);
    expect((await project.run(['init', '--apply', '--yes'])).stderr).toContain('Up to date');
  });

  test('of a newer release is left to a newer program', async () => {
    const newer = migrationText({version: '9.0.0', checksum: `sha256:${'0'.repeat(64)}`, sql: 'select 1;'}, {});
    await project.addMigration('20240101000000_supasession.sql', newer);
    const {code, error} = await failure(project, ['init', '--yes']);
    expect([code, error.code]).toEqual([1, 'NEWER_RELEASE']);
    expect(error.message).toBe(
      'supabase/migrations/20240101000000_supasession.sql holds supasession 9.0.0, newer than this program (1.0.0).',
    );
    expect(await project.migrations()).toEqual(['20240101000000_supasession.sql']);
  });

  test('is told apart when it has been edited, and nothing is written', async () => {
    await project.run(['init', '--no-apply', '--no-enable', '--yes']);
    const file = await onlyMigration();
    const text = await project.migration(file);
    for (const edited of [
      `${text}select 1;\n`,
      `-- mine\n${text}`,
      text.replace('max_sessions > 0', 'max_sessions > 1'),
    ]) {
      await project.addMigration(file, edited);
      const {code, error} = await failure(project, ['init', '--apply', '--yes']);
      expect([code, error.code, error.details]).toEqual([1, 'MIGRATION_EDITED', {file}]);
      expect(error.message).toBe(`supasession wrote supabase/migrations/${file}, but somebody has edited it since.`);
      expect(error.suggestions[0]).toBe(`git checkout -- supabase/migrations/${file}`);
      expect(await project.migration(file)).toBe(edited);
      expect(await onlyMigration()).toBe(file);
    }

    expect(await isInstalled()).toBe(false);
    // What git does to it on Windows is no edit.
    await project.addMigration(file, text.replaceAll('\n', '\r\n'));
    expect((await project.run(['init', '--no-apply', '--no-enable'])).stderr).toContain('Up to date');
  });

  test("is not taken for ours where only the name is: the project's own copy of 0.1.2 is taken over", async () => {
    await project.addMigration('20240101000000_supasession.sql', await readLegacySql());
    await project.supabase('migration', 'up');
    const result = await project.run(['init', '--apply', '--yes']);
    expect(result).toMatchObject({code: 0});
    expect(await project.migrations()).toHaveLength(2);
    expect(await record()).toMatch(/^supasession 1\.0\.0 /);
  });
});

describe('--apply', () => {
  test('applies a file that was written before', async () => {
    const written = await project.run(['init', '--no-apply', '--no-enable', '--yes']);
    expect(written.stderr).toMatch(/^ {2}supasession init --apply +apply it$/m);
    expect(await isInstalled()).toBe(false);
    const file = await onlyMigration();
    const applied = await project.run(['init', '--apply', '--no-enable']);
    expect(applied).toMatchObject({code: 0});
    expect(applied.stderr).toContain(`Applying migration ${file}...`);
    expect(applied.stderr).toContain('Limits are OFF. Switch them on: supasession config --enable');
    expect(await rows(HISTORY)).toEqual([{version: file.slice(0, 14)}]);
  });

  test('lists other pending migrations, and applies them only when told to', async () => {
    await project.addMigration('20240101000000_first.sql', 'create table public.first ();');
    await project.supabase('migration', 'up');
    await project.addMigration('20230101000000_older.sql', 'create table public.older ();');
    await project.addMigration('20240102000000_newer.sql', 'create table public.newer ();');
    const before = await project.migrations();

    for (const args of [
      ['init', '--apply', '--no-enable', '--max', '2', '--strategy', 'reject'],
      ['init', '--yes'],
    ]) {
      const {code, error, stderr} = await failure(project, args);
      expect([code, error.code]).toEqual([1, 'OTHER_MIGRATIONS_PENDING']);
      expect(error.message).toBe('The supabase CLI would apply 2 other pending migrations too.');
      expect(error.details).toEqual({pending: ['20230101000000_older.sql', '20240102000000_newer.sql']});
      expect(error.suggestions).toEqual(['supasession init --apply --include-pending', 'supasession init --no-apply']);
      expect(stderr).toContain(
        'Also pending: the supabase CLI applies these in the same run:\n  20230101000000_older.sql\n  20240102000000_newer.sql\n',
      );
    }

    expect(await project.migrations()).toEqual(before);
    expect(await rows(HISTORY)).toHaveLength(1);

    expect(await project.run(['init', '--apply', '--include-pending', '--yes'])).toMatchObject({code: 0});
    expect(await rows(HISTORY)).toHaveLength(4);
    expect(await rows("select from pg_tables where schemaname = 'public'")).toHaveLength(3);
  });

  test('works on a database by its URL, and wants its host typed before sessions end there', async () => {
    const client = await server.connect();
    const {userId} = await createUser(client);
    await createSessions(client, [userId], 3);
    const url = server.url();
    const args = ['init', '--db-url', url, '--apply', '--enable', '--max', '1', '--strategy', 'dequeue', '--yes'];

    const refused = await failure(project, args);
    expect([refused.code, refused.error.code, refused.error.details]).toEqual([
      2,
      'ANSWER_REQUIRED',
      {flag: '--confirm 127.0.0.1'},
    ]);
    expect(refused.stderr).toContain("2 sessions of 1 user are over the limit. They end at the user's next sign-in");
    const wrong = await failure(project, [...args, '--confirm', 'localhost']);
    expect([wrong.code, wrong.error.code]).toEqual([2, 'USAGE']);
    expect(wrong.error.message).toBe('--confirm says "localhost", but the target is "127.0.0.1". Nothing was changed.');
    expect(await project.migrations()).toEqual([]);
    expect(await isInstalled()).toBe(false);

    const done = await project.run([...args, '--confirm', '127.0.0.1']);
    expect(done).toMatchObject({code: 0});
    expect(done.stderr).toContain('Applied to the target.\nLimits are ON.');
    expect(done.stderr).not.toContain('Next:');
    expect(await rows('select enabled, max_sessions from supasession.config')).toEqual([
      {enabled: true, max_sessions: 1},
    ]);
  });

  test('says so where the history has the file and the database has not', async () => {
    await project.run(['init', '--apply', '--yes']);
    const file = await onlyMigration();
    await (await server.connect()).query('drop schema supasession cascade');
    const {code, error} = await failure(project, ['init', '--apply', '--no-enable']);
    expect([code, error.code]).toEqual([1, 'NOT_INSTALLED']);
    expect(error.message).toBe(`The history says that ${file} was applied, but the database has no supasession.`);
    const [repair, again] = error.suggestions;
    expect(again).toBe('supasession init --apply');
    await project.supabase(...repair!.split(' ').slice(2));
    expect(await project.run(['init', '--apply', '--no-enable'])).toMatchObject({code: 0});
    expect(await isInstalled()).toBe(true);
  });

  test('refuses a database that has a newer release', async () => {
    await project.run(['init', '--apply', '--yes']);
    await writeRecord(await server.connect(), 'supasession 9.1.0');
    const {code, error} = await failure(project, ['init', '--apply', '--no-enable']);
    expect([code, error.code]).toEqual([1, 'NEWER_RELEASE']);
    expect(error.message).toBe('The database has supasession 9.1.0, newer than this program (1.0.0).');
  });
});

describe('--dry-run', () => {
  test('writes no file and changes no database', async () => {
    await project.addMigration('20240101000000_other.sql', 'create table public.other ();');
    const args = ['init', '--enable', '--apply', '--max', '2', '--strategy', 'reject', '--save', '--dry-run'];
    const result = await project.run(args);
    expect(result).toMatchObject({code: 0, stdout: ''});
    expect(result.stderr).toMatch(
      /Would write supabase\/migrations\/\d{14}_supasession\.sql \(supasession 1\.0\.0\)\./,
    );
    expect(result.stderr).toContain('Also pending');
    expect(result.stderr).toContain('Dry run: nothing was changed.');
    expect((await project.run([...args, '--json'])).json).toMatchObject({migration: {written: false}, applied: false});
    expect(await project.migrations()).toEqual(['20240101000000_other.sql']);
    expect(await isInstalled()).toBe(false);
  });
});

describe('where nothing listens', () => {
  test('the file is written, and applying is left for later', async () => {
    const offline = await createProject({port: 1});
    const result = await offline.run(['init', '--yes', '--enable']);
    expect(result).toMatchObject({code: 0});
    expect(result.stderr).toContain('Not applied: the local database is not running.');
    expect(result.stderr).toContain('The limit is still off: apply the migration, then switch it on.');
    expect(result.stderr).toMatch(/^ {2}supasession init --apply +apply it$/m);
    expect(await offline.migrations()).toEqual([expect.stringMatching(OURS)]);
    expect((await offline.run(['init', '--yes', '--json'])).json).toMatchObject({target: null, applied: false});
    await offline.remove();
  });
});

test('three devices, if nobody says a number', async () => {
  const {stderr} = await project.run(['init', '--yes', '--apply', '--enable']);
  expect(stderr).toContain('With the limit on, 3 per user:\n  No user is over the limit: no session ends.\n');
  expect(await rows('select enabled, max_sessions from supasession.config')).toEqual([
    {enabled: true, max_sessions: 3},
  ]);
});

describe('a database with migrations that the project has no file for', () => {
  beforeEach(async () => {
    await rows(`
      create schema supabase_migrations;
      create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
      insert into supabase_migrations.schema_migrations (version) values ('20250101000000')`);
  });

  test('is left alone if it is another project’s, and only the file is written', async () => {
    await project.addMigration('20240101000000_mine.sql', 'select 1;');
    const {code, error} = await failure(project, ['init', '--yes', '--apply']);
    expect([code, error.code]).toEqual([1, 'OTHER_PROJECT']);
    expect(await project.migrations()).toHaveLength(1);

    const run = await project.run(['init', '--yes']);
    expect(run).toMatchObject({code: 0});
    expect(run.stderr).toContain("This is another project's database: init does not change it");
    expect(await project.migrations()).toEqual(['20240101000000_mine.sql', expect.stringMatching(OURS)]);
    expect(await isInstalled()).toBe(false);
  });

  test('cannot be applied to by the supabase CLI: that is said before a file is written', async () => {
    const {code, error} = await failure(project, ['init', '--yes', '--apply']);
    expect([code, error.code]).toEqual([1, 'CLI_FAILED']);
    expect(error.message).toContain('The database has 1 migration that this project has no file for');
    expect(error.suggestions).toContain('If only the hosted project has them: npx supabase db pull');
    expect(await project.migrations()).toEqual([]);
  });
});

test('a migration that cannot be applied is named, with the way on and the way back', async () => {
  await project.addMigration('20240101000000_broken.sql', 'select 1/0;');
  const run = await project.run(['init', '--yes', '--apply', '--include-pending', '--json']);
  const file = (await project.migrations()).at(-1)!;
  expect(file).toMatch(OURS);
  expect(run.json).toMatchObject({error: {code: 'CLI_FAILED', details: {written: file, applied: false}}});
  const {error} = run.json as {error: {suggestions: string[]}};
  expect(error.suggestions).toContain('To finish, after you fix that: supasession init --apply');
  expect(error.suggestions).toContain(`To undo, as nothing was applied: rm supabase/migrations/${file}`);
});

describe('a removal that has not been applied', () => {
  const kept = new Kept();

  beforeEach(async () =>
    kept.or(server, project, async () => {
      await project.run(['init', '--yes', '--apply', '--enable']);
      await rows(`insert into supasession.rules (name, app_metadata, max_sessions) values ('r', '{"plan": "pro"}', 5)`);
      const removed = await project.run(['uninstall', '--no-apply', '--unwired', '--yes']);
      expect(removed).toMatchObject({code: 0});
    }),
  );

  test('is shown with what it takes, and nothing happens unless somebody agrees', async () => {
    const files = await project.migrations();
    const removal = files.find((file) => file.endsWith('_uninstall.sql'))!;
    const {code, error, stderr} = await failure(project, [
      'init',
      '--apply',
      '--enable',
      '--max',
      '3',
      '--strategy',
      'dequeue',
    ]);
    expect([code, error.code]).toEqual([2, 'ANSWER_REQUIRED']);
    expect(stderr).toContain(`Not applied yet: supabase/migrations/${removal}`);
    expect(stderr).toMatch(
      /It runs first and removes supasession with \d rules?, \d+ events? of history, 0 revoked users/,
    );
    const url = await failure(project, ['init', '--yes', '--apply', '--db-url', server.url()]);
    expect(url.error.details).toEqual({flag: '--confirm 127.0.0.1'});
    expect(await project.migrations()).toEqual(files);
    expect(await rows("select from supasession.rules where name = 'r'")).toHaveLength(1);
  });

  test('is applied, and supasession starts afresh, after a yes', async () => {
    expect(await project.run(['init', '--yes', '--apply', '--enable'])).toMatchObject({code: 0});
    expect(await rows('select from supasession.rules')).toEqual([]);
    expect(await isInstalled()).toBe(true);
  });
});
