/** device_label(): the database labels devices by itself, in the words that the command line prints (bowser). */
import {readFile} from 'node:fs/promises';
import type {Client} from 'pg';
import {device} from '../../src/features/sessions/device.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';

let database: TestDatabase;
let postgres: Client;
let agents: string[];

beforeAll(async () => {
  agents = (await readFile('test/fixtures/user-agents.txt', 'utf8')).trimEnd().split('\n');
  database = await createDatabase();
  postgres = await database.connect('postgres');
  await postgres.query('create schema supasession');
  await postgres.query(await readFile('sql/install/15_device.sql', 'utf8'));
});

afterAll(async () => database.drop());

async function labels(...userAgents: (string | null)[]): Promise<(string | null)[]> {
  const {rows} = await postgres.query<{label: string | null}>(
    'select supasession.device_label(agent) as label from unnest($1::text[]) with ordinality as a (agent, n) order by n',
    [userAgents],
  );
  return rows.map(({label}) => label);
}

/** What the command line prints, with what it says of a user agent that says nothing. */
function printed(userAgents: string[]): (string | null)[] {
  return userAgents.map(device).map((label) => (label === 'unknown device' ? null : label));
}

const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)';
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const IPAD = 'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const WINDOWS = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)';
const ANDROID = 'Mozilla/5.0 (Linux; Android 10; K)';
const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0';

it('labels 200 user agents of the real world as the command line does', async () => {
  expect(new Set(agents).size).toBe(200);
  const sql = await labels(...agents);
  const words = printed(agents);
  const different = agents.flatMap((agent, n) =>
    sql[n] === words[n] ? [] : [{agent, sql: sql[n], printed: words[n]}],
  );
  expect(different).toEqual([]);
  expect(sql).not.toContain(null);
});

it.each([
  [`${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`, 'Safari on iPhone'],
  [`${IPAD} Version/17.5 Mobile/15E148 Safari/604.1`, 'Safari on iPad'],
  [`${MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126 Version/11.1.1 Safari/605.1.15`, 'Chrome on iPad'],
  [`${MAC} ${CHROME} Safari/537.36`, 'Chrome on macOS'],
  [`${ANDROID} ${CHROME} Mobile Safari/537.36`, 'Chrome on Android'],
  [`${WINDOWS} Gecko/20100101 Firefox/127.0`, 'Firefox on Windows'],
  [`${WINDOWS} ${CHROME} Safari/537.36 Edg/126.0.0.0`, 'Edge on Windows'],
  [`${WINDOWS} ${CHROME} Safari/537.36 OPR/111.0.0.0`, 'Opera on Windows'],
  [
    `${ANDROID} AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36`,
    'Samsung Internet on Android',
  ],
  [`${IPHONE} Mobile/15E148`, 'app on iPhone'],
  ['curl/8.4.0', 'curl'],
  ['python-requests/2.5.1 CPython/2.7.17 Linux/4.18.0', 'python-requests on Linux'],
])('in SQL %s is %s', async (agent, label) => {
  expect(await labels(agent)).toEqual([label]);
});

it('an update of the browser or the system is no other label', async () => {
  const versions = [CHROME, CHROME.replace('126', '131'), CHROME.replace('126.0.0.0', '99.0.4844.51')];
  const updates = versions.flatMap((chrome) => [
    `${WINDOWS} ${chrome} Safari/537.36`,
    `Mozilla/5.0 (Windows NT 11.0; ARM64) ${chrome} Safari/537.36`,
  ]);
  expect(new Set(await labels(...updates))).toEqual(new Set(['Chrome on Windows']));
});

it.each([[null], [''], ['   '], ['/'], ['(nothing)'], ['\u001B\u0007']])('SQL has no label for %j', async (agent) => {
  expect(await labels(agent)).toEqual([null]);
});

describe('what a stranger may send', () => {
  const HOSTILE = [
    '\u001B[2J\u001B[31mevil\u0007\u202Eapp\r\n/1',
    '\u009B31mcurl/8.4.0',
    `\u001B]0;title\u0007${MAC} ${CHROME} Safari/537.36`,
    `${MAC} ${CHROME.replace('Chrome', 'Chr\u0007ome')} Safari/537.36`,
    'x'.repeat(10_000),
    `${WINDOWS} ${'(Chrome/ '.repeat(2000)}`,
    `${WINDOWS} ${'compatible; '.repeat(2000)}Foobot/1`,
    `Mozilla/5.0 ${'Macintosh; iPhone; '.repeat(1000)}`,
    `Mozilla/5.0 ${'a'.repeat(480)} Browser/1`,
    '📱'.repeat(5000),
    `${'📱'.repeat(39)}/1`,
    '微信/8.0.50',
    'Приложение/1.0 (Android 14)',
    'e\u0301'.repeat(100),
    "'; drop schema supasession cascade; --/1",
    '%s%n%20%00/1',
    '\\u001b[31m/1',
    'Mozilla/',
    'opera/9.80',
  ];

  it('gets the label that the command line prints', async () => {
    expect(await labels(...HOSTILE)).toEqual(printed(HOSTILE));
  });

  it('comes to 40 characters at most', async () => {
    const {rows} = await postgres.query<{longest: number}>(
      'select max(length(supasession.device_label(agent))) as longest from unnest($1::text[]) as a (agent)',
      [[...HOSTILE, ...agents.map((agent) => agent.replaceAll(/[^a-z]/gi, '').repeat(50))]],
    );
    expect(rows).toEqual([{longest: 40}]);
  });

  it('loses every character that moves the cursor or turns the text around it', async () => {
    const unsafe = Array.from({length: 0xff_ff}, (_, code) => String.fromCharCode(code + 1)).filter((character) =>
      /[\p{Cc}\p{Bidi_Control}\u200B\u2028\u2029\uFEFF]/u.test(character),
    );
    expect(unsafe.length).toBeGreaterThan(75);
    const found = await labels(...unsafe.map((character) => `${character}cu${character}${character}rl${character}/8`));
    expect(unsafe.filter((_, n) => found[n] !== 'curl')).toEqual([]);
  });
});
