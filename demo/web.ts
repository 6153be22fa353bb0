/**
 * `npm run demo:web`: both example apps on a new project, without Docker or network: a database with supasession, the stand-in for Auth and
 * the Data API, a web app and a server. It runs until Ctrl-C, and removes everything then.
 */
import {once} from 'node:events';
import {readFile} from 'node:fs/promises';
import chalk from 'chalk';
import {serveSite} from '../examples/server/src/serve.js';
import {servePage} from '../examples/web/serve.js';
import {startStandIn} from '../packages/stand-in/src/index.js';
import {detail, perform, say, type Stage} from './stage.js';

interface Closing {
  close: () => Promise<void>;
}

/** A project with a limit of two devices and a protected table. Returns the URL of its database. */
async function prepare(stage: Stage): Promise<string> {
  await stage.open();
  await stage.type('supabase', 'init');
  const sandbox = await stage.startDatabase();
  const owner = await stage.connect('postgres');
  await owner.query(await readFile(new URL('../examples/notes.sql', import.meta.url), 'utf8'));
  await stage.type('supasession', 'init', '--max', '2', '--strategy', 'dequeue', '--enable', '--apply');
  await stage.type('supasession', 'config', '--reject-in-hook');
  await stage.type('supasession', 'guard', 'enable', '--apply');
  await stage.type('supasession', 'protect', 'add', 'public.notes', '--apply');
  return sandbox.url();
}

function announce(page: string, site: string, databaseUrl: string): void {
  say();
  say(`${chalk.bold('The web app:')}     ${chalk.cyan(page)}`);
  say(`${chalk.bold('HTTP-only:')}       ${chalk.cyan(site)}`);
  say();
  say(
    'Make an account in the web app; the other one knows it, too. Two devices are allowed: sign in once more in a private window and',
  );
  say('in another browser, and the first device is signed out and told why.');
  say();
  say('In another terminal, from this folder:');
  for (const command of ['sessions list', 'config --strategy reject', 'config --timebox 2m', 'flush --yes'])
    detail(chalk.cyan(`bin/run.js ${command} --db-url ${databaseUrl}`));
  say();
  say('Ctrl-C stops it all.');
}

async function demo(stage: Stage, signal: AbortSignal): Promise<void> {
  say(chalk.bold('supasession-js: sessions that end visibly, in a web app and on a server'));
  const running: Closing[] = [];
  try {
    const databaseUrl = await prepare(stage);
    signal.throwIfAborted();
    // What `hook enable` and `api enable` make of Auth and the Data API.
    const standIn = await startStandIn({
      databaseUrl,
      hook: 'supasession.access_token_hook',
      exposedSchemas: ['public', 'supasession'],
    });
    running.push(standIn);
    const project = {url: standIn.url, key: standIn.anonKey};
    const page = await servePage(project);
    running.push(page);
    const site = await serveSite(project);
    running.push(site);
    announce(page.url, site.url, databaseUrl);
    if (!signal.aborted) await once(signal, 'abort');
    say();
  } finally {
    for (const part of running.reverse()) await part.close();
  }
}

process.exitCode = await perform(demo);
