import {chmod, readFile} from 'node:fs/promises';
import path from 'node:path';
import {applyArguments, applyMigrations, findCli, type SupabaseCli} from '../../../src/supabase/cli.js';
import {addFile, errorOf, makeFolder, makeProject} from './support.js';

/** Enough for a script to find node and cat, and no supabase. */
const SYSTEM_PATH = `${path.dirname(process.execPath)}:/usr/bin:/bin`;

async function addProgram(root: string, name: string, script: string): Promise<string> {
  await addFile(root, name, `#!/bin/sh\n${script}\n`);
  await chmod(path.join(root, name), 0o755);
  return path.join(root, name);
}

describe('findCli', () => {
  it('takes the copy of the project, which may be in a folder above it, then the PATH', async () => {
    const project = await makeProject();
    const elsewhere = await makeFolder();
    const onPath = await addProgram(elsewhere, 'bin/supabase', 'echo 2.58.5');
    const env = {PATH: `/nowhere::${elsewhere}/bin`};
    expect(await findCli(project, env)).toEqual({path: onPath, version: '2.58.5', major: 2});

    const workspace = {...project, root: path.join(project.root, 'packages/db')};
    const above = await addProgram(project.root, 'node_modules/.bin/supabase', 'echo 3.1.0');
    expect(await findCli(workspace, env)).toEqual({path: above, version: '3.1.0', major: 3});
    const own = await addProgram(workspace.root, 'node_modules/.bin/supabase', 'echo v4.0.0-beta.1');
    expect(await findCli(workspace, env)).toEqual({path: own, version: '4.0.0-beta.1', major: 4});
  });

  it('reads the version of an installed package, without starting it', async () => {
    const project = await makeProject('', {
      'node_modules/supabase/package.json': JSON.stringify({name: 'supabase', version: '3.2.1'}),
    });
    const own = await addProgram(project.root, 'node_modules/.bin/supabase', 'touch started; exit 7');
    expect(await findCli(project, {})).toEqual({path: own, version: '3.2.1', major: 3});
    await expect(readFile(path.join(project.root, 'started'))).rejects.toThrow('ENOENT');
  });

  it('fails without one, with the line that installs it', async () => {
    const project = await makeProject('', {'node_modules/.bin/supabase': 'not executable'});
    const error = await errorOf(findCli(project, {PATH: '/nowhere'}));
    expect(error.code).toBe('CLI_MISSING');
    expect(error.message).toContain(`neither in node_modules/.bin of ${project.root}`);
    expect(error.suggestions).toEqual(['{add} supabase']);
  });

  it.each([
    ['echo nonsense', 'ended and told no version'],
    ['exit 7', 'failed (exit 7) and told no version'],
  ])('fails where the program does not tell its version (%s)', async (script, message) => {
    const project = await makeProject();
    await addProgram(project.root, 'node_modules/.bin/supabase', script);
    const error = await errorOf(findCli(project, {}));
    expect(error.code).toBe('CLI_FAILED');
    expect(error.message).toContain(message);
  });
});

describe('applyArguments', () => {
  const url = {kind: 'url', url: 'postgresql://postgres@db.example.com/postgres'} as const;

  it.each([
    [3, {kind: 'local'} as const, ['migration', 'up', '--workdir', '/p']],
    [4, {kind: 'local'} as const, ['migration', 'up', '--workdir', '/p']],
    [2, {kind: 'local'} as const, ['migration', 'up', '--local', '--workdir', '/p']],
    [3, url, ['db', 'push', `--remote=${url.url}`, '--yes', '--workdir', '/p']],
    [2, url, ['db', 'push', '--db-url', url.url, '--yes', '--workdir', '/p']],
  ])('of version %i for %j', (major, target, args) => {
    expect(applyArguments(major, '/p', target, false)).toEqual(args);
  });

  it('asks for older files only when told to', () => {
    expect(applyArguments(3, '/p', {kind: 'local'}, true)).toEqual([
      'migration',
      'up',
      '--include-all',
      '--workdir',
      '/p',
    ]);
  });
});

describe('applyMigrations', () => {
  async function fakeCli(script: string) {
    const project = await makeProject();
    const file = await addProgram(project.root, 'supabase-cli', script);
    const cli: SupabaseCli = {path: file, version: '3.1.0', major: 3};
    return {project, cli, env: {PATH: SYSTEM_PATH}};
  }

  it('sends the password in the environment only, also one that stands in the URL', async () => {
    const {project, cli, env} = await fakeCli(
      'printf "%s\\n" "$@" > args; printf "%s" "$PGPASSWORD" > password; pwd > cwd',
    );
    const seen = async (name: string) => readFile(path.join(project.root, name), 'utf8');
    const apply = async (url: string, password?: string) =>
      applyMigrations({cli, project, env: {...env, PGPASSWORD: 'of the shell'}, target: {kind: 'url', url, password}});

    await apply('postgresql://postgres:hunt%40er2@db.example.com/postgres?sslmode=require');
    expect(await seen('args')).not.toContain('hunt');
    expect(await seen('args')).toContain('--remote=postgresql://postgres@db.example.com/postgres?sslmode=require\n');
    expect(await seen('password')).toBe('hunt@er2');
    expect((await seen('cwd')).trim()).toBe(project.cwd);

    await apply('postgresql://postgres@db.example.com/postgres?password=hunter3');
    expect(await seen('args')).not.toContain('hunter3');
    expect(await seen('password')).toBe('hunter3');

    await apply('postgresql://postgres:hunter2@db.example.com/postgres', 'hunter4');
    expect(await seen('password')).toBe('hunter4');
    await apply('postgresql://postgres@db.example.com/postgres');
    expect(await seen('password')).toBe('of the shell');
  });

  it('reports a failure in the words of the CLI, without its chatter and the statement, and streams them all', async () => {
    const stderr = [
      'Target: local stack (127.0.0.1:54322)',
      'Confirmed by --yes: Apply 2 migrations to the local stack',
      'Applying migration 20240101000000_a.sql...',
      'Applying migration 20240102000000_b.sql...',
      'ERROR: new row is too large (SQLSTATE 23514)',
      'Failing row contains (1).',
      'At statement: 3',
      'insert into secret_table values (1)',
      'Try rerunning the command with --debug to troubleshoot the error.',
    ].join('\n');
    const {project, cli, env} = await fakeCli(`cat >&2 <<'END'\n${stderr}\nEND\nexit 1`);
    let output = '';
    const write = (chunk: string | Uint8Array) => (output += chunk.toString());
    const error = await errorOf(applyMigrations({cli, project, env, target: {kind: 'local'}, output: {write}}));
    expect(error.code).toBe('CLI_FAILED');
    expect(error.message).toBe(
      'supabase migration up failed (exit 1) in 20240102000000_b.sql: ERROR: new row is too large (SQLSTATE 23514)\nFailing row contains (1).',
    );
    expect(error.details).toEqual({exitCode: 1, sqlstate: '23514', migration: '20240102000000_b.sql'});
    expect(output).toBe(`${stderr}\n`);
  });

  it('tells a lock timeout apart', async () => {
    const line = 'ERROR: canceling statement due to lock timeout (SQLSTATE 55P03)';
    const {project, cli, env} = await fakeCli(`echo '${line}' >&2; exit 1`);
    const error = await errorOf(applyMigrations({cli, project, env, target: {kind: 'local'}}));
    expect([error.code, error.details?.['sqlstate']]).toEqual(['LOCK_TIMEOUT', '55P03']);
  });

  it.each([
    ['kill -INT $$', 'INTERRUPTED', /The server may still finish/],
    ['kill -KILL $$', 'CLI_FAILED', /was ended by SIGKILL\.$/],
  ])('tells how the CLI was ended (%s)', async (script, code, message) => {
    const {project, cli, env} = await fakeCli(script);
    const error = await errorOf(applyMigrations({cli, project, env, target: {kind: 'local'}}));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('fails where the program has gone, or the URL is none, and repeats neither arguments nor URL', async () => {
    const {project, env} = await fakeCli('');
    const cli: SupabaseCli = {path: '/nowhere/supabase', version: '3.1.0', major: 3};
    const gone = await errorOf(
      applyMigrations({cli, project, env, target: {kind: 'url', url: 'postgresql://u:hunter2@h/d'}}),
    );
    expect(gone.code).toBe('CLI_FAILED');
    expect(gone.message).toBe('supabase db push could not be started (ENOENT).');
    const invalid = await errorOf(applyMigrations({cli, project, env, target: {kind: 'url', url: 'hunter2'}}));
    expect(invalid.code).toBe('TARGET_INVALID');
    expect(`${invalid.message}${JSON.stringify(invalid.details)}`).not.toContain('hunter2');
  });
});
