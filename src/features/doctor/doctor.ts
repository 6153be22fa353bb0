import type {Connection} from '../../database/connection.js';
import {readFunctions, readServerVersion} from './queries.js';
import {ifWhole} from '../../database/errors.js';
import {readHealth} from '../install/health.js';
import {basisWith, readImpact} from '../settings/verdicts.js';
import {SupasessionError} from '../../errors.js';
import {findCli} from '../../supabase/cli.js';
import {readConfig} from '../../supabase/config.js';
import type {Env, Project} from '../../supabase/project.js';
import type {Target} from '../../types.js';
import {planDeclared} from '../install/declared.js';
import {readMigration, readMigrations, shippedSql, type MigrationState, type ShippedSql} from '../install/migration.js';
import {sessionHealth} from '../status/status.js';
import {judgeHealth, judgeInstalled, judgeObserved, judgeSwitch, notReached} from './database.js';
import {judgeDeclared} from './declared.js';
import {AREAS, attempt, lookAt, type Finding} from './finding.js';
import {judgeFunctions, shippedFunctions} from './functions.js';
import {readInside, type Inside} from './inside.js';
import {judgeLater, judgeMigrations, type LaterMigration} from './migrations.js';
import {judgePreRequest, readPreRequest} from './pre-request.js';
import {lookAtProject} from './project.js';
import {judgeCli, judgeProgram, judgeServer} from './versions.js';

/** What doctor checks. */
export interface Patient {
  project: Project | null;
  target: Target;
  /** Open, or why it is not. */
  connection: Connection | SupasessionError;
  env: Env;
  /** The version of Node that runs this. */
  node: string;
}

/** The project's own migrations that run after the newest installation of supasession. */
async function readLater({all, own, active}: MigrationState, there: Inside | null): Promise<LaterMigration[]> {
  const newest = active.findLast(({kind}) => kind === 'installation');
  const ownFiles = new Set(own.map(({file}) => file));
  const later = newest === undefined ? [] : all.slice(all.findIndex(({file}) => file === newest.file) + 1);
  return Promise.all(
    later
      .filter(({file}) => !ownFiles.has(file))
      .map(async (migration) => ({
        file: migration.file,
        text: await readMigration(migration),
        pending: there !== null && !there.applied.includes(migration.version),
      })),
  );
}

async function lookAtMigrations(
  {project, target, env}: Patient,
  state: MigrationState,
  there: Inside | null,
  shipped: ShippedSql,
): Promise<Finding[]> {
  const look = async (check: string, work: () => Promise<Finding[]>) =>
    lookAt({area: 'migrations', check}, target, work);
  const declared = await attempt({area: 'migrations', check: 'declared schema'}, target, async () =>
    project === null ? null : planDeclared(project, state, env),
  );
  return [
    ...(await look('files', async () => judgeMigrations({state, shipped, there, target, now: new Date()}))),
    ...(await look("the project's later migrations", async () =>
      judgeLater(await readLater(state, there), declared.value !== null, target),
    )),
    ...declared.failures,
    ...judgeDeclared(declared.value, target),
  ];
}

async function lookAtDatabase(
  {db, installed, settings, repair}: Inside,
  state: MigrationState | null,
  shipped: ShippedSql,
  target: Target,
): Promise<Finding[]> {
  const look = async (check: string, work: () => Promise<Finding[]>) => lookAt({area: 'database', check}, target, work);
  const {version, checksum} = installed;
  const removed = state !== null && state.own.length > 0 && state.active.length === 0;
  // Other SQL than this release's cannot be compared.
  const same = version === shipped.version && (checksum === null || checksum === shipped.checksum);
  const preRequest = await look('pre-request setting', async () => [
    judgePreRequest(await readPreRequest(db), target, repair),
  ]);
  const health = await look('health', async () =>
    version === null ? [] : judgeHealth(await readHealth(db), target, repair),
  );
  const counted = await look('sessions', async () => {
    if (settings === null || !settings.enabled) return [];
    const report = await ifWhole(async () => readImpact(db, await basisWith(db, settings)));
    // Health has reported what is missing.
    if (typeof report === 'string') return [];
    const observed = judgeObserved(settings, report, target);
    return observed === null ? judgeHealth(sessionHealth(settings, report), target, repair) : [observed];
  });
  return [
    ...judgeInstalled(installed, shipped, {removed, target, repair}),
    ...(settings === null ? [] : [judgeSwitch(settings, target)]),
    ...preRequest,
    // Health reports a wrong pre-request too, if its function is there.
    ...health.filter(({check}) => check !== 'pre-request' || preRequest.every(({ok}) => ok)),
    ...counted,
    ...(same
      ? await look('functions', async () =>
          judgeFunctions(shippedFunctions(shipped.sql), await readFunctions(db), target, repair),
        )
      : []),
  ];
}

async function lookAround(patient: Patient, shipped: ShippedSql): Promise<Finding[]> {
  const {project, target, connection, env} = patient;
  const files = await attempt({area: 'migrations', check: 'files'}, target, async () =>
    project === null ? null : readMigrations(project),
  );
  // A self-hosted project does not run with this config.toml.
  const own = target.kind === 'url' && target.projectRef === null ? null : project;
  const config = await attempt({area: 'project', check: 'configuration'}, target, async () =>
    own === null ? null : readConfig(own, env, {projectRef: target.projectRef ?? undefined}),
  );
  const reached = connection instanceof SupasessionError ? null : connection;
  const database = await attempt({area: 'database', check: 'reachable'}, target, async () =>
    reached === null ? null : readInside(reached, files.value, shipped),
  );
  const inside = database.value;
  return [
    ...files.failures,
    ...config.failures,
    ...(connection instanceof SupasessionError ? [notReached(connection)] : database.failures),
    ...(await lookAtProject({project, config: config.value, target, env, inside})),
    ...(files.value === null ? [] : await lookAtMigrations(patient, files.value, inside, shipped)),
    ...(inside === null ? [] : await lookAtDatabase(inside, files.value, shipped, target)),
    ...(reached === null
      ? []
      : await lookAt({area: 'cli', check: 'Postgres'}, target, async () =>
          judgeServer(await readServerVersion(reached), config.value?.dbMajorVersion ?? null),
        )),
  ];
}

async function lookAtProgram({project, target, env, node}: Patient, shipped: ShippedSql): Promise<Finding[]> {
  const own = judgeProgram(node, shipped.version);
  if (project === null) return own;
  const cli = await lookAt({area: 'cli', check: 'supabase CLI', severity: 'warning'}, target, async () => [
    judgeCli(await findCli(project, env)),
  ]);
  return [...own, ...cli];
}

/** Checks all that enforcing limits depends on: the project's files, the platform, the database. Throws what `attempt` throws. */
export async function diagnose(patient: Patient): Promise<Finding[]> {
  const shipped = await shippedSql();
  // The supabase CLI takes half a second to tell its version.
  const [program, around] = await Promise.all([lookAtProgram(patient, shipped), lookAround(patient, shipped)]);
  return AREAS.flatMap((area) => [...program, ...around].filter((finding) => finding.area === area));
}
