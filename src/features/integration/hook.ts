import type {Connection} from '../../database/connection.js';
import {readAppliedMigrations} from '../../database/history.js';
import {currentSettings, writeSettings} from '../settings/index.js';
import {
  MIGRATION_NAMES,
  type MigrationStep,
  readHealth,
  readMigrations,
  requireOurs,
  requireSavable,
  stepText,
} from '../install/index.js';
import {readHookFunction, readNextHook, type FunctionName} from './queries.js';
import {SupasessionError} from '../../errors.js';
import {settingPath, type ConfigEdit, type TomlEdit} from '../../supabase/config-edit.js';
import type {Env, Project} from '../../supabase/project.js';
import {targetFlag} from '../../database/target.js';
import {
  findConfigSource,
  functionText,
  hookFunction,
  hookUri,
  isOurs,
  notTaken,
  OUR_HOOK,
  planFileChange,
  readFileHook,
  readHook,
  sameFunction,
  type HookSetting,
  type WiringChange,
  type ConfigSource,
  type WiringWhere,
} from './source.js';

export type HookState = 'disabled' | 'enabled';

/** A switch of the hook, judged before it is made. Its parts are done in this order, so that a failure after any of them is safe. */
export interface HookPlan {
  wanted: HookState;
  /** How Auth is configured now; null where that cannot be known. */
  present: HookState | null;
  where: WiringWhere;
  /** The project's own hook: what ours calls, or what Auth calls again. */
  next: FunctionName | null;
  /** First: what makes ours call another one, or none; null where the target and the files are like this already. */
  step: MigrationStep | null;
  /** Whether the target has it already, so that what follows need not wait for the step. */
  wired: boolean;
  /** Second: whether refusals are taken back from the hook. */
  rejectInHook: boolean;
  /** Third: how the Management API changes. */
  send: WiringChange['send'];
  /** Last: how config.toml changes. */
  edit: ConfigEdit | null;
  /** What to change in a file that we do not edit. */
  byHand: string | null;
  /** A hook that stands there switched off, and is written over. */
  replaced: string | null;
  /** What ours still calls after it has been taken out. */
  leftover: FunctionName | null;
  /** The project's own hook that is not put back, and why. */
  dropped: {hook: FunctionName; reason: string} | null;
  /** Whether anything is left to do. */
  needed: boolean;
}

/** What a switch of the hook is planned from. */
export interface HookRequest {
  /** Null where there is none, which only a target of another kind than local can do with. */
  project: Project | null;
  connection: Connection;
  env: Env;
}

/** How the project's own hooks can be named: as Auth takes them. */
const IDENTIFIER = /^[a-zA-Z_][a-zA-Z0-9_]{0,62}$/;

/**
 * @param text what --next-hook was given
 * @returns the function
 * @throws SupasessionError USAGE
 */
export function parseHookName(text: string): FunctionName {
  const [schema = '', name = '', ...rest] = text.split('.');
  if (rest.length === 0 && IDENTIFIER.test(schema) && IDENTIFIER.test(name)) return {schema, name};
  throw new SupasessionError('USAGE', `"${text}" is not the name of a hook with its schema, as Auth takes it.`, {
    suggestions: ['--next-hook public.my_hook'],
  });
}

/** @returns the migration that makes ours call a hook of the project's own, or none */
function nextHookStep(next: FunctionName | null): MigrationStep {
  const names = next === null ? 'null, null' : `'${next.schema}', '${next.name}'`;
  return {
    kind: 'hook',
    name: MIGRATION_NAMES.hook,
    lines:
      next === null
        ? [
            '-- Written by "supasession hook": our access token hook calls no other one.',
            '-- To be applied where Auth does not call ours, or where there is no other one.',
          ]
        : [
            `-- Written by "supasession hook enable": our access token hook calls ${functionText(next)} and hands its answer on.`,
            '-- It changes nothing where Auth does not call ours.',
          ],
    sql: `select supasession._chain('access_token_hook', ${names});\n`,
  };
}

/** What has to be done so that target and files have a hook as the one that ours calls. */
async function planStep(
  {project, connection}: HookRequest,
  present: FunctionName | null,
  next: FunctionName | null,
): Promise<{step: MigrationStep | null; wired: boolean}> {
  const wired = sameFunction(present, next);
  if (project === null) {
    if (wired) return {step: null, wired};
    throw new SupasessionError(
      'PROJECT_NOT_FOUND',
      'A migration wires the hook that ours calls, and there is no project here to write it to.',
      {
        suggestions: ['Run the command in the folder of the project, or give --workdir'],
      },
    );
  }

  const migrations = await readMigrations(project);
  const step = nextHookStep(next);
  const newest = migrations.active.findLast(({name}) => name === step.name);
  const said = newest?.text === stepText(step);
  if (wired && (said || (newest === undefined && next === null))) return {step: null, wired};
  requireSavable(migrations);
  const had = said && (await readAppliedMigrations(connection)).includes(newest.version);
  return {step: {...step, again: had && !wired}, wired};
}

/** @returns why a function cannot be called as an access token hook; null where it can */
async function obstacleOf(connection: Connection, hook: FunctionName): Promise<{reason: string; fix: string} | null> {
  const name = functionText(hook);
  const found = await readHookFunction(connection, hook);
  if (found === null)
    return {reason: `there is no function ${name}(jsonb)`, fix: `Create ${name}(jsonb), returning jsonb`};
  if (!found.returnsJsonb)
    return {reason: `${name}(jsonb) does not return jsonb`, fix: `Let ${name}(jsonb) return jsonb`};
  if (found.executable) return null;
  return {
    reason: `supabase_auth_admin may not call ${name}(jsonb)`,
    fix: `grant usage on schema ${hook.schema} to supabase_auth_admin; grant execute on function ${name}(jsonb) to supabase_auth_admin;`,
  };
}

/** A URI without what may be secret in it, as a whole path can be. */
function shownUri(uri: string): string {
  if (hookFunction(uri) !== null || !URL.canParse(uri)) return uri;
  const {protocol, host} = new URL(uri);
  return `${protocol}//${host}/...`;
}

function refusedHttp(uri: string, where: string): SupasessionError {
  return new SupasessionError(
    'WIRING_REFUSED',
    `The access token hook in ${where} is ${shownUri(uri)}, and only one can be configured. Ours goes on to a hook in Postgres, but Postgres cannot call an https one. Nothing was changed.`,
    {
      suggestions: [
        'Make it a Postgres function, configure that one, and run the command again: https://supabase.com/docs/guides/auth/auth-hooks/custom-access-token-hook',
        'Or keep it, and do without: {bin} config --strategy dequeue refuses nobody; with reject the app gets an error 500',
      ],
    },
  );
}

/** The project's own hook in a configuration, if any. */
function ownHook(hook: HookSetting | null, where: string): FunctionName | null {
  if (hook === null || !hook.enabled || isOurs(hook)) return null;
  const own = hookFunction(hook.uri);
  if (own === null) throw refusedHttp(hook.uri ?? 'not set', where);
  return own;
}

function placeName({ref, project}: ConfigSource, hosted: boolean): string {
  return hosted && ref !== null ? `hosted project ${ref}` : (project?.configPath ?? 'the configuration');
}

/** The keys of the hook as `planFileChange` takes them. */
async function hookEdits({project, env, ref}: ConfigSource, uri: string | null): Promise<TomlEdit[]> {
  if (project === null) return [];
  const enabled = ['auth', 'hook', 'custom_access_token', 'enabled'];
  const at = await settingPath(project, env, enabled, {projectRef: ref ?? undefined});
  const table = at.slice(0, -1);
  // Taken out of a block that overrides the base, the base would count.
  const off = at.length > enabled.length ? false : undefined;
  return [
    {path: at, value: uri === null ? off : true},
    {path: [...table, 'uri'], value: uri ?? undefined},
  ];
}

/** How the Management API is told. Without a hook the URI stays, as the supabase CLI leaves it. */
function hostedChange({api, ref}: ConfigSource, uri: string | null): WiringChange['send'] {
  if (api === null || ref === null) return null;
  return async () => {
    await api.updateAuthConfig(
      ref,
      uri === null
        ? {hook_custom_access_token_enabled: false}
        : {hook_custom_access_token_enabled: true, hook_custom_access_token_uri: uri},
    );
    const now = await api.readAuthConfig(ref);
    const taken =
      uri === null
        ? now.hook_custom_access_token_enabled !== true
        : now.hook_custom_access_token_enabled === true && now.hook_custom_access_token_uri === uri;
    if (!taken) throw notTaken(ref, 'its access token hook');
  };
}

/**
 * Looks at how the hook stands, and what has to be done so that Auth calls ours.
 * @param request where
 * @param given the hook that ours shall call in turn, where it was named; else the one that is configured
 * @returns what is to be done
 * @throws SupasessionError AUTH_SCHEMA_MISSING, NOT_INSTALLED, NEWER_RELEASE, PROJECT_NOT_FOUND; USAGE for another hook than the configured one;
 *   WIRING_REFUSED where ours, or the project's own, could not be called; what reading the configuration throws
 */
export async function planHookEnable(request: HookRequest, given: FunctionName | null): Promise<HookPlan> {
  const {project, connection, env} = request;
  await requireOurs(connection);
  const health = await readHealth(connection);
  const obstacle = health.find(({check, ok}) => check === 'hook executable by Auth' && !ok);
  if (obstacle !== undefined) {
    throw new SupasessionError('WIRING_REFUSED', `${obstacle.detail ?? obstacle.check}. Nothing was changed.`, {
      suggestions: [
        'grant usage on schema supasession to supabase_auth_admin; grant execute on function supasession.access_token_hook(jsonb), supasession._hook_answer(uuid) to supabase_auth_admin;',
      ],
    });
  }

  const place = await findConfigSource(connection.target, project, env);
  // What Auth is told to call has to be there after a db reset, too.
  if (place.project !== null) requireSavable(await readMigrations(place.project));

  const [inForce, file, wiredNext] = [await readHook(place), await readFileHook(place), await readNextHook(connection)];
  const fileOwn = ownHook(file, placeName(place, false));
  const configured = inForce === null ? fileOwn : ownHook(inForce, placeName(place, true));
  if (given !== null && configured !== null && !sameFunction(given, configured)) {
    throw new SupasessionError(
      'USAGE',
      `Auth calls ${functionText(configured)} now, and --next-hook names ${functionText(given)}. Nothing was changed.`,
      {suggestions: [`--next-hook ${functionText(configured)}`, 'Or leave it out: the configured one is kept']},
    );
  }

  // What another environment has been given stays: migrations are the same for all of them.
  const next = given ?? configured ?? wiredNext;
  if (next !== null) {
    if (sameFunction(next, OUR_HOOK)) {
      throw new SupasessionError('USAGE', 'Our hook cannot call itself.', {suggestions: ['Leave --next-hook out']});
    }

    const problem = await obstacleOf(connection, next);
    if (problem !== null) {
      throw new SupasessionError(
        'WIRING_REFUSED',
        `Ours cannot go on to the project's own hook: ${problem.reason}. Nothing was changed.`,
        {suggestions: [problem.fix, ...(sameFunction(next, wiredNext) ? [unwireCommand(connection)] : [])]},
      );
    }
  }

  const {step, wired} = await planStep(request, wiredNext, next);
  const uri = hookUri(OUR_HOOK);
  const changesFile = file !== null && !isOurs(file);
  if (changesFile && file.secrets) {
    throw new SupasessionError(
      'WIRING_REFUSED',
      `auth.hook.custom_access_token.secrets stands in ${placeName(place, false)}: the supabase CLI takes secrets for an https hook only. Nothing was changed.`,
      {suggestions: ['Remove that line, and run the command again']},
    );
  }

  const {edit, byHand} = await planFileChange(place, changesFile ? await hookEdits(place, uri) : []);
  const present = inForce === null ? null : isOurs(inForce) ? 'enabled' : 'disabled';
  const send = present === 'enabled' ? null : hostedChange(place, uri);
  const off = inForce ?? file;
  return {
    wanted: 'enabled',
    present,
    where: place.where,
    next,
    step,
    wired,
    rejectInHook: false,
    send,
    edit,
    byHand,
    replaced: off !== null && !off.enabled && off.uri !== null && off.uri !== uri ? shownUri(off.uri) : null,
    leftover: null,
    dropped: null,
    needed: present !== 'enabled' || step !== null || edit !== null || byHand !== null,
  };
}

/**
 * Looks at how the hook stands, and what has to be done so that Auth no longer calls ours. What ours called in turn stays in the database until Auth
 * has been restarted: the running one still calls ours, and the project's own hook must not be left out meanwhile.
 * @param request where; our SQL need not be there
 * @param restarted whether Auth has been restarted without ours
 * @returns what is to be done
 * @throws SupasessionError AUTH_SCHEMA_MISSING, PROJECT_NOT_FOUND; USAGE where Auth cannot have been restarted without ours; what reading the
 *   configuration throws
 */
export async function planHookDisable(request: HookRequest, restarted: boolean): Promise<HookPlan> {
  const {project, connection, env} = request;
  const {installed, settings} = await currentSettings(connection);
  const ours = installed.version !== null;
  const place = await findConfigSource(connection.target, project, env);
  const [inForce, file] = [await readHook(place), await readFileHook(place)];
  const present = inForce === null ? null : isOurs(inForce) ? 'enabled' : 'disabled';
  if (restarted && present === 'enabled') {
    throw new SupasessionError(
      'USAGE',
      'Auth is still configured to call our hook, so it cannot have been restarted without it.',
      {
        suggestions: [disableCommand(connection)],
      },
    );
  }

  const called = ours ? await readNextHook(connection) : null;
  const problem = called === null ? null : await obstacleOf(connection, called);
  const next = problem === null ? called : null;
  const uri = next === null ? null : hookUri(next);
  const changesFile = file !== null && isOurs(file);
  const {edit, byHand} = await planFileChange(place, changesFile ? await hookEdits(place, uri) : []);
  const {step, wired} = restarted && ours ? await planStep(request, called, null) : {step: null, wired: true};
  const rejectInHook = ours && settings?.reject_in_hook === true;
  return {
    wanted: 'disabled',
    present,
    where: place.where,
    next,
    step,
    wired,
    rejectInHook,
    send: present === 'disabled' ? null : hostedChange(place, uri),
    edit,
    byHand,
    replaced: null,
    leftover: restarted ? null : called,
    dropped: called === null || problem === null ? null : {hook: called, reason: problem.reason},
    needed: present !== 'disabled' || step !== null || edit !== null || byHand !== null || rejectInHook,
  };
}

/** @returns what to type to take the hook out of a target */
function disableCommand({target}: Connection): string {
  const flag = targetFlag(target);
  return `{bin} hook:disable${flag === '' ? '' : ` ${flag}`}`;
}

/** @returns what to type where ours shall call no other hook, once Auth has been restarted without ours */
function unwireCommand(connection: Connection): string {
  return `${disableCommand(connection)} --auth-restarted --apply`;
}

/**
 * Lets refusals be exceptions again, which needs no hook.
 * @param connection an open connection to a database that has our SQL
 */
export async function takeRefusalsBack(connection: Connection): Promise<void> {
  await writeSettings(connection, {reject_in_hook: false});
}

/**
 * Looks whether applying has done it.
 * @param connection an open connection
 * @param next the hook that ours shall call
 * @throws SupasessionError CLI_FAILED
 */
export async function checkNextHook(connection: Connection, next: FunctionName | null): Promise<void> {
  if (sameFunction(await readNextHook(connection), next)) return;
  throw new SupasessionError(
    'CLI_FAILED',
    `The supabase CLI reported success, but in the database our hook does not call ${next === null ? 'none' : functionText(next)}.`,
    {suggestions: ['supabase migration list']},
  );
}

/**
 * Looks whether the project's file says now what it is to say: a variable of the environment beats it.
 * @param request where
 * @param wanted how the hook is to be
 * @returns whether it does; false where the configuration cannot be known
 */
export async function isHookConfigured({project, connection, env}: HookRequest, wanted: HookState): Promise<boolean> {
  const hook = await readHook(await findConfigSource(connection.target, project, env));
  return hook !== null && isOurs(hook) === (wanted === 'enabled');
}
