// Prints what `size-limit --json` gives, a line each. Fails if one is over its limit in .size-limit.js.
import {json} from 'node:stream/consumers';

const sizes = await json(process.stdin);
for (const {name, size, sizeLimit, passed} of sizes)
  console.log(`${passed ? '' : 'TOO BIG: '}${name}: ${size} bytes gzipped, at most ${sizeLimit}`);
if (!sizes.every(({passed}) => passed)) process.exitCode = 1;
