import chalk from 'chalk';

import type {Target} from '../../types.js';

export function pendingText(files: string[]): string {
  return [
    `${chalk.yellow('Also pending')}: the supabase CLI applies these in the same run:`,
    ...files.map((file) => `  ${file}`),
  ].join('\n');
}

/** What applies the project's pending migrations to a target. */
export function applyCommand(target: Pick<Target, 'kind' | 'named' | 'projectRef'>): string {
  return {
    local: '{supabase} migration up',
    linked: `{supabase} db push${target.named ? ` --remote=${target.projectRef!}` : ''}`,
    url: '{supabase} db push --db-url <url>',
  }[target.kind];
}

/** What to do about files that were written and not applied. */
export function unfinished(files: string[], finish: string): string[] {
  const names = files.map((file) => `supabase/migrations/${file}`).join(' ');
  return [`To finish, after you fix that: ${finish}`, `To undo, as nothing was applied: rm ${names}`];
}
