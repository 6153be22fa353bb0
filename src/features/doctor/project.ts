import path from 'node:path';

import {readHookFunction} from '../integration/queries.js';
import {readRoleSchemas} from '../../database/role-settings.js';
import type {ProjectConfig} from '../../supabase/config.js';
import type {Env, Project} from '../../supabase/project.js';
import type {Target} from '../../types.js';
import {findConfigSource, hookFunction} from '../integration/source.js';
import {
  authSettingsOfFile,
  authSettingsOfProject,
  judgeAuth,
  judgeAuthDrift,
  type AuthSettings,
  type AuthSource,
} from './auth.js';
import {attempt, found, lookAt, passed, type Finding, type Severity} from './finding.js';
import type {Inside} from './inside.js';
import {judgeWiring, judgeWiringDrift, type Configured, type WiredTo} from './integration.js';

/** How Auth and the Data API are configured, by one source. */
interface Configuration {
  auth: AuthSettings;
  wiring: Configured;
  source: AuthSource;
}

function ofFile(config: ProjectConfig, project: Project, ref: string | null): Configuration {
  const name = path.relative(project.root, project.configPath);
  return {
    auth: authSettingsOfFile(config),
    wiring: {where: name, hook: config.accessTokenHook, schemas: config.apiSchemas},
    source: {name, ref: null, read: ref === null ? 'supabase stop && supabase start' : 'supabase config push'},
  };
}

/** Null without an access token. */
async function ofHosted(target: Target, project: Project | null, env: Env): Promise<Configuration | null> {
  const {api, ref} = await findConfigSource(target, project, env);
  if (api === null || ref === null) return null;
  const [auth, {schemas}] = [await api.readAuthConfig(ref), await api.readDataApiConfig(ref)];
  const name = `project ${ref}`;
  const hook = {
    enabled: auth.hook_custom_access_token_enabled ?? false,
    uri: auth.hook_custom_access_token_uri || null,
  };
  return {auth: authSettingsOfProject(auth), wiring: {where: name, hook, schemas}, source: {name, ref, read: ''}};
}

async function readWiredTo({db, settings, schema, repair}: Inside, configured: Configured | null): Promise<WiredTo> {
  const named = configured !== null && configured.hook.enabled ? hookFunction(configured.hook.uri) : null;
  return {
    settings,
    schema,
    hookFunction: named === null ? null : (await readHookFunction(db, named)) !== null,
    roleSchemas: await readRoleSchemas(db),
    repair,
  };
}

/** That something was not compared with what is really configured. */
function notVerified(ref: string | null): Finding {
  return ref === null
    ? found('project', 'info', 'configuration', {
        detail: 'Not verified: how Auth and the Data API of this database are configured cannot be read from here.',
      })
    : found('project', 'info', 'hosted settings', {
        detail: `Not verified: there is no access token to ask project ${ref} with.`,
        fix: ['supabase login', 'Or set SUPABASE_ACCESS_TOKEN'],
      });
}

/** What the configuration of a target is looked up in. */
export interface ProjectSeen {
  project: Project | null;
  /** The project's file, as it counts for the target; null where there is none, or it cannot be read. */
  config: ProjectConfig | null;
  target: Target;
  env: Env;
  /** Null where the database was not reached. */
  inside: Inside | null;
}

/**
 * Looks at how Auth and the Data API are configured, and whether that fits what is in the database.
 * @param seen where to look
 * @returns what was found
 * @throws what `attempt` throws
 */
export async function lookAtProject({project, config, target, env, inside}: ProjectSeen): Promise<Finding[]> {
  const of = (check: string, severity: Severity) => ({area: 'project' as const, check, severity});
  const ref = target.projectRef;
  const file = await attempt(of('configuration', 'error'), target, async () =>
    config === null || project === null ? null : ofFile(config, project, ref),
  );
  const hosted = await attempt(of('hosted settings', 'warning'), target, async () =>
    ref === null ? null : ofHosted(target, project, env),
  );
  const counts = hosted.value ?? file.value;
  const unknown = hosted.value === null && hosted.failures.length === 0 && (ref !== null || target.kind === 'url');
  return [
    ...file.failures,
    ...hosted.failures,
    ...[file.value, hosted.value].flatMap((read) =>
      read === null ? [] : [passed('project', 'configuration', read.source.name)],
    ),
    ...(unknown ? [notVerified(ref)] : []),
    ...(counts === null ? [] : judgeAuth(counts.auth, counts.source, inside?.settings ?? null, target)),
    ...(inside === null
      ? []
      : await lookAt(of('wiring', 'error'), target, async () =>
          judgeWiring(counts?.wiring ?? null, await readWiredTo(inside, counts?.wiring ?? null), target),
        )),
    ...(file.value === null || hosted.value === null
      ? []
      : [
          judgeAuthDrift(file.value.auth, hosted.value.auth, file.value.source),
          ...judgeWiringDrift(file.value.wiring, hosted.value.wiring, target),
        ]),
  ];
}
