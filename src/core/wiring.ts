import type {DatabaseWiring} from '../db/status.js';
import type {ProjectConfig} from '../supabase/config.js';

/** Our schema, by the name that the Data API exposes it under. */
const SCHEMA = 'supasession';
/** As Auth's configuration names a function of the database; what stands for the host does not matter to it. */
const HOOK = /^pg-functions:\/\/[^/]*\/supasession\/access_token_hook\/?$/;

/** What ties us into a project; null where it cannot be known from here. */
export interface Wired {
  /** Whether Auth is configured to call our hook. */
  hook: boolean | null;
  /** The project's own hook that ours calls, as schema.function; null also for none. */
  nextHook: string | null;
  /** Whether the Data API is configured to ask the guard. */
  guard: boolean | null;
  /** Whether the Data API exposes our functions. */
  api: boolean | null;
}

/**
 * @param database what the database says; null without our SQL in it
 * @param config what the target is run with; null where that is not the project's file, as with a hosted project
 * @returns what is wired
 * @throws SupasessionError CONFIG_INVALID, ENV_NOT_SET
 */
export function wiring(database: DatabaseWiring | null, config: ProjectConfig | null): Wired {
  const hook = config?.accessTokenHook;
  // PostgREST takes what the role says before what it was started with.
  const schemas = database?.schemas ?? config?.apiSchemas;
  return {
    hook: config === null ? null : typeof hook === 'string' && HOOK.test(hook),
    nextHook: database?.nextHook ?? null,
    guard: database?.guard ?? null,
    api: schemas?.includes(SCHEMA) ?? null,
  };
}
