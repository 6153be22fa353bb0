import chalk from 'chalk';

import {targetFlag} from '../../database/target.js';
import {declaredText} from './declared-text.js';
import type {InitMigration, InitPlan} from './init.js';
import type {Settings, Target} from '../../types.js';
import {limitsOff} from '../settings/index.js';

/** What `init` did with its file. */
export interface InitFile {
  plan: InitPlan;
  migration: InitMigration;
  /** Files dated in the future, after which ours had to be dated. */
  future: string[];
  dryRun: boolean;
}

/** What `init` did, and what it was asked to do. */
export interface InitOutcome {
  target: Target;
  migration: InitMigration;
  /** The file of settings that was written beside a migration that was there already. */
  saved: string | null;
  applied: boolean;
  enabled: boolean;
  wanted: {enable: boolean; settings: Partial<Settings>};
  /** Whether the target was reached; null where nobody tried. */
  reachable: boolean | null;
  dryRun: boolean;
  /** What to type before a command's name, with the space after it. */
  program: string;
}

/** @returns what became of the file */
export function fileText({migration, plan, future, dryRun}: InitFile): string {
  const path = `supabase/migrations/${migration.file}`;
  const changes = declaredText(migration.declared, dryRun);
  const declared = changes === null ? '' : `\n${changes}`;
  if (plan.current !== null) {
    return `${chalk.green('Up to date:')} ${path} holds supasession ${migration.version}.${declared}`;
  }

  const verb = dryRun ? 'Would write' : chalk.green('Wrote');
  const older =
    plan.older === null
      ? ''
      : `\n  It brings ${plan.older.file} (supasession ${plan.older.release}) up to date; leave both in place.`;
  const warning =
    future.length === 0
      ? ''
      : `\n${chalk.yellow('Warning:')} dated in the future, so ours had to be dated after: ${future.join(', ')}`;
  return `${verb} ${path} (supasession ${migration.version}).${older}${warning}${declared}`;
}

/** @returns that the settings that were given became a file of their own */
export function givenText(file: string, dryRun: boolean): string {
  return `${dryRun ? 'Would write' : chalk.green('Wrote')} supabase/migrations/${file}, with the settings that were given.`;
}

/** @returns what was done, and the commands to type next */
export function initText(outcome: InitOutcome): string {
  const {target, applied, enabled, wanted, reachable, dryRun, program} = outcome;
  const flag = targetFlag(target) === '' ? '' : ` ${targetFlag(target)}`;
  if (dryRun) return 'Dry run: nothing was changed.';
  const lines: string[] = [];
  if (wanted.settings.enabled && (outcome.migration.written || outcome.saved !== null)) {
    lines.push(
      `${chalk.yellow('Note:')} the migration switches the limit ON: the next "supabase db push" starts ending sessions on the linked project.`,
    );
  }

  if (applied) lines.push(`${chalk.green('Applied')} to the ${target.kind === 'local' ? 'local database' : 'target'}.`);
  else if (target.kind === 'local' && reachable === false)
    lines.push(`Not applied: nothing is listening on ${target.host}:${target.port}.`);
  if (enabled) lines.push(chalk.green('Limits are ON.'));
  else if (wanted.enable)
    lines.push(`${chalk.yellow('The limit is still off')}: it can be switched on once the migration is applied.`);

  const next: Array<[string, string]> = [];
  if (!applied) next.push([`${program}init${flag} --apply`, 'apply it']);
  if (applied && !enabled) next.push([`${program}config${flag} --enable`, 'switch the limit on']);
  next.push([`${program}config${flag} --max 3 --strategy dequeue`, 'change the limit']);
  if (target.kind === 'local') next.push(['supabase db push', 'bring it to the linked project']);
  const width = Math.max(...next.map(([command]) => command.length));
  lines.push('', 'Next:', ...next.map(([command, why]) => `  ${chalk.cyan(command.padEnd(width))}  ${why}`));
  if (applied && !enabled) lines.push('', limitsOff(target));
  return lines.join('\n');
}

/** @returns what project and target have, before they are brought up to date */
export function upgradeText(plan: InitPlan, before: {version: string | null; checksum: string | null}): string {
  const {version, checksum} = plan.shipped;
  const same = before.version !== null && before.checksum === checksum;
  const database =
    before.version === null
      ? chalk.yellow('nothing of ours')
      : same
        ? chalk.green(`supasession ${before.version}, as in this package`)
        : `supasession ${before.version}${before.version === version ? ', from other SQL than this package' : ''}`;
  const files =
    plan.current !== null
      ? chalk.green(`supabase/migrations/${plan.current.file}, as in this package`)
      : `supabase/migrations/${plan.older!.file}, supasession ${plan.older!.release}`;
  return [`  This package  supasession ${version}`, `  Migrations    ${files}`, `  Database      ${database}`].join(
    '\n',
  );
}
