import chalk from 'chalk';

import type {Target} from '../../types.js';

/** @returns the list of migrations that are not ours and would be applied with it */

export function pendingText(files: string[]): string {
  return [
    `${chalk.yellow('Also pending')}, and applied by the supabase CLI in the same run:`,
    ...files.map((file) => `  ${file}`),
  ].join('\n');
}

/** What applies the project's pending migrations to a target. */
export function applyCommand(target: Pick<Target, 'kind'>): string {
  if (target.kind === 'local') return '{supabase} migration up';
  return `{supabase} db push${target.kind === 'linked' ? ' --linked' : ''}`;
}

/** @returns what to do about files that were written and not applied */
export function unfinished(files: string[], finish: string): string[] {
  const names = files.map((file) => `supabase/migrations/${file}`).join(' ');
  return [`To finish, once that is fixed: ${finish}`, `To go back, as it is not applied: rm ${names}`];
}
