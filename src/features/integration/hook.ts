import type {Connection} from '../../database/connection.js';
import {readAppliedMigrations} from '../../database/history.js';
import {currentSettings, writeSettings} from '../settings/index.js';
import {
  MIGRATION_NAMES,
  type MigrationStep,
  readHealth,
  readMigrations,
  requireInstalled,
  requireSavable,
  stepText,
} from '../install/index.js';
import {readHookFunction, readNextHook, type FunctionName} from './queries.js';
import {SupasessionError} from '../../errors.js';
import {settingPath, type TomlEdit} from '../../supabase/config-edit.js';
import {commandOn} from '../../database/target.js';
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
  type ConfigChange,
  type ConfigSource,
  type FileChange,
  type SwitchPlan,
  type SwitchRequest,
  type SwitchState,
} from './source.js';

export interface HookPlan extends SwitchPlan {
  /** The project's own hook: supasession's hook calls it, or Auth calls it again. */
  next: FunctionName | null;
  /** First: the migration that sets or clears the hook that supasession's hook calls; null if target and files already agree. */
  step: MigrationStep | null;
  /** Whether the target already has it, so that the configuration need not wait for the step. */
  wired: boolean;
  /** Second: whether to switch reject_in_hook off. */
  rejectInHook: boolean;
  /** A disabled hook in the configuration, which is overwritten. */
  replaced: string | null;
  /** What supasession's hook still calls after it has been disabled. */
  leftover: FunctionName | null;
  /** The project's own hook that is not restored, and why. */
  dropped: {hook: FunctionName; reason: string} | null;
  /** Whether the hook refuses nobody with the current settings. */
  idle: boolean;
}

/** The names that Auth accepts. */
const IDENTIFIER = /^[a-zA-Z_][a-zA-Z0-9_]{0,62}$/;

/** @throws SupasessionError USAGE */
export function parseHookName(text: string): FunctionName {
  const [schema = '', name = '', ...rest] = text.split('.');
  if (rest.length === 0 && IDENTIFIER.test(schema) && IDENTIFIER.test(name)) return {schema, name};
  throw new SupasessionError('USAGE', `"${text}" is not the name of a hook with its schema.`, {
    suggestions: ['--next-hook public.my_hook'],
  });
}

function nextHookStep(next: FunctionName | null): MigrationStep {
  const names = next === null ? 'null, null' : `'${next.schema}', '${next.name}'`;
  return {
    kind: 'hook',
    name: MIGRATION_NAMES.hook,
    lines:
      next === null
        ? [
            '-- Written by "supasession hook": supasession.access_token_hook calls no other hook.',
            '-- Apply it only if Auth does not call that hook, or if the project has no other hook.',
          ]
        : [
            `-- Written by "supasession hook enable": supasession.access_token_hook calls ${functionText(next)} and returns its answer.`,
            '-- It changes nothing if Auth does not call that hook.',
          ],
    sql: `select supasession._chain('access_token_hook', ${names});\n`,
  };
}

async function planStep(
  {project, connection}: SwitchRequest,
  present: FunctionName | null,
  next: FunctionName | null,
): Promise<{step: MigrationStep | null; wired: boolean}> {
  const wired = sameFunction(present, next);
  if (project === null) {
    if (wired) return {step: null, wired};
    throw new SupasessionError(
      'PROJECT_NOT_FOUND',
      "supasession's hook learns by a migration which hook to call, and there is no project here to write it to.",
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

/** Why a function cannot be called as an access token hook; null if it can. */
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

/** A URI without its path, which may be secret. */
function shownUri(uri: string): string {
  if (hookFunction(uri) !== null || !URL.canParse(uri)) return uri;
  const {protocol, host} = new URL(uri);
  return `${protocol}//${host}/...`;
}

function refusedHttp(uri: string, where: string): SupasessionError {
  return new SupasessionError(
    'WIRING_REFUSED',
    `The access token hook in ${where} is ${shownUri(uri)}, and Auth allows only one. supasession's hook can call a hook in Postgres, but not an https hook. Nothing was changed.`,
    {
      suggestions: [
        'Make it a Postgres function, configure that one, and run the command again: https://supabase.com/docs/guides/auth/auth-hooks/custom-access-token-hook',
        "Or keep it without supasession's hook: {bin} config --strategy dequeue refuses nobody; with reject the app gets an error 500",
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

function sourceName({ref, project}: ConfigSource, hosted: boolean): string {
  return hosted && ref !== null ? `hosted project ${ref}` : (project?.configPath ?? 'the configuration');
}

async function hookEdits({project, env, ref}: ConfigSource, uri: string | null): Promise<TomlEdit[]> {
  if (project === null) return [];
  const enabled = ['auth', 'hook', 'custom_access_token', 'enabled'];
  const at = await settingPath(project, env, enabled, {projectRef: ref ?? undefined});
  const table = at.slice(0, -1);
  // Without the key in the block that overrides the base, the base would count.
  const off = at.length > enabled.length ? false : undefined;
  return [
    {path: at, value: uri === null ? off : true},
    {path: [...table, 'uri'], value: uri ?? undefined},
  ];
}

/** Without a hook the URI stays, as the supabase CLI leaves it. */
function hostedChange({api, ref}: ConfigSource, uri: string | null): ConfigChange['send'] {
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

async function requireExecutable(connection: Connection): Promise<void> {
  const health = await readHealth(connection);
  const obstacle = health.find(({check, ok}) => check === 'hook executable by Auth' && !ok);
  if (obstacle === undefined) return;
  throw new SupasessionError('WIRING_REFUSED', `${obstacle.detail ?? obstacle.check}. Nothing was changed.`, {
    suggestions: [
      'grant usage on schema supasession to supabase_auth_admin; grant execute on function supasession.access_token_hook(jsonb), supasession._hook_answer(uuid) to supabase_auth_admin;',
    ],
  });
}

/**
 * The hook that supasession's hook calls: the named one, else the configured one, else the one that it calls already.
 * The last one stays because another environment may need it: all environments share the migrations.
 */
async function chooseNext(
  connection: Connection,
  hooks: {given: FunctionName | null; configured: FunctionName | null; called: FunctionName | null},
): Promise<FunctionName | null> {
  const {given, configured, called} = hooks;
  if (given !== null && configured !== null && !sameFunction(given, configured)) {
    throw new SupasessionError(
      'USAGE',
      `Auth calls ${functionText(configured)} now, and --next-hook names ${functionText(given)}. Nothing was changed.`,
      {suggestions: [`--next-hook ${functionText(configured)}`, 'Or leave it out: the configured one is kept']},
    );
  }

  const next = given ?? configured ?? called;
  if (next === null) return null;
  if (sameFunction(next, OUR_HOOK)) {
    throw new SupasessionError('USAGE', "supasession's hook cannot call itself.", {
      suggestions: ['Leave --next-hook out'],
    });
  }

  const problem = await obstacleOf(connection, next);
  if (problem === null) return next;
  throw new SupasessionError(
    'WIRING_REFUSED',
    `supasession's hook cannot call the project's own hook: ${problem.reason}. Nothing was changed.`,
    {suggestions: [problem.fix, ...(sameFunction(next, called) ? [unwireCommand(connection)] : [])]},
  );
}

async function enableInFile(source: ConfigSource, file: Awaited<ReturnType<typeof readFileHook>>): Promise<FileChange> {
  if (file === null || isOurs(file)) return planFileChange(source, []);
  if (file.secrets) {
    throw new SupasessionError(
      'WIRING_REFUSED',
      `${sourceName(source, false)} sets auth.hook.custom_access_token.secrets, which the supabase CLI accepts only for an https hook. Nothing was changed.`,
      {suggestions: ['Remove that line, and run the command again']},
    );
  }

  return planFileChange(source, await hookEdits(source, hookUri(OUR_HOOK)));
}

function stateOf(hook: HookSetting | null): SwitchState | null {
  return hook === null ? null : isOurs(hook) ? 'enabled' : 'disabled';
}

function replacedBy(hook: HookSetting | null): string | null {
  const replaced = hook !== null && !hook.enabled && hook.uri !== null && hook.uri !== hookUri(OUR_HOOK);
  return replaced ? shownUri(hook.uri!) : null;
}

async function refusesNobody(connection: Connection): Promise<boolean> {
  const {settings} = await currentSettings(connection);
  if (settings?.strategy === 'reject') return false;
  const {rows} = await connection.query<{rejects: boolean}>(
    "select exists (select from supasession.rules where strategy = 'reject') as rejects",
  );
  return !rows[0]!.rejects;
}

/** `given`: the hook of --next-hook. */
export async function planHookEnable(request: SwitchRequest, given: FunctionName | null): Promise<HookPlan> {
  const {project, connection, env} = request;
  await requireInstalled(connection);
  await requireExecutable(connection);
  const source = await findConfigSource(connection.target, project, env);
  // After a db reset the hook must still exist, or every sign-in fails.
  if (source.project !== null) requireSavable(await readMigrations(source.project));

  const [inForce, file, called] = [await readHook(source), await readFileHook(source), await readNextHook(connection)];
  const fileOwn = ownHook(file, sourceName(source, false));
  const configured = inForce === null ? fileOwn : ownHook(inForce, sourceName(source, true));
  const next = await chooseNext(connection, {given, configured, called});
  const {step, wired} = await planStep(request, called, next);
  const {edit, byHand} = await enableInFile(source, file);
  const present = stateOf(inForce);
  return {
    wanted: 'enabled',
    ...{present, where: source.where, next, step, wired, edit, byHand},
    rejectInHook: false,
    send: present === 'enabled' ? null : hostedChange(source, hookUri(OUR_HOOK)),
    replaced: replacedBy(inForce ?? file),
    leftover: null,
    dropped: null,
    idle: await refusesNobody(connection),
    needed: present !== 'enabled' || step !== null || edit !== null || byHand !== null,
  };
}

/**
 * The project's own hook stays registered in the database until Auth has been restarted: until then Auth still calls supasession's
 * hook, which must go on calling the project's own.
 * @param restarted whether Auth has been restarted without supasession's hook
 */
export async function planHookDisable(request: SwitchRequest, restarted: boolean): Promise<HookPlan> {
  const {project, connection, env} = request;
  const {installed, settings} = await currentSettings(connection);
  const ours = installed.version !== null;
  const source = await findConfigSource(connection.target, project, env);
  const [inForce, file] = [await readHook(source), await readFileHook(source)];
  const present = stateOf(inForce);
  if (restarted && present === 'enabled') {
    throw new SupasessionError(
      'USAGE',
      "Auth is still configured to call supasession's hook, so it cannot have been restarted without it.",
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
  const {edit, byHand} = await planFileChange(source, changesFile ? await hookEdits(source, uri) : []);
  const {step, wired} = restarted && ours ? await planStep(request, called, null) : {step: null, wired: true};
  const rejectInHook = ours && settings?.reject_in_hook === true;
  return {
    wanted: 'disabled',
    present,
    where: source.where,
    next,
    step,
    wired,
    rejectInHook,
    send: present === 'disabled' ? null : hostedChange(source, uri),
    edit,
    byHand,
    replaced: null,
    leftover: restarted ? null : called,
    idle: false,
    dropped: called === null || problem === null ? null : {hook: called, reason: problem.reason},
    needed: present !== 'disabled' || step !== null || edit !== null || byHand !== null || rejectInHook,
  };
}

function disableCommand({target}: Connection): string {
  return commandOn(target, 'hook:disable');
}

/** Works only after Auth has been restarted without supasession's hook. */
function unwireCommand(connection: Connection): string {
  return `${disableCommand(connection)} --auth-restarted --apply`;
}

/** Refusals are exceptions again, which need no hook. */
export async function rejectWithoutHook(connection: Connection): Promise<void> {
  await writeSettings(connection, {reject_in_hook: false});
}

/** @throws SupasessionError CLI_FAILED if the database has another hook after applying */
export async function checkNextHook(connection: Connection, next: FunctionName | null): Promise<void> {
  if (sameFunction(await readNextHook(connection), next)) return;
  throw new SupasessionError(
    'CLI_FAILED',
    `The supabase CLI reported success, but in the database supasession's hook ${next === null ? 'still calls another hook' : `does not call ${functionText(next)}`}.`,
    {suggestions: ['{supabase} migration list']},
  );
}

/** Reads the configuration back, because an environment variable may override the file. False if it cannot be known. */
export async function isHookConfigured(
  {project, connection, env}: SwitchRequest,
  wanted: SwitchState,
): Promise<boolean> {
  const hook = await readHook(await findConfigSource(connection.target, project, env));
  return hook !== null && isOurs(hook) === (wanted === 'enabled');
}
