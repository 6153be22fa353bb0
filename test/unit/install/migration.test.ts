import {readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {saveSettings} from '../../../src/features/settings/config.js';
import {
  addMigration,
  compareReleases,
  configMigrationText,
  migrationText,
  readMigrations,
  shippedSql,
} from '../../../src/features/install/migration.js';
import {readSql} from '../../../src/database/sql.js';
import {DEFAULT_SETTINGS} from '../../../src/types.js';
import {addFile, errorOf, makeProject} from '../supabase/support.js';

const NOW = new Date('2026-01-02T03:04:05.678Z');

test('the shipped script is every file of sql/install in the order of their names, and its checksum is stable', async () => {
  const shipped = await shippedSql();
  const files = (await readdir('sql/install')).sort();
  const first = await Promise.all(
    files.map(async (file) => (await readFile(path.join('sql/install', file), 'utf8')).split('\n', 1)[0]!),
  );
  const places = first.map((line) => shipped.sql.indexOf(`${line}\n`));
  expect(places[0]).toBe(0);
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(shipped.sql).not.toContain('@include');
  expect(shipped).toEqual(await shippedSql());
  expect(shipped.checksum).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test('the migration stays short enough to review, as docs/contributing.md promises', async () => {
  const lines = migrationText(await shippedSql(), {}).split('\n');
  expect(lines.length - 1).toBeLessThanOrEqual(2000);
  expect(Buffer.byteLength(lines.join('\n'))).toBeLessThanOrEqual(95_000);
  expect(lines.filter((line) => line.length > 110 && !/checksum: |sha256:/.test(line))).toEqual([]);
  const long = lines.flatMap((line, start) => {
    const end = lines.indexOf('$$;', start);
    return line.startsWith('create or replace function ') && end - start >= 90 ? [line] : [];
  });
  expect(long).toEqual([]);
});

test('an include stands for the query, without the comment at its head', async () => {
  const query = await readFile('sql/queries/verdicts.sql', 'utf8');
  const body = query.slice(query.indexOf('\nwith ') + 1);
  expect(query.startsWith('-- ')).toBe(true);
  expect(await readSql('queries/impact.sql')).toContain(`with verdicts as (\n${body}`);
});

test('every query says at its head what it answers, and every parameter that it has', async () => {
  const names = await readdir('sql/queries');
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) {
    const text = await readSql(`queries/${name}`);
    const head = /^(?:--.*\n)+/.exec(text)?.[0] ?? '';
    const used = [...new Set(text.slice(head.length).match(/\$\d(?=\W)/g))].sort();
    expect([name, head.split('\n').length > 2]).toEqual([name, true]);
    expect([name, used.filter((parameter) => !head.includes(parameter))]).toEqual([name, []]);
  }
});

test.each([
  ['1.0.0', '1.0.0', 0],
  ['1.0.0', '1.0.1', -1],
  ['1.10.0', '1.9.9', 1],
  ['2.0', '2.0.0', 0],
  ['1.0.0-beta.1', '1.0.0', 0],
])('release %s compared with %s gives %i', (a, b, sign) => {
  expect(Math.sign(compareReleases(a, b))).toBe(sign);
});

describe('a migration of ours', () => {
  test('is recognised with its release and checksum, as are saved settings', async () => {
    const shipped = await shippedSql();
    const project = await makeProject();
    const {file} = await addMigration(project, [], 'supasession', migrationText(shipped, {max_sessions: 3}), {
      now: NOW,
    });
    expect(file).toBe('20260102030405_supasession.sql');
    const {all} = await readMigrations(project);
    await addMigration(project, all, 'supasession_config', configMigrationText(DEFAULT_SETTINGS), {now: NOW});
    const {own} = await readMigrations(project);
    expect(own).toMatchObject([
      {kind: 'installation', release: shipped.version, checksum: shipped.checksum, edited: false},
      {file: '20260102030406_supasession_config.sql', kind: 'settings', release: null, checksum: null, edited: false},
    ]);
  });

  test('is edited when any byte of it has changed but the ends of its lines', async () => {
    const text = migrationText(await shippedSql(), {});
    const project = await makeProject('', {'supabase/migrations/20240101000000_supasession.sql': text});
    const edited = async (content: string) => {
      await addFile(project.root, 'supabase/migrations/20240101000000_supasession.sql', content);
      return (await readMigrations(project)).own.map((own) => own.edited);
    };
    expect(await edited(text)).toEqual([false]);
    expect(await edited(text.replaceAll('\n', '\r\n'))).toEqual([false]);
    expect(await edited(`${text}\n`)).toEqual([true]);
    expect(await edited(text.replace('create schema', 'create  schema'))).toEqual([true]);
    expect(await edited(text.replace(/^-- checksum: .*\n/m, ''))).toEqual([true]);
    expect(await edited(`\n${text}`)).toEqual([true]);
    // Somebody else's file of that name is not ours at all.
    expect(await edited('create schema supasession;')).toEqual([]);
  });

  test('is not written in a dry run', async () => {
    const project = await makeProject();
    const options = {dryRun: true, now: NOW};
    expect(await addMigration(project, [], 'supasession', 'x', options)).toEqual({
      file: '20260102030405_supasession.sql',
      future: [],
    });
    expect((await readMigrations(project)).all).toEqual([]);
  });
});

describe('saving settings', () => {
  test('writes a file unless what comes last says the same', async () => {
    const shipped = await shippedSql();
    const project = await makeProject('', {
      'supabase/migrations/20240101000000_supasession.sql': migrationText(shipped, {}),
    });
    const first = await saveSettings(project, DEFAULT_SETTINGS);
    expect(first.written).toBe(true);
    expect(await saveSettings(project, DEFAULT_SETTINGS)).toEqual({file: first.file, written: false});

    // A later installation that sets something of its own would win over the saved settings.
    await addFile(
      project.root,
      'supabase/migrations/20991231000000_supasession.sql',
      migrationText({...shipped, version: '1.1.0'}, {max_sessions: 9}),
    );
    expect(await saveSettings(project, DEFAULT_SETTINGS)).toMatchObject({written: true});
    expect(await saveSettings(project, DEFAULT_SETTINGS)).toMatchObject({written: false});
    expect(await saveSettings(project, {...DEFAULT_SETTINGS, max_sessions: 2})).toMatchObject({written: true});
    expect(await saveSettings(project, DEFAULT_SETTINGS)).toMatchObject({written: true});
  });

  test('wants the installation first', async () => {
    const error = await errorOf(saveSettings(await makeProject(), DEFAULT_SETTINGS));
    expect([error.code, error.suggestions]).toEqual(['NOT_INSTALLED', ['{bin} init']]);
  });
});
