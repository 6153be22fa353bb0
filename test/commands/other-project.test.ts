import type {ConfigResult} from '../../src/commands/config.js';
import {createSessions, createUser, liveSessions} from '../helpers/auth.js';
import {failure} from '../helpers/failures.js';
import {configure, install} from '../helpers/install.js';
import {project, server, useLocalProject} from '../helpers/local.js';

// Every local stack has port 54322 by default: what answers there can be the database of the project worked on before.

useLocalProject();
beforeEach(async () => {
  const client = await server.connect();
  await install(client);
  await client.query(`
    create schema supabase_migrations;
    create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text)`);
});

async function applied(...versions: string[]): Promise<void> {
  const client = await server.connect();
  await client.query('insert into supabase_migrations.schema_migrations (version) select unnest($1::text[])', [
    versions,
  ]);
}

const A = '20260101000000';
const B = '20260102000000';
const C = '20260103000000';

const status = async () => project.run(['status', '--json']);

/** Whether a reading command and a changing one take the database for another project's. */
async function taken(): Promise<{otherProject: boolean; note: string; change: string}> {
  const read = await status();
  const change = await project.run(['config', '--max', '3', '--dry-run', '--json']);
  expect([read.code === 0 ? '' : read.stdout, change.code]).toEqual(['', 0]);
  const {target} = read.json as {target: {otherProject: boolean}};
  expect((change.json as ConfigResult).target).toEqual(target);
  const real = await project.run(['config', '--max', '3', '--yes', '--json']);
  const {error} = real.json as {error?: {code: string}};
  return {
    otherProject: target.otherProject,
    note: /^Target .*?:\d+(.*)$/m.exec(read.stderr)?.[1] ?? 'no target line',
    change: error?.code ?? 'done',
  };
}

test.each([
  ['a database without a history', [A], []],
  ['both without', [], []],
  ['files that have not been applied', [A, B], [A]],
])('it is nobody else’s: %s', async (_, files, history) => {
  for (const version of files) await project.addMigration(`${version}_some.sql`, 'select 1;');
  await applied(...history);
  expect(await taken()).toEqual({otherProject: false, note: '', change: 'done'});
});

test('nor is one where the supabase CLI has never run, or whose history this role may not read', async () => {
  await project.addMigration(`${A}_some.sql`, 'select 1;');
  await applied(B);
  const client = await server.connect('supabase_admin');
  await client.query('alter schema supabase_migrations owner to supabase_admin');
  await client.query('revoke pg_read_all_data from postgres');
  expect(await taken()).toMatchObject({otherProject: false, change: 'done'});
  await client.query('grant pg_read_all_data to postgres');
  await client.query('drop schema supabase_migrations cascade');
  expect(await taken()).toMatchObject({otherProject: false, change: 'done'});
});

test('a project without migrations cannot tell: it is said, and changed', async () => {
  await applied(A);
  expect(await taken()).toEqual({
    otherProject: false,
    note: ', with 1 migration that this project has no file for (another project?)',
    change: 'done',
  });
});

test('one with migrations of another branch is said, and changed', async () => {
  await project.addMigration(`${A}_some.sql`, 'select 1;');
  await applied(A, B, C);
  expect(await taken()).toEqual({
    otherProject: false,
    note: ', with 2 migrations that this project has no file for (another branch?)',
    change: 'done',
  });
});

describe('a database that shares no migration with the project', () => {
  beforeEach(async () => {
    await project.addMigration(`${C}_some.sql`, 'select 1;');
    await project.addMigration(`${A.slice(1)}_as_number.sql`, 'select 1;');
    await applied(A, B);
  });

  test('is said by what reads', async () => {
    for (const command of [['status'], ['sessions', 'list'], ['rules', 'list'], ['config'], ['history']]) {
      const run = await project.run(command);
      expect(run).toMatchObject({code: 0});
      expect(run.stderr).toContain(
        `Target   local database 127.0.0.1:${server.port}, ANOTHER PROJECT'S database: none of its 2 migrations is in supabase/migrations of this one\n`,
      );
    }

    expect((await status()).json).toMatchObject({target: {otherProject: true}});
  });

  const changing = [
    ['config', '--max', '3'],
    ['enforce'],
    ['flush'],
    ['prune', '--older-than', '30d'],
    ['sessions', 'revoke', '3f2b1c9e-8d5c-4d3e-9a51-0d7a4f6a1b2c'],
    ['access', 'revoke', 'a@example.com'],
    ['access', 'restore', 'a@example.com'],
    ['rules', 'add', 'pro', '--max', '1'],
    ['rules', 'remove', 'pro'],
    ['guard', 'enable', '--no-apply'],
    ['guard', 'disable', '--no-apply'],
    ['hook', 'enable', '--no-apply'],
    ['hook', 'disable', '--no-apply'],
    ['api', 'enable'],
    ['api', 'disable'],
    ['protect', 'add', 'some', '--no-apply'],
    ['protect', 'remove', 'some', '--no-apply'],
    ['upgrade', '--no-apply'],
    ['uninstall', '--no-apply'],
    ['doctor', '--fix'],
  ];
  test('is not changed, whatever --yes says', async () => {
    const client = await server.connect();
    const {userId} = await createUser(client);
    await createSessions(client, [userId], 2);
    for (const command of changing) {
      const {code, error} = await failure(project, [...command, ...(command[0] === 'config' ? ['--yes'] : [])]);
      expect([command, code, error.code]).toEqual([command, 1, 'OTHER_PROJECT']);
      expect(error.message).toBe(
        `The local database 127.0.0.1:${server.port} belongs to another project: none of its 2 migrations is in supabase/migrations of this one. Nothing was changed.`,
      );
      expect(error.suggestions).toEqual([
        'Stop the other stack and start this one: npx supabase stop --all && npx supabase start',
        'If you do mean this database, add --confirm 127.0.0.1',
      ]);
    }

    expect(await liveSessions(client, userId)).toHaveLength(2);
    expect(await project.migrations()).toHaveLength(2);
  });

  test('is changed if --confirm names it, and nothing else', async () => {
    const client = await server.connect();
    await configure(client, {max_sessions: 1});
    const wrong = await failure(project, ['config', '--max', '3', '--confirm', 'localhost']);
    expect(wrong.error.code).toBe('OTHER_PROJECT');
    const run = await project.run(['config', '--max', '3', '--yes', '--confirm', '127.0.0.1', '--json']);
    expect(run.json).toMatchObject({target: {otherProject: true}, changed: ['max_sessions']});
    expect((await client.query('select max_sessions from supasession.config')).rows).toEqual([{max_sessions: 3}]);
  });

  test('is known by a URL too', async () => {
    const {error} = await failure(project, ['flush', '--db-url', server.url()]);
    expect(error.code).toBe('OTHER_PROJECT');
    expect(error.suggestions[0]).toBe(
      'Run the command in the folder of that project, or name the folder with --workdir',
    );
  });
});
