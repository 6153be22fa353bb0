import {chmod, mkdir, readdir, readFile, symlink} from 'node:fs/promises';
import path from 'node:path';
import {listMigrations, nextVersion, writeMigration, type Migration} from '../../../src/supabase/migrations.js';
import {asOrdinaryUser, errorOf, makeProject, thrownBy} from './support.js';

const NOW = new Date('2026-08-31T23:59:59.900Z');

function migration(version: string): Migration {
  return {version, name: 'x', file: `${version}_x.sql`, path: `/p/${version}_x.sql`};
}

describe('listMigrations', () => {
  it('is empty without a migrations folder', async () => {
    expect(await listMigrations(await makeProject())).toEqual([]);
  });

  it('lists what the CLI applies, in its order', async () => {
    const names = [
      '20240102000000_b.sql',
      '20240101000000_a.sql',
      '20240101_day.sql',
      '1_one.sql',
      '20240103000000_.sql',
      '3_three.sql',
      '202401030000001_longer.sql',
    ];
    const skipped = ['20240104000000.sql', '20240104000000_b.SQL', '.20240104000000_b.sql', '2024a_b.sql', 'readme.md'];
    const files = Object.fromEntries(
      [...names, ...skipped].map((name) => [`supabase/migrations/${name}`, 'select 1;']),
    );
    const project = await makeProject('', {...files, 'supabase/migrations/20240105000000_folder.sql/': ''});
    await symlink('/nowhere', path.join(project.migrationsDir, '20240106000000_link.sql'));
    const found = await listMigrations(project);
    expect(found.map(({file}) => file)).toEqual([
      '1_one.sql',
      '20240101_day.sql',
      '20240101000000_a.sql',
      '20240102000000_b.sql',
      '20240103000000_.sql',
      '202401030000001_longer.sql',
      '20240106000000_link.sql',
      // As text: as a number it would come second.
      '3_three.sql',
    ]);
    expect(found[2]).toEqual({
      version: '20240101000000',
      name: 'a',
      file: '20240101000000_a.sql',
      path: path.join(project.migrationsDir, '20240101000000_a.sql'),
    });
  });

  it('fails where the migrations folder is a file', async () => {
    const project = await makeProject('', {'supabase/migrations': ''});
    const error = await errorOf(listMigrations(project));
    expect(error.code).toBe('MIGRATIONS_UNREADABLE');
    expect(error.message).toBe(`Cannot read the migrations in ${project.migrationsDir}: it is a file, not a folder.`);
    const spaced = await errorOf(listMigrations({migrationsDir: `${project.migrationsDir}/my dir`}));
    expect(spaced.suggestions).toEqual([`ls -ld '${project.migrationsDir}/my dir'`]);
  });

  it('fails where it may not read the folder', async () => {
    const project = await makeProject('', {'supabase/migrations/': ''});
    await chmod(project.migrationsDir, 0o000);
    const error = await asOrdinaryUser(project.root, async () => errorOf(listMigrations(project)));
    expect(error.code).toBe('MIGRATIONS_UNREADABLE');
    expect(error.message).toContain('permission denied');
  });
});

describe('nextVersion', () => {
  it('is the time in UTC', () => {
    expect(nextVersion([], NOW)).toEqual({version: '20260831235959', future: []});
    expect(nextVersion([migration('20240101000000'), migration('1')], NOW).version).toBe('20260831235959');
  });

  it('is a second later than a migration of this second, which is not called future', () => {
    expect(nextVersion([migration('20260831235959')], NOW)).toEqual({version: '20260901000000', future: []});
  });

  it.each([
    ['20991231235959', '21000101000000'],
    ['20280228235959', '20280229000000'],
    ['20270228235959', '20270301000000'],
    ['20270101005959', '20270101010000'],
  ])('is a second later than one dated %s, with the carry of the calendar', (latest, version) => {
    expect(nextVersion([migration(latest), migration('20270101000000')], NOW)).toEqual({
      version,
      future: [`${latest}_x.sql`, '20270101000000_x.sql'],
    });
  });

  it.each(['99999999999999', '20271399000000', '9', '99991231235959'])(
    'fails after %s, which nothing can follow',
    (latest) => {
      const error = thrownBy(() => nextVersion([migration(latest)], NOW));
      expect(error.code).toBe('MIGRATIONS_UNREADABLE');
      expect(error.message).toContain(`${latest}_x.sql`);
      expect(error.suggestions[0]).toContain('Rename');
    },
  );

  it('takes the last one as text, whatever they are as numbers', () => {
    const error = thrownBy(() => nextVersion([migration('20991231235959'), migration('3')], NOW));
    expect(error.message).toContain('3_x.sql sorts after every timestamp');
  });
});

describe('writeMigration', () => {
  it('makes the folder and writes the whole file, leaving nothing else', async () => {
    const project = await makeProject();
    const written = await writeMigration(project, '20240101000000_a.sql', 'select 1;\n');
    expect(written).toBe(path.join(project.migrationsDir, '20240101000000_a.sql'));
    expect(await readFile(written, 'utf8')).toBe('select 1;\n');
    expect(await readdir(project.migrationsDir)).toEqual(['20240101000000_a.sql']);
  });

  it('never overwrites: of two writers at once one fails, and its half is gone', async () => {
    const project = await makeProject();
    const write = async (content: string) => writeMigration(project, '20240101000000_a.sql', content);
    const results = await Promise.allSettled([write('one'), write('two')]);
    expect(results.map(({status}) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const error = await errorOf(write('three'));
    expect(error.code).toBe('MIGRATIONS_UNWRITABLE');
    expect(error.message).toMatch(/^Cannot write .*a\.sql: a file of that name exists already\.$/);
    expect(await readdir(project.migrationsDir)).toEqual(['20240101000000_a.sql']);
    expect(await readFile(path.join(project.migrationsDir, '20240101000000_a.sql'), 'utf8')).toMatch(/^(one|two)$/);
  });

  it('fails where a file stands in place of the folder', async () => {
    const project = await makeProject('', {'supabase/migrations': ''});
    const error = await errorOf(writeMigration(project, '1_a.sql', ''));
    expect(error.code).toBe('MIGRATIONS_UNWRITABLE');
    expect(error.message).toMatch(/migrations is a file, not a folder\.$/);
  });

  it.each([
    ['the folder is read-only', 'supabase/migrations'],
    ['the folder cannot be made', 'supabase'],
  ])('fails where %s', async (_, folder) => {
    const project = await makeProject();
    await mkdir(path.join(project.root, folder), {recursive: true});
    await chmod(path.join(project.root, folder), 0o555);
    const error = await asOrdinaryUser(project.root, async () => errorOf(writeMigration(project, '1_a.sql', '')));
    await chmod(path.join(project.root, folder), 0o755);
    expect(error.code).toBe('MIGRATIONS_UNWRITABLE');
    expect(error.message).toMatch(/1_a\.sql: permission denied\.$/);
    expect(error.suggestions).toEqual([`ls -ld ${project.migrationsDir}`]);
  });
});
