import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {chmod} from 'node:fs/promises';
import path from 'node:path';
import {pathToFileURL} from 'node:url';
import {runProcess} from '../../../src/supabase/process.js';
import {makeFolder} from './support.js';

const node = async (script: string, options: Partial<Parameters<typeof runProcess>[2]> = {}, args: string[] = []) =>
  runProcess(process.execPath, ['-e', script, '--', ...args], {cwd: '/', env: {}, ...options});

describe('runProcess', () => {
  it('hands out the output as it comes, and all of it at the end', async () => {
    const chunks: string[] = [];
    const writer = {write: (chunk: string | Uint8Array) => chunks.push(chunk.toString())};
    const result = await node('console.log("out"); console.error("err"); process.exitCode = 3', {
      stdout: writer,
      stderr: writer,
    });
    expect(result).toEqual({outcome: 'exited', exitCode: 3, stdout: 'out\n', stderr: 'err\n'});
    expect(chunks.sort()).toEqual(['err\n', 'out\n']);
  });

  it('gives the child exactly the environment, no input, and its arguments untouched by a shell', async () => {
    const script = `
      const input = require('fs').readFileSync(0, 'utf8');
      console.log(JSON.stringify([process.argv.slice(1), process.env.A, process.env.HOME ?? null, input]))`;
    const result = await node(script, {env: {A: '1'}}, ['a b', '$HOME', '"; exit 9']);
    expect(result).toMatchObject({
      outcome: 'exited',
      exitCode: 0,
      stdout: '[["a b","$HOME","\\"; exit 9"],"1",null,""]\n',
    });
  });

  it('tells a missing program and one that may not be run apart', async () => {
    const run = async (file: string) => runProcess(file, ['hunter2'], {cwd: '/', env: {}});
    expect(await run('/nowhere/supabase')).toEqual({outcome: 'not-started', code: 'ENOENT'});
    const folder = await makeFolder({tool: ''});
    await chmod(path.join(folder, 'tool'), 0o644);
    expect(await run(path.join(folder, 'tool'))).toEqual({outcome: 'not-started', code: 'EACCES'});
  });

  it('tells a child that was killed', async () => {
    expect(await node('process.kill(process.pid, "SIGKILL")')).toMatchObject({outcome: 'killed', signal: 'SIGKILL'});
    expect(await node('process.kill(process.pid, "SIGINT")')).toMatchObject({outcome: 'interrupted'});
  });

  it('survives Ctrl-C, waits for the child, and reports it', async () => {
    const child = `process.on('SIGINT', () => setTimeout(() => { console.log('tidied up'); process.exit(0) }, 100));
      console.log('ready'); setInterval(() => {}, 1000)`;
    const module = pathToFileURL(path.resolve('src/supabase/process.ts')).href;
    const folder = await makeFolder({
      'parent.mts': `import {runProcess} from ${JSON.stringify(module)};
        const result = await runProcess(process.execPath, ['-e', ${JSON.stringify(child)}], {cwd: '/', env: {}, stdout: process.stderr});
        console.log(JSON.stringify(result));`,
    });
    // A process group of its own, all of which gets the signal, as from a terminal.
    const parent = spawn(process.execPath, ['--import', 'tsx', path.join(folder, 'parent.mts')], {detached: true});
    let output = '';
    parent.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await once(parent.stderr, 'data');
    process.kill(-(parent.pid ?? 0), 'SIGINT');
    await once(parent, 'close');
    expect(JSON.parse(output)).toEqual({outcome: 'interrupted', exitCode: 0, stdout: 'ready\ntidied up\n', stderr: ''});
  });
});
