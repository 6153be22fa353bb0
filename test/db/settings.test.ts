/** What is printed for a setting can be typed back, and what a change would do is asked of the real tables. */
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {Parser} from '@oclif/core';
import type {Client} from 'pg';
import {changesFromFlags, settingFlag} from '../../src/features/settings/changes.js';
import {SETTING_NAMES} from '../../src/features/settings/catalogue.js';
import {readSettings, writeSettings} from '../../src/features/settings/queries.js';
import {countRevoked} from '../../src/features/status/queries.js';
import {readBasis, readImpact} from '../../src/features/settings/verdicts.js';
import {settingFlags} from '../../src/features/settings/flags.js';
import {DEFAULT_SETTINGS, type SettingName, type Settings} from '../../src/types.js';
import {createFactor, createSessions, createUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {install} from '../helpers/install.js';

let database: TestDatabase;
let postgres: Client;

beforeEach(async () => {
  database = await createDatabase();
  postgres = await database.connect('postgres');
});
afterEach(async () => database.drop());

/** The words that a shell makes of a command line. */
async function shellWords(line: string): Promise<string[]> {
  const {stdout} = await promisify(execFile)('sh', ['-c', `for word in ${line}; do printf '%s\\0' "$word"; done`]);
  return stdout.split('\0').slice(0, -1);
}

async function typedBack(flags: string): Promise<Partial<Settings>> {
  const parsed = await Parser.parse(await shellWords(flags), {flags: settingFlags, args: {}});
  return changesFromFlags(postgres, parsed.flags as Record<string, unknown>);
}

/** Values beside the defaults; of each setting at least one. */
const VALUES: {[Name in SettingName]: Settings[Name][]} = {
  enabled: [true],
  max_sessions: [2_147_483_647],
  strategy: ['reject'],
  eviction_order: ['least_recently_used'],
  mode: ['observe'],
  timebox: ['12:00:00', '1 day 08:30:15.5', '1 year 2 mons 3 days', '36:00:00', '-1 days +30:00:00'],
  inactivity_timeout: ['00:01:00'],
  reject_ignores_idle: [null, '14 days'],
  reject_in_hook: [true],
  refusal_message: ['It\'s full: $HOME `id` "{limit}" \\ \n ü; --', '-x', '--max 3', '*'],
  low_aal_timeout: [null, '01:00:00'],
  oauth_clients: ['separate', 'together'],
  record_device_changes: [true],
  record_events: [false],
  events_retention: ['1 day', '10 years'],
};

test('what is printed for any value of any setting can be typed back, and is that value in the table', async () => {
  await install(postgres);
  for (const name of SETTING_NAMES) {
    for (const value of [...VALUES[name], DEFAULT_SETTINGS[name]]) {
      const changes = await typedBack(settingFlag(name, value));
      expect(changes).toEqual({[name]: value});
      await writeSettings(postgres, changes);
      expect(await readSettings(postgres)).toMatchObject({[name]: value});
    }
  }

  expect(await readSettings(postgres)).toEqual(DEFAULT_SETTINGS);
});

test.each([
  ['--timebox 59s', 'it is 00:00:59, which is too short'],
  ['--inactivity 59s', 'it is 00:00:59, which is too short'],
  ['--low-aal-timeout 59s', 'it is 00:00:59, which is too short'],
  ['--reject-ignores-idle 59s', 'it is 00:00:59, which is too short'],
  ['--events-retention 23h', 'it is 23:00:00, which is too short'],
  ['--events-retention off', 'not a span of time'],
  ['--refusal-message " "', 'the text is empty'],
])('%s is refused: %s', async (flags, reason) => {
  await expect(typedBack(flags)).rejects.toMatchObject({
    code: 'SETTING_INVALID',
    message: expect.stringContaining(reason),
  });
});

describe.each([
  ['with our SQL', true],
  ['without', false],
])('what a change would do is known before, %s', (_, installed) => {
  /** How many sessions would end by a deadline. */
  const expiring = async (settings: Partial<Settings>): Promise<number> => {
    const basis = {...(await readBasis(postgres)), settings: {...DEFAULT_SETTINGS, enabled: true, ...settings}};
    return (await readImpact(postgres, basis)).impact.expiring.sessions;
  };

  beforeEach(async () => {
    if (installed) await install(postgres);
  });

  async function makeSessions(perUser: number): Promise<{userId: string; sessions: string[]}> {
    const {userId} = await createUser(postgres);
    const made = await createSessions(postgres, [userId], perUser);
    return {userId, sessions: made.map(({sessionId}) => sessionId)};
  }

  const age = async (sessionId: string, span: string) =>
    postgres.query('update auth.sessions set created_at = now() - $2::interval where id = $1', [sessionId, span]);

  test('to sessions past a timebox or unused for too long', async () => {
    const {sessions} = await makeSessions(4);
    const [old, idle, ended] = sessions as [string, string, string];
    await age(old, '3 hours');
    await postgres.query("update auth.sessions set refreshed_at = now() at time zone 'UTC' where id = $1", [old]);
    await age(idle, '2 hours');
    await age(ended, '9 hours');
    await postgres.query("update auth.sessions set not_after = now() - interval '1 hour' where id = $1", [ended]);
    expect(await expiring({})).toBe(0);
    expect(await expiring({timebox: '02:30:00'})).toBe(1);
    expect(await expiring({inactivity_timeout: '01:00:00'})).toBe(1);
    expect(await expiring({timebox: '02:30:00', inactivity_timeout: '01:00:00'})).toBe(2);
    expect(await expiring({timebox: '1 day', inactivity_timeout: '03:00:00'})).toBe(0);
  });

  test('to sessions that have been missing their second factor for too long', async () => {
    // The third is new, and another user has no second factor.
    const {userId, sessions} = await makeSessions(3);
    await createFactor(postgres, userId);
    const [pending, verified] = sessions as [string, string];
    await postgres.query("update auth.sessions set aal = 'aal2' where id = $1", [verified]);
    const {sessions: others} = await makeSessions(1);
    for (const session of [pending, verified, ...others]) await age(session, '20 minutes');
    expect(await expiring({})).toBe(0);
    expect(await expiring({low_aal_timeout: '00:15:00'})).toBe(1);
    expect(await expiring({low_aal_timeout: '00:30:00'})).toBe(0);
    await postgres.query('update auth.sessions set aal = null where id = $1', [pending]);
    expect(await expiring({low_aal_timeout: '00:15:00'})).toBe(1);
  });
});

test('users whose access is revoked are counted', async () => {
  await install(postgres);
  const {userId} = await createUser(postgres);
  expect(await countRevoked(postgres)).toBe(0);
  await postgres.query('select supasession.revoke_access($1)', [userId]);
  expect(await countRevoked(postgres)).toBe(1);
});
