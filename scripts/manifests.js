// Writes what oclif reads before it loads a command. For a host program oclif.manifest.json, which is committed; with --check that one is
// compared instead. For the stand-alone program bin/package.json and bin/oclif.manifest.json, which are built only.
import {readFile, writeFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';

import {Plugin} from '@oclif/core';

import {programPackage} from './program.js';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

/** What "oclif manifest" does, for any folder and without writing. */
async function manifest(root) {
  const plugin = new Plugin({root, type: 'core', ignoreManifest: true, errorOnManifestCreate: true});
  await plugin.load();
  const {commands, ...rest} = plugin.manifest;
  // By name: a folder gives its files in another order on every machine.
  const sorted = Object.fromEntries(Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1)));
  return json({commands: sorted, ...rest});
}

const hosted = await manifest(at(''));
if (process.argv.includes('--check')) {
  if ((await readFile(at('oclif.manifest.json'), 'utf8')) !== hosted) {
    console.error('Stale: oclif.manifest.json. Run "npm run build" and commit the result.');
    process.exitCode = 1;
  }
} else {
  await writeFile(at('oclif.manifest.json'), hosted);
  await writeFile(at('bin/package.json'), json(programPackage()));
  await writeFile(at('bin/oclif.manifest.json'), await manifest(at('bin/')));
}
