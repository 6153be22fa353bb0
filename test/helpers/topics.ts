import {copyFile, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import type {Host} from './host.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

function command(name: string, body: string): string {
  return `import {Args, Flags} from '@oclif/core';
import {BaseCommand} from '../../../dist/cli/base-command.js';
export default class ${name} extends BaseCommand {
  static summary = 'The ${name.toLowerCase()} of the sessions.';
  ${body}
  async run() {
    return this.parse(${name});
  }
}
`;
}

/** Our stand-alone program as it is wired in bin/, with other commands: a topic, a command with an alias and one with arguments. */
export async function createTopics(): Promise<Host> {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'supasession-topics-')));
  const at = (file: string) => path.join(root, 'bin', file);
  const pjson = JSON.parse(await readFile(path.join(ROOT, 'bin/package.json'), 'utf8'));
  Object.assign(pjson.oclif, {commands: './commands', topics: {sessions: {description: 'Who is signed in.'}}});
  await mkdir(at('commands/sessions'), {recursive: true});
  for (const folder of ['dist', 'node_modules']) await symlink(path.join(ROOT, folder), path.join(root, folder));
  await copyFile(path.join(ROOT, 'bin/run.js'), at('run.js'));
  await writeFile(at('package.json'), JSON.stringify(pjson));
  const list = command('List', "static aliases = ['devices']; static flags = {user: Flags.string()};");
  const revoke = command(
    'Revoke',
    "static args = {id: Args.string()}; static flags = {by: Flags.string({options: ['id', 'user']})};",
  );
  await writeFile(at('commands/sessions/list.js'), list);
  await writeFile(at('commands/sessions/revoke.js'), revoke);
  return {program: at('run.js'), remove: async () => rm(root, {recursive: true, force: true})};
}
