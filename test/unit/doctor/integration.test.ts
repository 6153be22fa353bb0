import {
  judgeWiring,
  judgeWiringDrift,
  type Configured,
  type WiredTo,
} from '../../../src/features/doctor/integration.js';
import {hookUri, OUR_HOOK} from '../../../src/features/integration/source.js';
import {DEFAULT_SETTINGS} from '../../../src/types.js';
import {LINKED, LOCAL, theOne, wrong} from './support.js';

const OURS = {enabled: true, uri: hookUri(OUR_HOOK)};
const OTHER = {enabled: true, uri: 'pg-functions://postgres/public/my_hook'};
const NONE: Configured = {where: 'supabase/config.toml', hook: {enabled: false, uri: null}, schemas: ['public']};
const THERE: WiredTo = {
  ...{settings: DEFAULT_SETTINGS, schema: true, hookFunction: true},
  ...{roleSchemas: null, repair: 'installation'},
};

const judge = (configured: Partial<Configured> | null, database: Partial<WiredTo> = {}) =>
  judgeWiring(configured === null ? null : {...NONE, ...configured}, {...THERE, ...database}, LOCAL);

test('nothing wired, and everything wired, is all right', () => {
  expect(wrong(judge({}))).toEqual([]);
  const settings = {...DEFAULT_SETTINGS, strategy: 'reject', reject_in_hook: true} as const;
  expect(wrong(judge({hook: OURS, schemas: ['public', 'supasession']}, {settings}))).toEqual([]);
});

test('a hook whose function is gone is an error, which --fix mends where it can', () => {
  expect(theOne(judge({hook: OURS}, {hookFunction: false}))).toMatchObject({
    severity: 'error',
    fix: '{bin} doctor --fix\nOr disable the hook: {bin} hook:disable',
    repair: 'installation',
  });
  const gone = judge({hook: OURS}, {hookFunction: false, repair: null, settings: null, schema: false});
  expect(theOne(gone)).toMatchObject({fix: expect.stringMatching(/^\{bin\} init --apply\n/), repair: null});
});

test("the project's own hook is not ours to mend", () => {
  expect(theOne(judge({hook: OTHER}, {hookFunction: false}))).toMatchObject({
    severity: 'error',
    detail: expect.stringMatching(/public\.my_hook/),
    repair: null,
  });
  const switchedOff = {...OTHER, enabled: false};
  expect(wrong(judge({hook: switchedOff}, {hookFunction: null}))).toEqual([]);
  expect(wrong(judge({hook: {enabled: true, uri: 'https://example.com'}}, {hookFunction: null}))).toEqual([]);
});

test('refusals that wait for a hook which is not there are an error; where that cannot be known, a note', () => {
  const settings = {...DEFAULT_SETTINGS, reject_in_hook: true};
  expect(wrong(judge({}, {settings}))).toEqual(['error: refusals']);
  expect(wrong(judge({hook: OTHER}, {settings}))).toEqual(['error: refusals']);
  expect(theOne(judge(null, {settings}))).toMatchObject({
    severity: 'info',
    detail: expect.stringMatching(/Not verified/),
  });
  expect(wrong(judge(null))).toEqual([]);
});

test('a hook that refusals do not use is noted under reject', () => {
  const settings = {...DEFAULT_SETTINGS, strategy: 'reject'} as const;
  expect(wrong(judge({hook: OURS}, {settings}))).toEqual(['info: refusals']);
  expect(wrong(judge({hook: OURS}))).toEqual([]);
});

test('a schema that is exposed and gone is an error, wherever that is said; the role beats the file', () => {
  const gone = {schema: false, settings: null};
  const exposed = {schemas: ['public', 'supasession']};
  expect(theOne(judge(exposed, gone)).fix).toContain('{bin} api:disable');
  expect(theOne(judge({}, {...gone, roleSchemas: ['supasession']})).fix).toContain(
    'alter role authenticator reset pgrst.db_schemas',
  );
  expect(wrong(judge(exposed, {...gone, roleSchemas: ['public']}))).toEqual([]);
});

test('a push of the file that would unwire us, or wire us, is warned of', () => {
  const hosted = {...NONE, where: 'project abc', hook: OURS, schemas: ['public', 'supasession']};
  const drift = judgeWiringDrift(NONE, hosted, LINKED);
  expect(wrong(drift)).toEqual(['warning: hook in file and hosted project', 'warning: api in file and hosted project']);
  expect(drift[0]?.fix).toBe('{bin} hook:enable --linked --config-toml\nOr: {bin} hook:disable --linked');
  expect(judgeWiringDrift(hosted, NONE, LINKED)[0]?.fix).toBe(
    '{bin} hook:enable --linked\nOr: {bin} hook:disable --linked --config-toml',
  );
  expect(wrong(judgeWiringDrift(hosted, hosted, LINKED))).toEqual([]);
});
