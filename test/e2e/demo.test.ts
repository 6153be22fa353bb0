import {chmod, mkdtemp, readdir, rm} from 'node:fs/promises';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {stripVTControlCharacters} from 'node:util';
import {Users} from '../../demo/sign-ins.js';
import {start, type Run, type Started} from '../helpers/cli.js';
import {createDatabase} from '../helpers/database.js';
import {install} from '../helpers/install.js';

/** What `npm run demo` runs after the build, which is done here already. */
const TSX = path.resolve('node_modules/tsx/dist/cli.mjs');

describe('the demo', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'supasession-demo-test-'));
    // The server's account, another one where we are root, has to be able to enter it.
    await chmod(folder, 0o755);
  });

  afterEach(async () => rm(folder, {recursive: true, force: true}));

  function startDemo(file = 'demo/run.ts'): Started {
    return start([path.resolve(file)], {cwd: path.resolve('.'), program: TSX, env: {TMPDIR: folder}});
  }

  async function expectNothingLeft({stdout}: Run): Promise<void> {
    // tsx keeps what it has compiled, for every program that it runs.
    expect((await readdir(folder)).filter((name) => !name.startsWith('tsx-'))).toEqual([]);
    const port = Number(/database 127\.0\.0\.1:(\d+)/.exec(stdout)?.[1]);
    const answer = await new Promise((resolve) => {
      connect(port, '127.0.0.1')
        .once('connect', () => resolve('somebody listens'))
        .once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    expect(answer).toBe('ECONNREFUSED');
  }

  it('tells the story with the commands that a user types, and leaves nothing behind', async () => {
    const run = await startDemo().result;
    expect({code: run.code, said: run.code === 0 ? '' : run.stderr}).toEqual({code: 0, said: ''});
    const lines = run.stdout.split('\n');
    expect(lines.filter((line) => line.includes(' $ ')).map((line) => line.trim())).toEqual([
      '$ supabase init',
      '$ supasession sandbox',
      '$ supasession init --max 3 --strategy dequeue --enable --apply',
      '$ supasession config --strategy reject',
      '$ supasession flush --yes',
    ]);
    expect(lines.filter((line) => / \d+\. \w+ on /.test(line)).map((line) => line.replace(/^.*│ +/, ''))).toEqual([
      '1. anna on phone: admitted',
      '2. ben on phone: admitted',
      '3. anna on laptop: admitted',
      '4. anna on tablet: admitted',
      '5. anna on tv: admitted, phone ended',
      '6. carla on laptop: admitted',
      '7. ben on laptop: admitted',
      '8. anna on console: admitted, laptop ended',
      '9. anna on phone: refused',
      '10. ben on tablet: admitted',
      '11. ben on tv: refused',
      '12. carla on phone: admitted',
      '13. anna on phone: admitted',
    ]);
    expect(run.stdout).toMatch(/Applying migration \d{14}_supasession\.sql/);
    expect(run.stdout).toContain('8 sessions ended');
    expect(run.stdout).toContain('11 sign-ins admitted, 2 refused, 10 sessions ended.');
    await expectNothingLeft(run);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const demo = startDemo();
    await demo.until(/ 5\. anna on tv/);
    demo.child.kill('SIGINT');
    const run = await demo.result;
    expect(run.code).toBe(130);
    expect(run.stdout).toContain('Interrupted.\nProject and database have been removed.');
    await expectNothingLeft(run);
  });

  it('serves the example apps until it is interrupted, and leaves nothing behind', async () => {
    const demo = startDemo('demo/web.ts');
    const [, page] = await demo.until(/The web app: +(http\S+)/);
    const [, site] = await demo.until(/HTTP-only: +(http\S+)/);
    expect(await (await fetch(page!)).text()).toContain('<title>Notes');
    expect(await (await fetch(site!)).text()).toContain('Sign in');
    await demo.until(/Ctrl-C stops it all/);
    demo.child.kill('SIGINT');
    const run = await demo.result;
    expect(run.code).toBe(0);
    expect(run.stdout).toContain('Project and database have been removed.');
    await expectNothingLeft(run);
    await expect(fetch(page!)).rejects.toThrow('fetch failed');
  });

  it('fails where an outcome is not what it says', async () => {
    const database = await createDatabase();
    try {
      const owner = await database.connect();
      // The limit is off: nothing is refused.
      await install(owner);
      const users = new Users(await database.connect('supabase_auth_admin'), owner);
      const shown: string[] = [];
      const board = {live: false, show: (_: unknown, line: string) => shown.push(stripVTControlCharacters(line))};
      const {signal} = new AbortController();
      await users.signIn([{user: 'anna', device: 'phone', outcome: 'admitted'}], board, signal);
      await expect(users.signIn([{user: 'anna', device: 'tv', outcome: 'refused'}], board, signal)).rejects.toThrow(
        "anna's sign-in on tv did not go as the settings say",
      );
      expect(shown).toEqual([' 1. anna on phone: admitted', ' 2. anna on tv: admitted']);
    } finally {
      await database.drop();
    }
  });
});
