import type {Client} from 'pg';
import {parse} from 'smol-toml';
import type {HookResult} from '../../src/features/integration/hook-command.js';
import {createUser, run, signInPassword} from '../helpers/auth.js';
import {failure} from '../helpers/failures.js';
import {REF, startHosted, type Hosted} from '../helpers/hosted.js';
import {install} from '../helpers/install.js';
import {Kept} from '../helpers/kept.js';
import {project, server, useLocalProject} from '../helpers/local.js';
import {KEYS, openTerminal} from '../helpers/pty.js';

let hosted: Hosted;
let client: Client;

useLocalProject();
beforeAll(async () => {
  hosted = await startHosted(server);
});
beforeEach(async () => {
  hosted.api.reset();
  client = await server.connect();
});
afterAll(async () => hosted.api.stop());

const CONFIG = 'supabase/config.toml';
const OURS = 'pg-functions://postgres/supasession/access_token_hook';
const OWN = 'pg-functions://postgres/public/my_hook';
const HOOK_FILE = /^\d{14}_supasession_hook\.sql$/;

const kept = new Kept();

async function init(): Promise<void> {
  await kept.or(server, project, async () => {
    const result = await project.run(['init', '--apply', '--no-enable', '--max', '1', '--strategy', 'reject']);
    expect(result).toMatchObject({code: 0});
  });
  client = await server.connect();
}

/** The project's own hook, as Supabase's documentation makes one. */
async function createOwnHook(returns = 'jsonb', granted = true): Promise<void> {
  const body = returns === 'jsonb' ? "select jsonb_set(event, '{claims,own}', 'true')" : "select 'x'::text";
  await client.query(`create function public.my_hook(event jsonb) returns ${returns} language sql as $$${body}$$;
    revoke execute on function public.my_hook from public;
    grant usage on schema public to supabase_auth_admin`);
  if (granted) await client.query('grant execute on function public.my_hook to supabase_auth_admin');
}

/** Configures a hook of the project's own, with a comment of its own. */
async function configureHook(uri = OWN, more = ''): Promise<void> {
  const table = `\n[auth.hook.custom_access_token] # ours\nenabled = true\nuri = "${uri}" # do not touch\n${more}`;
  await project.configure((toml) => toml + table);
}

interface Configured {
  auth: {hook?: {custom_access_token?: {enabled?: boolean; uri?: string}}};
  remotes?: Record<string, Configured>;
}

async function configured(remote?: string): Promise<unknown> {
  const config = parse(await project.read(CONFIG)) as unknown as Configured;
  return (remote === undefined ? config : config.remotes?.[remote])?.auth.hook?.custom_access_token;
}

/** What a sign-in gets from the hook that config.toml names now, called as Auth does. */
async function claims(uri?: string): Promise<Record<string, unknown>> {
  const hook = ((await configured()) as {uri?: string} | undefined)?.uri;
  const [schema, name] = (uri ?? hook)!.split('/').slice(-2);
  const auth = await server.connect('supabase_auth_admin');
  const event = {authentication_method: 'password', claims: {role: 'authenticated'}};
  const {rows} = await auth.query<{answer: {claims: Record<string, unknown>}}>(
    `select "${schema!}"."${name!}"($1) as answer`,
    [JSON.stringify(event)],
  );
  return rows[0]!.answer.claims;
}

async function nextHook(): Promise<unknown> {
  const {rows} = await client.query<{next: string}>(
    "select schema_name || '.' || function_name as next from supasession.integration where kind = 'access_token_hook'",
  );
  return rows[0]?.next ?? null;
}

const json = async (args: string[], env: Record<string, string> = {}): Promise<HookResult> => {
  const result = await project.run(['hook', ...args, '--json'], env);
  expect(result).toMatchObject({code: 0});
  return result.json as HookResult;
};

const local = () => ({
  kind: 'local',
  host: '127.0.0.1',
  port: server.port,
  database: 'postgres',
  projectRef: null,
  otherProject: false,
});

describe('the local stack', () => {
  test('a hook that can refuse nobody yet is named as such', async () => {
    await init();
    const text = async () => (await project.run(['hook', 'enable', '--dry-run'])).stdout;
    await client.query("update supasession.config set strategy = 'dequeue'");
    expect(await text()).toContain(
      'the strategy dequeue refuses nobody, so the hook has no effect yet. To refuse sign-ins: supasession config --strategy reject\n',
    );
    await client.query(
      "insert into supasession.rules (name, app_metadata, strategy) values ('strict', '{\"plan\": \"one\"}', 'reject')",
    );
    expect(await text()).not.toContain('does nothing yet');
  });

  test('config.toml is changed where the template shows the hook, and is the same again after disabling', async () => {
    await init();
    const before = await project.read(CONFIG);
    const dry = await project.run(['hook', 'enable', '--dry-run']);
    expect(dry).toMatchObject({code: 0});
    expect(dry.stdout).toContain('Changes       supabase/config.toml\n');
    expect(dry.stderr).toContain('Dry run: nothing was changed.\n');
    expect(dry.stdout).not.toContain('does nothing yet');
    expect(await project.read(CONFIG)).toBe(before);

    const result = await project.run(['hook', 'enable', '--yes']);
    expect(result).toMatchObject({code: 0});
    expect(result.stderr).toMatch(
      /The hook is configured\. Undo: supasession hook disable\nNext:\n {2}npx supabase stop && npx supabase start {3}\(Auth reads config\.toml when it starts\)\n {2}supasession config --reject-in-hook {3}\(once Auth calls the hook\)\n$/,
    );
    const after = await project.read(CONFIG);
    expect(await configured()).toEqual({enabled: true, uri: OURS});
    const added = `[auth.hook.custom_access_token]\nenabled = true\nuri = "${OURS}"\n`;
    expect(after.replace(added, '')).toBe(before);
    // The real CLI reads it still.
    await project.supabase('migration', 'list', '--local');

    const again = await project.run(['hook', 'enable']);
    expect(again).toMatchObject({code: 0});
    expect(again.stderr).toContain("Nothing to do: Auth is already configured to call supasession's hook.\n");

    expect(await json(['disable', '--yes'])).toEqual({
      target: local(),
      ...{hook: 'disabled', where: 'config.toml', verified: true, next: null},
      ...{files: [], applied: false, changed: ['config.toml'], dryRun: false},
    });
    expect(await project.read(CONFIG)).toBe(before);
    expect((await project.run(['hook', 'disable'])).stderr).toContain('Nothing to do: Auth is not configured');
    expect((await project.migrations()).filter((file) => HOOK_FILE.test(file))).toEqual([]);
  });

  test('an own hook goes on at every step, behind ours and then alone again', async () => {
    await init();
    await createOwnHook();
    await configureHook();
    const before = await project.read(CONFIG);
    const own = {role: 'authenticated', own: true};
    expect(await claims()).toEqual(own);

    // Without the migration in the database, Auth must not be told to call ours.
    const written = await project.run(['hook', 'enable', '--yes', '--no-apply']);
    expect(written).toMatchObject({code: 0});
    expect(written.stderr).toContain('Auth was not configured: the migration is required first');
    expect(written.stderr).toContain('After that: supasession hook enable\n');
    expect(await project.read(CONFIG)).toBe(before);
    expect(await nextHook()).toBeNull();
    const [, file] = await project.migrations();
    expect(file).toMatch(HOOK_FILE);
    expect(await project.migration(file!)).toContain(
      "select supasession._chain('access_token_hook', 'public', 'my_hook');\n",
    );

    expect(await json(['enable', '--yes', '--apply'])).toEqual({
      target: local(),
      ...{hook: 'enabled', where: 'config.toml', verified: true, next: 'public.my_hook'},
      ...{
        files: [{file, written: false, declared: []}],
        applied: true,
        changed: ['next_hook', 'config.toml'],
        dryRun: false,
      },
    });
    expect(await configured()).toEqual({enabled: true, uri: OURS});
    expect(await claims()).toEqual(own);
    expect(await json(['enable'])).toMatchObject({hook: 'enabled', next: 'public.my_hook', changed: []});

    // The Auth that runs calls ours until it is restarted: ours has to know the own one until then.
    const early = await failure(project, ['hook', 'disable', '--auth-restarted', '--apply', '--yes']);
    expect([early.code, early.error.code]).toEqual([2, 'USAGE']);
    const disabled = await project.run(['hook', 'disable', '--yes']);
    expect(disabled.stderr).toContain(
      'Once Auth has been restarted: supasession hook disable --auth-restarted --apply\n',
    );
    expect(await project.read(CONFIG)).toBe(before);
    expect(await claims()).toEqual(own);
    expect(await claims(OURS)).toEqual(own);

    expect(await json(['disable', '--auth-restarted', '--apply', '--yes'])).toMatchObject({
      ...{hook: 'disabled', applied: true, changed: ['next_hook']},
    });
    expect(await nextHook()).toBeNull();
    // Every environment gets it: a database made from the migrations is the same.
    expect((await project.migrations()).filter((name) => HOOK_FILE.test(name))).toHaveLength(2);
    expect(await json(['enable', '--yes', '--apply'])).toMatchObject({next: 'public.my_hook', applied: true});
    expect(await nextHook()).toBe('public.my_hook');
  });

  test('refusals are taken back from the hook before it goes, and the history says so', async () => {
    await init();
    await json(['enable', '--yes']);
    await client.query('update supasession.config set enabled = true, reject_in_hook = true where true');
    const auth = await server.connect('supabase_auth_admin');
    const {email} = await createUser(client);
    const hook = 'supasession.access_token_hook';
    await run(auth, signInPassword(email, {hook}));
    await expect(run(auth, signInPassword(email, {hook}))).rejects.toMatchObject({status: 403});

    const result = await project.run(['hook', 'disable', '--yes', '--json']);
    expect(result.json).toMatchObject({changed: ['reject_in_hook', 'config.toml']});
    expect(result.stderr).toContain('reject_in_hook is now off. The history shows the change.\n');
    const {rows} = await client.query(
      "select details #> '{old,reject_in_hook}' as old, details #> '{new,reject_in_hook}' as new from supasession.events where kind = 'settings_changed' order by id desc limit 1",
    );
    expect(rows).toEqual([{old: true, new: false}]);
    // The limit holds before Auth has been restarted, and after.
    await expect(run(auth, signInPassword(email, {hook}))).rejects.toMatchObject({status: 500});
    await expect(run(auth, signInPassword(email))).rejects.toMatchObject({status: 500});
  });

  test('an own hook that is gone is not put back: every sign-in would fail', async () => {
    await init();
    await createOwnHook();
    await configureHook();
    await json(['enable', '--yes', '--apply']);
    await client.query('drop function public.my_hook');
    const result = await project.run(['hook', 'disable', '--yes']);
    expect(result.stdout).toContain('Not restored  public.my_hook, because there is no function public.my_hook(jsonb)');
    expect(await configured()).toBeUndefined();
  });

  test('a hook that is left in config.toml goes without our SQL, too', async () => {
    await configureHook(OURS);
    expect(await json(['disable', '--yes'])).toMatchObject({hook: 'disabled', changed: ['config.toml']});
    expect(await configured()).toBeUndefined();
  });

  test('config.json is left alone: what to write is printed, and looked at in the next run', async () => {
    await init();
    const config = {db: {port: server.port}};
    await project.write('supabase/config.json', JSON.stringify(config));
    const result = await project.run(['hook', 'enable', '--json']);
    expect(result).toMatchObject({code: 0});
    expect(result.json).toMatchObject({hook: 'enabled', where: 'instructions', verified: false, changed: []});
    expect(result.stderr).toContain('Not verified. supasession does not edit this file. Change it yourself:');
    expect(result.stderr).toContain(`"uri": "${OURS}"`);
    expect(JSON.parse(await project.read('supabase/config.json'))).toEqual(config);

    const hook = {custom_access_token: {enabled: true, uri: OURS}};
    await project.write('supabase/config.json', JSON.stringify({...config, auth: {hook}}));
    expect(await json(['enable'])).toMatchObject({hook: 'enabled', verified: true});
    const back = await project.run(['hook', 'disable']);
    expect(back.stderr).toContain(`remove auth.hook.custom_access_token.enabled.`);
  });

  test('a file that cannot be changed safely stops it before anything is done', async () => {
    await init();
    await createOwnHook();
    await project.configure((toml) => `${toml}\n[auth.hook]\ncustom_access_token = 1\n`);
    const {code, error} = await failure(project, ['hook', 'enable', '--yes', '--apply']);
    expect([code, error.code]).toEqual([1, 'CONFIG_INVALID']);
    expect(await project.migrations()).toHaveLength(1);
  });
});

describe('it is refused, with nothing changed', () => {
  const refused = async (code: string, pattern: RegExp, args: string[] = [], env: Record<string, string> = {}) => {
    const [config, files] = [await project.read(CONFIG), await project.migrations()];
    const {error} = await failure(project, ['hook', 'enable', '--yes', '--apply', ...args], env);
    expect(error).toMatchObject({code, message: expect.stringMatching(pattern)});
    expect(await project.read(CONFIG)).toBe(config);
    expect(await project.migrations()).toEqual(files);
    return error;
  };

  test('where an https hook is configured, whose path nobody sees', async () => {
    await init();
    await configureHook('https://example.com/hooks/hunter2?key=hunter2', 'secrets = "v1,whsec_hunter2"\n');
    const error = await refused(
      'WIRING_REFUSED',
      /is https:\/\/example\.com\/\.\.\., and Auth allows only one\. supasession's hook can call/,
    );
    expect(JSON.stringify(error)).not.toContain('hunter2');
    expect(error.suggestions.join('\n')).toContain('Make it a Postgres function');
  });

  test('where secrets of an https hook are left, which the supabase CLI would choke on', async () => {
    await init();
    await project.configure((toml) => `${toml}\n[auth.hook.custom_access_token]\nenabled = false\nsecrets = "v1,x"\n`);
    await refused('WIRING_REFUSED', /sets auth\.hook\.custom_access_token\.secrets/);
  });

  test.each([
    ['is not there', async () => undefined, /there is no function public\.my_hook\(jsonb\)/],
    ['returns something else', async () => createOwnHook('text'), /does not return jsonb/],
    ['may not be called by Auth', async () => createOwnHook('jsonb', false), /supabase_auth_admin may not call/],
  ])('where the own hook %s', async (_, create, pattern) => {
    await init();
    await create();
    await configureHook();
    await refused('WIRING_REFUSED', pattern);
    expect(await nextHook()).toBeNull();
  });

  test('where Auth may not call ours', async () => {
    await init();
    await client.query('revoke execute on function supasession.access_token_hook from supabase_auth_admin');
    const error = await refused('WIRING_REFUSED', /supabase_auth_admin may not call supasession\.access_token_hook/);
    await client.query(error.suggestions[0]!);
    expect(await json(['enable', '--yes'])).toMatchObject({verified: true});
  });

  test('where ours is not in the database, or not in the migrations, which a db reset makes it from', async () => {
    await refused('NOT_INSTALLED', /does not have supasession yet/);
    await install(client);
    await refused('NOT_INSTALLED', /no supasession migration/);
  });

  test('where another hook is named than the one that is configured, or ours itself', async () => {
    await init();
    await refused('USAGE', /cannot call itself/, ['--next-hook', 'supasession.access_token_hook']);
    await createOwnHook();
    await configureHook();
    await refused('USAGE', /Auth calls public\.my_hook now/, ['--next-hook', 'public.other']);
  });

  test('where an https hook is configured on the platform', async () => {
    await init();
    await hosted.link(project);
    Object.assign(hosted.api.projects.get(REF)!.auth, {
      ...{hook_custom_access_token_enabled: true, hook_custom_access_token_uri: 'https://example.com/hunter2'},
    });
    await refused(
      'WIRING_REFUSED',
      /hook in hosted project \w+ is https:\/\/example\.com\/\.\.\./,
      ['--linked'],
      hosted.env,
    );
  });
});

describe('a hosted project', () => {
  const flags = ['--linked', '--config-toml', '--confirm', REF];
  const changes = () => hosted.api.requests.filter(({method}) => method !== 'GET').map(({body}) => body);
  const onPlatform = () => {
    const {auth} = hosted.api.projects.get(REF)!;
    return [auth['hook_custom_access_token_enabled'], auth['hook_custom_access_token_uri']];
  };

  beforeEach(async () => {
    await init();
    await hosted.link(project);
  });

  test('is configured over the Management API and read back, and config.toml with it', async () => {
    const before = await project.read(CONFIG);
    expect(await json(['enable', ...flags], hosted.env)).toMatchObject({
      target: {kind: 'linked', projectRef: REF},
      ...{hook: 'enabled', where: 'management-api', verified: true, next: null, files: []},
      changed: ['management-api', 'config.toml'],
    });
    expect(onPlatform()).toEqual([true, OURS]);
    expect(await configured()).toEqual({enabled: true, uri: OURS});
    expect(await json(['enable', '--linked'], hosted.env)).toMatchObject({hook: 'enabled', changed: []});

    const disabled = await project.run(['hook', 'disable', ...flags], hosted.env);
    expect(disabled).toMatchObject({code: 0});
    expect(disabled.stderr).not.toContain('supabase stop');
    expect(onPlatform()[0]).toBe(false);
    expect(await project.read(CONFIG)).toBe(before);
    expect(changes()).toEqual([
      {hook_custom_access_token_enabled: true, hook_custom_access_token_uri: OURS},
      {hook_custom_access_token_enabled: false},
    ]);
  });

  test('its own block of config.toml is changed where it has one', async () => {
    const remote = `\n[remotes.live]\nproject_id = "${REF}"\n\n[remotes.live.auth.hook.custom_access_token]\nenabled = false\n`;
    await project.configure((toml) => toml + remote);
    const before = await project.read(CONFIG);
    await json(['enable', ...flags], hosted.env);
    expect([await configured(), await configured('live')]).toEqual([undefined, {enabled: true, uri: OURS}]);
    await json(['disable', ...flags], hosted.env);
    expect(await project.read(CONFIG)).toBe(before);
  });

  test('a migration that is in and an API that fails then: said, safe, and the next run goes on', async () => {
    await createOwnHook();
    const {projects} = hosted.api;
    const auth = {
      ...projects.get(REF)!.auth,
      hook_custom_access_token_enabled: true,
      hook_custom_access_token_uri: OWN,
    };
    projects.get(REF)!.auth = Object.freeze(auth);
    const before = await project.read(CONFIG);
    const run = await project.run(['hook', 'enable', ...flags, '--apply', '--json'], hosted.env);
    expect(run).toMatchObject({
      code: 1,
      json: {
        error: {
          code: 'API_FAILED',
          message: expect.stringMatching(
            /Done before that: the migration is applied\. Auth is configured as before, and sign-ins still work\.$/,
          ),
          details: {changed: ['next_hook'], applied: true, files: [{file: expect.stringMatching(HOOK_FILE)}]},
        },
      },
    });
    const {suggestions} = (run.json as {error: {suggestions: string[]}}).error;
    expect(suggestions.at(-1)).toBe('supasession hook enable --linked');
    expect(await project.read(CONFIG)).toBe(before);
    expect(await claims(OWN)).toEqual({role: 'authenticated', own: true});

    projects.get(REF)!.auth = {...auth};
    expect(await json(['enable', ...flags], hosted.env)).toMatchObject({
      ...{verified: true, next: 'public.my_hook', files: [], changed: ['management-api', 'config.toml']},
    });
    expect(onPlatform()).toEqual([true, OURS]);
    await json(['disable', ...flags], hosted.env);
    expect(onPlatform()).toEqual([true, OWN]);
    expect(await configured()).toEqual({enabled: true, uri: OWN});
  });

  test('an API that says yes and does something else is not believed', async () => {
    const {auth} = hosted.api.projects.get(REF)!;
    Object.defineProperty(auth, 'hook_custom_access_token_uri', {
      ...{get: () => OWN, set: () => undefined, enumerable: true},
    });
    // Not by failure(): the second of its runs would find what the first has half done.
    const run = await project.run(['hook', 'enable', ...flags, '--json'], hosted.env);
    expect(run).toMatchObject({
      code: 1,
      json: {error: {code: 'API_FAILED', message: expect.stringContaining('still has another value for')}},
    });
    expect(await configured()).toBeUndefined();
  });

  test('without an access token it is said what to set, and not verified', async () => {
    const result = await project.run(['hook', 'enable', ...flags, '--json'], hosted.noToken);
    expect(result).toMatchObject({code: 0});
    expect(result.json).toMatchObject({
      hook: 'enabled',
      where: 'instructions',
      verified: false,
      changed: ['config.toml'],
    });
    expect(result.stderr).toContain('Not verified. There is no access token');
    expect(result.stderr).toContain(`https://supabase.com/dashboard/project/${REF}/auth/hooks`);
    expect(result.stderr).toContain('to Postgres, schema supasession, function access_token_hook\n');
    expect(result.stderr).toContain('supasession hook enable --linked --next-hook <schema.function> --apply');
    expect(hosted.api.requests).toEqual([]);
  });

  test('is confirmed by its reference, and config.toml is asked about', async () => {
    const screen = openTerminal(['hook', 'enable', '--linked'], {cwd: project.root, env: hosted.env});
    await screen.see(/Also change config\.toml, which "supabase config push" sends\? \(Y\/n\)/);
    screen.type(`n${KEYS.enter}`);
    await screen.see(new RegExp(`Let Auth call supasession's hook\\? Type ${REF} to go on:`));
    screen.type(`${REF}${KEYS.enter}`);
    await screen.see(/supabase\/config\.toml was not changed: "supabase config push" would undo this\./);
    expect(await screen.code).toBe(0);
    expect(onPlatform()).toEqual([true, OURS]);
    expect(await configured()).toBeUndefined();
  });
});

test('a self-hosted project: its own hook is wired by the migration, and the variables of Auth are printed', async () => {
  await init();
  await createOwnHook();
  const url = ['--db-url', server.url()];
  const args = ['hook', 'enable', ...url, '--next-hook', 'public.my_hook', '--confirm', '127.0.0.1'];
  const pending = await project.run([...args, '--no-apply']);
  expect(pending.stderr).not.toContain('GOTRUE_');
  const result = await project.run([...args, '--apply', '--json']);
  expect(result).toMatchObject({code: 0});
  expect(result.json).toMatchObject({
    where: 'instructions',
    verified: false,
    next: 'public.my_hook',
    changed: ['next_hook'],
  });
  expect(result.stderr).toContain(
    `Set these variables for Auth, and restart it:\n  GOTRUE_HOOK_CUSTOM_ACCESS_TOKEN_ENABLED=true\n  GOTRUE_HOOK_CUSTOM_ACCESS_TOKEN_URI=${OURS}\n`,
  );
  expect(await configured()).toBeUndefined();
  const back = await project.run(['hook', 'disable', ...url]);
  expect(back).toMatchObject({code: 0});
  expect(back.stderr).toContain(`GOTRUE_HOOK_CUSTOM_ACCESS_TOKEN_URI=${OWN}\n`);
});

test('nothing is done before the question is answered with yes', async () => {
  await init();
  const before = await project.read(CONFIG);
  const screen = openTerminal(['hook', 'enable'], {cwd: project.root});
  await screen.see(/Let Auth call supasession's hook\? \(y\/N\)/);
  screen.type(KEYS.enter);
  await screen.see(/^Cancelled\. Nothing was changed\.$/m);
  expect(await screen.code).toBe(4);
  expect(await project.read(CONFIG)).toBe(before);
});
