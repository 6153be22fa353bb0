import chalk from 'chalk';

import {targetFlag} from '../core/config.js';
import type {InitMigration, InitPlan} from '../core/init.js';
import type {Target} from '../types.js';
import {limitsOff} from './text.js';

/** What `init` did, and what it was asked to do. */
export interface InitOutcome {
  plan: InitPlan;
  target: Target;
  migration: InitMigration;
  /** Files dated in the future, after which ours had to be dated. */
  future: string[];
  applied: boolean;
  enabled: boolean;
  wanted: {enable: boolean; settings: {enabled?: boolean}};
  /** Whether the target was reached. */
  reachable: boolean;
  dryRun: boolean;
  /** How this program is called. */
  program: string;
}

/** @returns the list of migrations that are not ours and would be applied with it */
export function pendingText(files: string[]): string {
  return [
    `${chalk.yellow('Also pending')}, and applied by the supabase CLI in the same run:`,
    ...files.map((file) => `  ${file}`),
  ].join('\n');
}

function fileLine({migration, plan, dryRun}: InitOutcome): string {
  const path = `supabase/migrations/${migration.file}`;
  if (plan.current !== null) return `${chalk.green('Up to date:')} ${path} holds supasession ${migration.version}.`;
  const verb = dryRun ? 'Would write' : chalk.green('Wrote');
  const older =
    plan.older === null
      ? ''
      : `\n  It brings ${plan.older.file} (supasession ${plan.older.release}) up to date; leave both in place.`;
  return `${verb} ${path} (supasession ${migration.version}).${older}`;
}

/** @returns what was done, and the commands to type next */
export function initText(outcome: InitOutcome): string {
  const {target, future, applied, enabled, wanted, reachable, dryRun, program} = outcome;
  const flag = targetFlag(target) === '' ? '' : ` ${targetFlag(target)}`;
  const lines = [fileLine(outcome)];
  if (future.length > 0) {
    lines.push(`${chalk.yellow('Warning:')} dated in the future, so ours had to be dated after: ${future.join(', ')}`);
  }

  if (dryRun) return [...lines, 'Dry run: nothing was changed.'].join('\n');
  if (wanted.settings.enabled && outcome.migration.written) {
    lines.push(
      `${chalk.yellow('Note:')} the migration switches the limit ON: the next "supabase db push" starts ending sessions on the linked project.`,
    );
  }

  if (applied) lines.push(`${chalk.green('Applied')} to the ${target.kind === 'local' ? 'local database' : 'target'}.`);
  else if (target.kind === 'local' && !reachable)
    lines.push(`Not applied: nothing is listening on ${target.host}:${target.port}.`);
  if (enabled) lines.push(chalk.green('Limits are ON.'));
  else if (wanted.enable)
    lines.push(`${chalk.yellow('The limit is still off')}: it can be switched on once the migration is applied.`);

  const next: Array<[string, string]> = [];
  if (!applied) next.push([`${program} init${flag} --apply`, 'apply it']);
  if (applied && !enabled) next.push([`${program} config${flag} --enable`, 'switch the limit on']);
  next.push([`${program} config${flag} --max 3 --strategy dequeue`, 'change the limit']);
  if (target.kind === 'local') next.push(['supabase db push', 'bring the migration to the linked project']);
  const width = Math.max(...next.map(([command]) => command.length));
  lines.push('', 'Next:', ...next.map(([command, why]) => `  ${chalk.cyan(command.padEnd(width))}  ${why}`));
  if (applied && !enabled) lines.push('', limitsOff(target));
  return lines.join('\n');
}
