import {readdir, rm} from 'node:fs/promises';
import path from 'node:path';
import {buildSchemaExport, planSchemaFiles} from '@supabase/pg-delta/frontends';
import {supabaseProfile} from '@supabase/pg-delta/integrations';
import pg from 'pg';
import type {TestProject} from './project.js';
import type {TestServer} from './server.js';

const TREE = 'supabase/schemas';
const MANIFEST = `${TREE}/.pgdelta-export.json`;

async function withPool<T>(server: TestServer, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({connectionString: server.url()});
  pool.on('error', () => undefined);
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

/** The declared files of a project by their paths in the tree, in the order in which the supabase CLI reads them. */
export async function declaredFiles(project: TestProject): Promise<string[]> {
  const entries = await readdir(path.join(project.root, TREE), {recursive: true});
  return entries.filter((name) => name.endsWith('.sql')).sort();
}

/**
 * What `supabase db schema declarative sync` would write: the statements that bring a database, which has had the migrations, to what the
 * tree declares. With the options of CLI 3.1, which needs Docker for its two databases: `shadow` is the second.
 */
export async function planSync(project: TestProject, server: TestServer, shadow: TestServer): Promise<string[]> {
  const files = await Promise.all(
    (await declaredFiles(project)).map(async (name) => ({name, sql: await project.read(`${TREE}/${name}`)})),
  );
  const manifest = await project.read(MANIFEST).then(JSON.parse, () => undefined);
  await shadow.reset();
  const {plan} = await withPool(server, async (target) =>
    withPool(shadow, async (desired) =>
      planSchemaFiles(target, desired, files, {
        profile: supabaseProfile,
        isolatedShadow: true,
        strictDataStatements: true,
        ...(manifest === undefined ? {} : {manifest}),
      }),
    ),
  );
  return plan.actions.map(({sql}) => sql);
}

/** Does what `supabase db schema declarative generate` does: the tree becomes what is in the database. */
export async function generate(project: TestProject, server: TestServer): Promise<void> {
  const {files, manifest} = await withPool(server, async (pool) =>
    buildSchemaExport(pool, {
      profile: supabaseProfile,
      layout: 'grouped',
      format: {keywordCase: 'upper', maxWidth: 180},
    }),
  );
  // The CLI takes the extensions that are declared out of its shadow first.
  const kept = files.filter(({name}) => !name.includes('/extensions/'));
  // It leaves files alone that it has not exported.
  await rm(path.join(project.root, MANIFEST), {force: true});
  for (const {name, sql} of kept) await project.write(`${TREE}/${name}`, sql);
  await project.write(
    MANIFEST,
    JSON.stringify({formatVersion: 1, ...manifest, files: kept.map(({name}) => name).sort()}),
  );
}
