// Makes each small wrong change of test/mutants in a copy of the tree and runs the tests that must notice it: `npm run mutants`, or
// `npm run mutants -- revoked` for those whose name has the word. A test that fails by a timeout has noticed nothing.
import {execFileSync, spawn} from 'node:child_process';
import {cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const FOLDER = 'test/mutants';
/** A copy of the tree each; more would wait for the two cores of a small machine. */
const WORKERS = 2;
const words = process.argv.slice(2);

/** A patch says in its first line what is wrong, and in its second which tests notice: a jest project, a path, and maybe a title. */
function read(file) {
  const [what, tests] = readFileSync(join(FOLDER, file), 'utf8').split('\n');
  const [, project, path, title] = /^# tests: (\w+) (\S+)(?: (.+))?$/.exec(tests) ?? [];
  if (!what.startsWith('# ') || !path)
    throw new Error(`${file}: the first two lines must be "# <what>" and "# tests: <project> <path> [title]"`);
  return {name: file.replace('.patch', ''), file: join(process.cwd(), FOLDER, file), project, path, title};
}

function copy() {
  const root = mkdtempSync(join(tmpdir(), 'supasession-mutants-'));
  for (const file of execFileSync('git', ['ls-files', '-z'], {encoding: 'utf8'}).split('\0').filter(Boolean)) {
    cpSync(file, join(root, file));
  }
  // What the build makes is in no list of git.
  for (const folder of ['bin', 'dist']) cpSync(folder, join(root, folder), {recursive: true});
  symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
  return root;
}

async function test(root, {project, path, title}) {
  const outputFile = join(root, 'results.json');
  rmSync(outputFile, {force: true});
  const args = [
    ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'],
    ...['--selectProjects', project, '--json', `--outputFile=${outputFile}`, '--testTimeout=60000'],
    ...(title ? ['-t', title] : []),
    ...['--', path],
  ];
  const child = spawn(process.execPath, args, {cwd: root, stdio: 'ignore'});
  await new Promise((resolve) => child.on('close', resolve));
  const results = JSON.parse(readFileSync(outputFile, 'utf8')).testResults;
  const failed = results.flatMap(({assertionResults}) => assertionResults.filter(({status}) => status === 'failed'));
  return {
    ran: results.flatMap(({assertionResults}) => assertionResults.filter(({status}) => status !== 'pending')).length,
    broken: results.some(({status, assertionResults}) => status === 'failed' && assertionResults.length === 0),
    noticed: failed.filter(({failureMessages}) => !/Exceeded timeout/.test(failureMessages.join())),
    timedOut: failed.length > 0,
  };
}

/** Tests that pass without a change, by project, path and title. */
const sound = new Map();

async function isSound(root, mutant) {
  const key = [mutant.project, mutant.path, mutant.title].join(' ');
  if (!sound.has(key)) {
    const {ran, broken, noticed, timedOut} = await test(root, mutant);
    sound.set(key, ran > 0 && !broken && noticed.length === 0 && !timedOut);
  }
  return sound.get(key);
}

/** @returns how it ended: the title of a test that noticed, or what is wrong with the patch or the tests */
async function judge(root, mutant) {
  if (!(await isSound(root, mutant))) return {wrong: `without the change, ${mutant.path} has no test or fails`};
  try {
    execFileSync('git', ['apply', '--recount', mutant.file], {cwd: root, stdio: 'pipe'});
  } catch (error) {
    return {wrong: `does not apply: ${String(error.stderr).trim().split('\n')[0]}`};
  }
  const {broken, noticed, timedOut} = await test(root, mutant);
  execFileSync('git', ['apply', '--recount', '-R', mutant.file], {cwd: root});
  if (noticed.length > 0) return {by: noticed[0].fullName};
  if (broken) return {wrong: 'the test file does not run'};
  return {wrong: timedOut ? 'noticed by a timeout only' : 'SURVIVED'};
}

const mutants = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.patch') && words.every((word) => file.includes(word)))
  .map(read);
const queue = [...mutants];
let wrong = 0;

async function work() {
  const root = copy();
  try {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const end = await judge(root, mutant);
      if (end.wrong) wrong++;
      console.log(end.wrong ? `${mutant.name}: ${end.wrong}` : `${mutant.name}: noticed by "${end.by}"`);
    }
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
}

await Promise.all(Array.from({length: WORKERS}, work));
console.log(`\n${mutants.length - wrong} of ${mutants.length} wrong changes noticed`);
process.exitCode = wrong === 0 ? 0 : 1;
