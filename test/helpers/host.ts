import {mkdir, mkdtemp, realpath, rm, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A real oclif program of somebody else's that loads this package as a plugin. */
export interface Host {
  /** Its launcher, to be run by node. */
  program: string;
  remove: () => Promise<void>;
}

/**
 * Makes such a program, with an `init` command of its own.
 *
 * @param topicSeparator how it writes commands in topics: oclif's own default is the colon
 */
export async function createHost(topicSeparator: ' ' | ':'): Promise<Host> {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'supasession-host-')));
  const files = {
    'package.json': JSON.stringify({
      name: 'host',
      version: '1.2.3',
      type: 'module',
      dependencies: {'@oclif/core': '*', supasession: '*'},
      oclif: {
        bin: 'host',
        dirname: 'host',
        commands: './commands',
        topicSeparator,
        plugins: ['@oclif/plugin-help', 'supasession'],
      },
    }),
    'run.js': "import {execute} from '@oclif/core';\nawait execute({dir: import.meta.url});\n",
    'commands/init.js': `import {Command} from '@oclif/core';
export default class Init extends Command {
  static summary = 'The init of the host.';
  async run() {
    await this.parse(Init);
    this.log('this is the host');
  }
}
`,
  };
  await mkdir(path.join(root, 'commands'));
  await mkdir(path.join(root, 'node_modules'));
  for (const [file, text] of Object.entries(files)) await writeFile(path.join(root, file), text);
  await symlink(ROOT, path.join(root, 'node_modules/supasession'));
  await symlink(path.join(ROOT, 'node_modules/@oclif'), path.join(root, 'node_modules/@oclif'));
  return {program: path.join(root, 'run.js'), remove: async () => rm(root, {recursive: true, force: true})};
}
