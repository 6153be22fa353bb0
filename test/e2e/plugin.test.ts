import type {ConfigResult} from '../../src/commands/config.js';
import {createSessions, createUser} from '../helpers/auth.js';
import {createDatabase, type TestDatabase} from '../helpers/database.js';
import {HOME} from '../helpers/cli.js';
import {COMMAND_IDS} from '../helpers/commands.js';
import {failure} from '../helpers/failures.js';
import {createHost, type Host} from '../helpers/host.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {THOROUGH} from '../helpers/thorough.js';

// The same commands, as a program and as a plugin of another oclif program. In `npm test` one way of typing and two pages of help stand for
// the others, which are in test/slow.

const WAYS = [
  ['as a program', 'supasession', ' ', ''],
  ['as a plugin', 'host supasession', ' ', 'supasession '],
  ['as a plugin of a host that writes topics with colons', 'host supasession', ':', 'supasession:'],
] as const;
const COMMANDS = COMMAND_IDS.map((id) => id.replaceAll(':', ' '));

describe.each(WAYS.filter(([way]) => THOROUGH || way === 'as a plugin'))('%s', (_, called, separator, topic) => {
  const plugin = topic !== '';
  /** What a user types before the name of a command. */
  const typed = `${called}${separator}`;
  let host: Host | undefined;
  let database: TestDatabase;
  let project: TestProject;

  beforeAll(async () => {
    [database, project] = await Promise.all([createDatabase(), createProject()]);
    host = plugin ? await createHost(separator) : undefined;
  });
  afterAll(async () => Promise.all([database.drop(), project.remove(), host?.remove()]));

  const options = () => (host === undefined ? {} : {program: host.program});
  /** The name of a command, with its topic. */
  const named = (command: string) => command.replace(' ', separator);
  /** The arguments for a command, as an argv holds what is typed. */
  const words = (command: string, ...args: string[]) => [...`${topic}${named(command)}`.split(' '), ...args];
  const run = async (command: string, ...args: string[]) => project.run(words(command, ...args), {}, options());

  test('init, config and flush work, and what they say to type next can be typed', async () => {
    const url = ['--db-url', database.url()];
    const init = await run('init', ...url, '--apply', '--no-enable', '--yes');
    expect(init).toMatchObject({code: 0});
    expect(init.stderr).toMatch(new RegExp(`^ {2}${typed}config --db-url <url> --enable +switch the limit on$`, 'm'));
    expect(init.stderr).toContain(`Switch them on: ${typed}config --db-url <url> --enable`);

    const config = await run('config', ...url, '--max', '4', '--enable', '--yes');
    expect(config).toMatchObject({code: 0});
    expect(config.stderr).toContain(`Undo: ${typed}config --db-url <url> --disable --max 3`);
    const shown = await run('config', ...url, '--json');
    expect((shown.json as ConfigResult).config).toMatchObject({enabled: true, max_sessions: 4});

    const client = await database.connect();
    const {userId} = await createUser(client);
    await createSessions(client, [userId], 3);
    const unknown = await run('sessions revoke', ...url, userId);
    expect(unknown.stderr).toContain(`  → ${typed}${named('sessions list')}\n`);
    const flush = await run('flush', ...url, '--confirm', '127.0.0.1', '--json');
    expect([flush.code, flush.json]).toMatchObject([0, {deleted: 3}]);
  });

  test('errors and exit codes are the same', async () => {
    const usage = await failure(project, words('config', '--max', '0'), {}, options());
    expect([usage.code, usage.error.code, usage.error.suggestions]).toEqual([2, 'USAGE', [`${typed}config --help`]]);
    const inTopic = await failure(project, words('sessions list', '--limit', '0'), {}, options());
    expect(inTopic.error.suggestions).toEqual([`${typed}${named('sessions list')} --help`]);
    const elsewhere = await failure(project, words('init'), {}, {...options(), cwd: HOME});
    expect([elsewhere.code, elsewhere.error.suggestions[1]]).toEqual([
      1,
      `${typed}<command> --workdir <folder that holds supabase/>`,
    ]);
  });

  test.each(COMMANDS.filter((command) => THOROUGH || ['config', 'sessions list'].includes(command)))(
    'the help of %s has a summary, examples that can be typed, and the exit codes',
    async (command) => {
      const {code, stdout} = await run(command, '--help');
      expect(code).toBe(0);
      const flat = stdout.replaceAll(/\s+/g, ' ');
      expect(flat).toContain(`USAGE $ ${typed}${named(command)} `);
      expect(flat).toContain('Exit codes: 0 done, 1 failed, 2 usage, 3 findings, 4 cancelled, 130 interrupted');
      const examples = stdout.slice(stdout.indexOf('EXAMPLES')).match(/^ {4}\$ .*$/gm) ?? [];
      expect(examples.length).toBeGreaterThanOrEqual(2);
      for (const example of examples) expect(example).toMatch(new RegExp(`^ {4}\\$ ${typed}${named(command)}`));
      if (command === 'sandbox') return;
      expect(flat).toContain(' --linked The linked project (another: --remote=<ref>). ');
      expect(flat).toContain(' --db-url=<url> Any database. ');
    },
  );

  test('the list of commands has them all', async () => {
    const {code, stdout} = await project.run(plugin ? ['supasession', '--help'] : ['--help'], {}, options());
    expect(code).toBe(0);
    for (const command of COMMANDS) {
      expect(stdout).toMatch(new RegExp(`^ {2}${topic}${command.split(' ', 1)[0]!} +\\S`, 'm'));
    }
  });

  if (plugin) {
    test("the host's own init is not hidden", async () => {
      expect(await project.run(['init'], {}, options())).toMatchObject({code: 0, stdout: 'this is the host\n'});
      const help = await project.run(['--help'], {}, options());
      expect(help.stdout).toMatch(/^ {2}supasession +Session limits for a Supabase project\.$/m);
      expect(help.stdout).toMatch(/^ {2}init +The init of the host\.$/m);
    });

    test("the host's first page of help, unknown commands and completion stay its own business", async () => {
      for (const unknown of ['ini', 'autocomplete', `supasession${separator}confg`]) {
        const run = await project.run([...unknown.split(' '), '--json'], {}, options());
        expect([run.code, run.stdout]).toEqual([2, '']);
        expect(run.stderr).toContain(`command ${unknown.replace(' ', ':')} not found`);
        expect(run.stderr).not.toContain('USAGE');
      }

      const help = await project.run(['--help'], {}, options());
      expect(help.stdout).not.toContain('First time here');
    });

    test('an unknown flag of ours is answered in our manner', async () => {
      const {code, error} = await failure(project, words('config', '--strateg'), {}, options());
      expect([code, error]).toMatchObject([2, {code: 'USAGE', suggestions: [`${typed}config --strategy`]}]);
    });
  }
});
