/**
 * `npm run pictures`: writes the pictures of the README, from what the built program prints in a real terminal. Run again it writes the same
 * files, unless the program prints something else.
 */
import {mkdir, writeFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';
import path from 'node:path';
import type {Client} from 'pg';
import {Stage} from '../demo/stage.js';
import {PROGRAM} from '../test/helpers/environment.js';
import {COLUMNS, Shell} from '../test/helpers/shell.js';
import {terminalSvg} from './terminal-svg.js';

const DOCS = fileURLToPath(new URL('../docs', import.meta.url));

/** The pictures show it. Not 54322, which the environment of the tests keeps programs from. */
const PORT = 55_322;

const AGENTS = {
  chromeMac:
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  chromeAndroid:
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
  edge: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0',
  firefox: 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0',
  iphone:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
  flutter: 'Dart/3.5 (dart:io)',
} as const;

/** A sign-in: who, on what, from where, and how long before the picture it was and the session was last used. */
type SignIn = [user: string, agent: keyof typeof AGENTS, ip: string, signedIn: string, used: string];

/** In the order in which they come; a fourth of one user ends the first. */
const SIGN_INS: SignIn[] = [
  ['ada', 'edge', '198.51.100.23', '40 days', '31 days'],
  ['ada', 'chromeMac', '203.0.113.7', '12 days 6 hours', '2 minutes 30 seconds'],
  ['ada', 'iphone', '198.51.100.4', '3 days 6 hours', '50 minutes 30 seconds'],
  ['ada', 'firefox', '203.0.113.7', '5 hours 30 minutes', '5 hours 30 minutes'],
  ['ben', 'chromeAndroid', '192.0.2.61', '21 days 6 hours', '11 minutes 30 seconds'],
  ['ben', 'edge', '192.0.2.61', '1 day 6 hours', '4 hours 30 minutes'],
  ['carla', 'flutter', '2001:db8:4f2:9::17', '6 days 6 hours', '26 minutes 30 seconds'],
  ['carla', 'firefox', '198.51.100.90', '9 days 6 hours', '3 hours 30 minutes'],
  ['mallory', 'chromeMac', '192.0.2.200', '2 days 6 hours', '1 day 6 hours'],
  ['mallory', 'firefox', '192.0.2.200', '2 days', '1 day'],
];
/** How many sign-ins the others have had, all used last before those above. */
const OTHERS: ReadonlyArray<[times: number, users: string]> = [
  [1, 'dora emil fay gus hana ivo jana kurt lea'],
  [2, 'milo nora olaf pia quinn rosa sven tara uwe vera'],
  [3, 'will xenia yuri zoe alma bela'],
  [4, 'cora dino'],
  [5, 'elsa'],
];

/** Signs in, with the same ids each time. The limit holds for it. */
async function signIn(admin: Client, [user, agent, ip, signedIn, used]: SignIn, number: number): Promise<void> {
  const email = `${user}@example.com`;
  await admin.query(
    `insert into auth.users (id, instance_id, aud, role, email, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
     values (md5($1)::uuid, '00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated', $1, '{}', '{}', now(), now())
     on conflict do nothing`,
    [email],
  );
  await admin.query(
    `insert into auth.sessions (id, user_id, created_at, updated_at, refreshed_at, aal, user_agent, ip)
     values (md5($1 || $2)::uuid, md5($1)::uuid, now() - $3::interval, now(), (now() - $4::interval) at time zone 'utc', 'aal1', $5, $6)`,
    [email, String(number), signedIn, used, AGENTS[agent], ip],
  );
}

async function populate(admin: Client): Promise<void> {
  const agents = Object.keys(AGENTS) as Array<keyof typeof AGENTS>;
  const others = OTHERS.flatMap(([times, users]) =>
    users.split(' ').flatMap((user, index) =>
      Array.from({length: times}, (_, n): SignIn => {
        const days = 9 + ((index * 7) % 25) + times - n;
        return [user, agents[(index + n) % agents.length]!, `192.0.2.${10 + index}`, `${days} days`, `${8 - n} days`];
      }),
    ),
  );
  for (const [number, made] of [...others, ...SIGN_INS].entries()) await signIn(admin, made, number);
}

async function main(): Promise<void> {
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt.abort());
  const stage = new Stage(interrupt.signal);
  let shell: Shell | undefined;
  try {
    await stage.open();
    await stage.type('supabase', 'init');
    await stage.startDatabase(PORT);
    await stage.type('supasession', 'init', '--max', '3', '--strategy', 'dequeue', '--enable', '--apply');
    await populate(await stage.connect('supabase_admin'));
    await stage.type('supasession', 'access', 'revoke', 'mallory@example.com', '--reason', 'left the company', '--yes');

    shell = new Shell({cwd: stage.project, env: stage.env});
    await shell.run(`supasession() { "${process.execPath}" "${PROGRAM}" "$@"; }`);
    await mkdir(DOCS, {recursive: true});
    const pictures: Array<[file: string, command: string]> = [
      ['status', 'supasession status'],
      ['sessions', 'supasession sessions list --limit 8'],
      ['config', 'supasession config --max 2 --timebox 30d --dry-run'],
    ];
    for (const [file, command] of pictures) {
      await shell.start(command);
      await shell.done();
      await writeFile(path.join(DOCS, `${file}.svg`), terminalSvg(command, shell.cells, COLUMNS));
    }
  } finally {
    shell?.close();
    await stage.close();
  }
}

await main();
