import {confirmationName, resolveTarget, targetFromUrl, type TargetContext} from '../../src/core/target.js';
import {targetJson} from '../../src/types.js';
import {errorOf, thrownBy} from './supabase/support.js';

const REF = 'abcdefghijklmnopqrst';

function context(over: Partial<TargetContext> = {}): TargetContext {
  return {
    env: {},
    localPort: async () => 54_322,
    link: async () => undefined,
    passfile: async () => null,
    askPassword: async () => null,
    ...over,
  };
}

describe('a URL', () => {
  test('is taken apart and decoded', async () => {
    const target = targetFromUrl('postgres://us%40er:p%2Fw@[::1]:6543/data%20base', '--db-url', context());
    expect(target).toMatchObject({kind: 'url', host: '::1', port: 6543, database: 'data base', user: 'us@er'});
    expect(await target.password()).toBe('p/w');
    expect(JSON.stringify(targetJson(target))).not.toContain('p/w');
    expect(targetFromUrl('postgresql://db.example.com', '--db-url', context())).toMatchObject({
      ...{port: 5432, database: 'postgres', user: 'postgres', projectRef: null},
    });
  });

  test.each([
    [`postgresql://postgres@db.${REF}.supabase.co/postgres`, REF],
    [`postgresql://postgres.${REF}@aws-0-eu-central-1.pooler.supabase.com:6543/postgres`, REF],
    [`postgresql://postgres.${REF}@db.example.com/postgres`, null],
    ['postgresql://postgres@aws-0-eu-central-1.pooler.supabase.com/postgres', null],
  ])('%s belongs to project %s', (url, ref) => {
    const target = targetFromUrl(url, '--db-url', context());
    expect(target.projectRef).toBe(ref);
    expect(confirmationName(target)).toBe(ref ?? target.host);
  });

  test.each([
    ['postgresql://127.0.0.1/d', {}, 'disable'],
    ['postgresql://localhost/d', {PGSSLROOTCERT: '/ca'}, 'disable'],
    ['postgresql://db.example.com/d', {}, 'prefer'],
    ['postgresql://db.example.com/d?sslmode=allow', {}, 'prefer'],
    ['postgresql://db.example.com/d?sslmode=disable', {PGSSLMODE: 'require'}, 'disable'],
    ['postgresql://db.example.com/d', {PGSSLMODE: 'require'}, 'require'],
    ['postgresql://db.example.com/d', {PGSSLROOTCERT: '/ca'}, 'verify-full'],
    ['postgresql://db.example.com/d?sslmode=require&sslrootcert=/ca', {}, 'verify-ca'],
    [`postgresql://db.${REF}.supabase.co/d`, {}, 'require'],
    [`postgresql://db.${REF}.supabase.co/d?sslrootcert=/ca`, {}, 'verify-full'],
    [`postgresql://db.${REF}.supabase.co/d`, {PGSSLROOTCERT: '/ca'}, 'verify-full'],
  ])('%s with %j is connected to with sslmode %s', (url, env, mode) => {
    expect(targetFromUrl(url, '--db-url', context({env})).tls).toBe(mode);
  });

  test('of a hosted project without encryption is refused, however it is said', () => {
    const url = `postgresql://db.${REF}.supabase.co/d`;
    expect(thrownBy(() => targetFromUrl(`${url}?sslmode=disable`, '--db-url', context())).code).toBe('TARGET_INVALID');
    const env = {PGSSLMODE: 'disable'};
    expect(thrownBy(() => targetFromUrl(url, '--db-url', context({env}))).code).toBe('TARGET_INVALID');
  });
});

describe('a linked project', () => {
  const link = async () => ({projectRef: REF, source: 'file', poolerUrl: undefined});

  test('is reached directly where there is no pooler, always encrypted', async () => {
    const target = await resolveTarget({linked: true}, context({link}));
    expect(target).toMatchObject({
      ...{kind: 'linked', host: `db.${REF}.supabase.co`, port: 5432, user: 'postgres', projectRef: REF, tls: 'require'},
    });
    expect(confirmationName(target)).toBe(REF);
    const verified = await resolveTarget(
      {linked: true},
      context({link, env: {PGSSLROOTCERT: '/ca', PGSSLMODE: 'disable'}}),
    );
    expect(verified).toMatchObject({tls: 'verify-full', tlsRootCert: '/ca'});
  });

  test('is reached through its pooler where the link has one', async () => {
    const poolerUrl = `postgresql://postgres.${REF}@aws-0-eu-central-1.pooler.supabase.com:6543/postgres`;
    const target = await resolveTarget(
      {linked: true},
      context({link: async () => ({projectRef: REF, source: 'file', poolerUrl})}),
    );
    expect(target).toMatchObject({port: 6543, user: `postgres.${REF}`, tls: 'require', projectRef: REF});
  });

  test('that is none says how to link', async () => {
    expect((await errorOf(resolveTarget({linked: true}, context()))).code).toBe('NOT_LINKED');
  });
});

describe('a password', () => {
  const URL_WITHOUT = 'postgresql://u@h/d';
  const everywhere = {passfile: async () => 'passfile', askPassword: async () => 'answer'};

  test('is the first of: given, PGPASSWORD, the passfile, an answer', async () => {
    const of = async (url: string, over: Partial<TargetContext>) =>
      targetFromUrl(url, '--db-url', context(over)).password();
    const env = {PGPASSWORD: 'variable'};
    expect(await of('postgresql://u:given@h/d', {...everywhere, env})).toBe('given');
    expect(await of(URL_WITHOUT, {...everywhere, env})).toBe('variable');
    expect(await of(URL_WITHOUT, everywhere)).toBe('passfile');
    expect(await of(URL_WITHOUT, {...everywhere, passfile: async () => null})).toBe('answer');
    expect(await of(URL_WITHOUT, {})).toBeNull();
  });

  test('of a linked project is SUPABASE_DB_PASSWORD first', async () => {
    const link = async () => ({projectRef: REF, source: 'file', poolerUrl: undefined});
    const env = {SUPABASE_DB_PASSWORD: 'project', PGPASSWORD: 'variable'};
    expect(await (await resolveTarget({linked: true}, context({...everywhere, link, env}))).password()).toBe('project');
  });

  test('is asked for once, and only when it is needed', async () => {
    const questions: string[] = [];
    const askPassword = async (question: string) => {
      questions.push(question);
      return 'answer';
    };
    const target = targetFromUrl(URL_WITHOUT, '--db-url', context({askPassword}));
    expect(questions).toEqual([]);
    expect([await target.password(), await target.password()]).toEqual(['answer', 'answer']);
    expect(questions).toEqual(['Password of u at h']);
  });
});

describe('without a target flag', () => {
  test('SUPASESSION_DB_URL is taken, then the local database', async () => {
    const env = {SUPASESSION_DB_URL: 'postgresql://h/d'};
    expect(await resolveTarget({}, context({env}))).toMatchObject({kind: 'url', host: 'h'});
    expect(await resolveTarget({local: true}, context({env}))).toMatchObject({kind: 'local', port: 54_322});
    expect(await resolveTarget({}, context({env: {SUPASESSION_DB_URL: ''}}))).toMatchObject({kind: 'local'});
    expect(await (await resolveTarget({}, context())).password()).toBe('postgres');
  });
});
