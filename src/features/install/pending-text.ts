import path from 'node:path';

import chalk from 'chalk';

import {shellWord} from '../../errors.js';
import type {Project} from '../../supabase/project.js';
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
export function unfinished({cwd, migrationsDir}: Project, files: string[], finish: string): string[] {
  const names = files.map((file) => shellWord(path.relative(cwd, path.join(migrationsDir, file)))).join(' ');
  return [`To finish, after you fix that: ${finish}`, `To undo, as nothing was applied: rm ${names}`];
}
