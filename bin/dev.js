#!/usr/bin/env -S node --import tsx
// The program from its TypeScript source, without a build: `bin/dev.js config --help`.
import {readFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';

import {execute} from '@oclif/core';

const pjson = JSON.parse(await readFile(new URL('package.json', import.meta.url), 'utf8'));
pjson.oclif.commands.target = '../src/index.ts';

await execute({
  development: true,
  loadOptions: {root: fileURLToPath(new URL('.', import.meta.url)), pjson, ignoreManifest: true},
});
