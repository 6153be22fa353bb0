// The least that an oclif program can be: what ours is compared with by bench/start.ts.
import {fileURLToPath} from 'node:url';
import {flush, run} from '@oclif/core';

await run(process.argv.slice(2), {root: fileURLToPath(import.meta.url)});
await flush();
