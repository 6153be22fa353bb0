#!/usr/bin/env -S node --import tsx
// The program from its TypeScript source, without a build: `bin/dev.js config --help`.
import {readFile} from 'node:fs/promises';
import {fileURLToPath} from 'node:url';

import {settings} from '@oclif/core';

import {start} from '../src/cli/start.ts';

const built = await readFile(new URL('package.json', import.meta.url), 'utf8');
const pjson = JSON.parse(built.replaceAll(/\.\.\/dist\/(.*?)\.js/g, '../src/$1.ts'));

process.env.NODE_ENV = 'development';
settings.debug = true;
await start({root: fileURLToPath(new URL('.', import.meta.url)), pjson, ignoreManifest: true});
