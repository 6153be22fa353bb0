import path from 'node:path';

import {readHookFunction} from '../integration/queries.js';
import {readRoleSchemas} from '../../database/role-settings.js';
import type {ProjectConfig} from '../../supabase/config.js';
import type {Env, Project} from '../../supabase/project.js';
import type {Target} from '../../types.js';
import {findConfigSource, hookFunction} from '../integration/source.js';
import {RESTART} from '../integration/text.js';
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

/** How one source configures Auth and the Data API. */
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
    source: {name, ref: null, read: ref === null ? RESTART : '{supabase} config push'},
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

function notVerified(ref: string | null): Finding {
  return ref === null
    ? found('project', 'info', 'configuration', {
        detail: 'Not verified: the configuration of Auth and the Data API cannot be read from here.',
      })
    : found('project', 'info', 'hosted settings', {
        detail: `Not verified: there is no access token to read the settings of project ${ref}.`,
        fix: ['{supabase} login', 'Or set SUPABASE_ACCESS_TOKEN'],
      });
}

export interface ProjectSeen {
  project: Project | null;
  /** The project's file, with the target's [remotes] block; null if there is none, or it cannot be read. */
  config: ProjectConfig | null;
  target: Target;
  env: Env;
  /** Null if the database was not reached. */
  inside: Inside | null;
}

/** Checks how Auth and the Data API are configured, and whether the database has what they call. Throws what `attempt` throws. */
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
      : await lookAt(of('integration', 'error'), target, async () =>
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
