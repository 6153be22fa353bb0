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

/** Where settings of Auth are from. */
export interface AuthSource {
  /** For messages: "supabase/config.toml", "project <ref>". */
  name: string;
  /** The hosted project; null for a file. */
  ref: string | null;
  /** Of a file: what makes Auth read it. */
  read: string;
}

const UNITS: Readonly<Record<string, number>> = {
  ...{h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9},
};

/** Seconds of a span as Go writes it, and config.toml with it; null for none at all. */
function goSeconds(span: {text: string} | null): number | null {
  const parts = [...(span?.text ?? '').matchAll(/([\d.]+)(h|ms|m|s|us|µs|ns)/g)];
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0) || null;
}

/**
 * @param config a project's configuration
 * @returns what it makes of Auth
 * @throws SupasessionError CONFIG_INVALID, ENV_NOT_SET
 */
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

/**
 * @param auth a hosted project's settings
 * @returns the same in our words
 */
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
      detail: `${seconds} s in ${source.name}: every client refreshes its token all the time. 300 s are short enough.`,
      fix,
    });
  }

  if (seconds > 86_400) {
    return found('project', 'warning', 'jwt_expiry', {
      detail: `${seconds} s in ${source.name}: for so long an access token works after its session has ended, wherever the guard does not stand.`,
      fix,
    });
  }

  return passed('project', 'jwt_expiry', `${seconds} s`);
}

function refreshTokens({rotation, reuseInterval}: AuthSettings, source: AuthSource): Finding[] {
  if (!rotation) {
    return [
      found('project', 'warning', 'refresh token rotation', {
        detail: `It is off in ${source.name}: a stolen refresh token works until its session ends, and nobody notices.`,
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
          detail: `0 s in ${source.name}: two tabs that refresh at once, or an answer that gets lost, sign the user out.`,
          fix,
        })
      : reuseInterval > 60
        ? found('project', 'warning', reuse, {
            detail: `${reuseInterval} s in ${source.name}: for so long a stolen refresh token can be used beside the real one.`,
            fix,
          })
        : passed('project', reuse, `${reuseInterval} s`),
  ];
}

/** A session is refreshed when its access token runs out. */
function inactivity(auth: AuthSettings, source: AuthSource, ours: Settings | null, target: Target): Finding[] {
  const found_ = [
    ...(auth.inactivityTimeout !== null && auth.inactivityTimeout <= auth.jwtExpiry
      ? [
          found('project', 'error', 'inactivity_timeout of Auth', {
            detail: `${auth.inactivityTimeout} s in ${source.name}, not longer than jwt_expiry (${auth.jwtExpiry} s): everybody is signed out when their token runs out.`,
            fix: setIt(source, 'auth.sessions', 'inactivity_timeout to more than jwt_expiry', 'auth/sessions'),
          }),
        ]
      : []),
    ...(ours !== null && inForce(ours) && signsOutAll(ours, auth.jwtExpiry)
      ? [
          found('project', 'error', 'inactivity_timeout', {
            detail: `Ours (${ours.inactivity_timeout}) is not longer than jwt_expiry (${auth.jwtExpiry} s in ${source.name}): everybody is signed out when their token runs out.`,
            fix: [commandOn(target, 'config --inactivity <longer>')],
          }),
        ]
      : []),
  ];
  return found_.length > 0 ? found_ : [passed('project', 'inactivity_timeout')];
}

/** Two who end sessions: nothing breaks, but whoever looks for the reason of a sign-out looks in the wrong place. */
function rulers(auth: AuthSettings, source: AuthSource, ours: Settings | null): Finding[] {
  if (ours === null || !inForce(ours)) return [];
  const both = [
    ...(auth.timebox !== null && ours.timebox !== null ? ['timebox'] : []),
    ...(auth.inactivityTimeout !== null && ours.inactivity_timeout !== null ? ['inactivity_timeout'] : []),
    ...(auth.singlePerUser ? ['single_per_user'] : []),
  ];
  if (both.length === 0) return [passed('project', 'one ruler over sessions')];
  return [
    found('project', 'info', 'one ruler over sessions', {
      detail: `Auth has ${both.join(' and ')} too (${source.name}): whichever is stricter counts, and what Auth ends our history does not know.`,
      fix: [
        source.ref === null
          ? `Remove it from [auth.sessions] of ${source.name}, then: ${source.read}`
          : `Switch it off: https://supabase.com/dashboard/project/${source.ref}/auth/sessions`,
      ],
    }),
  ];
}

/**
 * @param auth Auth's settings
 * @param source where they are from
 * @param ours our settings; null where they are not known
 * @param target where
 * @returns what of them is dangerous to sessions
 */
export function judgeAuth(auth: AuthSettings, source: AuthSource, ours: Settings | null, target: Target): Finding[] {
  return [
    jwtExpiry(auth, source),
    ...refreshTokens(auth, source),
    ...inactivity(auth, source, ours, target),
    ...rulers(auth, source, ours),
  ];
}

const LABELS = {
  jwtExpiry: 'jwt_expiry',
  rotation: 'enable_refresh_token_rotation',
  reuseInterval: 'refresh_token_reuse_interval',
  timebox: 'timebox',
  inactivityTimeout: 'inactivity_timeout',
} as const;

/**
 * @param file Auth's settings by the project's file
 * @param hosted by the hosted project
 * @param source where the file's are from
 * @returns in what they differ
 */
export function judgeAuthDrift(file: AuthSettings, hosted: AuthSettings, source: AuthSource): Finding {
  const differing = (Object.keys(LABELS) as (keyof typeof LABELS)[]).filter((name) => file[name] !== hosted[name]);
  if (differing.length === 0) return passed('project', 'file and hosted project agree');
  const list = differing.map(
    (name) =>
      `${LABELS[name]} is ${String(file[name] ?? 'off')} there and ${String(hosted[name] ?? 'off')} in the project`,
  );
  return found('project', 'info', 'file and hosted project agree', {
    detail: `${source.name} differs from the hosted project, and "supabase config push" would bring its values: ${list.join('; ')}.`,
    fix: ["Make them alike; what shall differ on purpose belongs into the project's [remotes.<name>] block"],
  });
}
