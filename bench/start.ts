/**
 * What a command costs before it does anything: the CPU time of whole processes, compared with the least that an oclif program can be
 * (bench/empty). They take turns, so that other work on the machine affects all of them.
 *
 *   npm run bench:start -- [--rounds 15] [--json]
 */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {text} from 'node:stream/consumers';
import type {Readable} from 'node:stream';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import Table from 'cli-table3';
import {PROGRAM} from '../test/helpers/environment.js';
import {installOurs, median, startServer, TEMPLATE} from './server.js';

const DATABASE = 'start';
/** The highest ratio to the empty program that we want. */
const AIM = 1.5;
const EMPTY = fileURLToPath(new URL('empty/run.js', import.meta.url));
/** Tells on a pipe of its own what the process has used, user and system, in microseconds. */
const PROBE = `data:text/javascript,import {writeSync} from 'node:fs';process.on('exit', () => {const {user, system} = process.cpuUsage(); writeSync(3, String(user + system));})`;

const {values: options} = parseArgs({
  options: {rounds: {type: 'string', default: '15'}, json: {type: 'boolean', default: false}},
});

const server = await startServer();
try {
  await server.clone(DATABASE, TEMPLATE);
  await installOurs(server, DATABASE, {enabled: true, max_sessions: 3});
  const target = ['--json', '--db-url', server.url(DATABASE)];
  const programs = [
    {name: 'empty oclif program', argv: [EMPTY, 'print', '--json'], used: [] as number[]},
    {name: '--version', argv: [PROGRAM, '--version'], used: [] as number[]},
    {name: 'config --json', argv: [PROGRAM, 'config', ...target], used: [] as number[]},
    {name: 'status --json', argv: [PROGRAM, 'status', ...target], used: [] as number[]},
  ];
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const {argv, used} of programs) used.push(await cpuTime(argv));
  }
  const base = median(programs[0]!.used);
  const rows = programs.map(({name, used}) => ({name, ms: median(used), ratio: median(used) / base}));
  if (options.json) console.log(JSON.stringify({rounds: Number(options.rounds), rows}, null, 2));
  else {
    console.log(await server.facts());
    const table = new Table({head: ['', 'CPU ms', 'ratio', 'aim'], style: {head: [], border: []}});
    for (const {name, ms, ratio} of rows) table.push([name, ms.toFixed(0), ratio.toFixed(2), AIM]);
    console.log(table.toString());
  }
} finally {
  await server.stop();
}

/** @returns what a process has used, in milliseconds */
async function cpuTime(argv: string[]): Promise<number> {
  const child = spawn(process.execPath, ['--import', PROBE, ...argv], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: {...process.env, NODE_ENV: 'production'},
  });
  const [used, complaints] = await Promise.all([
    text(child.stdio[3] as Readable),
    text(child.stderr!),
    once(child, 'close'),
  ]);
  if (child.exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${child.exitCode}: ${complaints}`);
  return Number(used) / 1000;
}
