/**
 * `npm run demo`: the whole way from a new Supabase project to limited sign-ins, in a temporary folder and without Docker or network. It
 * checks what it shows: exit code 1 when an outcome is not what it says.
 */
import assert from 'node:assert/strict';
import chalk from 'chalk';
import {Board} from './board.js';
import {Users, type SignIn} from './sign-ins.js';
import {detail, perform, say, type Stage} from './stage.js';

const UNDER_DEQUEUE: SignIn[] = [
  {user: 'anna', device: 'phone', outcome: 'admitted'},
  {user: 'ben', device: 'phone', outcome: 'admitted'},
  {user: 'anna', device: 'laptop', outcome: 'admitted'},
  {user: 'anna', device: 'tablet', outcome: 'admitted'},
  {user: 'anna', device: 'tv', outcome: {ends: 'phone'}},
  {user: 'carla', device: 'laptop', outcome: 'admitted'},
  {user: 'ben', device: 'laptop', outcome: 'admitted'},
  {user: 'anna', device: 'console', outcome: {ends: 'laptop'}},
];

const UNDER_REJECT: SignIn[] = [
  {user: 'anna', device: 'phone', outcome: 'refused'},
  {user: 'ben', device: 'tablet', outcome: 'admitted'},
  {user: 'ben', device: 'tv', outcome: 'refused'},
  {user: 'carla', device: 'phone', outcome: 'admitted'},
];

const AFTER_FLUSH: SignIn[] = [{user: 'anna', device: 'phone', outcome: 'admitted'}];

let steps = 0;
function step(title: string): void {
  say();
  say(chalk.bold(`${++steps}. ${title}`));
}

async function demo(stage: Stage, signal: AbortSignal): Promise<void> {
  say(chalk.bold('supasession: session limits for a Supabase project, from nothing to the first refused sign-in'));
  await stage.open();

  step('A Supabase project (here in a temporary folder)');
  await stage.type('supabase', 'init');

  step("Its database: Postgres 17 with Supabase's roles and auth tables, without Docker");
  say(`   ${chalk.cyan('$ supasession sandbox')}`);
  const {port} = await stage.startDatabase();
  detail(`Ready: 127.0.0.1:${port}`);

  step('The limit: three devices per user, and a fourth ends the oldest session');
  await stage.type('supasession', 'init', '--max', '3', '--strategy', 'dequeue', '--enable', '--apply');
  const owner = await stage.connect('postgres');
  const applied = await owner.query<{name: string}>('select name from supabase_migrations.schema_migrations');
  assert.deepEqual(applied.rows, [{name: 'supasession'}], 'the supabase CLI has applied the migration of supasession');

  step('Sign-ins, as Supabase Auth does them');
  const users = new Users(await stage.connect('supabase_auth_admin'), owner);
  await users.signIn(UNDER_DEQUEUE, new Board(), signal);

  step('The other strategy: a fourth device is refused');
  await stage.type('supasession', 'config', '--strategy', 'reject');

  step('More sign-ins');
  await users.signIn(UNDER_REJECT, new Board(), signal);
  assert.deepEqual(users.count, {admitted: 10, ended: 2, refused: 2});

  step('The end of all sessions: everybody signs in again');
  await stage.type('supasession', 'flush', '--yes');
  assert.equal(await users.look(), 8, 'the sessions that the flush ended');
  await users.signIn(AFTER_FLUSH, new Board(), signal);
  const {admitted, ended, refused} = users.count;
  assert.deepEqual(await users.look(), 0);
  say();
  say(chalk.bold(`${admitted} sign-ins admitted, ${refused} refused, ${ended} sessions ended.`));
}

process.exitCode = await perform(demo);
