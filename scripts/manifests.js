// Writes the two oclif manifests, or with --check compares them with what the build yields. They let a command start without
// loading all the others: oclif.manifest.json for a host program, bin/oclif.manifest.json for the stand-alone one.
import {readFile, writeFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';

import {Plugin} from '@oclif/core';

const check = process.argv.includes('--check');
const stale = [];

for (const folder of ['../', '../bin/']) {
  const root = fileURLToPath(new URL(folder, import.meta.url));
  const file = `${root}oclif.manifest.json`;
  // What "oclif manifest" does, for a folder of our choice and without writing.
  const plugin = new Plugin({root, type: 'core', ignoreManifest: true, errorOnManifestCreate: true});
  await plugin.load();
  const {commands, ...rest} = plugin.manifest;
  // By name: a folder gives its files in another order on every machine.
  const sorted = Object.fromEntries(Object.entries(commands).sort(([a], [b]) => (a < b ? -1 : 1)));
  const text = `${JSON.stringify({commands: sorted, ...rest}, null, 2)}\n`;
  const present = await readFile(file, 'utf8').catch(() => '');
  if (present === text) continue;
  if (check) stale.push(file);
  else await writeFile(file, text);
}

if (stale.length > 0) {
  console.error(`Stale: ${stale.join(', ')}. Run "npm run build" and commit the result.`);
  process.exitCode = 1;
}
