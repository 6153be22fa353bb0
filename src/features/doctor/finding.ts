import {isConnectionLost, toSupasessionError} from '../../database/errors.js';
import {SupasessionError} from '../../errors.js';
import type {Target} from '../../types.js';

export const AREAS = ['project', 'migrations', 'database', 'cli'] as const;
export type Area = (typeof AREAS)[number];

export type Severity = 'error' | 'info' | 'warning';

/** pre-request: --fix resets a leftover setting; installation: it runs the installed SQL again. */
export type Repair = 'installation' | 'pre-request';

export interface Finding {
  area: Area;
  check: string;
  ok: boolean;
  /** `info` if `ok`. */
  severity: Severity;
  /** What is wrong; if `ok`, what is worth knowing. */
  detail: string | null;
  /** What to type or do, a line each; null if `ok`, or if there is nothing to do. */
  fix: string | null;
  repair: Repair | null;
}

/** A finding as --json shows it. */
export interface FindingJson extends Omit<Finding, 'repair'> {
  /** Whether --fix would do something about it. */
  fixable: boolean;
}

/** @param withProgram replaces `{bin}` by what to type */
export function findingJson({repair, fix, ...rest}: Finding, withProgram: (text: string) => string): FindingJson {
  return {...rest, fix: fix === null ? null : withProgram(fix), fixable: repair !== null};
}

export function passed(area: Area, check: string, detail: string | null = null): Finding {
  return {area, check, ok: true, severity: 'info', detail, fix: null, repair: null};
}

/** `info` is for what is worth knowing, but not wrong. */
export function found(
  area: Area,
  severity: Severity,
  check: string,
  {detail, fix = [], repair = null}: {detail: string; fix?: string[]; repair?: Repair | null},
): Finding {
  return {area, check, ok: false, severity, detail, fix: fix.length === 0 ? null : fix.join('\n'), repair};
}

export interface Summary {
  passed: number;
  infos: number;
  warnings: number;
  errors: number;
}

export function summarize(findings: Finding[]): Summary {
  const wrong = (severity: Severity) => findings.filter((finding) => !finding.ok && finding.severity === severity);
  return {
    passed: findings.filter(({ok}) => ok).length,
    infos: wrong('info').length,
    warnings: wrong('warning').length,
    errors: wrong('error').length,
  };
}

export interface Subject {
  area: Area;
  check: string;
  /** Of a check that fails to run; `error` by default. */
  severity?: Severity;
}

/**
 * Turns a failure to read into a finding, so that the other checks still run.
 * @throws what is no failure of the project, the database or the platform
 */
export async function attempt<T>(
  {area, check, severity = 'error'}: Subject,
  target: Target,
  read: () => Promise<T>,
): Promise<{value: T; failures: []} | {value: null; failures: Finding[]}> {
  try {
    return {value: await read(), failures: []};
  } catch (error) {
    const known = error instanceof SupasessionError;
    const driver = error instanceof Error && ('code' in error || isConnectionLost(error));
    if (!known && !driver) throw error;
    const {code, message, suggestions} = known ? error : toSupasessionError(error, target);
    if (code === 'INTERRUPTED') throw error;
    return {
      value: null,
      failures: [found(area, severity, check, {detail: message, fix: suggestions})],
    };
  }
}

/** As `attempt`, for work that returns findings. */
export async function lookAt(subject: Subject, target: Target, look: () => Promise<Finding[]>): Promise<Finding[]> {
  const {value, failures} = await attempt(subject, target, look);
  return value ?? failures;
}
