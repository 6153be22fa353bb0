import {mkdir, symlink} from 'node:fs/promises';
import path from 'node:path';
import type {Client} from 'pg';
import {run, signInPassword, signUp} from '../helpers/auth.js';
import {knownEnv, PROGRAM} from '../helpers/cli.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {KEYS} from '../helpers/pty.js';
import {startServer, type TestServer} from '../helpers/server.js';
import {COLUMNS, PROMPT, ROWS, Shell} from '../helpers/shell.js';

// Somebody's first hour with supasession, in one terminal of 80x24: what each step leaves on the screen, and in the database.

let server: TestServer;
let project: TestProject;
let shell: Shell;
let owner: Client;
let auth: Client;

beforeAll(async () => {
  server = await startServer();
  project = await createProject({port: server.port});
  // Not in node_modules, as a global install: hints say what is typed here, without npx.
  const bin = path.join(project.root, 'bin');
  await mkdir(bin);
  await symlink(PROGRAM, path.join(bin, 'supasession'));
  owner = await server.connect();
  auth = await server.connect('supabase_auth_admin');
  const {PATH, ...env} = knownEnv({HOME: project.root, XDG_CACHE_HOME: path.join(project.root, 'cache')});
  shell = new Shell({cwd: project.root, env: {...env, PATH: `${bin}:${PATH!}`}});
});
afterAll(async () => {
  shell.close();
  await project.remove();
  await server.stop();
});

/** What every step has to keep to. */
function expectTidy(output: string): void {
  expect(shell.broken).toEqual([]);
  for (const line of output.split('\n')) expect(line.length).toBeLessThanOrEqual(COLUMNS);
  expect(output).not.toMatch(/^ +at .+:\d+/m);
  expect(output).not.toMatch(/undefined|\[object|UNEXPECTED|\{bin\}/);
}

/** A question as it is asked, and what is typed at it; enter by itself takes the default. */
type Answer = readonly [question: RegExp, keys: string];

const YES: string = `y${KEYS.enter}`;
const SAVE: Answer = [/Save as a migration too, [^]*\(y\/N\)/, KEYS.enter];

/** Types a command, answers its questions, and waits for its end. Returns what it has left on the screen. */
async function type(command: string, ...answers: Answer[]): Promise<string> {
  await shell.start(command);
  for (const [question, keys] of answers) {
    await shell.see(question);
    shell.type(keys);
  }

  const output = await shell.done();
  expectTidy(output);
  return output;
}

async function exitCode(): Promise<string> {
  return shell.run('echo $?');
}

async function value(sql: string): Promise<unknown> {
  const {rows} = await owner.query<Record<string, unknown>>(sql);
  return Object.values(rows[0] ?? {})[0];
}

const SETTINGS = `select jsonb_build_object('enabled', enabled, 'max', max_sessions, 'mode', mode, 'timebox', timebox)
  from supasession.config`;

/** Live sessions by user. */
async function live(): Promise<unknown> {
  return value(`select coalesce(jsonb_object_agg(name, n), '{}') from (
    select split_part(u.email, '@', 1) as name, count(*) as n
    from auth.sessions s join auth.users u on u.id = s.user_id
    where s.not_after is null or s.not_after > now() group by 1
  ) as counted`);
}

async function signIn(name: string, times: number): Promise<void> {
  for (let n = 0; n < times; n++) await run(auth, signInPassword(`${name}@example.com`));
}

// Each step begins where the one before has ended.
const steps: ReadonlyArray<readonly [title: string, step: () => Promise<void>]> = [
  [
    'the program by itself says where to begin',
    async () => {
      const output = await type('supasession');
      expect(output).toMatch(/^SET UP\n {2}init +Add session limits/m);
      expect(output).toContain('First time here: supasession init');
      expect(await exitCode()).toBe('0');
    },
  ],
  [
    'init asks, writes, applies and says what next',
    async () => {
      const output = await type(
        'supasession init',
        [/may a user have\?/, `2${KEYS.enter}`],
        [/sign-in over the limit\?[^]*❯ dequeue/, KEYS.enter],
        [/Switch the limit on now\?/, KEYS.enter],
        [/Apply the migration now\?/, KEYS.enter],
      );
      expect(output).toMatch(/^Applied to the local database\.\nLimits are ON\.\n\nNext:\n/m);
      expect(await value(SETTINGS)).toEqual({enabled: true, max: 2, mode: 'enforce', timebox: null});
      expect(await project.migrations()).toHaveLength(1);
    },
  ],
  [
    'sign-ins are held to the limit, and status tells of it on one screen',
    async () => {
      for (const name of ['ada', 'ben', 'carla']) {
        await run(auth, signUp(`${name}@example.com`));
        await signIn(name, 2);
      }

      expect(await live()).toEqual({ada: 2, ben: 2, carla: 2});
      const output = await type('supasession status');
      expect(output.split('\n').length).toBeLessThan(ROWS);
      expect(output).toMatch(/^Limit +At most 2 sessions per user; a sign-in over the limit ends the oldest\.$/m);
      expect(output).toMatch(/^Users +3 users with 6 live sessions$/m);
      expect(output).toMatch(/^ +2 +3 +█+ +the limit$/m);
      expect(output).toMatch(/^In 24 h +3 evicted: limit of 2$/m);
    },
  ],
  [
    'config changes the settings by questions',
    async () => {
      const output = await type(
        'supasession config',
        [/Which setting[^]*❯ None[^]*History kept for[^]*navigate/, KEYS.down.repeat(2)],
        [/❯ Sessions per user/, KEYS.enter],
        [/may a user have\?/, `3${KEYS.enter}`],
        [/Which other one\?[^]*❯ Done[^]*navigate/, KEYS.down.repeat(5)],
        [/❯ Mode/, KEYS.enter],
        [/only record[^]*❯ enforce/, KEYS.down],
        [/❯ observe/, KEYS.enter],
        [/Which other one\?[^]*❯ Done[^]*Mode +observe/, KEYS.enter],
        [/Apply this\?/, YES],
        SAVE,
      );
      expect(output).toMatch(/Sessions per user +2 -> 3$/m);
      expect(output).toContain('OBSERVE MODE: nothing is enforced. Change that:\nsupasession config --mode enforce');
      expect(await value(SETTINGS)).toMatchObject({max: 3, mode: 'observe'});
    },
  ],
  [
    'in observe mode nobody is signed out, and status says what would have been',
    async () => {
      await signIn('ada', 2);
      expect(await live()).toMatchObject({ada: 4});
      const output = await type('supasession status');
      expect(output.split('\n').length).toBeLessThan(ROWS);
      expect(output).toMatch(/^Limit +OBSERVE MODE: nothing is enforced\.$/m);
      expect(output).toMatch(/^ +1 would have been evicted: limit of 3$/m);
    },
  ],
  [
    'config by flags warns, saves, and gives a way back that can be pasted',
    async () => {
      const output = await type(
        'supasession config --mode enforce --strategy reject --timebox 12h --record-device-changes --events-retention 90d --refusal-message "Too many devices"',
        [/Apply this\?/, YES],
        SAVE,
      );
      expect(output).toContain('Warning: reject counts sessions that nobody can sign out');
      expect(await value(SETTINGS)).toMatchObject({mode: 'enforce', timebox: '12:00:00'});
      const undo = /Undo:\s+(supasession config (?:.* \\\n)*.*)/.exec(output)![1]!;
      expect(undo).toContain(' \\\n');
      const taken = await type(undo, [/Apply this\?/, YES], SAVE);
      expect(taken).toContain('Changed.');
      expect(await value('select strategy from supasession.config')).toBe('dequeue');
      expect(await value(SETTINGS)).toEqual({enabled: true, max: 3, mode: 'observe', timebox: null});
      expect(await type('supasession config --mode enforce --timebox 12h --save', [/Apply this\?/, YES])).toMatch(
        /^Saved to supabase\/migrations\/\d{14}_supasession_config\.sql\.$/m,
      );
      expect(await project.migrations()).toHaveLength(2);
    },
  ],
  [
    'a rule gives a plan more',
    async () => {
      const added = await type('supasession rules add pro --claim plan=pro --max 5', SAVE);
      expect(added).toContain('No user matches now.');
      expect(added).toContain('Added. Undo: supasession rules remove pro');
      await owner.query(`update auth.users set raw_app_meta_data = '{"plan": "pro"}' where email like 'ada@%'`);
      const tested = await type('supasession rules test --user ada@example.com');
      expect(tested).toMatch(/^ +pro +applies +app_metadata has plan = pro$/m);
      expect(tested).toContain('at most 5 sessions');
      expect(await type('supasession rules test --user ben@example.com')).toContain('by the settings.');
    },
  ],
  [
    'sessions list shows whole ids, and sessions revoke finds by typing and ends what is ticked',
    async () => {
      await signIn('ben', 1);
      expect(await live()).toEqual({ada: 4, ben: 3, carla: 2});
      const list = await type('supasession sessions list');
      expect(list.match(/^ {2}[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12} /gm)).toHaveLength(9);
      expect(list).toContain('9 sessions, of 3 users.');
      const output = await type(
        'supasession sessions revoke',
        [/Whose sessions\?[^]*navigate/, 'be'],
        [/Whose sessions\?.* be\n❯ ben@example\.com\n\n[\da-f-]{36}\n.*navigate/, KEYS.enter],
        [/Which of these sessions\?[^]*❯◯/, KEYS.space],
        [/❯◉/, KEYS.enter],
        [/End them\? \(y\/N\)/, YES],
      );
      expect(output).toContain('Done: 1 session ended.');
      expect(await live()).toEqual({ada: 4, ben: 2, carla: 2});
    },
  ],
  [
    'access is taken from a user, and given back',
    async () => {
      const revoked = await type('supasession access revoke carla@example.com --reason "left the company"', [
        /Revoke the access of this user\?/,
        YES,
      ]);
      expect(revoked).toContain('Revoked: 2 sessions ended.');
      await expect(signIn('carla', 1)).rejects.toThrow();
      expect(await type('supasession access restore carla@example.com')).toContain('Restored.');
      await signIn('carla', 1);
      expect(await live()).toEqual({ada: 4, ben: 2, carla: 1});
    },
  ],
  [
    'enforce brings what exists in line',
    async () => {
      await type('supasession rules remove pro --yes');
      const check = await type('supasession status --check');
      expect(check).toContain('1 user over the limit, by 1 session');
      expect(await exitCode()).toBe('3');
      const output = await type('supasession enforce', [/1 session over the limit ends\n[^]*\(y\/N\)/, YES]);
      expect(output).toMatch(/^Done: 1 session ended/m);
      expect(await live()).toEqual({ada: 3, ben: 2, carla: 1});
    },
  ],
  [
    'history tells all of it',
    async () => {
      const output = await type('supasession history');
      expect(output.split('\n')[1]).toMatch(/^When +Age +What +User +Session +Why$/);
      for (const what of [
        'evicted',
        'revoked',
        'access revoked',
        'access restored',
        'settings',
        'rules',
        'would evict',
      ])
        expect(output).toMatch(new RegExp(`^\\w{3} \\d\\d \\d\\d:\\d\\d +1m +${what} `, 'm'));
    },
  ],
  [
    'flush and prune end what they say',
    async () => {
      const flushed = await type('supasession flush --user ada@example.com', [
        /3 sessions of 1 user end\.[^]*End these\? \(y\/N\)/,
        YES,
      ]);
      expect(flushed).toContain('Done: 3 sessions ended in 1 batch');
      expect(await live()).toEqual({ben: 2, carla: 1});
      expect(await type('supasession prune --older-than 30d')).toContain('Nothing to do.');
    },
  ],
  [
    'Ctrl-C at a question, and a no, change nothing',
    async () => {
      expect(await type('supasession flush', [/End them all\? \(y\/N\)/, KEYS.ctrlC])).toContain(
        'Interrupted: nothing was changed. [INTERRUPTED]',
      );
      expect(await exitCode()).toBe('130');
      expect(await type('supasession flush', [/End them all\? \(y\/N\)/, KEYS.enter])).toContain(
        'Cancelled. Nothing was changed.',
      );
      expect(await exitCode()).toBe('4');
      expect(await live()).toEqual({ben: 2, carla: 1});
    },
  ],
  [
    'a slip of the hand is understood',
    async () => {
      expect(await type('supasession confg')).toBe('Error: "confg" is not a command. [USAGE]\n  → supasession config');
      expect(await exitCode()).toBe('2');
      expect(await type('supasession config --maxx 3')).toContain('→ supasession config --max');
      expect(await exitCode()).toBe('2');
    },
  ],
  [
    'TAB completes commands and flags, once set up as autocomplete says',
    async () => {
      // The instructions, and the cache behind them, are another package's, which does not look at the width.
      await shell.run('supasession autocomplete bash');
      const line = /printf "(\$\(supasession autocomplete script bash\))"/.exec(shell.output)![1]!;
      await shell.run(`printf "${line}" > setup; source setup`);
      await shell.run('echo');
      shell.type('supasession sta\t');
      await shell.seeTyped(/^\$ supasession status$/);
      shell.type('--che\t');
      await shell.seeTyped(/^\$ supasession status --check$/);
      // Not Ctrl-C: on a busy machine bash showed no new prompt after one that came right behind a completion.
      shell.type(KEYS.ctrlU);
      await shell.seeTyped(new RegExp(`^\\${PROMPT}$`));
    },
  ],
];

describe('the tour', () => {
  test.each(steps)('%s', async (_, step) => step());
});
