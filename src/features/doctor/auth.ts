import type {ProjectConfig} from '../../supabase/config.js';
import type {AuthConfig} from '../../supabase/management-api.js';
import type {Settings, Target} from '../../types.js';
import {signsOutAll} from '../settings/consequences.js';
import {inForce} from '../../types.js';
import {commandOn} from '../../database/target.js';
import {found, passed, type Finding} from './finding.js';

/** Auth's own settings, as far as they bear on sessions. Spans of time in seconds; null for none. */
export interface AuthSettings {
  jwtExpiry: number;
  rotation: boolean;
  reuseInterval: number;
  timebox: number | null;
  inactivityTimeout: number | null;
  singlePerUser: boolean;
}

/** The source of settings of Auth. */
export interface AuthSource {
  /** For messages: "supabase/config.toml", "project <ref>". */
  name: string;
  /** The hosted project; null for a file. */
  ref: string | null;
  /** For a file: the command that makes Auth read it. */
  read: string;
}

const UNITS: Readonly<Record<string, number>> = {
  ...{h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9},
};

/** config.toml writes spans of time as Go does; null for zero or none. */
function goSeconds(span: {text: string} | null): number | null {
  const parts = [...(span?.text ?? '').matchAll(/([\d.]+)(h|ms|m|s|us|µs|ns)/g)];
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0) || null;
}

/** @throws SupasessionError CONFIG_INVALID, ENV_NOT_SET */
export function authSettingsOfFile(config: ProjectConfig): AuthSettings {
  return {
    jwtExpiry: config.jwtExpiry,
    rotation: config.refreshTokenRotation,
    reuseInterval: config.refreshTokenReuseInterval,
    timebox: goSeconds(config.timebox),
    inactivityTimeout: goSeconds(config.inactivityTimeout),
    singlePerUser: false,
  };
}

export function authSettingsOfProject(auth: AuthConfig): AuthSettings {
  const hours = (number: number | null) => (number === null ? null : number * 3600 || null);
  return {
    jwtExpiry: auth.jwt_exp ?? 3600,
    rotation: auth.refresh_token_rotation_enabled ?? true,
    reuseInterval: auth.security_refresh_token_reuse_interval ?? 10,
    timebox: hours(auth.sessions_timebox),
    inactivityTimeout: hours(auth.sessions_inactivity_timeout),
    singlePerUser: auth.sessions_single_per_user ?? false,
  };
}

function setIt({ref, name, read}: AuthSource, section: string, line: string, page: string): string[] {
  return ref === null
    ? [`Set ${line} in [${section}] of ${name}, then: ${read}`]
    : [`Set it: https://supabase.com/dashboard/project/${ref}/${page}`];
}

function jwtExpiry({jwtExpiry: seconds}: AuthSettings, source: AuthSource): Finding {
  const fix = setIt(source, 'auth', 'jwt_expiry = 3600', 'settings/jwt');
  if (seconds < 300) {
    return found('project', 'warning', 'jwt_expiry', {
      detail: `${seconds} s in ${source.name}: every client refreshes its token all the time. 300 s is short enough.`,
      fix,
    });
  }

  if (seconds > 86_400) {
    return found('project', 'warning', 'jwt_expiry', {
      detail: `${seconds} s in ${source.name}: without the guard, an access token works for up to that long after its session has ended.`,
      fix,
    });
  }

  return passed('project', 'jwt_expiry', `${seconds} s`);
}

function refreshTokens({rotation, reuseInterval}: AuthSettings, source: AuthSource): Finding[] {
  if (!rotation) {
    return [
      found('project', 'warning', 'refresh token rotation', {
        detail: `It is off in ${source.name}: a stolen refresh token works unnoticed until its session ends.`,
        fix: setIt(source, 'auth', 'enable_refresh_token_rotation = true', 'auth/sessions'),
      }),
    ];
  }

  const fix = setIt(source, 'auth', 'refresh_token_reuse_interval = 10', 'auth/sessions');
  const reuse = 'refresh_token_reuse_interval';
  return [
    passed('project', 'refresh token rotation'),
    reuseInterval === 0
      ? found('project', 'warning', reuse, {
          detail: `0 s in ${source.name}: two tabs that refresh at once, or a lost response, sign the user out.`,
          fix,
        })
      : reuseInterval > 60
        ? found('project', 'warning', reuse, {
            detail: `${reuseInterval} s in ${source.name}: a stolen refresh token can be used beside the real one for that long.`,
            fix,
          })
        : passed('project', reuse, `${reuseInterval} s`),
  ];
}

/** A session is refreshed when its access token expires: a shorter timeout ends it while its user is at work. */
function inactivity(auth: AuthSettings, source: AuthSource, settings: Settings | null, target: Target): Finding[] {
  const found_ = [
    ...(auth.inactivityTimeout !== null && auth.inactivityTimeout <= auth.jwtExpiry
      ? [
          found('project', 'error', 'inactivity_timeout of Auth', {
            detail: `${auth.inactivityTimeout} s in ${source.name} is not longer than jwt_expiry (${auth.jwtExpiry} s): everybody is signed out when their token expires.`,
            fix: setIt(source, 'auth.sessions', 'inactivity_timeout to more than jwt_expiry', 'auth/sessions'),
          }),
        ]
      : []),
    ...(settings !== null && inForce(settings) && signsOutAll(settings, auth.jwtExpiry)
      ? [
          found('project', 'error', 'inactivity_timeout', {
            detail: `${settings.inactivity_timeout} is not longer than jwt_expiry (${auth.jwtExpiry} s in ${source.name}): everybody is signed out when their token expires.`,
            fix: [commandOn(target, 'config --inactivity <longer>')],
          }),
        ]
      : []),
  ];
  return found_.length > 0 ? found_ : [passed('project', 'inactivity_timeout')];
}

/** If both end sessions nothing breaks, but the history of supasession does not explain every sign-out. */
function ownLimits(auth: AuthSettings, source: AuthSource, settings: Settings | null): Finding[] {
  if (settings === null || !inForce(settings)) return [];
  const both = [
    ...(auth.timebox !== null && settings.timebox !== null ? ['timebox'] : []),
    ...(auth.inactivityTimeout !== null && settings.inactivity_timeout !== null ? ['inactivity_timeout'] : []),
    ...(auth.singlePerUser ? ['single_per_user'] : []),
  ];
  if (both.length === 0) return [passed('project', 'session limits of Auth')];
  return [
    found('project', 'info', 'session limits of Auth', {
      detail: `Auth sets ${both.join(' and ')} too (${source.name}): the stricter one applies, and the history of supasession does not record what Auth ends.`,
      fix: [
        source.ref === null
          ? `Remove it from [auth.sessions] of ${source.name}, then: ${source.read}`
          : `Switch it off: https://supabase.com/dashboard/project/${source.ref}/auth/sessions`,
      ],
    }),
  ];
}

/** `settings` of supasession; null if unknown. */
export function judgeAuth(
  auth: AuthSettings,
  source: AuthSource,
  settings: Settings | null,
  target: Target,
): Finding[] {
  return [
    jwtExpiry(auth, source),
    ...refreshTokens(auth, source),
    ...inactivity(auth, source, settings, target),
    ...ownLimits(auth, source, settings),
  ];
}

const LABELS = {
  jwtExpiry: 'jwt_expiry',
  rotation: 'enable_refresh_token_rotation',
  reuseInterval: 'refresh_token_reuse_interval',
  timebox: 'timebox',
  inactivityTimeout: 'inactivity_timeout',
} as const;

/** `source` of the file. */
export function judgeAuthDrift(file: AuthSettings, hosted: AuthSettings, source: AuthSource): Finding {
  const differing = (Object.keys(LABELS) as (keyof typeof LABELS)[]).filter((name) => file[name] !== hosted[name]);
  if (differing.length === 0) return passed('project', 'file and hosted project agree');
  const list = differing.map(
    (name) =>
      `${LABELS[name]} is ${String(file[name] ?? 'off')} in the file and ${String(hosted[name] ?? 'off')} in the project`,
  );
  return found('project', 'info', 'file and hosted project agree', {
    detail: `${source.name} differs from the hosted project, and "supabase config push" would apply the file: ${list.join('; ')}.`,
    fix: ["Make them equal, or move an intended difference to the project's [remotes.<name>] block"],
  });
}
