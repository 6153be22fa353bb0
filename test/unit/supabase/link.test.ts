import {isProjectRef, readLink} from '../../../src/supabase/link.js';
import {errorOf, makeProject} from './support.js';

const REF = 'abcdefghijklmnopqrst';
const OTHER = 'zyxwvutsrqponmlkjihg';
const POOLER = `postgresql://postgres.${REF}@aws-0-eu-central-1.pooler.supabase.com:6543/postgres`;
const LINKED = {'supabase/.temp/project-ref': `${REF}\n`, 'supabase/.temp/pooler-url': POOLER};

describe('readLink', () => {
  it('is undefined in a project that is not linked, or was unlinked', async () => {
    expect(await readLink(await makeProject(), {})).toBeUndefined();
    expect(await readLink(await makeProject('', {'supabase/.temp/project-ref': ''}), {})).toBeUndefined();
  });

  it('reads what `supabase link` left behind', async () => {
    const project = await makeProject('', LINKED);
    expect(await readLink(project, {})).toEqual({
      projectRef: REF,
      source: `${project.supabaseDir}/.temp/project-ref`,
      poolerUrl: POOLER,
    });
  });

  it('lets SUPABASE_PROJECT_ID beat the file, without the pooler of the other project', async () => {
    const project = await makeProject('', LINKED);
    expect(await readLink(project, {SUPABASE_PROJECT_ID: OTHER})).toEqual({
      projectRef: OTHER,
      source: 'SUPABASE_PROJECT_ID',
      poolerUrl: undefined,
    });
    expect((await readLink(project, {SUPABASE_PROJECT_ID: REF}))?.poolerUrl).toBe(POOLER);
    expect((await readLink(project, {SUPABASE_PROJECT_ID: ''}))?.projectRef).toBe(REF);
  });

  it('takes SUPABASE_PROJECT_ID from an .env in the folder it was started in, not from supabase/.env, as the CLI does', async () => {
    const files = {'.env': `SUPABASE_PROJECT_ID=${OTHER}`, 'supabase/.env': `SUPABASE_PROJECT_ID=${REF}`};
    const project = await makeProject('', files);
    expect((await readLink(project, {}))?.projectRef).toBe(OTHER);
    expect(await readLink({...project, cwd: '/'}, {})).toBeUndefined();
  });

  it('hands out no password, and no pooler that is no URL', async () => {
    const withPassword = POOLER.replace('@', ':hunter2@');
    const project = await makeProject('', {...LINKED, 'supabase/.temp/pooler-url': withPassword});
    expect((await readLink(project, {}))?.poolerUrl).toBe(POOLER);
    const broken = await makeProject('', {...LINKED, 'supabase/.temp/pooler-url': 'nonsense'});
    expect((await readLink(broken, {}))?.poolerUrl).toBeUndefined();
  });

  it('refuses what is no project ref', async () => {
    const project = await makeProject('', {'supabase/.temp/project-ref': 'Nonsense'});
    const file = await errorOf(readLink(project, {}));
    expect(file.code).toBe('NOT_LINKED');
    expect(file.message).toContain('project-ref does not hold a project ref');
    const variable = await errorOf(readLink(project, {SUPABASE_PROJECT_ID: 'abcdefghijklmnopqrs1'}));
    expect(variable.code).toBe('TARGET_INVALID');
    expect(variable.message).toContain('SUPABASE_PROJECT_ID is "abcdefghijklmnopqrs1"');
  });

  it('fails where the file cannot be read', async () => {
    const project = await makeProject('', {'supabase/.temp/project-ref/': ''});
    expect((await errorOf(readLink(project, {}))).code).toBe('CONFIG_UNREADABLE');
  });
});

it('isProjectRef wants 20 lower-case letters', () => {
  expect([REF, REF.slice(1), `${REF}a`, REF.toUpperCase(), '1'.repeat(20)].map(isProjectRef)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});
