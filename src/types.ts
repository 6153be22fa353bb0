/** What more than one room of the program speaks of. Rows and settings keep the names of their columns. */

export type TargetKind = 'linked' | 'local' | 'url';

/**
 * How a connection is protected. `prefer`: encrypted where the server can, as libpq does without an sslmode.
 * `require`: encrypted, the server's identity not checked. `verify-ca`, `verify-full`: checked against `tlsRootCert` (a file) or the system's list.
 */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** The database that a command works on. */
export interface Target {
  kind: TargetKind;
  host: string;
  port: number;
  database: string;
  user: string;
  /** The project's reference on the platform, where the target is known to be such a project. */
  projectRef: string | null;
  tls: TlsMode;
  /** Path of the certificate that the server's is checked against. */
  tlsRootCert: string | null;
  /** Asked for when the server wants one; null when there is none to be had. Never part of output. */
  password: () => Promise<string | null>;
}

/** A target as `--json` shows it. */
export interface TargetJson {
  kind: TargetKind;
  host: string;
  port: number;
  database: string;
  projectRef: string | null;
}

/**
 * @param target any target
 * @returns the part of it that output may hold
 */
export function targetJson({kind, host, port, database, projectRef}: Target): TargetJson {
  return {kind, host, port, database, projectRef};
}

export const STRATEGIES = ['dequeue', 'reject'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const EVICTION_ORDERS = ['oldest', 'least_recently_used'] as const;
export type EvictionOrder = (typeof EVICTION_ORDERS)[number];

/** The settings, as the row of supasession.config holds them. */
export interface Settings {
  enabled: boolean;
  max_sessions: number;
  strategy: Strategy;
  eviction_order: EvictionOrder;
  enforce_on_refresh: boolean;
}

export type SettingName = keyof Settings;

/** What the table starts with; what a database without our SQL is judged against. */
export const DEFAULT_SETTINGS: Settings = {
  enabled: false,
  max_sessions: 1,
  strategy: 'dequeue',
  eviction_order: 'oldest',
  enforce_on_refresh: true,
};
