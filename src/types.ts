/** Types that several parts of the program share. Rows and settings keep the names of their columns. */

export type TargetKind = 'linked' | 'local' | 'url';

/**
 * How a connection is protected. `prefer`: encrypted if the server can, as libpq does without an sslmode.
 * `require`: encrypted, the server's identity not checked. `verify-ca`, `verify-full`: checked against `tlsRootCert` (a file) or the system's list.
 */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** Who connects. */
export interface Login {
  user: string;
  /** Called if the server requires one; null if there is none. Never part of output. */
  password: () => Promise<string | null>;
  /** The role to work as with a temporary login; null if that is `user`. */
  role: string | null;
}

/** The database's migration history, compared with the project's files. */
export interface HistoryMatch {
  /** Migrations in the history. */
  applied: number;
  /** Those without a file in the project. */
  unknown: number;
  /** Both have some, and share none. */
  otherProject: boolean;
}

export interface Target {
  kind: TargetKind;
  host: string;
  port: number;
  database: string;
  /** The role to connect as, as the server or its pooler names it. */
  user: string;
  /** The reference of a hosted project; null for any other target. */
  projectRef: string | null;
  tls: TlsMode;
  /** Path of the root certificate. */
  tlsRootCert: string | null;
  /** Called before each connection, and not earlier: it may create a temporary login role. */
  login: () => Promise<Login>;
  /** The reference was given, as in --remote=<ref>: the project may be linked to another one. */
  named?: boolean;
  /** The local stack of --stack. */
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
  /** Whether its migration history belongs to another project than the command's. */
  otherProject: boolean;
}

/** The part of a target that output may hold. */
export function targetJson({kind, host, port, database, projectRef, history}: Target): TargetJson {
  return {kind, host, port, database, projectRef, otherProject: history?.otherProject ?? false};
}

/** The row of supasession.config. */
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

/** What the table starts with. */
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

/** Whether limits and deadlines are enforced. */
export function inForce(settings: Pick<Settings, 'enabled' | 'mode'>): boolean {
  return settings.enabled && settings.mode === 'enforce';
}
