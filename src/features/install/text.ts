import chalk from 'chalk';

import {count} from '../../cli/text.js';
import {commandOn} from '../../database/target.js';
import {declaredText} from './declared-text.js';
import type {Belongings} from './dependents.js';
import type {InitDone, Look} from './init-command.js';
import type {InitMigration, InitPlan} from './init.js';
import type {Settings, Target} from '../../types.js';
import {limitsOff} from '../settings/index.js';

export interface InitFile {
  plan: InitPlan;
  migration: InitMigration;
  /** Files dated in the future, which this one had to follow. */
  future: string[];
  dryRun: boolean;
}

export interface InitOutcome extends InitDone {
  target: Target;
  wanted: {enable: boolean; settings: Partial<Settings>};
  /** Why it could not work on the target. */
  absent: Look['absent'];
  dryRun: boolean;
}

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
      : `\n  It upgrades ${plan.older.file} (supasession ${plan.older.release}); keep both files.`;
  const warning =
    future.length === 0
      ? ''
      : `\n${chalk.yellow('Warning:')} its date had to follow files that are dated in the future: ${future.join(', ')}`;
  return `${verb} ${path} (supasession ${migration.version}).${older}${warning}${declared}`;
}

/** @returns that the settings that were given became a file of their own */
export function givenText(file: string, dryRun: boolean): string {
  return `${dryRun ? 'Would write' : chalk.green('Wrote')} supabase/migrations/${file}, with the settings that were given.`;
}

/** `typed` fills `{bin}` and `{supabase}` in. */
export function initText(outcome: InitOutcome, typed: (hint: string) => string): string {
  const {target, applied, enabled, wanted, absent} = outcome;
  if (outcome.dryRun) return 'Dry run: nothing was changed.';
  const lines: string[] = [];
  const saved = wanted.settings.enabled === true;
  if (saved && (outcome.migration.written || outcome.saved !== null)) {
    lines.push(
      `${chalk.yellow('Note:')} the migration switches the limit ON: the next "supabase db push" starts ending sessions on the linked project.`,
    );
  }

  if (applied) lines.push(`${chalk.green('Applied')} to the ${target.kind === 'local' ? 'local database' : 'target'}.`);
  else if (absent === 'not running') lines.push('Not applied: the local database is not running.');
  if (enabled) lines.push(chalk.green('Limits are ON.'));
  else if (wanted.enable)
    lines.push(`${chalk.yellow('The limit is still off')}: apply the migration, then switch it on.`);
  const next = nextAfterInit(outcome).map(([command, why]) => [typed(command), why] as const);
  if (next.length > 0) lines.push('', 'Next:', ...commandList(next));
  if (applied && !enabled) lines.push('', limitsOff(target));
  return lines.join('\n');
}

/** Pairs: a command, and what it is for. */
function nextAfterInit({target, applied, enabled, filesEnable, absent, linked}: InitOutcome): Array<[string, string]> {
  const next: Array<[string, string]> = [];
  if (absent === 'not running') next.push(['{supabase} start', 'start the local database']);
  if (!applied) next.push([commandOn(target, 'init --apply'), 'apply it']);
  if (applied && !enabled) next.push([commandOn(target, 'config --enable'), 'switch the limit on']);
  if (target.kind === 'local') {
    if (!linked) next.push(['{supabase} link', 'once there is a hosted project']);
    next.push(['{supabase} db push', 'bring it to the linked project']);
    if (!filesEnable)
      next.push(['{bin} config --linked --enable', 'then switch the limit on there: the migration leaves it off']);
  }

  return next;
}

function commandList(commands: ReadonlyArray<readonly [string, string]>): string[] {
  const width = Math.max(...commands.map(([command]) => command.length));
  return commands.map(([command, why]) => `  ${chalk.cyan(command.padEnd(width))}  ${why}`);
}

/** `name`: what to type for --confirm. */
export function leftAloneText(name: string): string {
  return `${chalk.yellow("This is another project's database")}: init does not change it, and only writes files.\nIf you mean that database: {bin} init --apply --confirm ${name}`;
}

/** What pending removals would delete. */
export function removalText(files: string[], {rules, events, revoked}: Belongings): string {
  const lost = [count(rules, 'rule'), `${count(events, 'event')} of history`, count(revoked, 'revoked user')];
  return [
    `${chalk.yellow('Not applied yet:')} ${files.map((file) => `supabase/migrations/${file}`).join(', ')}`,
    `  It runs first and removes supasession with ${lost.join(', ')}; the new installation starts empty.`,
    '  To keep them, delete that file and run {bin} init again.',
  ].join('\n');
}

/** What project and target have before the upgrade. */
export function upgradeText(plan: InitPlan, before: {version: string | null; checksum: string | null}): string {
  const {version, checksum} = plan.shipped;
  const same = before.version !== null && before.checksum === checksum;
  const database =
    before.version === null
      ? chalk.yellow('no supasession')
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
