import {findProject} from '../../../src/supabase/project.js';
import {errorOf, makeFolder} from './support.js';

test('a folder without a project names those below, not in node_modules and not too deep', async () => {
  const root = await makeFolder({
    'apps/web/supabase/config.toml': '',
    'packages/db/supabase/config.json': '{}',
    'node_modules/x/supabase/config.toml': '',
    'a/b/c/d/supabase/config.toml': '',
  });
  const {suggestions} = await errorOf(findProject({cwd: root, env: {}}));
  expect(suggestions).toEqual(['{bin} <command> --workdir apps/web', '{bin} <command> --workdir packages/db']);
  const empty = await errorOf(findProject({cwd: await makeFolder(), env: {}}));
  expect(empty.suggestions[0]).toBe('{supabase} init');
});
