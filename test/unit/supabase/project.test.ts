import path from 'node:path';
import {findProject} from '../../../src/supabase/project.js';
import {errorOf, makeFolder} from './support.js';

describe('findProject', () => {
  it.each(['config.toml', 'config.json', 'config.jsonc'])(
    'walks up to the folder that holds supabase/%s',
    async (name) => {
      const root = await makeFolder({[`supabase/${name}`]: '', 'app/src/': ''});
      const cwd = path.join(root, 'app/src');
      expect(await findProject({cwd, env: {}})).toEqual({
        root,
        supabaseDir: path.join(root, 'supabase'),
        configPath: path.join(root, 'supabase', name),
        migrationsDir: path.join(root, 'supabase/migrations'),
        cwd,
      });
    },
  );

  it('takes the nearest of two projects', async () => {
    const root = await makeFolder({'supabase/config.toml': '', 'app/supabase/config.toml': ''});
    expect((await findProject({cwd: path.join(root, 'app'), env: {}})).root).toBe(path.join(root, 'app'));
  });

  it('prefers JSON to TOML and refuses two JSON files, as the CLI does', async () => {
    const root = await makeFolder({'supabase/config.toml': '', 'supabase/config.jsonc': ''});
    expect((await findProject({cwd: root, env: {}})).configPath).toMatch(/config\.jsonc$/);
    const both = await makeFolder({'supabase/config.json': '', 'supabase/config.jsonc': ''});
    const error = await errorOf(findProject({cwd: both, env: {}}));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain('config.jsonc');
  });

  it('fails without a project, saying where it looked', async () => {
    const cwd = await makeFolder({'supabase/': ''});
    const error = await errorOf(findProject({cwd, env: {}}));
    expect(error.code).toBe('PROJECT_NOT_FOUND');
    expect(error.message).toBe(
      `No Supabase project found: looked for supabase/config.toml, config.json and config.jsonc in ${cwd} and every folder above it.`,
    );
    expect(error.suggestions.join('\n')).toMatch(/\{supabase\} init[\s\S]*--workdir/);
  });

  it('takes --workdir exactly, relative to the current folder, with no search, before SUPABASE_WORKDIR', async () => {
    const root = await makeFolder({'a/supabase/config.toml': '', 'a/sub/': '', 'b/supabase/config.toml': ''});
    const env = {SUPABASE_WORKDIR: 'b'};
    expect((await findProject({cwd: root, workdir: 'a', env})).root).toBe(path.join(root, 'a'));
    expect((await findProject({cwd: root, env})).root).toBe(path.join(root, 'b'));
    expect((await findProject({cwd: path.join(root, 'a'), env: {SUPABASE_WORKDIR: ''}})).root).toBe(
      path.join(root, 'a'),
    );

    const flag = await errorOf(findProject({cwd: root, workdir: 'a/sub', env}));
    expect(flag.code).toBe('PROJECT_NOT_FOUND');
    expect(flag.message).toContain(`${path.join(root, 'a/sub')} (from --workdir)`);
    const variable = await errorOf(findProject({cwd: root, env: {SUPABASE_WORKDIR: 'a/sub'}}));
    expect(variable.message).toContain('(from SUPABASE_WORKDIR)');
  });
});
