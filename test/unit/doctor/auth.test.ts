import {
  authSettingsOfFile,
  authSettingsOfProject,
  judgeAuth,
  judgeAuthDrift,
  type AuthSettings,
  type AuthSource,
} from '../../../src/features/doctor/auth.js';
import {readConfig} from '../../../src/supabase/config.js';
import {DEFAULT_SETTINGS, type Settings} from '../../../src/types.js';
import {makeProject} from '../supabase/support.js';
import {LOCAL, theOne, wrong} from './support.js';

const FILE: AuthSource = {name: 'supabase/config.toml', ref: null, read: 'supabase config push'};
const HOSTED: AuthSource = {name: 'project abc', ref: 'abc', read: ''};
const GOOD: AuthSettings = {
  ...{jwtExpiry: 3600, rotation: true, reuseInterval: 10},
  ...{timebox: null, inactivityTimeout: null, singlePerUser: false},
};
const ON: Settings = {...DEFAULT_SETTINGS, enabled: true};

const judge = (auth: Partial<AuthSettings>, ours: Settings | null = null, source = FILE) =>
  judgeAuth({...GOOD, ...auth}, source, ours, LOCAL);

test('the settings of a fresh project are all right', async () => {
  const config = await readConfig(await makeProject(), {});
  expect(authSettingsOfFile(config)).toEqual(GOOD);
  expect(wrong(judge({}, ON))).toEqual([]);
});

test.each([
  [299, true],
  [300, false],
  [86_400, false],
  [86_401, true],
])('a jwt_expiry of %i s is wrong: %s', (jwtExpiry, bad) => {
  expect(wrong(judge({jwtExpiry}))).toEqual(bad ? ['warning: jwt_expiry'] : []);
});

test.each([
  [{rotation: false}, 'refresh token rotation'],
  [{reuseInterval: 0}, 'refresh_token_reuse_interval'],
  [{reuseInterval: 61}, 'refresh_token_reuse_interval'],
])('%j is warned of once', (auth, check) => {
  expect(wrong(judge(auth))).toEqual([`warning: ${check}`]);
  // Without rotation nothing is reused.
  expect(wrong(judge({...auth, rotation: false}))).toEqual(['warning: refresh token rotation']);
});

test('the fix is to be made where the setting is', () => {
  expect(theOne(judge({jwtExpiry: 5})).fix).toBe(
    'Set jwt_expiry = 3600 in [auth] of supabase/config.toml, then: supabase config push',
  );
  expect(theOne(judge({jwtExpiry: 5}, null, HOSTED)).fix).toBe(
    'Set it: https://supabase.com/dashboard/project/abc/settings/jwt',
  );
});

test('an inactivity timeout that is no longer than an access token is an error, whoever has it', () => {
  expect(wrong(judge({inactivityTimeout: 3600}))).toEqual(['error: inactivity_timeout of Auth']);
  expect(wrong(judge({inactivityTimeout: 3601}))).toEqual([]);
  const ours = {...ON, inactivity_timeout: '00:30:00'};
  expect(wrong(judge({}, ours))).toEqual(['error: inactivity_timeout']);
  expect(wrong(judge({jwtExpiry: 1200}, ours))).toEqual([]);
  expect(wrong(judge({}, {...ours, enabled: false}))).toEqual([]);
  expect(wrong(judge({}, {...ours, mode: 'observe'}))).toEqual([]);
});

test('deadlines of Auth beside ours are noted, and only then', () => {
  const ours = {...ON, timebox: '30 days', inactivity_timeout: '7 days'};
  const auth = {timebox: 86_400, inactivityTimeout: 86_400};
  expect(theOne(judge(auth, ours))).toMatchObject({
    severity: 'info',
    detail: expect.stringMatching(/timebox and inactivity_timeout/),
  });
  expect(wrong(judge(auth, ON))).toEqual([]);
  expect(wrong(judge({singlePerUser: true}, ON))).toEqual(['info: session limits of Auth']);
});

test('spans are read as Go writes them, hours of a hosted project as hours; 0 is none', async () => {
  const toml = '[auth.sessions]\ntimebox = "24h"\ninactivity_timeout = "1h30m"\n';
  expect(authSettingsOfFile(await readConfig(await makeProject(toml), {}))).toMatchObject({
    timebox: 86_400,
    inactivityTimeout: 5400,
  });
  const off = await readConfig(await makeProject('[auth.sessions]\ntimebox = "0s"\n'), {});
  expect(authSettingsOfFile(off).timebox).toBeNull();
  const hosted = {
    ...{hook_custom_access_token_enabled: null, hook_custom_access_token_uri: null},
    ...{jwt_exp: 600, refresh_token_rotation_enabled: false, security_refresh_token_reuse_interval: 5},
    ...{sessions_timebox: 24, sessions_inactivity_timeout: 0, sessions_single_per_user: true},
  };
  expect(authSettingsOfProject(hosted)).toEqual({
    ...{jwtExpiry: 600, rotation: false, reuseInterval: 5, timebox: 86_400},
    ...{inactivityTimeout: null, singlePerUser: true},
  });
});

test('file and hosted project are compared setting by setting', () => {
  expect(judgeAuthDrift(GOOD, {...GOOD, singlePerUser: true}, FILE).ok).toBe(true);
  const drift = judgeAuthDrift(GOOD, {...GOOD, jwtExpiry: 600, timebox: 60}, FILE);
  expect(drift).toMatchObject({ok: false, severity: 'info'});
  expect(drift.detail).toContain(
    'jwt_expiry is 3600 in the file and 600 in the project; timebox is off in the file and 60',
  );
});
