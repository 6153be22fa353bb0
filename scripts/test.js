// Runs the tests: all but those in a browser and the slow ones, or those of the parts named (unit, db, commands, e2e, js, app, browser, slow). Ends with which tests were skipped
// and why, what was left out, and a line that counts.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const QUICK = ['unit', 'db', 'commands', 'e2e', 'js', 'app'];
const PARTS = [...QUICK, 'browser', 'slow'];
const args = process.argv.slice(2);
const parts = args.filter((arg) => PARTS.includes(arg));
const folder = mkdtempSync(join(tmpdir(), 'supasession-test-'));
const outputFile = join(folder, 'results.json');

try {
  const {status} = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      // The .bin path is a shell script on Windows.
      'node_modules/jest/bin/jest.js',
      '--selectProjects',
      ...(parts.length > 0 ? parts : QUICK),
      '--json',
      `--outputFile=${outputFile}`,
      ...args.filter((arg) => !PARTS.includes(arg)),
    ],
    // Jest prints the same JSON on stdout, and what people read on stderr.
    {stdio: ['ignore', 'ignore', 'inherit']},
  );
  const results = JSON.parse(readFileSync(outputFile, 'utf8'));
  const skipped = results.testResults.flatMap(({assertionResults}) =>
    assertionResults.filter(({status: end}) => end === 'pending'),
  );
  // A file that could not be run holds no test that failed.
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  if (skipped.length > 0) {
    console.log('\nSkipped:');
    for (const {fullName} of skipped) console.log(`  ${fullName}`);
    console.log('');
  }

  if (parts.length === 0) {
    const slow = readdirSync('test/slow').map((file) => file.replace('.test.ts', ''));
    console.log(`Left out: the slow tests (${slow.join(', ')}). They run by: npm run test:slow`);
    console.log('Left out: the tests in a browser. They run by: npm run test:browser');
  }

  console.log(
    `${results.numPassedTests} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`,
  );
  process.exitCode = status === 0 && failed === 0 ? 0 : 1;
} finally {
  rmSync(folder, {recursive: true, force: true});
}
