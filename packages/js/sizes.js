// Prints the sizes that .size-limit.js limits, a line each. Fails if one is over its limit.
import {spawnSync} from 'node:child_process';

const {stdout} = spawnSync('size-limit', ['--json'], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit']});
const sizes = JSON.parse(stdout);
for (const {name, size, sizeLimit, passed} of sizes)
  console.log(`${passed ? '' : 'TOO BIG: '}${name}: ${size} bytes gzipped, at most ${sizeLimit}`);
if (!sizes.every(({passed}) => passed)) process.exitCode = 1;
