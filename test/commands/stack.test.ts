import type {InitResult} from '../../src/commands/init.js';
import {failure} from '../helpers/failures.js';
import {createProject, type TestProject} from '../helpers/project.js';
import {startServer, type TestServer} from '../helpers/server.js';

// A stack of `[experimental] stack` needs Docker or a download. So the CLI is a fake for the one question where its database is, with
// what the real one (3.1.0) answers, and the real one for everything else.
let server: TestServer;
let project: TestProject;

beforeAll(async () => {
  server = await startServer();
});
beforeEach(async () => {
  // Nothing listens on the port of config.toml.
  project = await createProject({port: 1, cli: false});
  await project.configure((toml) => toml.replace(/^\[experimental\]$/m, '[experimental]\nstack = true'));
});
afterEach(async () => {
  await project.remove();
  await server.reset();
});
afterAll(async () => server.stop());

async function fakeCli(status: string): Promise<void> {
  await project.fakeCli(`echo "$@" >> "${project.root}/asked"\nif [ "$1 $2" = "stack status" ]; then\n${status}\nfi`);
}

const running = async () => fakeCli(`  echo "API_URL='http://127.0.0.1:1'"; echo "DB_URL='${server.url()}'"; exit 0`);
const stopped = async () =>
  fakeCli(
    '  echo "The stack owner or primary database is unavailable for environment export." >&2\n  echo "Run supabase stack start first." >&2\n  exit 1',
  );

test('the local target is what the stack says, and never the port of config.toml', async () => {
  await running();
  const run = await project.run(['status', '--json']);
  expect(run.json).toMatchObject({target: {kind: 'local', host: '127.0.0.1', port: server.port}});
  expect(await project.read('asked')).toContain(`stack status --env --output-format text --workdir ${project.root}\n`);
});

test('--stack is handed on, and stands in what to type next', async () => {
  await running();
  const run = await project.run(['init', '--stack', 'feature-a', '--apply', '--no-enable', '--yes']);
  expect(run).toMatchObject({code: 0});
  expect(run.stderr).toContain('supasession config --stack feature-a --enable');
  expect(await project.read('asked')).toContain('stack status --env --output-format text --stack feature-a');
  const again = (await project.run(['init', '--stack', 'feature-a', '--apply', '--no-enable', '--json'])).json;
  expect((again as InitResult).applied).toBe(true);
});

test('a stack that is not running is said, with what starts it', async () => {
  await stopped();
  const own = await failure(project, ['status']);
  expect([own.code, own.error.code, own.error.message]).toEqual([
    1,
    'CONNECTION_REFUSED',
    'The local stack of this project is not running.',
  ]);
  expect(own.error.suggestions[0]).toBe('npx supabase stack start');
  const named = await failure(project, ['flush', '--stack', 'feature-a']);
  expect(named.error.suggestions[0]).toBe('npx supabase stack start --stack feature-a');
  const init = await project.run(['init', '--yes']);
  expect(init).toMatchObject({code: 0});
  expect(init.stderr).toContain('Not applied: the local database is not running.');
});

test('SUPABASE_EXPERIMENTAL_STACK beats the file, and --stack wants stacks', async () => {
  await running();
  const env = {SUPABASE_EXPERIMENTAL_STACK: '0'};
  expect((await failure(project, ['status'], env)).error.message).toBe('Nothing is listening on 127.0.0.1:1.');
  expect((await failure(project, ['status', '--stack', 'a'], env)).error.code).toBe('USAGE');
  expect((await failure(project, ['status', '--stack', 'a', '--linked'])).error.message).toBe(
    'Two targets are named: --stack and --linked.',
  );
});
