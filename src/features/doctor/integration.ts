import type {Settings, Target} from '../../types.js';
import {commandOn} from '../../database/target.js';
import {functionText, hookFunction, isOurs, OUR_SCHEMA, type HookSetting} from '../integration/source.js';
import {found, passed, type Finding, type Repair} from './finding.js';

export interface Configured {
  /** The source, for messages: "supabase/config.toml", "project <ref>". */
  where: string;
  hook: HookSetting;
  schemas: string[];
}

/** What the database has of what is configured. */
export interface WiredTo {
  settings: Settings | null;
  /** Whether schema supasession exists. */
  schema: boolean;
  /** Whether the function that the hook names exists; null if the hook is not in Postgres. */
  hookFunction: boolean | null;
  /** Set on the role of PostgREST, which takes precedence over the configuration; null if not set. */
  roleSchemas: string[] | null;
  /** What --fix can do to restore functions of supasession. */
  repair: Repair | null;
}

/** Every sign-in and every refresh calls the hook. */
function hookThere({where, hook}: Configured, database: WiredTo, target: Target): Finding {
  const check = 'hook and its function';
  const named = hook.enabled ? hookFunction(hook.uri) : null;
  // The address of an https hook may hold a secret.
  const said = named === null ? (hook.enabled ? 'not in Postgres' : 'off') : functionText(named);
  if (named === null || database.hookFunction !== false) return passed('project', check, said);
  const detail = `${where} has ${functionText(named)} as the access token hook, but the database has no such function: every sign-in and refresh fails.`;
  if (!isOurs(hook)) {
    return found('project', 'error', check, {
      detail,
      fix: [`Create ${functionText(named)}(jsonb), or disable the hook`],
    });
  }

  const {repair} = database;
  return found('project', 'error', check, {
    detail,
    fix: [
      commandOn(target, repair === null ? 'init --apply' : 'doctor --fix'),
      `Or disable the hook: ${commandOn(target, 'hook:disable')}`,
    ],
    repair,
  });
}

function refusals(configured: Configured | null, settings: Settings, target: Target): Finding {
  const check = 'refusals';
  if (configured === null) {
    if (!settings.reject_in_hook) return passed('project', check);
    return found('project', 'info', check, {
      detail:
        'reject_in_hook is on. Not verified: whether Auth calls the hook of supasession. If not, a refused sign-in is a 500.',
    });
  }

  const called = isOurs(configured.hook);
  if (settings.reject_in_hook && !called) {
    return found('project', 'error', check, {
      detail: `reject_in_hook is on, but ${configured.where} does not have the hook of supasession: every refused sign-in is a 500.`,
      fix: [commandOn(target, 'hook:enable'), `Or: ${commandOn(target, 'config --no-reject-in-hook')}`],
    });
  }

  if (!settings.reject_in_hook && called && settings.strategy === 'reject') {
    return found('project', 'info', check, {
      detail:
        'Auth calls the hook of supasession, but refusals do not go through it (reject_in_hook is off): the app gets a 500 without a reason.',
      fix: [commandOn(target, 'config --reject-in-hook')],
    });
  }

  return passed('project', check, called ? 'the hook of supasession is configured' : null);
}

/** PostgREST cannot build its cache while one of its schemas does not exist: PGRST002 to every request. */
function exposed(configured: Configured | null, {schema, roleSchemas}: WiredTo, target: Target): Finding[] {
  const schemas = roleSchemas ?? configured?.schemas ?? null;
  if (schemas === null) return [];
  const check = 'exposed schemas';
  if (schema || !schemas.includes(OUR_SCHEMA)) return [passed('project', check, schemas.join(', '))];
  const where = roleSchemas === null ? configured!.where : 'pgrst.db_schemas of role authenticator';
  return [
    found('project', 'error', check, {
      detail: `${where} exposes ${OUR_SCHEMA}, but the database has no such schema: every request of the Data API fails.`,
      fix: [
        commandOn(target, 'init --apply'),
        roleSchemas === null
          ? `Or stop exposing it: ${commandOn(target, 'api:disable')}`
          : `Or: alter role authenticator reset pgrst.db_schemas; notify pgrst, 'reload config';`,
      ],
    }),
  ];
}

/** `configured` is null if unknown. */
export function judgeWiring(configured: Configured | null, database: WiredTo, target: Target): Finding[] {
  return [
    ...(configured === null ? [] : [hookThere(configured, database, target)]),
    ...(database.settings === null ? [] : [refusals(configured, database.settings, target)]),
    ...exposed(configured, database, target),
  ];
}

/** Finds the parts of the integration that a push of the file would change. */
export function judgeWiringDrift(file: Configured, hosted: Configured, target: Target): Finding[] {
  const differing = [
    {part: 'hook', name: 'the access token hook of supasession', has: ({hook}: Configured) => isOurs(hook)},
    {part: 'api', name: `schema ${OUR_SCHEMA}`, has: ({schemas}: Configured) => schemas.includes(OUR_SCHEMA)},
  ].filter(({has}) => has(file) !== has(hosted));
  if (differing.length === 0) return [passed('project', 'integration in file and hosted project')];
  return differing.map(({part, name, has}) =>
    found('project', 'warning', `${part} in file and hosted project`, {
      detail: has(file)
        ? `${file.where} has ${name}, ${hosted.where} does not.`
        : `${hosted.where} has ${name}, ${file.where} does not: "supabase config push" would remove it.`,
      fix: [
        `${commandOn(target, `${part}:enable`)}${has(file) ? '' : ' --config-toml'}`,
        `Or: ${commandOn(target, `${part}:disable`)}${has(file) ? ' --config-toml' : ''}`,
      ],
    }),
  );
}
