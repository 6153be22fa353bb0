import {
  commandOn,
  confirmationName,
  resolveTarget,
  targetFromUrl,
  type TargetContext,
} from '../../../src/database/target.js';
import {SupasessionError} from '../../../src/errors.js';
import {targetJson, type Target} from '../../../src/types.js';
import {errorOf, thrownBy} from '../supabase/support.js';

const REF = 'abcdefghijklmnopqrst';

function context(over: Partial<TargetContext> = {}): TargetContext {
  return {
    env: {},
    localPort: async () => 54_322,
    link: async () => undefined,
    passfile: async () => null,
    loginRole: async () => null,
    askPassword: async () => null,
    ...over,
  };
}

const passwordOf = async (target: Target) => (await target.login()).password();

describe('a URL', () => {
  test('is taken apart and decoded', async () => {
    const target = targetFromUrl('postgres://us%40er:p%2Fw@[::1]:6543/data%20base', '--db-url', context());
    expect(target).toMatchObject({kind: 'url', host: '::1', port: 6543, database: 'data base', user: 'us@er'});
    expect(await passwordOf(target)).toBe('p/w');
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
      passwordOf(targetFromUrl(url, '--db-url', context(over)));
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
    expect(await passwordOf(await resolveTarget({linked: true}, context({...everywhere, link, env})))).toBe('project');
  });

  test('is asked for once, and only when it is needed', async () => {
    const questions: string[] = [];
    const askPassword = async (question: string) => {
      questions.push(question);
      return 'answer';
    };
    const target = targetFromUrl(URL_WITHOUT, '--db-url', context({askPassword}));
    expect(questions).toEqual([]);
    expect([await passwordOf(target), await passwordOf(target)]).toEqual(['answer', 'answer']);
    expect(questions).toEqual(['Password of u at h']);
  });
});

describe('a linked project without a password', () => {
  const made = {role: 'cli_login_postgres', password: 'temporary', ttlSeconds: 300};
  const refusal = new SupasessionError('API_UNAUTHORIZED', 'The token is refused.', {suggestions: ['supabase login']});
  const refused = {
    loginRole: async () => {
      throw refusal;
    },
  };
  const linked = async (over: Partial<TargetContext>, poolerUrl?: string) =>
    resolveTarget({linked: true}, context({link: async () => ({projectRef: REF, source: 'file', poolerUrl}), ...over}));

  test('is worked on as a temporary role, in the name of postgres', async () => {
    const target = await linked({loginRole: async () => made});
    const login = await target.login();
    expect([login.user, await login.password(), login.role]).toEqual(['cli_login_postgres', 'temporary', 'postgres']);
    expect(target.user).toBe('postgres');
    const pooled = await linked(
      {loginRole: async () => made},
      `postgresql://postgres.${REF}@aws-0-eu-central-1.pooler.supabase.com:6543/postgres`,
    );
    expect((await pooled.login()).user).toBe(`cli_login_postgres.${REF}`);
  });

  test('asks for that role when it connects, once in its time, and for another one after it', async () => {
    const asked: string[] = [];
    const loginRole = (ttlSeconds: number) => async (ref: string) => {
      asked.push(ref);
      return {...made, ttlSeconds};
    };
    const target = await linked({loginRole: loginRole(300)});
    expect(asked).toEqual([]);
    await target.login();
    await target.login();
    expect(asked).toEqual([REF]);
    const short = await linked({loginRole: loginRole(29)});
    await short.login();
    await short.login();
    expect(asked).toHaveLength(3);
  });

  test('asks for no role where there is a password', async () => {
    for (const over of [
      {env: {SUPABASE_DB_PASSWORD: 'known'}},
      {env: {PGPASSWORD: 'known'}},
      {passfile: async () => 'known'},
    ]) {
      const login = await (await linked({...refused, ...over})).login();
      expect([login.user, await login.password(), login.role]).toEqual(['postgres', 'known', null]);
    }
  });

  test('asks on the terminal where there is no token, or no role to be had, which it says', async () => {
    const questions: string[] = [];
    const askPassword = async (question: string) => {
      questions.push(question);
      return 'answer';
    };
    expect(await passwordOf(await linked({askPassword}))).toBe('answer');
    const target = await linked({...refused, askPassword});
    expect([await passwordOf(target), await passwordOf(target)]).toEqual(['answer', 'answer']);
    expect(questions).toEqual([
      `Database password of project ${REF}`,
      `No temporary login role: The token is refused.\nDatabase password of project ${REF}`,
    ]);
  });

  test('fails with the reason where there is no terminal either, but only when the server wants a password', async () => {
    const login = await (await linked(refused)).login();
    const error = await errorOf(login.password());
    expect([error.code, error.message]).toEqual(['API_UNAUTHORIZED', 'No temporary login role: The token is refused.']);
    expect(error.suggestions[0]).toContain('Set SUPABASE_DB_PASSWORD');
    expect(error.suggestions[1]).toBe('supabase login');
    expect(await passwordOf(await linked({}))).toBeNull();
  });
});

describe('without a target flag', () => {
  test('SUPASESSION_DB_URL is taken, then the local database', async () => {
    const env = {SUPASESSION_DB_URL: 'postgresql://h/d'};
    expect(await resolveTarget({}, context({env}))).toMatchObject({kind: 'url', host: 'h'});
    expect(await resolveTarget({local: true}, context({env}))).toMatchObject({kind: 'local', port: 54_322});
    expect(await resolveTarget({}, context({env: {SUPASESSION_DB_URL: ''}}))).toMatchObject({kind: 'local'});
    expect(await passwordOf(await resolveTarget({}, context()))).toBe('postgres');
  });
});

test('a command to type next names the same project', async () => {
  const linked = context({link: async () => ({projectRef: REF, source: 'x', poolerUrl: undefined})});
  expect(commandOn(await resolveTarget({linked: true}, linked), 'config --max 2')).toBe(
    '{bin} config --linked --max 2',
  );
  const other = await resolveTarget({projectRef: REF}, linked);
  expect(commandOn(other, 'config --max 2')).toBe(`{bin} config --remote=${REF} --max 2`);
});
