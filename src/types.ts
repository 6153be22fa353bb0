/** What more than one room of the program speaks of. Rows and settings keep the names of their columns. */

export type TargetKind = 'linked' | 'local' | 'url';

/**
 * How a connection is protected. `prefer`: encrypted where the server can, as libpq does without an sslmode.
 * `require`: encrypted, the server's identity not checked. `verify-ca`, `verify-full`: checked against `tlsRootCert` (a file) or the system's list.
 */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** As whom a connection is made. */
export interface Login {
  user: string;
  /** Asked for when the server wants one; null when there is none to be had. Never part of output. */
  password: () => Promise<string | null>;
  /** The role that everything is done as, for a login that was made for a short time; null where that is `user`. */
  role: string | null;
}

/** How the history of migrations in a database compares with the files of the project that a command was started in. */
export interface HistoryMatch {
  /** Migrations in the history. */
  applied: number;
  /** Those of them that the project has no file for. */
  unknown: number;
  /** Both have some, and share none. */
  otherProject: boolean;
}

/** The database that a command works on. */
export interface Target {
  kind: TargetKind;
  host: string;
  port: number;
  database: string;
  /** Whose rights the work is done with, as the server or its pooler names that role. */
  user: string;
  /** The project's reference on the platform, where the target is known to be such a project. */
  projectRef: string | null;
  tls: TlsMode;
  /** Path of the certificate that the server's is checked against. */
  tlsRootCert: string | null;
  /** Asked before each connection, and not earlier: it may make a login role for a short time. */
  login: () => Promise<Login>;
  /** The name that was given for a local stack. */
  stack?: string | undefined;
  /** Whether it is a stack of `[experimental] stack`, which `migration up` may not find. */
  managed?: boolean;
  /** Known once a connection is open, and only in a project. */
  history?: HistoryMatch;
}

/** A target as `--json` shows it. */
export interface TargetJson {
  kind: TargetKind;
  host: string;
  port: number;
  database: string;
  projectRef: string | null;
  /** Whether its migrations are those of another project than the one that the command was started in. */
  otherProject: boolean;
}

/** The part of a target that output may hold. */
export function targetJson({kind, host, port, database, projectRef, history}: Target): TargetJson {
  return {kind, host, port, database, projectRef, otherProject: history?.otherProject ?? false};
}

/** The settings, as the row of supasession.config holds them. */
export interface Settings {
  enabled: boolean;
  max_sessions: number;
  strategy: 'dequeue' | 'reject';
  eviction_order: 'oldest' | 'least_recently_used';
  mode: 'enforce' | 'observe';
  /** Intervals as Postgres prints them; null switches them off. */
  timebox: string | null;
  inactivity_timeout: string | null;
  low_aal_timeout: string | null;
  reject_in_hook: boolean;
  refusal_message: string;
  reject_ignores_idle: string | null;
  oauth_clients: 'ignore' | 'separate' | 'together';
  record_device_changes: boolean;
  record_events: boolean;
  events_retention: string;
}

export type SettingName = keyof Settings;

/** What the table starts with; what a database without supasession is judged by. */
export const DEFAULT_SETTINGS: Settings = {
  enabled: false,
  max_sessions: 1,
  strategy: 'dequeue',
  eviction_order: 'oldest',
  mode: 'enforce',
  timebox: null,
  inactivity_timeout: null,
  low_aal_timeout: null,
  reject_in_hook: false,
  refusal_message: 'Session limit of {limit} reached',
  reject_ignores_idle: '7 days',
  oauth_clients: 'ignore',
  record_device_changes: false,
  record_events: true,
  events_retention: '30 days',
};
/**
 * @param settings settings
 * @returns whether limits and deadlines are enforced
 */

export function inForce(settings: Pick<Settings, 'enabled' | 'mode'>): boolean {
  return settings.enabled && settings.mode === 'enforce';
}
