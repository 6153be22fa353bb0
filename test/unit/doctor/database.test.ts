import {
  judgeHealth,
  judgeInstalled,
  judgeObserved,
  judgeSwitch,
  notReached,
} from '../../../src/features/doctor/database.js';
import {judgePreRequest} from '../../../src/features/doctor/pre-request.js';
import {judgeFunctions, shippedFunctions} from '../../../src/features/doctor/functions.js';
import {judgeCli, judgeProgram, judgeServer} from '../../../src/features/doctor/versions.js';
import {lookAt, summarize, found, passed} from '../../../src/features/doctor/finding.js';
import {planRepairs} from '../../../src/features/doctor/repair.js';
import {shippedSql} from '../../../src/features/install/migration.js';
import type {Installed} from '../../../src/features/install/installed.js';
import {NO_IMPACT} from '../../../src/features/settings/verdicts.js';
import {SupasessionError} from '../../../src/errors.js';
import {DEFAULT_SETTINGS} from '../../../src/types.js';
import {LINKED, LOCAL, theOne, wrong} from './support.js';

describe('functions', () => {
  test('every function of our SQL is known, each once', async () => {
    const {sql} = await shippedSql();
    const functions = shippedFunctions(sql);
    expect(functions).toHaveLength(sql.match(/create or replace function/g)!.length);
    expect(new Set(functions.map(({name}) => name)).size).toBe(functions.length);
    expect(functions.find(({name}) => name === 'access_token_hook')).toMatchObject({definer: false});
    expect(functions.find(({name}) => name === '_limiter')).toMatchObject({definer: true});
  });

  const SID = {name: 'sid', body: '\n  select 1;\n', definer: true};

  test.each([
    ['another body', {body: 'select 2'}, 'warning: function sid'],
    ['the rights of its caller', {definer: false}, 'warning: function sid'],
    ['another name', {name: 'other'}, 'error: function sid'],
  ])('one with %s is told', (_, change, expected) => {
    const findings = judgeFunctions([SID], [{...SID, ...change}], LOCAL, 'installation');
    expect(wrong(findings)).toEqual([expected]);
    expect(theOne(findings)).toMatchObject({fix: '{bin} doctor --fix', repair: 'installation'});
  });

  test('line ends, and functions of others, are no difference', () => {
    const there = [
      {...SID, body: SID.body.replaceAll('\n', '\r\n')},
      {...SID, name: 'theirs'},
    ];
    expect(wrong(judgeFunctions([SID], there, LOCAL, null))).toEqual([]);
  });
});

describe('health', () => {
  const row = (check: string, fix: string | null) => ({check, ok: false, detail: 'so it is', fix});
  const AGAIN = 'restore it: supasession doctor --fix';

  test('a missing trigger is mended by --fix; of another release by upgrade', () => {
    const rows = [row('trigger supasession_refresh', AGAIN)];
    const mended = judgeHealth(rows, LINKED, 'installation');
    expect(theOne(mended)).toMatchObject({
      severity: 'error',
      fix: '{bin} doctor --linked --fix',
      repair: 'installation',
    });
    expect(theOne(judgeHealth(rows, LINKED, null))).toMatchObject({fix: '{bin} upgrade --linked', repair: null});
  });

  test('commands are those of this program and target', () => {
    const fixes = [
      row('settings', 'supasession config --enable'),
      row('next hook', 'create it, or disable the hook: supasession hook disable'),
      row('guard for every role', 'select supasession.enable_guard()'),
    ];
    expect(judgeHealth(fixes, LINKED, null).map(({severity, fix}) => [severity, fix])).toEqual([
      ['warning', '{bin} config --linked --enable'],
      ['error', 'create it, or disable the hook: {bin} hook:disable --linked'],
      ['error', 'select supasession.enable_guard()'],
    ]);
  });

  test('what is right stays right, with what it says', () => {
    const [good] = judgeHealth([{check: 'settings', ok: true, detail: null, fix: null}], LOCAL, null);
    expect(good).toEqual(passed('database', 'settings'));
  });
});

describe('the pre-request setting', () => {
  const set = {value: 'supasession.check_request', scope: 'server', found: false} as const;

  test('none, one that is there, and a bare name are all right', () => {
    for (const setting of [null, {...set, found: true}, {...set, value: 'check', found: null}])
      expect(judgePreRequest(setting, LOCAL, null).ok).toBe(true);
  });

  test('ours is brought back where it can be, else taken away', () => {
    expect(judgePreRequest(set, LOCAL, 'installation').repair).toBe('installation');
    expect(judgePreRequest(set, LOCAL, null).repair).toBe('pre-request');
    // Of an earlier release: our SQL does not bring it back.
    expect(judgePreRequest({...set, value: 'supasession.old'}, LOCAL, 'installation').repair).toBe('pre-request');
  });

  test("the project's own is left to the project", () => {
    const own = judgePreRequest({...set, value: 'public.check', scope: 'database'}, LOCAL, 'installation');
    expect(own).toMatchObject({severity: 'error', repair: null});
    expect(own.fix).toContain('alter role authenticator in database <name> reset pgrst.db_pre_request');
  });
});

describe('the installation', () => {
  const INSTALLED: Installed = {auth: true, schema: true, version: '1.0.0', checksum: null};
  const shipped = {version: '1.0.0', checksum: 'sha256:0', sql: ''};
  const judge = (installed: Partial<Installed>, removed = false) =>
    wrong(judgeInstalled({...INSTALLED, ...installed}, shipped, {removed, target: LOCAL, repair: null}));

  test('what is missing is told, from the bottom up', () => {
    expect(judge({})).toEqual([]);
    expect(judge({auth: false})).toEqual(['error: Auth']);
    expect(judge({schema: false, version: null})).toEqual(['error: installed']);
    expect(judge({version: null})).toEqual(['error: installed']);
    expect(judge({version: '9.0.0'})).toEqual(['error: installed']);
  });

  test('one that a migration took out is missed only while it is there', () => {
    expect(judge({schema: false, version: null}, true)).toEqual([]);
    expect(judge({version: null}, true)).toEqual(['error: installed']);
  });

  test('limits that are off, and observe mode, are notes', () => {
    expect(judgeSwitch(DEFAULT_SETTINGS, LOCAL)).toMatchObject({severity: 'info', fix: '{bin} config --enable'});
    const observe = {...DEFAULT_SETTINGS, enabled: true, mode: 'observe'} as const;
    expect(judgeSwitch(observe, LOCAL)).toMatchObject({severity: 'info', fix: '{bin} config --mode enforce'});
    expect(judgeSwitch({...observe, mode: 'enforce'}, LOCAL).ok).toBe(true);
  });
});

describe('what is only observed', () => {
  const observe = {...DEFAULT_SETTINGS, enabled: true, mode: 'observe'} as const;
  const over = {...NO_IMPACT, impact: {...NO_IMPACT.impact, overLimit: {users: 1, sessions: 2}}};
  const late = {...NO_IMPACT, impact: {...NO_IMPACT.impact, expiring: {sessions: 1}}};

  test('is a note if something would end, and is not judged once it is enforced', () => {
    expect(judgeObserved(observe, NO_IMPACT, LOCAL)?.ok).toBe(true);
    expect(judgeObserved(observe, over, LOCAL)).toMatchObject({ok: false, severity: 'info'});
    expect(judgeObserved(observe, late, LOCAL)?.detail).toContain(
      '1 session past a deadline. They stay in observe mode',
    );
    expect(judgeObserved({...observe, mode: 'enforce'}, over, LOCAL)).toBeNull();
  });
});

test('versions that are too old, and ones that are too new to be known, are told', () => {
  const cli = {path: '/bin/supabase', version: '3.1.0', major: 3};
  expect(judgeCli(cli).ok).toBe(true);
  expect(judgeCli({...cli, version: '4.0.0', major: 4})).toMatchObject({ok: false, severity: 'warning'});
  expect(wrong(judgeProgram('20.17.0', '1.0.0'))).toEqual([]);
  expect(wrong(judgeProgram('20.16.9', '1.0.0'))).toEqual(['warning: Node']);
  expect(wrong(judgeServer({major: 15, text: '15.8'}, 15))).toEqual([]);
  expect(wrong(judgeServer({major: 14, text: '14.1'}, null))).toEqual(['error: Postgres']);
  expect(wrong(judgeServer({major: 15, text: '15.8'}, 17))).toEqual(['info: [db] major_version']);
});

test('a failure of ours or of the driver is a finding, and one of the program is not', async () => {
  const subject = {area: 'project', check: 'wiring'} as const;
  const failing = async (error: Error) => lookAt(subject, LOCAL, async () => Promise.reject(error));
  const ours = new SupasessionError('ENV_NOT_SET', 'X is not set.', {suggestions: ['export X=...']});
  expect(await failing(ours)).toEqual([
    found('project', 'error', 'wiring', {detail: 'X is not set.', fix: ['export X=...']}),
  ]);
  expect(wrong(await failing(Object.assign(new Error('gone'), {code: '42883'})))).toEqual(['error: wiring']);
  await expect(failing(new TypeError('a bug'))).rejects.toThrow('a bug');
  await expect(failing(new SupasessionError('INTERRUPTED', 'Interrupted.'))).rejects.toThrow('Interrupted.');
});

test('a database that was not reached is one error, with what to do', () => {
  const failure = new SupasessionError('CONNECTION_REFUSED', 'Nothing is listening.', {
    suggestions: ['supabase start'],
  });
  expect(notReached(failure)).toMatchObject({severity: 'error', check: 'reachable', fix: 'supabase start'});
});

test('findings are counted, and the repairs of all of them planned once', () => {
  const findings = [
    passed('cli', 'a'),
    found('database', 'error', 'b', {detail: '', repair: 'installation'}),
    found('database', 'warning', 'c', {detail: '', repair: 'installation'}),
    found('database', 'info', 'd', {detail: ''}),
    found('database', 'error', 'e', {detail: '', repair: 'pre-request'}),
  ];
  expect(summarize(findings)).toEqual({passed: 1, infos: 1, warnings: 1, errors: 2});
  expect(planRepairs(findings)).toEqual([
    {repair: 'pre-request', checks: ['e']},
    {repair: 'installation', checks: ['b', 'c']},
  ]);
});
