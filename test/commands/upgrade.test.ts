import type {UpgradeResult} from '../../src/commands/upgrade.js';
import {migrationText, shippedSql} from '../../src/features/install/migration.js';
import {readInstallation} from '../../src/database/sql.js';
import {createSessions, createUser, liveSessions, run, signInPassword} from '../helpers/auth.js';
import {failure} from '../helpers/failures.js';
import {readRecord, writeRecord} from '../helpers/install.js';
import {Kept} from '../helpers/kept.js';
import {project, server, useLocalProject} from '../helpers/local.js';

useLocalProject();

const OLDER = '20240101000000_supasession.sql';
const CHECKSUM = `sha256:${'0'.repeat(64)}`;

/** A project as a release has left it: its migration, applied, with settings of its own. */
async function leftBy(release: string): Promise<void> {
  const sql = (await readInstallation()).replaceAll('1.0.0', release);
  await project.addMigration(OLDER, migrationText({version: release, checksum: CHECKSUM, sql}, {max_sessions: 2}));
  await project.supabase('migration', 'up');
  const client = await server.connect();
  await client.query("update supasession.config set enabled = true, strategy = 'dequeue' where true");
}

const kept = new Kept();
const earlier = async (): Promise<void> => kept.or(server, project, async () => leftBy('0.9.0'));

async function installed(): Promise<string | null> {
  return readRecord(await server.connect());
}

test('an older release: a new migration, applied by the real CLI; settings and sessions stay, and the limit holds', async () => {
  await earlier();
  const client = await server.connect();
  const auth = await server.connect('supabase_auth_admin');
  const {userId, email} = await createUser(client);
  await createSessions(client, [userId], 2);

  const dry = await project.run(['upgrade', '--dry-run']);
  expect(dry).toMatchObject({code: 0});
  expect(dry.stdout).toBe(
    `  This package  supasession 1.0.0\n  Migrations    supabase/migrations/${OLDER}, supasession 0.9.0\n  Database      supasession 0.9.0\n`,
  );
  expect(dry.stderr).toMatch(
    /Would write supabase\/migrations\/\d{14}_supasession\.sql\.\nDry run: nothing was changed\.\n$/,
  );
  expect(await project.migrations()).toEqual([OLDER]);

  const result = await project.run(['upgrade', '--apply', '--json']);
  expect(result).toMatchObject({code: 0});
  const {version, checksum} = await shippedSql();
  const [, file] = await project.migrations();
  expect(result.json).toEqual({
    target: {
      kind: 'local',
      host: '127.0.0.1',
      port: server.port,
      database: 'postgres',
      projectRef: null,
      otherProject: false,
    },
    before: {version: '0.9.0', checksum: CHECKSUM},
    migration: {file: file!, version, checksum, written: true, declared: []},
    applied: true,
    dryRun: false,
  } satisfies UpgradeResult);
  expect(await installed()).toBe(`supasession ${version} ${checksum}`);
  expect((await client.query('select enabled, max_sessions from supasession.config')).rows).toEqual([
    {enabled: true, max_sessions: 2},
  ]);
  await run(auth, signInPassword(email));
  expect(await liveSessions(client, userId)).toHaveLength(2);

  const again = await project.run(['upgrade']);
  expect(again).toMatchObject({code: 0});
  expect(again.stdout).toContain('as in this package');
  expect(await project.migrations()).toEqual([OLDER, file]);
});

test('without a terminal it asks for --apply or --no-apply, and --no-apply only writes', async () => {
  await earlier();
  const {code, error} = await failure(project, ['upgrade']);
  expect({code, error: error.code}).toEqual({code: 2, error: 'ANSWER_REQUIRED'});
  expect(await project.migrations()).toEqual([OLDER]);

  const result = await project.run(['upgrade', '--no-apply']);
  expect(result).toMatchObject({code: 0});
  expect(result.stderr).toContain('Not applied. Next: npx supabase migration up\n');
  expect(await project.migrations()).toHaveLength(2);
  expect(await installed()).toMatch(/^supasession 0\.9\.0 /);
  // What is written already is applied by the next run.
  expect(await project.run(['upgrade', '--apply'])).toMatchObject({code: 0});
  expect(await project.migrations()).toHaveLength(2);
  expect(await installed()).toMatch(/^supasession 1\.0\.0 /);
});

test('the same release from other SQL is told apart, and replaced', async () => {
  await leftBy('1.0.0');
  const result = await project.run(['upgrade', '--apply']);
  expect(result).toMatchObject({code: 0});
  expect(result.stdout).toContain('Database      supasession 1.0.0, from other SQL than this package\n');
  expect(await installed()).toBe(`supasession 1.0.0 ${(await shippedSql()).checksum}`);
});

test('a newer database is left alone', async () => {
  await earlier();
  await writeRecord(await server.connect(), 'supasession 9.0.0');
  const {code, error} = await failure(project, ['upgrade', '--apply']);
  expect({code, error: error.code}).toEqual({code: 1, error: 'NEWER_RELEASE'});
  expect(await project.migrations()).toEqual([OLDER]);
});

test('a project without our migration is sent to init', async () => {
  const {code, error} = await failure(project, ['upgrade']);
  expect({code, error}).toEqual({
    code: 1,
    error: {
      code: 'NOT_INSTALLED',
      message: 'The project has no supasession migration to upgrade.',
      suggestions: ['supasession init'],
    },
  });
});

test('where the history says it is applied and the database has something else, the way out is named', async () => {
  expect(await project.run(['init', '--apply', '--no-enable', '--max', '2', '--strategy', 'dequeue'])).toMatchObject({
    code: 0,
  });
  await writeRecord(await server.connect(), 'supasession 1.0.0');
  const {code, error} = await failure(project, ['upgrade', '--apply']);
  expect({code, error: error.code}).toEqual({code: 1, error: 'NOT_INSTALLED'});
  expect(error.message).toMatch(/was applied, but the database has supasession 1\.0\.0 from other SQL\.$/);
  expect(error.suggestions[0]).toMatch(/^npx supabase migration repair --status reverted \d{14} --local$/);
});
