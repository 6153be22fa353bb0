#!/usr/bin/env -S node --import tsx
// The program from its TypeScript source, without a build: `bin/dev.js config --help`.
import {fileURLToPath} from 'node:url';

import {settings} from '@oclif/core';

import {programPackage} from '../scripts/program.js';
import {start} from '../src/cli/start.ts';

const pjson = JSON.parse(
  JSON.stringify(programPackage()).replaceAll(
    /"\.\.\/dist\/([^".]*)(\.js)?"/g,
    (_, path, file) => `"../src/${path}${file ? '.ts' : ''}"`,
  ),
);

process.env.NODE_ENV = 'development';
// tsx does that.
settings.enableAutoTranspile = false;
settings.debug = true;
await start({root: fileURLToPath(new URL('.', import.meta.url)), pjson, ignoreManifest: true});
