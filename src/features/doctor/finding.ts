import {isConnectionLost, toSupasessionError} from '../../database/errors.js';
import {SupasessionError} from '../../errors.js';
import type {Target} from '../../types.js';

export const AREAS = ['project', 'migrations', 'database', 'cli'] as const;
export type Area = (typeof AREAS)[number];

export type Severity = 'error' | 'info' | 'warning';

/** What --fix can do. pre-request: take a leftover setting away; installation: run our SQL once more, as it was installed. */
export type Repair = 'installation' | 'pre-request';

/** What a check has found. */
export interface Finding {
  area: Area;
  check: string;
  ok: boolean;
  /** How bad it is; `info` where all is well. */
  severity: Severity;
  /** What is wrong, or worth knowing where all is well. */
  detail: string | null;
  /** What to type or to do, a line each; null where all is well, and where there is nothing to do. */
  fix: string | null;
  /** What --fix would do about it. */
  repair: Repair | null;
}

/** A finding as --json shows it. */
export interface FindingJson extends Omit<Finding, 'repair'> {
  /** Whether --fix would do something about it. */
  fixable: boolean;
}

/** @param withProgram puts what to type into what to do */
export function findingJson({repair, fix, ...rest}: Finding, withProgram: (text: string) => string): FindingJson {
  return {...rest, fix: fix === null ? null : withProgram(fix), fixable: repair !== null};
}

/** @returns that a check has found nothing wrong */
export function passed(area: Area, check: string, detail: string | null = null): Finding {
  return {area, check, ok: true, severity: 'info', detail, fix: null, repair: null};
}

/** @returns what a check has found wrong, or, as `info`, worth knowing */
export function found(
  area: Area,
  severity: Severity,
  check: string,
  {detail, fix = [], repair = null}: {detail: string; fix?: string[]; repair?: Repair | null},
): Finding {
  return {area, check, ok: false, severity, detail, fix: fix.length === 0 ? null : fix.join('\n'), repair};
}

/** How many findings there are of each kind. */
export interface Summary {
  passed: number;
  infos: number;
  warnings: number;
  errors: number;
}

/** @returns the findings, counted */
export function summarize(findings: Finding[]): Summary {
  const wrong = (severity: Severity) => findings.filter((finding) => !finding.ok && finding.severity === severity);
  return {
    passed: findings.filter(({ok}) => ok).length,
    infos: wrong('info').length,
    warnings: wrong('warning').length,
    errors: wrong('error').length,
  };
}

/** Which check, and how bad it is where it cannot be made. */
export interface Subject {
  area: Area;
  check: string;
  /** `error` where it is not given. */
  severity?: Severity;
}

/**
 * Reads something; that it cannot be read is a finding like any other, so that the rest is looked at all the same.
 * @param subject what for
 * @param target for what the driver throws
 * @param read reads
 * @returns what was read, or null and why it could not be
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
    const ours = error instanceof SupasessionError;
    const driver = error instanceof Error && ('code' in error || isConnectionLost(error));
    if (!ours && !driver) throw error;
    const {code, message, suggestions} = ours ? error : toSupasessionError(error, target);
    if (code === 'INTERRUPTED') throw error;
    return {
      value: null,
      failures: [found(area, severity, check, {detail: message, fix: suggestions})],
    };
  }
}

/**
 * Looks at one concern, as `attempt` does.
 * @param subject which
 * @param target where
 * @param look reads and judges
 * @returns what it found
 * @throws what `attempt` throws
 */
export async function lookAt(subject: Subject, target: Target, look: () => Promise<Finding[]>): Promise<Finding[]> {
  const {value, failures} = await attempt(subject, target, look);
  return value ?? failures;
}
